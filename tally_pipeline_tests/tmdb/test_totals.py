"""Shows are believed, not pages and not totals: how far a capture goes, and what makes it whole."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tally_pipeline.bronze import list_capture
from tally_pipeline.bronze.list_capture import Page, read_page
from tally_pipeline.tmdb.client import Capture, TmdbClient, TmdbSettings
from tally_pipeline.tmdb.totals import empty_inner_pages
from tally_pipeline_tests.tmdb.capturing import POPULAR, capture, settings
from testkit.tmdb.own_lists import LISTS
from testkit.tmdb.scripted_server import Answer, ScriptedServer, page_body, rows_of

FULL = 20


def full(number: int, rows_of_page: int | None = None, **totals: Any) -> Answer:
    """A page of 20 rows under its own number; `totals` are the totals, left out where there are none."""
    rows = [json.loads(row) for row in rows_of(rows_of_page or number, FULL)]
    return Answer(json.dumps({"page": number, "results": rows, **totals}).encode())


def empty(number: int, **totals: Any) -> Answer:
    return Answer(json.dumps({"page": number, "results": [], **totals}).encode())


def serve(
    server: ScriptedServer, pages: int, totals: Callable[[int], Mapping[str, Any]], behind: int = 30
) -> None:
    """A list of so many full pages, with empty ones behind it; `totals` gives each page's totals."""
    server.always = {n: full(n, **totals(n)) for n in range(1, pages + 1)}
    server.always |= {n: empty(n, **totals(n)) for n in range(pages + 1, pages + behind)}


def pages_requested(server: ScriptedServer) -> list[int]:
    return sorted({seen.page for seen in server.seen})


# --- pages that bring no new show --------------------------------------------------------------------------------


def test_pages_that_all_hold_the_rows_of_page_1_are_missing_and_not_a_whole_list(
    server: ScriptedServer,
) -> None:
    server.always = {n: full(n, 1, total_pages=5, total_results=100) for n in range(1, 6)}
    got = capture(server)
    assert (got.page_set.verdict, got.page_set.pages_missing) == ("partial", (2, 3, 4, 5))
    assert (got.page_set.rows, got.page_set.distinct_ids, got.page_set.repeats) == (20, 20, 0)
    assert (got.requests, got.retries) == (1 + 4 * 3, 4 * 2)
    assert "page 2 with 20 rows, all of shows that earlier pages have" in got.missing[0].error
    assert "popular_shows page 2, " in got.missing[0].error
    assert "after 3 attempts" in got.missing[0].error


def test_the_bytes_of_a_page_that_brings_nothing_are_kept(server: ScriptedServer) -> None:
    server.always = {n: full(n, 1, total_pages=2, total_results=40) for n in (1, 2)}
    kept = list_capture.decode(capture(server).to_bronze("run-1")).metadata.missing
    assert [(gap.page, gap.reply) for gap in kept] == [(2, server.always[2].body.decode())]


def test_a_page_that_brings_nothing_once_is_asked_for_again(server: ScriptedServer) -> None:
    serve(server, 4, lambda _: {"total_pages": 4, "total_results": 80})
    server.script[3] = [full(3, 1, total_pages=4, total_results=80)]
    got = capture(server)
    assert (got.page_set.verdict, got.page_set.distinct_ids, got.page_set.repeats) == ("complete", 80, 0)
    assert (got.requests, got.retries, got.missing) == (5, 1, ())


def test_a_list_goes_on_behind_a_page_that_brought_nothing_at_first(server: ScriptedServer) -> None:
    serve(server, 6, lambda _: {})
    server.script[3] = [full(3, 2)]
    got = capture(server)
    assert (got.page_set.verdict, got.page_set.distinct_ids, got.retries) == ("complete", 120, 1)


def test_the_later_of_two_pages_with_the_same_shows_is_the_broken_one_whichever_came_first(
    server: ScriptedServer,
) -> None:
    serve(server, 4, lambda _: {"total_pages": 4, "total_results": 80})
    server.always[2] = replace(full(2, 3, total_pages=4, total_results=80), delay_seconds=0.1)
    got = capture(server, attempts=2)
    assert got.page_set.pages_missing == (3,)


