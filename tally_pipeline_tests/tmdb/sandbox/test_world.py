"""The invented world: the same every time, like TMDB's lists, and never a real show."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from tally_pipeline.bronze.list_capture import read_page
from tally_pipeline.tmdb.sandbox import world
from tally_pipeline.tmdb.sandbox.invented import FIRST_ID, GENRES
from tally_pipeline.tmdb.sandbox.replies import list_body, respond

DAY = date(2026, 3, 14)
RECORDED_FIELDS = (
    "adult backdrop_path genre_ids id origin_country original_language original_name overview popularity "
    "poster_path first_air_date name vote_average vote_count"
).split()


@cache
def pages(path: str, day: date = DAY) -> list[dict[str, Any]]:
    """The pages of a list from the first to the last with rows, 50 at most."""
    with_rows = []
    for number in range(1, 51):
        page = msgspec.json.decode(list_body(path, number, day))
        if not page["results"]:
            break
        with_rows.append(page)
    return with_rows


def rows(path: str, day: date = DAY) -> list[dict[str, Any]]:
    return [row for page in pages(path, day) for row in page["results"]]


def test_the_same_day_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "import sys; from datetime import date; from tally_pipeline.tmdb.sandbox.replies import list_body;"
        "sys.stdout.buffer.write(list_body('/trending/tv/day', 3, date(2026, 3, 14)))"
    )
    other = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        env={"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(sys.path)},
    )
    assert other.stdout == list_body("/trending/tv/day", 3, DAY)


def test_a_days_ranking_is_close_to_yesterdays_but_not_the_same() -> None:
    today = world.listing("/tv/popular", DAY).shows[:1000]
    yesterday = world.listing("/tv/popular", DAY - timedelta(days=1)).shows
    last_year = world.listing("/tv/popular", DAY - timedelta(days=365)).shows
    assert 0.98 < rank_correlation(today, yesterday) < 1
    assert rank_correlation(today, last_year) < 0.95
    assert today != yesterday[:1000]


def rank_correlation(some: tuple[int, ...], others: tuple[int, ...]) -> float:
    """Spearman's, over the shows that stand in both."""
    place = {show: number for number, show in enumerate(others)}
    both = [show for show in some if show in place]
    by_others = {show: number for number, show in enumerate(sorted(both, key=place.__getitem__))}
    differences = sum((number - by_others[show]) ** 2 for number, show in enumerate(both))
    return 1 - 6 * differences / (len(both) * (len(both) ** 2 - 1))


def test_popularity_has_momentum() -> None:
    shows = world.listing("/tv/popular", DAY).shows[:500]
    days = [DAY + timedelta(days=number) for number in (0, 3, 6)]
    courses = [[world.row(show, day, trending=False)["popularity"] for day in days] for show in shows]
    went_on = [(second > first) == (third > second) for first, second, third in courses]
    assert 0.6 < sum(went_on) / len(went_on) < 0.98


def test_hits_rise_and_fade() -> None:
    days = [DAY + timedelta(days=number) for number in (-40, -20, 0, 20, 40)]
    leaders = [set(world.listing("/tv/popular", day).shows[:100]) for day in days]
    assert leaders[2] - leaders[0] - leaders[4]
    assert len(leaders[0] & leaders[4]) > 50


def test_votes_never_shrink_and_new_shows_arrive() -> None:
    early, late = date(2026, 1, 1), date(2026, 3, 1)
    for show in world.listing("/tv/popular", early).shows[:300]:
        before, after = (world.row(show, day, trending=False) for day in (early, late))
        assert after["vote_count"] >= before["vote_count"]
        assert abs(after["vote_average"] - before["vote_average"]) < 0.5 or not before["vote_count"]
    newest = max(world.listing("/tv/popular", late).shows)
    assert newest > max(world.listing("/tv/popular", early).shows)


@pytest.mark.parametrize("path", ["/tv/popular", "/tv/airing_today", "/tv/on_the_air", "/tv/top_rated"])
def test_rows_have_tmdbs_fields_in_tmdbs_order(path: str) -> None:
    assert {tuple(row) for row in rows(path)} == {tuple(RECORDED_FIELDS)}


def test_trending_rows_are_as_tmdb_sends_them(recordings: Any) -> None:
    recorded = msgspec.json.decode((recordings / "2025-12-24" / "trending_tv_week.json").read_bytes())
    listed = msgspec.json.decode((recordings / "2025-12-24" / "tv_popular__page-1.json").read_bytes())
    assert list(pages("/trending/tv/week")[0]) == list(recorded)
    assert list(rows("/trending/tv/week")[0]) == list(recorded["results"][0])
    assert rows("/trending/tv/day")[0]["media_type"] == "tv"
    assert list(listed["results"][0]) == RECORDED_FIELDS


