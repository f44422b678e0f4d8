"""The sandbox's viewers: the same for the same seed, and as people are."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, timedelta

import msgspec
import pytest

from tally_pipeline.events.contract import Request
from tally_pipeline.events.door import Accepted, receive
from tally_pipeline.events.reading import Broken, Row, read
from tally_pipeline.tmdb.sandbox.invented import FIRST_ID
from tally_pipeline.tmdb.sandbox.viewers import Sent, requests_of

USERS, HEARTBEAT = 150, 60
FIRST = date(2026, 2, 2)
"""A Monday."""
DAY_MS = 86_400_000
WEEKS = [FIRST + timedelta(days=ahead) for ahead in range(14)]


@pytest.fixture(scope="module")
def sent() -> dict[date, list[Sent]]:
    """Two weeks."""
    return {day: requests_of(1, USERS, day, HEARTBEAT) for day in WEEKS}


@pytest.fixture(scope="module")
def found(sent: dict[date, list[Sent]]) -> list[Row | Broken]:
    """Each event, as it is read behind the door."""
    return [read(line) for of_day in sent.values() for one in of_day for line in lines(one)]


def lines(one: Sent) -> list[bytes]:
    answer = receive({}, one.body, key_hashes=(), now=one.received_at, new_id=lambda: one.request_id)
    assert isinstance(answer, Accepted)
    return answer.lines.splitlines()


def sound(found: list[Row | Broken]) -> Iterator[Row]:
    return (one for one in found if isinstance(one, Row))


def share(found: list[Row | Broken], *names: str) -> float:
    return sum(one.name in names for one in sound(found)) / len(found)


def test_the_same_seed_gives_the_same_bytes_on_every_machine_and_another_seed_others() -> None:
    day = date(2026, 2, 8)
    bodies = b"".join(one.body + one.request_id.encode() for one in requests_of(7, 20, day, 60))
    assert (
        hashlib.sha256(bodies).hexdigest()
        == "b1e17fb6e92ed0751cda831ea3a09de19acc7fd8e277abcc7d43e8eeed7bef62"
    )
    assert requests_of(8, 20, day, 60) != requests_of(7, 20, day, 60)


def test_a_viewer_is_the_same_among_few_and_among_many() -> None:
    few, many = (set(requests_of(1, users, FIRST, HEARTBEAT)) for users in (30, 60))
    assert few < many


def test_every_request_arrives_on_its_day_and_in_order(sent: dict[date, list[Sent]]) -> None:
    for day, of_day in sent.items():
        assert {one.received_at.astimezone(UTC).date() for one in of_day} == {day}
        assert [one.received_at for one in of_day] == sorted(one.received_at for one in of_day)
    ids = [one.request_id for of_day in sent.values() for one in of_day]
    assert len(ids) == len(set(ids))


def test_nearly_every_event_is_sound_and_the_others_are_those_of_an_old_app(
    found: list[Row | Broken],
) -> None:
    reasons = Counter(one.reasons[0].field for one in found if isinstance(one, Broken))
    assert {field.partition(".")[0] for field in reasons} == {"name", "props"}
    assert 0 < reasons.total() < 0.005 * len(found)


def test_what_is_sent_twice_has_the_same_ids(found: list[Row | Broken]) -> None:
    times = Counter(one.event_id for one in sound(found))
    assert set(times.values()) == {1, 2}
    assert 0.002 < sum(count == 2 for count in times.values()) / len(times) < 0.03


def test_some_clocks_are_wrong_by_minutes_hours_or_a_year(found: list[Row | Broken]) -> None:
    skews = Counter(one.skew_s for one in sound(found))
    assert {0, -5 * 60, 3600, -365 * 86_400} <= set(skews)
    assert skews[0] > 0.4 * skews.total()
    # Corrected, all are of days around their arrival.
    assert all(one.received_at - one.event_at < 9 * DAY_MS for one in sound(found))


def test_some_were_offline_for_days_and_send_then(found: list[Row | Broken]) -> None:
    late = sum(one.received_at - one.event_at > DAY_MS for one in sound(found))
    assert 0 < late < 0.1 * len(found)


def test_an_installs_events_are_counted_upwards(sent: dict[date, list[Sent]]) -> None:
    seen: dict[str, dict[int, str]] = {}
    for of_day in sent.values():
        for one in of_day:
            request = msgspec.json.decode(one.body, type=Request)
            for event in (msgspec.json.decode(raw) for raw in request.events):
                ids = seen.setdefault(request.device_id, {})
                assert ids.setdefault(event["seq"], event["event_id"]) == event["event_id"]
    assert len(seen) > USERS / 2


def test_people_watch_more_at_weekends_and_in_the_evening(sent: dict[date, list[Sent]]) -> None:
    by_day = {
        day: len({msgspec.json.decode(one.body)["device_id"] for one in of_day})
        for day, of_day in sent.items()
    }
    weekend = [count for day, count in by_day.items() if day.weekday() >= 5]
    week = [count for day, count in by_day.items() if day.weekday() < 5]
    assert sum(weekend) / len(weekend) > 1.15 * sum(week) / len(week)


def test_heartbeats_are_most_of_it_and_every_kind_of_event_comes(found: list[Row | Broken]) -> None:
    names = {one.name for one in sound(found)}
    assert len(names) >= 12
    assert share(found, "playback_progress", "playback_completed") > 0.5


def test_one_model_is_followed_more_often_than_the_other(found: list[Row | Broken]) -> None:
    counts = Counter((one.name, one.model) for one in sound(found) if one.name.startswith("recommendation_"))
    rates = {
        model: counts["recommendation_clicked", model] / counts["recommendation_shown", model]
        for model in ("popular", "taste")
    }
    assert rates["popular"] * 1.3 < rates["taste"] < 0.3


def test_not_everybody_has_an_account_or_agrees_to_everything(found: list[Row | Broken]) -> None:
    people = {(one.user_id, one.analytics, one.personalisation) for one in sound(found)}
    assert any(user is None for user, *_ in people)
    assert {(a, p) for _, a, p in people} == {(False, False), (True, False), (True, True)}


def test_all_of_it_is_of_the_sandboxs_shows_and_can_be_told_from_real_events(
    found: list[Row | Broken],
) -> None:
    shows = {one.show_id for one in sound(found) if one.show_id}
    assert len(shows) > 50
    assert min(shows) >= FIRST_ID
    assert {one.app_id for one in sound(found)} == {"tv.tally.sandbox"}