def test_a_page_that_came_and_brings_nothing_stays_missing_when_asking_again_fails(
    server: ScriptedServer,
) -> None:
    serve(server, 3, lambda _: {"total_pages": 3, "total_results": 60})
    server.script[2] = [full(2, 1, total_pages=3, total_results=60)]
    server.always[2] = Answer(status=404)
    got = capture(server)
    assert (got.page_set.verdict, got.page_set.pages_missing) == ("partial", (2,))
    assert "earlier pages have" in got.missing[0].error


def test_where_nearly_all_pages_bring_nothing_each_is_asked_for_once_more_and_no_more(
    server: ScriptedServer,
) -> None:
    server.always = {n: full(n, 1, total_pages=40, total_results=800) for n in range(1, 41)}
    got = capture(server, attempts=6)
    assert len(got.missing) == 39
    assert len(server.seen) == 1 + 2 * 39


def test_a_refused_key_ends_the_asking_again(server: ScriptedServer) -> None:
    serve(server, 3, lambda _: {"total_pages": 3, "total_results": 60})
    server.script[2] = [full(2, 1, total_pages=3, total_results=60)]
    server.always[2] = Answer(status=401)
    got = capture(server, attempts=6)
    assert got.stopped_by is not None
    assert len(server.asked_for(2)) == 2
    assert got.page_set.verdict == "partial"


def test_a_full_page_that_only_repeats_ends_no_list_that_tells_no_totals(server: ScriptedServer) -> None:
    server.always = {1: full(1), 2: full(2), 3: full(3, 2)}
    got = capture(server)
    assert (got.page_set.verdict, got.page_set.pages_missing, pages_requested(server)) == (
        "partial",
        (3,),
        [1, 2, 3],
    )


@pytest.mark.parametrize(
    ("repeated", "verdict"), [(1, "complete"), (5, "complete"), (6, "partial"), (20, "partial")]
)
def test_a_last_page_may_repeat_as_far_as_lists_drift_while_they_are_read(
    server: ScriptedServer, repeated: int, verdict: str
) -> None:
    totals = {"total_pages": 3, "total_results": 40 + repeated}
    serve(server, 2, lambda _: totals)
    rows = [json.loads(row) for row in rows_of(2, FULL)][:repeated]
    server.always[3] = Answer(json.dumps({"page": 3, "results": rows, **totals}).encode())
    got = capture(server)
    assert got.page_set.verdict == verdict


def test_rows_without_an_id_may_be_new_shows(server: ScriptedServer) -> None:
    server.always = {n: Answer(page_body(n, ['{"name":"x"}'] * FULL, 3, 60)) for n in (1, 2, 3)}
    got = capture(server)
    assert (got.page_set.verdict, got.page_set.rows, got.requests) == ("complete", 60, 3)


# --- totals that the rows contradict -----------------------------------------------------------------------------

LIES: Mapping[str, Callable[[int], Mapping[str, Any]]] = {
    "totals of 0 beside rows": lambda n: {"total_pages": 0, "total_results": 0},
    "no totals": lambda n: {},
    "a single page, by page 1": lambda n: {
        "total_pages": 1 if n == 1 else 6,
        "total_results": 20 if n == 1 else 120,
    },
    "two pages, by page 1 alone": lambda n: {"total_pages": 2 if n == 1 else 0},
    "a single page, by all": lambda n: {"total_pages": 1, "total_results": 20},
    "fewer shows than came": lambda n: {"total_pages": min(n, 2), "total_results": 20},
    "fewer pages than the shows need": lambda n: {"total_pages": 2, "total_results": 120},
    "texts": lambda n: {"total_pages": "6", "total_results": "120"},
    "fractions": lambda n: {"total_pages": 6.0, "total_results": 120.0},
    "negative": lambda n: {"total_pages": -1, "total_results": -20},
    "null": lambda n: {"total_pages": None, "total_results": None},
    "a number beyond 64 bits": lambda n: {"total_pages": 10**30, "total_results": 10**31},
    "results alone": lambda n: {"total_results": 120},
    "pages alone": lambda n: {"total_pages": 6},
    "shrinking, but not to fewer than there are": lambda n: {"total_pages": max(6, 12 - n)},
}