def test_a_capture_at_default_depth_has_as_many_pages_as_tmdbs() -> None:
    for path, fewest, most in (("/tv/airing_today", 10, 15), ("/tv/on_the_air", 43, 50)):
        for day in (date(2025, 1, 1), date(2025, 7, 6), DAY):
            assert fewest <= len(pages(path, day)) <= most, (path, day)
    assert len(rows("/tv/popular")) == 1000
    assert pages("/tv/popular")[0]["total_pages"] > 10_000
    trending = pages("/trending/tv/day")[0]
    assert (trending["total_pages"], trending["total_results"]) == (500, 10_000)


def test_every_page_that_may_be_asked_for_has_rows() -> None:
    for path in ("/tv/popular", "/trending/tv/day"):
        assert len(msgspec.json.decode(list_body(path, 500, DAY))["results"]) == 20


def test_airing_today_repeats_one_show_across_two_pages_and_its_totals_move() -> None:
    numbers = [page["total_results"] for page in pages("/tv/airing_today")]
    assert len(set(numbers)) > 1
    assert max(numbers) - min(numbers) <= 3
    ids = [[row["id"] for row in page["results"]] for page in pages("/tv/airing_today")]
    shared = [set(page) & set(following) for page, following in pairwise(ids)]
    assert sorted(map(len, shared))[-2:] == [0, 1]
    assert len({number for page in ids for number in page}) == sum(map(len, ids)) - 1


def test_the_totals_of_on_the_air_move_without_a_repeat() -> None:
    assert len({page["total_results"] for page in pages("/tv/on_the_air")}) > 1
    ids = [row["id"] for row in rows("/tv/on_the_air")]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("path", ["/tv/airing_today", "/tv/on_the_air"])
def test_the_last_page_that_the_totals_speak_of_has_rows(path: str) -> None:
    for day in (DAY + timedelta(days=number) for number in range(12)):
        listed = pages(path, day)
        assert max(page["total_pages"] for page in listed) == len(listed), day


def test_the_rows_have_tmdbs_habits() -> None:
    seen = rows("/tv/popular")

    def share(fits: Any) -> float:
        return sum(map(fits, seen)) / len(seen)

    assert 0.03 < share(lambda row: row["overview"] == "") < 0.09
    assert 0.003 < share(lambda row: row["poster_path"] is None) < 0.04
    assert 0.003 < share(lambda row: row["backdrop_path"] is None) < 0.05
    assert 0 < share(lambda row: row["first_air_date"] == "") < 0.05
    assert 0 < share(lambda row: row["genre_ids"] == []) < 0.08
    assert 0 < share(lambda row: len(set(row["genre_ids"])) < len(row["genre_ids"])) < 0.03
    assert 0 < share(lambda row: len(row["origin_country"]) > 1) < 0.1
    assert 0 < share(lambda row: row["name"].startswith(" ")) < 0.02
    assert any("\n" in row["overview"] for row in seen)
    assert any(row["original_language"] == "cn" for row in seen)
    assert all(isinstance(row["vote_average"], float) and 0 <= row["vote_average"] <= 10 for row in seen)
    assert all(row["vote_average"] == 0.0 for row in seen if row["vote_count"] == 0)
    assert any(row["vote_count"] == 0 for row in seen)
    assert all(row["name"].strip() and set(row["genre_ids"]) <= set(GENRES) for row in seen)
    assert max(len(row["overview"]) for row in seen) <= 1723


def test_no_id_is_one_that_tmdb_has_given() -> None:
    assert min(row["id"] for path in ("/tv/popular", "/tv/top_rated") for row in rows(path)) >= FIRST_ID


def test_letters_beyond_ascii_stand_in_the_body_as_they_are() -> None:
    body = list_body("/tv/popular", 1, DAY)
    assert not body.isascii()
    assert rb"\u" not in body


def test_the_etag_is_the_bodys_hash() -> None:
    reply = respond("/tv/popular", {}, day=DAY, at=datetime(2026, 3, 14, 12, tzinfo=UTC))
    assert read_page(1, reply.body, reply.headers).record.etag_is_body_hash is True


def test_a_day_however_far_costs_a_moment() -> None:
    for day in (date(1999, 1, 1), date(2031, 8, 9)):
        began = time.process_time()
        list_body("/tv/airing_today", 1, day)
        assert time.process_time() - began < 1
