"""Captures of lists: the pages that are requested, the object that bronze gets, progress, pace and settings."""

from __future__ import annotations

import json
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tally_pipeline import clock
from tally_pipeline.bronze import list_capture
from tally_pipeline.tmdb.client import PageProgress, TmdbClient, TmdbSettings
from tally_pipeline.tmdb.lists import list_named
from tally_pipeline.tmdb.rate import RateLimit
from tally_pipeline_tests.tmdb.capturing import AIRING_TODAY, POPULAR, capture, settings
from testkit.tmdb.scripted_server import Answer, ScriptedServer, page_body, rows_of


def test_a_whole_list_is_captured_in_page_order(server: ScriptedServer) -> None:
    server.script[2] = [Answer(server.good(2), delay_seconds=0.1)]
    got = capture(server)

    assert [page.record.page for page in got.pages] == [1, 2, 3]
    assert [i for page in got.pages for i in page.ids] == [100, 101, 102, 200, 201, 202, 300, 301, 302]
    assert (got.page_set.verdict, got.page_set.rows, got.page_set.totals_moved) == ("complete", 9, False)
    assert (got.missing, got.stopped_by, got.requests, got.retries) == ((), None, 3, 0)
    assert got.duration_seconds >= 0.1


def test_what_is_sent_is_what_is_recorded(server: ScriptedServer) -> None:
    got = capture(server, AIRING_TODAY, language="da-DK", timezone="Europe/Copenhagen")
    assert [seen.path for seen in server.seen] == ["/3/tv/airing_today"] * 3
    assert server.seen[0].query == {"language": "da-DK", "timezone": "Europe/Copenhagen", "page": "1"}
    assert (got.endpoint, got.language, got.timezone) == ("/tv/airing_today", "da-DK", "Europe/Copenhagen")
    assert (got.depth, got.source) == (None, "sandbox")


def test_a_timezone_is_neither_sent_nor_recorded_for_lists_that_take_none(server: ScriptedServer) -> None:
    got = capture(server, list_named("trending_shows"), trending_window="week")
    assert server.seen[0].query == {"language": "en-US", "page": "1"}
    assert (got.endpoint, got.timezone, got.depth) == ("/trending/tv/week", None, 25)


def test_bronze_holds_the_served_rows_to_the_byte(server: ScriptedServer) -> None:
    rows = {
        1: ['{"id":1,"vote_average":8}', '{ "id" : 2 , "vote_average":8.0,"name":"Æon \\u00e9 日本"}'],
        2: ['{"id":3,"name":"lone \\ud83d surrogate"}', '{"vote_average":8.000,"id":4,"id":4}'],
    }
    bodies = {page: page_body(page, texts, 2, 4) for page, texts in rows.items()}
    server.always = {page: Answer(body, headers={"ETag": 'W/"abc"'}) for page, body in bodies.items()}

    got = capture(server)
    stored = list_capture.decode(got.to_bronze("run-1"))

    assert stored.results == ("[" + ",".join(rows[1] + rows[2]) + "]").encode()
    assert [body for _, body in list_capture.rebuild_pages(stored)] == [bodies[1], bodies[2]]
    about = stored.metadata
    assert (about.execution_id, about.data_type, about.source) == ("run-1", "popular_shows", "sandbox")
    assert (about.endpoint, about.language, about.timezone) == ("/tv/popular", "en-US", None)
    assert (about.depth, about.verdict, about.requests, about.retries) == (50, "complete", 2, 0)
    assert about.client is not None
    assert about.client.startswith("tally/")
    assert about.page_set == got.page_set
    assert about.pages[0].etag == 'W/"abc"'
    assert about.ingestion_timestamp is not None
    assert about.ingestion_timestamp.endswith("Z")
    assert abs(datetime.fromisoformat(about.ingestion_timestamp) - clock.now()) < timedelta(minutes=1)


def test_tmdbs_recorded_pages_come_through_with_their_etags(server: ScriptedServer, recordings: Path) -> None:
    index = [json.loads(line) for line in (recordings / "index.jsonl").read_text().splitlines()]
    for entry in index:
        if entry["snapshot"] == "2025-12-24" and entry["path"] == "/tv/airing_today":
            body, headers = (recordings / entry["body"]).read_bytes(), {"ETag": entry["headers"]["ETag"]}
            server.always[int(entry["query"]["page"])] = Answer(body, headers=headers)

    got = capture(server, AIRING_TODAY, depth=2)

    assert (got.page_set.rows, got.page_set.distinct_ids, got.page_set.repeats) == (40, 39, 1)
    assert got.page_set.totals_moved
    assert [page.record.etag_is_body_hash for page in got.pages] == [True, True]
    rebuilt = list_capture.rebuild_pages(list_capture.decode(got.to_bronze("run-1")))
    assert [body for _, body in rebuilt] == [server.always[1].body, server.always[2].body]


