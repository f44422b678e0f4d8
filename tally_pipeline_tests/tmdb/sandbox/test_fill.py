"""Filled captures: the same bytes as captures of the sandbox, each time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import requests

from tally_pipeline.bronze.list_capture import decode, rebuild_pages
from tally_pipeline.tmdb.lists import LISTS, list_named
from tally_pipeline.tmdb.sandbox import Sandbox, captures
from tally_pipeline.tmdb.settings import UTC_TIMEZONE
from tally_pipeline_tests.tmdb.sandbox.conftest import DAY


def test_a_filled_day_holds_what_a_server_of_that_day_sends(
    start: Callable[..., Sandbox], session: requests.Session
) -> None:
    base = start().base_url
    for key, body in captures([DAY], depths={"popular_shows": 2, "trending_shows": 2, "on_the_air": 3}):
        bronze = decode(body)
        for record, page in rebuild_pages(bronze):
            url = f"{base}{bronze.metadata.endpoint}?page={record.page}"
            reply = session.get(url)
            assert page == reply.content, key
            assert (record.etag, record.age) == (reply.headers["ETag"], reply.headers["Age"])
            assert record.etag_is_body_hash


def test_filling_twice_gives_the_same_keys_and_bytes() -> None:
    def once() -> list[tuple[str, bytes]]:
        days = [DAY, DAY + timedelta(days=1)]
        return [
            (str(key), body) for key, body in captures(days, depths={"popular_shows": 1, "on_the_air": 2})
        ]

    first, second = once(), once()
    assert first == second
    assert len({key for key, _ in first}) == 2 * len(LISTS)


def test_a_filled_day_is_a_complete_capture_of_that_day_at_three() -> None:
    by_list = {key.data_type: (key, decode(body)) for key, body in captures([DAY])}
    assert list(by_list) == [entry.name for entry in LISTS]
    for key, bronze in by_list.values():
        metadata = bronze.metadata
        assert key.dt == "2026-03-14"
        assert metadata.execution_id == key.execution_id
        assert (metadata.data_type, metadata.source, metadata.verdict) == (
            key.data_type,
            "sandbox",
            "complete",
        )
        assert metadata.ingestion_timestamp == "2026-03-14T03:00:00.000Z"
        assert metadata.language == "en-US"
        assert metadata.timezone == (UTC_TIMEZONE if list_named(key.data_type).sends_timezone else None)
        assert metadata.page_set is not None
        assert metadata.page_set.rows == len(bronze.rows())
    sizes = {name: len(bronze.metadata.pages) for name, (_, bronze) in by_list.items()}
    assert (sizes["popular_shows"], sizes["trending_shows"]) == (50, 25)
    assert 10 <= sizes["airing_today"] <= 15
    assert 43 <= sizes["on_the_air"] <= 51
    airing = by_list["airing_today"][1].metadata.page_set
    assert airing is not None
    assert (airing.repeats, airing.totals_moved) == (1, True)


def test_depths_can_be_set_by_list() -> None:
    lists = [list_named("airing_today"), list_named("popular_shows")]
    depths = {"airing_today": 3, "popular_shows": 1}
    sizes = [
        len(decode(body).metadata.pages)
        for _, body in captures([date(2026, 2, 2)], lists=lists, depths=depths)
    ]
    assert sizes == [3, 1]