@pytest.mark.parametrize("lie", LIES)
def test_totals_that_the_rows_contradict_end_no_list(server: ScriptedServer, lie: str) -> None:
    serve(server, 6, LIES[lie])
    got = capture(server, depth=None)
    assert (got.page_set.verdict, got.page_set.distinct_ids, got.missing) == ("complete", 120, ())
    assert list_capture.decode(got.to_bronze("run-1")).metadata.verdict == "complete"


@pytest.mark.parametrize("lie", sorted(set(LIES) - {"results alone", "pages alone"}))
def test_the_depth_bounds_a_list_whose_totals_say_nothing(server: ScriptedServer, lie: str) -> None:
    serve(server, 6, LIES[lie])
    got = capture(server, depth=4)
    assert pages_requested(server) == [1, 2, 3, 4]
    assert (got.page_set.verdict, got.page_set.distinct_ids) == ("complete", 80)


def test_huge_totals_ask_for_500_pages_at_most(server: ScriptedServer) -> None:
    serve(server, 500, lambda _: {"total_pages": 49_000, "total_results": 980_000})
    got = capture(server, depth=None, requests_per_second=100_000)
    assert (max(pages_requested(server)), len(server.seen)) == (500, 500)
    assert (got.page_set.verdict, got.page_set.distinct_ids) == ("complete", 10_000)


def test_pages_that_are_promised_and_come_empty_are_missing_not_the_end(server: ScriptedServer) -> None:
    serve(server, 3, lambda _: {"total_pages": 5, "total_results": 100})
    got = capture(server, attempts=2)
    assert (got.page_set.verdict, got.page_set.pages_missing) == ("partial", (4, 5))
    assert len(server.seen) == 5 + 2


def test_a_list_that_shrinks_while_it_is_read_is_whole(server: ScriptedServer) -> None:
    serve(server, 3, lambda n: {"total_pages": 3 if n > 1 else 10, "total_results": 60 if n > 1 else 200})
    got = capture(server)
    assert (got.page_set.verdict, got.page_set.distinct_ids, got.retries) == ("complete", 60, 0)


@pytest.mark.parametrize("pages", [1, 2, 3, 7])
@pytest.mark.parametrize("last_rows", [1, 19, 20])
def test_a_list_with_true_totals_costs_one_request_a_page(
    server: ScriptedServer, pages: int, last_rows: int
) -> None:
    totals = {"total_pages": pages, "total_results": (pages - 1) * FULL + last_rows}
    serve(server, pages - 1, lambda _: totals)
    rows = [json.loads(row) for row in rows_of(pages, last_rows)]
    server.always[pages] = Answer(json.dumps({"page": pages, "results": rows, **totals}).encode())
    server.always[pages + 1] = empty(pages + 1, **totals)
    got = capture(server, depth=None)
    # A single full page that knows of no other is the one end that nothing else speaks for.
    assert len(server.seen) == pages + (pages == 1 and last_rows == FULL)
    assert (got.page_set.verdict, got.page_set.rows) == ("complete", totals["total_results"])


@given(
    pages=st.integers(1, 5),
    lies=st.lists(st.sampled_from([0, None, 1, "truth", "more", "text"]), min_size=6, max_size=6),
    stale=st.dictionaries(st.integers(2, 5), st.integers(1, 5), max_size=2),
)
def test_whatever_the_totals_say_a_capture_that_is_complete_has_every_show(
    pages: int, lies: list[Any], stale: dict[int, int]
) -> None:
    def totals(number: int) -> dict[str, Any]:
        lie = lies[number % len(lies)]
        return {"total_pages": {"truth": pages, "more": pages + 2, "text": "3"}.get(lie, lie)}

    with ScriptedServer() as server:
        serve(server, pages, totals)
        for number, other in stale.items():
            if number <= pages and other < number:
                server.always[number] = full(number, other, **totals(number))
        with TmdbClient(settings(server, attempts=2)) as client:
            got = client.capture(POPULAR, depth=None)
    if got.page_set.verdict == "complete":
        assert got.page_set.distinct_ids == pages * FULL


# --- what the pages say, by themselves ---------------------------------------------------------------------------