@pytest.mark.parametrize(("depth", "pages"), [(1, 1), (2, 2), (7, 5), (500, 5), (None, 5), ("default", 5)])
def test_no_page_is_asked_for_beyond_the_depth_or_the_total(
    server: ScriptedServer, depth: int | None, pages: int
) -> None:
    server.total_pages = 5
    got = capture(server, depth=depth)
    assert sorted(seen.page for seen in server.seen) == list(range(1, pages + 1))
    assert got.page_set.verdict == "complete"


def test_a_list_that_claims_more_than_500_pages_is_asked_for_500(server: ScriptedServer) -> None:
    server.total_pages = 11_425
    got = capture(server, depth=None, requests_per_second=100_000)
    assert got.page_set.pages_got == len(server.seen) == 500
    assert max(seen.page for seen in server.seen) == 500


@pytest.mark.parametrize("depth", [0, -1, 501])
def test_a_depth_that_tmdb_cannot_serve_is_refused(server: ScriptedServer, depth: int) -> None:
    with pytest.raises(ValueError, match=r"depth of popular_shows .* 1 to 500"):
        capture(server, depth=depth)
    assert server.seen == []


def test_pages_that_a_growing_total_adds_are_fetched(server: ScriptedServer) -> None:
    server.script[1] = [Answer(page_body(1, rows_of(1), 2))]
    server.script[2] = [Answer(page_body(2, rows_of(2), 3))]
    server.total_pages = 4
    got = capture(server)
    assert [page.record.page for page in got.pages] == [1, 2, 3, 4]
    assert got.page_set.verdict == "complete"
    assert got.page_set.totals_moved


def test_a_growing_total_does_not_go_beyond_the_depth(server: ScriptedServer) -> None:
    server.script[1] = [Answer(page_body(1, rows_of(1), 2))]
    server.total_pages = 9
    capture(server, depth=3)
    assert sorted(seen.page for seen in server.seen) == [1, 2, 3]


def test_a_page_behind_the_end_of_a_list_that_shrank_is_not_missing(server: ScriptedServer) -> None:
    server.script[1] = [Answer(page_body(1, rows_of(1), 4))]
    got = capture(server)
    assert got.page_set.verdict == "complete"
    assert (got.page_set.rows, got.missing, got.retries) == (9, (), 0)


def test_asking_stops_where_the_list_turns_out_to_end(server: ScriptedServer) -> None:
    server.script[1] = [Answer(page_body(1, rows_of(1), 400))]
    got = capture(server, depth=None, connections=2, requests_per_second=200)
    assert len(server.seen) < 40
    assert (got.page_set.verdict, got.page_set.rows, got.missing) == ("complete", 9, ())


def test_asking_stops_where_pages_only_repeat_at_the_end(server: ScriptedServer) -> None:
    server.script[1] = [Answer(page_body(1, rows_of(1), 400))]
    server.always = {page: Answer(page_body(page, rows_of(3), 3)) for page in range(4, 401)}
    got = capture(server, depth=None, connections=2, requests_per_second=200)
    assert len(server.seen) < 40
    assert (got.page_set.verdict, got.page_set.distinct_ids, got.missing) == ("complete", 9, ())


def test_one_stale_page_does_not_cut_a_list_off_and_counts_as_missing(server: ScriptedServer) -> None:
    server.total_pages = 40
    server.always[10] = Answer(page_body(10, [], 5))
    got = capture(server, connections=2)
    assert (got.page_set.pages_got, got.page_set.rows) == (39, 39 * 3)
    assert (got.page_set.verdict, got.page_set.pages_missing) == ("partial", (10,))
    assert "page 10 with no rows, although the list goes on there" in got.missing[0].error


def test_a_later_page_that_says_the_list_holds_nothing_is_retried_and_then_missing(
    server: ScriptedServer,
) -> None:
    server.total_pages = 3
    server.always[3] = Answer(page_body(3, [], 0, 0))
    got = capture(server, attempts=2)
    assert (got.page_set.verdict, got.page_set.pages_missing, got.retries) == ("partial", (3,), 1)


def test_a_list_without_totals_is_followed_until_a_page_adds_nothing(server: ScriptedServer) -> None:
    server.always = {page: Answer(page_body(page, rows_of(page), None)) for page in (1, 2, 3)}
    server.always[4] = Answer(page_body(4, [], None))
    got = capture(server)
    assert sorted(seen.page for seen in server.seen) == [1, 2, 3, 4]
    assert (got.page_set.verdict, got.page_set.rows) == ("complete", 9)


@pytest.mark.parametrize("total_pages", [0, 1, None])
def test_a_list_without_rows_is_an_empty_capture(server: ScriptedServer, total_pages: int | None) -> None:
    server.always[1] = Answer(page_body(1, [], total_pages, 0))
    got = capture(server)
    assert (got.page_set.verdict, got.requests, got.missing) == ("empty", 1, ())
    assert list_capture.decode(got.to_bronze("run-1")).results == b"[]"


