"""The details of the sandbox's shows: in the shape that TMDB sends, and true to the lists of the day."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from tally_pipeline.tmdb.sandbox import Sandbox, details_body, shows_on_air, world
from tally_pipeline.tmdb.sandbox.brands import providers_body, regions_body
from tally_pipeline.tmdb.sandbox.details import part_body
from tally_pipeline.tmdb.sandbox.invented import FIRST_ID
from tally_pipeline.tmdb.sandbox.replies import list_body
from tally_pipeline_tests.tmdb.sandbox.conftest import DAY
from tally_pipeline_tests.tmdb.sandbox.shapes import differences

Start = Callable[..., Sandbox]
DAYS = (date(2025, 11, 30), date(2026, 1, 7), DAY)
OF_LISTS = (
    "adult backdrop_path id origin_country original_language original_name overview popularity poster_path "
    "first_air_date name vote_average vote_count"
).split()
PARTS = ("watch/providers", "external_ids", "content_ratings", "keywords", "recommendations", "season/1")

UNAIRED = {"/last_air_date", "/last_episode_to_air", "/seasons[]/air_date", "/seasons[]/poster_path"}
"""What TMDB has as null for shows that have not begun, or will go on; no such show's details were recorded."""
UNKNOWN = {
    *(
        f"/{episode}_episode_to_air/{field}"
        for episode in ("last", "next")
        for field in ("runtime", "still_path")
    ),
    "/created_by[]/profile_path",
    "/backdrop_path",
    "/poster_path",
}
"""What TMDB has as null for what few people have looked at; the recorded shows are famous ones."""


@cache
def details(show_id: int, day: date = DAY, parts: tuple[str, ...] = ()) -> dict[str, Any]:
    body = details_body(show_id, parts, day)
    assert body is not None
    return dict(msgspec.json.decode(body))


@cache
def listed(path: str, day: date = DAY, most: int = 50) -> list[dict[str, Any]]:
    pages = (msgspec.json.decode(list_body(path, number, day))["results"] for number in range(1, most + 1))
    return [row for rows in pages for row in rows]