def pages_of(*pages: tuple[int | None, int | None]) -> dict[int, Page]:
    """Pages by number: each holds the rows of the page it names (None: no rows), and tells so many pages."""
    by_number = {}
    for number, (rows, totals) in enumerate(pages, start=1):
        body = (full(number, rows, total_pages=totals) if rows else empty(number, total_pages=totals)).body
        by_number[number] = read_page(number, body, {})
    return by_number


@pytest.mark.parametrize(
    ("pages", "broken"),
    [
        pytest.param([(1, 3), (2, 3), (3, 3)], [], id="all bring shows"),
        pytest.param(
            [(1, 4), (2, 2), (None, 2), (4, None)], [3], id="a later page goes on, whatever most tell"
        ),
        pytest.param(
            [(1, 9), (2, 9), (None, 2)], [3], id="most say the list goes on, the page alone does not"
        ),
        pytest.param([(1, 1), (2, 1), (2, 1)], [3], id="nobody can be believed, and a full page repeats"),
        pytest.param([(1, 1), (2, 1), (None, 1)], [], id="nobody can be believed, and the page is empty"),
        pytest.param([(1, 9), (2, 3), (3, 3), (3, 3)], [], id="behind the end that most tell"),
        pytest.param([(1, 2), (2, 2), (None, 9)], [3], id="the page itself says that there is more"),
        pytest.param([(1, None), (2, None), (None, 2), (4, None)], [3], id="only a later page shows it"),
        pytest.param([(1, 2), (2, 2), (3, 2), (3, 2)], [4], id="most tell an end that a page went beyond"),
        pytest.param([(1, None), (2, None), (2, 2)], [3], id="its own rows lie behind the end that it tells"),
        pytest.param([(None, 0)], [], id="a list that holds nothing"),
        pytest.param([(None, 3)], [1], id="a first page without the rows that it tells of"),
    ],
)
def test_a_page_is_broken_where_it_should_have_brought_shows(
    pages: list[tuple[int | None, int | None]], broken: list[int]
) -> None:
    assert empty_inner_pages(pages_of(*pages)) == broken


# --- the quirky server -------------------------------------------------------------------------------------------

QUIRKS: Mapping[str, Mapping[str, tuple[str | None, int, str]]] = {
    "A": {
        "popular_shows": ("partial", 20, "all of shows that earlier pages have"),
        "trending_shows": ("complete", 500, ""),
        "airing_today": ("complete", 200, ""),
        "on_the_air": ("partial", 180, "more text follows it"),
    },
    "B": {
        "popular_shows": ("complete", 1000, ""),
        "trending_shows": ("complete", 200, ""),
        "airing_today": ("partial", 180, r"`results` is not a list \(it is null\)"),
        "on_the_air": ("complete", 200, ""),
    },
    "C": {
        "popular_shows": ("partial", 180, r"`results` is not a list \(it is an object\)"),
        "trending_shows": ("complete", 500, ""),
        "airing_today": ("complete", 200, ""),
        "on_the_air": ("complete", 60, ""),
    },
}
"""Set -> list -> the verdict, the shows, and what is said of a page that is missing."""


@pytest.fixture(scope="module", params=QUIRKS)
def quirky(request: pytest.FixtureRequest, shared: Path) -> Iterator[tuple[str, dict[str, Capture]]]:
    """A set of quirks, and what the client makes of its lists."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = shared / "cases" / "quirky_tmdb.py"
    server = subprocess.Popen([sys.executable, str(script), str(port), request.param])
    quick = TmdbSettings(
        base_url=f"http://127.0.0.1:{port}/3", backoff_seconds=0.001, requests_per_second=1000, attempts=3
    )
    try:
        _wait_for(port)
        with TmdbClient(quick) as client:
            yield request.param, {entry.name: client.capture(entry) for entry in LISTS}
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize("name", [entry.name for entry in LISTS])
def test_every_quirk_ends_as_it_should(quirky: tuple[str, dict[str, Capture]], name: str) -> None:
    of, captures = quirky
    verdict, shows, said = QUIRKS[of][name]
    got = captures[name]
    assert (got.page_set.verdict, got.page_set.distinct_ids) == (verdict, shows)
    assert bool(got.missing) == bool(said)
    for gap in got.missing:
        assert re.search(said, gap.error)


def _wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as knocking:
            if knocking.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the quirky server does not answer")