def test_a_first_page_that_stays_empty_does_not_cost_the_pages_that_it_tells_of(
    server: ScriptedServer,
) -> None:
    server.always[1] = Answer(page_body(1, [], 3, 9))
    got = capture(server)
    assert (got.page_set.verdict, got.page_set.pages_missing) == ("partial", (1,))
    assert [seen.page for seen in server.seen].count(1) == 3
    assert {seen.page for seen in server.seen} == {1, 2, 3}


def test_a_list_of_which_no_page_holds_rows_is_empty_and_says_how_many_were_asked_for(
    server: ScriptedServer,
) -> None:
    for number in (1, 2, 3):
        server.always[number] = Answer(page_body(number, [], 3, 9))
    got = capture(server)
    assert (got.page_set.verdict, got.page_set.pages_asked) == ("empty", 3)


def test_a_first_page_that_is_empty_once_is_asked_for_again(server: ScriptedServer) -> None:
    server.script[1] = [Answer(page_body(1, [], 3, 9))]
    got = capture(server)
    assert (got.page_set.verdict, got.page_set.rows, got.retries) == ("complete", 9, 1)


def test_progress_is_told_in_the_callers_thread(server: ScriptedServer) -> None:
    reports: list[PageProgress] = []
    threads: set[int] = set()

    def on_page(progress: PageProgress) -> None:
        reports.append(progress)
        threads.add(threading.get_ident())

    server.always[2] = Answer(status=404)
    with TmdbClient(settings(server)) as client:
        client.capture(POPULAR, on_page=on_page)
    assert reports[0] == PageProgress("popular_shows", 1, 3, 3)
    assert reports[-1] == PageProgress("popular_shows", 3, 3, 6)
    assert threads == {threading.get_ident()}


def test_an_exception_of_the_caller_ends_the_capture_without_asking_on(server: ScriptedServer) -> None:
    def on_page(progress: PageProgress) -> None:
        if progress.pages_done == 2:
            raise KeyboardInterrupt

    server.total_pages = 400
    server.always[2] = Answer(status=503)
    patient = settings(server, requests_per_second=50, attempts=50, backoff_seconds=30)
    begun = time.monotonic()
    with TmdbClient(patient) as client, pytest.raises(KeyboardInterrupt):
        client.capture(POPULAR, depth=None, on_page=on_page)
    assert len(server.seen) < 40
    assert time.monotonic() - begun < 5


def test_two_clients_that_share_a_rate_limit_keep_to_it_together(server: ScriptedServer) -> None:
    server.total_pages = 15
    rate = RateLimit(60)
    clients = [TmdbClient(settings(server), rate) for _ in range(2)]
    threads = [threading.Thread(target=client.capture, args=(POPULAR,)) for client in clients]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        client.close()

    arrived = sorted(seen.at for seen in server.seen)
    assert len(arrived) == 30
    assert all(at >= begun + place / 60 for place, at in enumerate(arrived))


def test_pages_are_fetched_at_the_pace_of_the_rate_limit_not_of_the_replies(server: ScriptedServer) -> None:
    server.total_pages, server.latency_seconds = 40, 0.1
    got = capture(server, requests_per_second=80)
    # One after another they would take 4 s; the rate limit alone allows them in half a second.
    assert 39 / 80 < got.duration_seconds < 2


def test_connections_are_kept_alive(server: ScriptedServer) -> None:
    server.total_pages = 12
    capture(server, connections=2)
    assert len({seen.client for seen in server.seen}) <= 2


@pytest.mark.parametrize(
    ("base_url", "source"),
    [
        ("https://api.themoviedb.org/3", "tmdb"),
        ("https://API.TheMovieDB.org/3", "tmdb"),
        ("https://api.tmdb.org/3", "tmdb"),
        ("https://tmdb.org/3", "tmdb"),
        ("http://127.0.0.1:8080/3", "sandbox"),
        ("https://api.themoviedb.org.example.com/3", "sandbox"),
        ("https://nottmdb.org/3", "sandbox"),
    ],
)
def test_only_tmdbs_own_hosts_count_as_tmdb(base_url: str, source: str) -> None:
    assert TmdbSettings(base_url=base_url).source == source


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base_url": "api.themoviedb.org/3"}, "TMDB_BASE_URL"),
        ({"base_url": "https://api.themoviedb.org/3?api_key=x"}, "TMDB_API_KEY"),
        ({"trending_window": "month"}, "'day' or 'week'"),
        ({"attempts": 0}, "attempts is 0"),
        ({"connections": 0}, "connections is 0"),
        ({"timeout_seconds": -1}, "timeout_seconds is -1"),
        ({"requests_per_second": 0}, "requests_per_second is 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TmdbSettings(**changes)  # type: ignore[arg-type]