def some_shows(count: int = 150) -> list[int]:
    """Shows of the whole ranking, and those that are still to come."""
    ranked = world.ranked(DAY)
    return [FIRST_ID + show for show in (*ranked[:: len(ranked) // count], *sorted(ranked)[-60:])]


@pytest.fixture(scope="module")
def recorded(recordings: Path) -> Callable[[str], Any]:
    return lambda name: msgspec.json.decode((recordings / "2025-12-24" / f"{name}.json").read_bytes())


def test_details_have_tmdbs_fields_in_tmdbs_order_and_types(recorded: Callable[[str], Any]) -> None:
    samples = [recorded(name) for name in ("tv_1396", "tv_1668")]
    for sample in samples:
        sample["next_episode_to_air"] = sample["last_episode_to_air"]  # null in both
    found = {
        difference
        for show_id in some_shows()
        for difference in differences(
            details(show_id), samples, nullable={*UNAIRED, *UNKNOWN, "/next_episode_to_air"}
        )
    }
    assert not found


@pytest.mark.parametrize(
    ("part", "name", "nullable"),
    [
        ("watch/providers", "tv_{}_watch_providers", set()),
        ("content_ratings", "tv_1396_content_ratings", set()),
        ("keywords", "tv_1396_keywords", set()),
        (
            "recommendations",
            "tv_1396_recommendations",
            {"/results[]/backdrop_path", "/results[]/poster_path"},
        ),
        (
            "external_ids",
            "tv_1399_external_ids",
            {
                f"/{name}_id"
                for name in "imdb freebase tvdb tvrage wikidata facebook instagram twitter".split()
            }
            | {"/freebase_mid"},
        ),
        (
            "season/1",
            "tv_1396_season_1",
            {"/air_date", "/poster_path", "/episodes[]/runtime", "/episodes[]/still_path"},
        ),
    ],
)
def test_every_part_alone_is_as_tmdb_sends_it(
    recorded: Callable[[str], Any], part: str, name: str, nullable: set[str]
) -> None:
    shows = (1396, 1399, 1402, 1408, 64356, 65334) if "{}" in name else (1396,)
    samples = [recorded(name.format(show)) for show in shows]
    # Which kinds of offers there are differs from country to country, and so does their order.
    kinds = {f"/results*/{kind}" for kind in ("flatrate", "buy", "rent", "ads", "free")}
    for show_id in some_shows(60):
        body = part_body(show_id, part, DAY)
        if body is None:
            assert part == "season/1"
            continue
        reply = msgspec.json.decode(body)
        assert not list(differences(reply, samples, nullable=nullable, optional=kinds)), show_id


def test_the_providers_and_regions_are_as_tmdb_sends_them(recorded: Callable[[str], Any]) -> None:
    for body, name in (
        (providers_body(None), "watch_providers_tv"),
        (regions_body(), "watch_providers_regions"),
    ):
        assert not list(differences(msgspec.json.decode(body), [recorded(name)]))


def test_an_appended_part_is_the_part_without_the_id() -> None:
    show_id = listed("/tv/airing_today")[0]["id"]
    together = details(show_id, DAY, PARTS)
    for part in PARTS:
        body = part_body(show_id, part, DAY)
        assert body is not None
        alone = msgspec.json.decode(body)
        if not part.startswith("season/"):
            alone.pop("id", None)
        assert together[part] == alone
        assert list(together[part]) == list(alone)


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("path", ["/tv/popular", "/tv/airing_today", "/tv/on_the_air"])
def test_details_say_what_the_days_list_says(path: str, day: date) -> None:
    for row in listed(path, day)[::3]:
        if world.is_there(row["id"] - FIRST_ID, day):
            told = details(row["id"], day)
            assert {field: told[field] for field in OF_LISTS} == {field: row[field] for field in OF_LISTS}
            assert [genre["id"] for genre in told["genres"]] == list(dict.fromkeys(row["genre_ids"]))


@pytest.mark.parametrize("day", DAYS)
def test_a_show_that_airs_today_has_an_episode_of_today_and_no_other_show_has(day: date) -> None:
    airing = {row["id"] for row in listed("/tv/airing_today", day)}
    for row in listed("/tv/popular", day):
        if not world.is_there(row["id"] - FIRST_ID, day):
            continue
        told = details(row["id"], day)
        next_episode = told["next_episode_to_air"]
        airs = next_episode is not None and next_episode["air_date"] == day.isoformat()
        late = world.listing("/tv/airing_today", day).late
        assert late is not None
        joined = FIRST_ID + world.listing("/tv/airing_today", day).shows[late]
        assert airs == (row["id"] in airing or row["id"] == joined), row["id"]
        if airs:
            season = details(row["id"], day, (f"season/{next_episode['season_number']}",))
            dates = [e["air_date"] for e in season[f"season/{next_episode['season_number']}"]["episodes"]]
            assert day.isoformat() in dates
            assert told["status"] == "Returning Series" or told["last_episode_to_air"] is None
    for show_id in shows_on_air(day)[::5]:
        if world.is_there(show_id - FIRST_ID, day):
            following = details(show_id, day)["next_episode_to_air"]
            assert following is not None
            assert date.fromisoformat(following["air_date"]) <= day + timedelta(days=6)


def test_the_seasons_and_the_counts_agree() -> None:
    for show_id in some_shows():
        told = details(show_id)
        regular = [season for season in told["seasons"] if season["season_number"]]
        assert [season["season_number"] for season in regular] == list(range(1, len(regular) + 1))
        assert told["number_of_seasons"] == len(regular)
        assert told["number_of_episodes"] == sum(season["episode_count"] for season in regular)
        parts = tuple(f"season/{season['season_number']}" for season in told["seasons"])
        replies = details(show_id, DAY, (*parts, "season/77"))
        assert "season/77" not in replies
        for season, part in zip(told["seasons"], parts, strict=True):
            assert len(replies[part]["episodes"]) == season["episode_count"]
            assert replies[part]["air_date"] == season["air_date"]
            assert replies[part]["id"] == season["id"]
        for name in ("last", "next"):
            episode = told[f"{name}_episode_to_air"]
            if episode:
                among = replies[f"season/{episode['season_number']}"]["episodes"]
                same = among[episode["episode_number"] - 1]
                assert {field: same[field] for field in episode} == episode


def test_the_shows_have_tmdbs_habits() -> None:
    seen = [details(FIRST_ID + show) for show in world.ranked(DAY)[:1500] if world.is_there(show, DAY)]

    def share(fits: Callable[[dict[str, Any]], bool]) -> float:
        return sum(map(fits, seen)) / len(seen)

    # Of 47 real ones: 26, 15, 3 and 32.
    assert 0.45 < share(lambda show: show["episode_run_time"] == []) < 0.65
    assert 0.25 < share(lambda show: show["homepage"] == "") < 0.4
    assert 0.02 < share(lambda show: show["genres"] == []) < 0.08
    assert 0.6 < share(lambda show: show["next_episode_to_air"] is None) < 0.9
    assert 0.1 < share(lambda show: any(season["season_number"] == 0 for season in show["seasons"])) < 0.4
    assert {show["status"] for show in seen} >= {"Returning Series", "Ended", "Canceled", "In Production"}
    kinds = {
        episode["episode_type"]
        for show in seen
        for episode in (show["last_episode_to_air"], show["next_episode_to_air"])
        if episode
    }
    assert kinds == {"standard", "mid_season", "finale"}


def test_the_same_day_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "import sys; from datetime import date; from tally_pipeline.tmdb.sandbox import details_body;"
        f"parts = {PARTS!r}; ids = range(7000500, 7000520);"
        "sys.stdout.buffer.write(b''.join(details_body(i, parts, date(2026, 3, 14)) or b'' for i in ids))"
    )
    other = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        env={"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(sys.path)},
    )
    own = (details_body(show_id, PARTS, DAY) or b"" for show_id in range(7000500, 7000520))
    assert other.stdout == b"".join(own)


def test_a_reply_is_small() -> None:
    bodies = [details_body(FIRST_ID + show, ("watch/providers",), DAY) for show in world.ranked(DAY)[:1000]]
    sizes = [len(body) for body in bodies if body]
    assert sum(sizes) / len(sizes) < 6_000
    assert max(sizes) < 12_000


def test_a_show_that_vanishes_is_404_from_a_day_on_and_leaves_the_lists_after_it(
    start: Start, session: requests.Session
) -> None:
    show_id, gone_on = first_vanished()
    before, after = gone_on - timedelta(days=1), gone_on + timedelta(days=1)
    assert details_body(show_id, (), before)
    assert details_body(show_id, (), gone_on) is None
    assert show_id - FIRST_ID in world.ranked(gone_on)
    assert show_id - FIRST_ID not in world.ranked(after)
    base = start(day=gone_on).base_url
    for path in ("", "/watch/providers", "/season/1"):
        reply = session.get(f"{base}/tv/{show_id}{path}")
        assert (reply.status_code, reply.json()["status_code"]) == (404, 34)


def first_vanished() -> tuple[int, date]:
    """A show of the upper ranks that vanishes in the weeks after `DAY`, and the day."""
    soon = set(world.ranked(DAY)) - set(world.ranked(DAY + timedelta(days=40)))
    show = next(show for show in world.ranked(DAY) if show in soon and world.is_there(show, DAY))
    days = (DAY + timedelta(days=number) for number in range(42))
    return FIRST_ID + show, next(day for day in days if not world.is_there(show, day))


def test_what_was_deleted_is_among_the_changes_without_adult(start: Start, session: requests.Session) -> None:
    show_id, gone_on = first_vanished()
    url = start(day=gone_on).base_url + "/tv/changes"
    first = session.get(url).json()
    rows = [
        row
        for page in range(1, first["total_pages"] + 1)
        for row in session.get(url, params={"page": str(page)}).json()["results"]
    ]
    assert len(rows) == first["total_results"] == len({row["id"] for row in rows})
    assert 2_000 < len(rows) < 5_000
    assert {"id": show_id, "adult": None} in rows
    assert all(row["adult"] is False or details_body(row["id"], (), gone_on) is None for row in rows)


def test_changes_are_as_tmdb_sends_them(
    start: Start, session: requests.Session, recorded: Callable[[str], Any]
) -> None:
    reply = session.get(start().base_url + "/tv/changes").json()
    assert not list(differences(reply, [recorded("tv_changes__page-1")], nullable={"/results[]/adult"}))
    assert len(reply["results"]) == 100


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"start_date": "2026-02-01", "end_date": "2026-02-15"}, 200, None),
        ({"start_date": "2026-02-01", "end_date": "2026-02-16"}, 422, 20),
        ({"start_date": "2026-02-02", "end_date": "2026-02-01"}, 422, 20),
        ({"start_date": "yesterday"}, 400, 23),
        ({"end_date": "2026-02-10"}, 200, None),
        ({"page": "501"}, 400, 22),
    ],
)
def test_changes_are_of_14_days_at_most(
    start: Start, session: requests.Session, query: dict[str, str], status: int, code: int | None
) -> None:
    reply = session.get(start().base_url + "/tv/changes", params=query)
    assert (reply.status_code, reply.json().get("status_code")) == (status, code)


def test_the_server_appends_what_it_is_asked_for(start: Start, session: requests.Session) -> None:
    url = f"{start().base_url}/tv/7000500"
    asked = {"append_to_response": "watch/providers,nonsense,external_ids,season/1", "language": "en-US"}
    reply = session.get(url, params=asked)
    assert reply.content == details_body(7000500, ("watch/providers", "external_ids", "season/1"), DAY)
    many = ",".join(f"season/{number}" for number in range(21))
    refused = session.get(url, params={"append_to_response": many})
    assert (refused.status_code, refused.json()["status_code"]) == (400, 27)
    with pytest.raises(ValueError, match=r"21 parts of show 7000500 .* appends 20 at most"):
        details_body(7000500, many.split(","), DAY)


@pytest.mark.parametrize(
    "path", ["/tv/1396", "/tv/999999999", "/tv/7000500/nonsense", "/tv/7000500/season/77"]
)
def test_what_is_not_there_is_404(start: Start, session: requests.Session, path: str) -> None:
    reply = session.get(start().base_url + path)
    assert (reply.status_code, reply.json()["status_code"]) == (404, 34)
