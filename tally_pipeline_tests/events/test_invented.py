"""The invented viewers: the same for ever, sound by the contract, and believable."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from functools import cache, partial

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tally_pipeline.events.contract import PROPS, Event
from tally_pipeline.events.door import Accepted, receive
from tally_pipeline.events.invented import Shelf, days_of, sent_at
from tally_pipeline.events.invented.life import Act, live
from tally_pipeline.events.invented.people import born
from testkit import invented_viewers
from testkit.invented_viewers import DAY, Line

PINNED = "8f36e74701517d5be44ad3fc1ee64a781c28d3f109119d0720a60fb11d977749"


@cache
def month() -> list[Line]:
    """Three weeks of 200 people."""
    return list(invented_viewers.lines(users=200, days=21, seed=3))


def named(name: str) -> list[Line]:
    return [line for line in month() if line.event["name"] == name and line.fate in ("ok", "late")]


def share(fate: str) -> float:
    return sum(line.fate == fate for line in month()) / len(month())


def test_the_same_seed_gives_the_same_bytes_for_ever() -> None:
    digest = hashlib.sha256()
    for sent in invented_viewers.sent(users=20, days=2, heartbeat=10):
        digest.update(repr(sent).encode())
    assert digest.hexdigest() == PINNED


def test_another_seed_gives_other_people() -> None:
    people = [{line.device_id for line in invented_viewers.lines(seed=seed)} for seed in (1, 2)]
    assert people[0]
    assert not people[0] & people[1]


@settings(max_examples=6, deadline=None)
@given(st.integers(2, 12), st.integers(0, 20))
def test_a_day_is_the_same_whichever_days_and_people_are_asked_for(days: int, seed: int) -> None:
    last = DAY.toordinal()

    def run(users: tuple[int, int], first: int) -> dict[int, list[object]]:
        made = days_of(seed, users, (first, last), lambda _: invented_viewers.shelf(), 60)
        return {day: list(sent) for day, sent in made}

    alone, among = run((0, 12), last)[last], run((0, 12), last - days + 1)
    assert among[last] == alone
    halves = run((0, 5), last)[last] + run((5, 12), last)[last]
    assert sorted(halves, key=repr) == sorted(alone, key=repr)


def test_the_door_takes_every_request_and_every_event_is_sound() -> None:
    now = datetime(2026, 3, 6, tzinfo=UTC)
    events = 0
    for sent in invented_viewers.sent(users=100, days=4, heartbeat=10):
        taken = receive({}, sent.body, key_hashes=(), now=now, new_id=partial(str, sent.request_id))
        assert isinstance(taken, Accepted)
        assert taken.events == len(sent.fates)
        for raw in msgspec.json.decode(sent.body)["events"]:
            event = msgspec.json.decode(msgspec.json.encode(raw), type=Event)
            props = msgspec.json.decode(event.props, type=PROPS[event.name, event.schema])
            assert set(raw["props"]) == set(props.__struct_fields__)
            events += 1
    assert events > 10_000


def test_every_kind_of_event_comes_up() -> None:
    assert {line.event["name"] for line in month()} == {name for name, _ in PROPS}


def test_an_install_counts_its_events_without_a_gap_in_the_order_of_time() -> None:
    by_device: dict[str, list[Line]] = defaultdict(list)
    for line in month():
        if line.fate in ("ok", "late", "quarantined"):
            by_device[line.device_id].append(line)
    gaps = 0
    for own in by_device.values():
        own.sort(key=lambda line: line.event["seq"])
        numbers = [line.event["seq"] for line in own]
        assert len(set(numbers)) == len(numbers)
        gaps += numbers[-1] - numbers[0] + 1 - len(numbers)
        times = [line.event["occurred_at"] for line in own]
        assert times == sorted(times)
    # What a phone that is still offline holds back, and what came before these days.
    assert gaps < 0.1 * len(month())


def test_corrected_times_are_right_to_half_of_five_minutes_unless_quarantined() -> None:
    for line in month():
        ahead = line.event_at - line.received_at
        if line.fate == "quarantined":
            assert ahead > timedelta(hours=24) or ahead <= timedelta(days=-30)
        else:
            assert timedelta(days=-9) < ahead <= timedelta(seconds=150)


def test_a_duplicate_is_the_same_event_and_a_conflict_another_by_the_same_id() -> None:
    kept: dict[str, Line] = {}
    for line in month():
        earlier = kept.get(line.event["event_id"])
        if line.fate == "duplicate":
            assert earlier is not None
            assert earlier.event == line.event
        elif line.fate == "conflict":
            assert earlier is not None
            assert earlier.event != line.event
        else:
            assert earlier is None
            kept[line.event["event_id"]] = line


def test_what_goes_wrong_has_the_shares_that_it_should() -> None:
    skewed = {
        line.device_id for line in month() if abs(line.received_at - line.sent_at) > timedelta(minutes=4)
    }
    devices = {line.device_id for line in month()}
    assert 0.004 < share("duplicate") < 0.025
    assert 0 < share("conflict") < 0.003
    assert 0 < share("quarantined") < 0.01
    assert 0.01 < share("late") < 0.12
    assert 0.04 < len(skewed) / len(devices) < 0.18


def test_weekends_and_evenings_are_busier() -> None:
    opened = named("app_opened")
    by_weekday = Counter(line.event_at.weekday() for line in opened)
    assert 1.2 < (by_weekday[5] + by_weekday[6]) / 2 / (sum(by_weekday[day] for day in range(5)) / 5) < 2.2
    by_hour = Counter(line.event_at.hour for line in opened)
    assert max(by_hour.values()) > 1.5 * min(by_hour.values())


def test_some_series_are_dropped_early_and_others_are_binged() -> None:
    watched: dict[tuple[str, int], set[tuple[int, int]]] = defaultdict(set)
    sessions: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for line in named("playback_completed"):
        props = line.event["props"]
        episode = props["season"], props["episode"]
        watched[line.event["user_id"] or line.device_id, props["show_id"]].add(episode)
        sessions[line.event["session_id"]].add(episode)
    few = sum(len(episodes) <= 4 for episodes in watched.values()) / len(watched)
    assert 0.4 < few < 0.95
    assert max(map(len, watched.values())) >= 8
    assert max(map(len, sessions.values())) >= 4


def test_the_newer_model_is_clicked_more() -> None:
    shown = Counter(line.event["props"]["model_version"] for line in named("recommendation_shown"))
    clicked = Counter(line.event["props"]["model_version"] for line in named("recommendation_clicked"))
    old, new = (clicked[version] / shown[version] for version in ("1.0", "2.0"))
    assert 0.03 < old < 0.07
    assert 0.085 < new < 0.135


def test_people_differ_in_account_consent_and_devices() -> None:
    devices: dict[str, set[str]] = defaultdict(set)
    for line in month():
        if line.event["user_id"]:
            devices[line.event["user_id"]].add(line.device_id)
    assert 0.05 < sum(len(own) == 2 for own in devices.values()) / len(devices) < 0.3
    one_each = {line.device_id: line.event for line in month()}.values()
    nobody = sum(event["user_id"] is None for event in one_each) / len(one_each)
    without = sum("analytics" not in event["consent"] for event in one_each) / len(one_each)
    impersonal = sum("personalisation" not in event["consent"] for event in one_each) / len(one_each)
    assert 0.04 < nobody < 0.2
    assert 0.1 < without < 0.28
    assert 0.18 < impersonal < 0.42


def test_people_install_in_every_week() -> None:
    begun = {line.event_at.isocalendar().week for line in month() if line.event["seq"] == 0}
    assert len(begun) >= 3


def test_services_are_cancelled_more_often_as_the_app_is_used_less() -> None:
    cancelled = Counter[float]()
    for use in (0.0, 0.45):
        for place in range(400):
            person = born(1, place, 8_000)
            person.services, person.use = [9_000_001], use
            for visit in live(person, person.installed, invented_viewers.shelf()):
                cancelled[use] += any(
                    isinstance(act, Act) and act.name == "subscription_cancelled" for act in visit.acts
                )
    assert cancelled[0.0] > 3 * cancelled[0.45] > 0


@pytest.mark.parametrize("every", [10, 60])
def test_heartbeats_cover_play_at_any_interval(every: int) -> None:
    for line in invented_viewers.lines(users=30, days=2, heartbeat=every):
        if line.event["name"] == "playback_progress":
            assert line.event["props"]["played_s"] == every
            assert line.event["props"]["position_s"] >= every


def test_heartbeats_six_times_as_rare_are_a_sixth_of_them() -> None:
    counts = [
        sum(line.event["name"] == "playback_progress" for line in invented_viewers.lines(heartbeat=every))
        for every in (10, 60)
    ]
    assert 5 < counts[0] / counts[1] < 7


def test_a_request_sent_at_another_moment_has_the_clock_of_that() -> None:
    sent = next(invented_viewers.sent())
    body = msgspec.json.decode(sent_at(sent, sent.received_ms + 86_400_000))
    before = msgspec.json.decode(sent.body)
    moved = datetime.fromisoformat(body.pop("sent_at")) - datetime.fromisoformat(before.pop("sent_at"))
    assert moved == timedelta(days=1)
    assert body == before


def test_heartbeats_beyond_the_contract_and_nothing_to_watch_are_refused() -> None:
    with pytest.raises(ValueError, match="heartbeats of 61 seconds"):
        next(days_of(1, (0, 1), (1, 1), lambda _: invented_viewers.shelf(), 61))
    with pytest.raises(ValueError, match="nothing to watch"):
        Shelf([])
