"""The client retries, waits and gives up when TMDB does not answer as it should."""

from __future__ import annotations

import socket
import time
from email.utils import formatdate

import pytest

from tally_pipeline.bronze import list_capture
from tally_pipeline.tmdb.client import TmdbClient, TmdbSettings
from tally_pipeline.tmdb.errors import AuthError, PermanentError, RateLimitedError, TmdbError, TransientError
from tally_pipeline.tmdb.retries import backoff
from tally_pipeline_tests.tmdb.capturing import POPULAR, capture
from testkit.tmdb.scripted_server import Answer, ScriptedServer, error_body, page_body, rows_of

HTML = b"<html><body>503 Back-end server is at capacity</body></html>"
CUT_OFF = page_body(2, rows_of(2), 3)[:40]

PASSING = {
    "429": Answer(error_body(25), 429),
    "code 25 under 200": Answer(error_body(25)),
    "code 25 under 503": Answer(error_body(25), 503),
    "5xx as HTML": Answer(HTML, 503),
    "504 with code 24": Answer(error_body(24), 504),
    "HTML under 200": Answer(HTML),
    "error body under 200": Answer(error_body(11)),
    "no results": Answer(b'{"page":2,"total_pages":3}'),
    "truncated JSON": Answer(CUT_OFF),
    "transfer that breaks off": Answer(CUT_OFF, declared=4000),
    "reset": Answer(reset=True),
    "another page": Answer(page_body(1, rows_of(1), 3)),
    "empty page in mid-list": Answer(page_body(2, [], 3)),
    "damaged gzip": Answer(b"no gzip at all", headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("fault", PASSING)
def test_a_passing_fault_is_tried_again_and_leaves_no_trace(server: ScriptedServer, fault: str) -> None:
    server.script[2] = [PASSING[fault]]
    got = capture(server)
    assert (got.page_set.verdict, got.page_set.rows, got.missing) == ("complete", 9, ())
    assert (got.requests, got.retries) == (4, 1)


@pytest.mark.parametrize("fault", PASSING)
def test_a_late_page_that_stays_broken_is_missing_and_the_rest_is_kept(
    server: ScriptedServer, fault: str
) -> None:
    server.always[2] = PASSING[fault]
    got = capture(server)
    assert [page.record.page for page in got.pages] == [1, 3]
    assert (got.page_set.verdict, got.page_set.pages_missing, got.stopped_by) == ("partial", (2,), None)
    assert (got.requests, got.retries) == (5, 2)
    assert "popular_shows page 2" in got.missing[0].error
    assert "after 3 attempts" in got.missing[0].error
    assert list_capture.decode(got.to_bronze("run-1")).metadata.missing == got.missing


@pytest.mark.parametrize("fault", sorted(set(PASSING) - {"another page", "empty page in mid-list"}))
def test_a_first_page_that_stays_broken_is_a_transient_error(server: ScriptedServer, fault: str) -> None:
    server.always[1] = PASSING[fault]
    with pytest.raises(TransientError) as raised:
        capture(server)
    assert (raised.value.list_name, raised.value.page, raised.value.attempts) == ("popular_shows", 1, 3)
    assert len(server.seen) == 3


def test_a_missing_page_says_what_was_answered_last(server: ScriptedServer) -> None:
    server.always[2] = Answer(error_body(9, "Service offline."), 503)
    missing = capture(server).missing[0]
    assert (missing.page, missing.status, missing.code) == (2, 503, 9)
    assert missing.reply == error_body(9, "Service offline.").decode()
    assert "Service offline" in missing.error


def test_a_reply_that_does_not_come_in_time_is_asked_for_again(server: ScriptedServer) -> None:
    server.script[2] = [Answer(delay_seconds=0.6)]
    got = capture(server, timeout_seconds=0.2)
    assert (got.page_set.verdict, got.retries) == ("complete", 1)


def test_a_timeout_says_how_long_was_waited(server: ScriptedServer) -> None:
    server.always[1] = Answer(delay_seconds=0.4)
    with pytest.raises(TransientError, match=r"did not answer within 0\.1 s .*after 2 attempts"):
        capture(server, timeout_seconds=0.1, attempts=2)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(reset=True), "connection to TMDB failed: .*reset"),
        (Answer(CUT_OFF, declared=4000), "broke off"),
        (PASSING["damaged gzip"], "damaged"),
        (Answer(HTML), "not with the page: the reply is not a JSON object"),
    ],
)
def test_a_transient_error_says_what_happened(server: ScriptedServer, answer: Answer, message: str) -> None:
    server.always[1] = answer
    with pytest.raises(TransientError, match=message):
        capture(server, attempts=1)


def test_a_refused_connection_is_transient_and_says_so() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/3"
        settings = TmdbSettings(base_url=url, attempts=2, backoff_seconds=0.001)
        with TmdbClient(settings) as client, pytest.raises(TransientError) as raised:
            client.capture(POPULAR)
    assert "refused" in str(raised.value)
    assert "Check the network and TMDB_BASE_URL" in str(raised.value)
    assert raised.value.status is None


@pytest.mark.parametrize("status", [301, 302, 308, 400, 404, 422])
def test_a_permanent_error_on_page_1_is_raised_without_a_retry(server: ScriptedServer, status: int) -> None:
    server.always[1] = Answer(status=status, headers={"Location": "/3/tv/top_rated"})
    with pytest.raises(PermanentError, match=f"HTTP {status}"):
        capture(server)
    assert [seen.path for seen in server.seen] == ["/3/tv/popular"]


def test_a_permanently_broken_late_page_is_missing_and_the_rest_goes_on(server: ScriptedServer) -> None:
    server.always[2] = Answer(error_body(34), 404)
    got = capture(server)
    assert [page.record.page for page in got.pages] == [1, 3]
    assert (got.missing[0].status, got.missing[0].code) == (404, 34)
    assert len(server.asked_for(2)) == 1


@pytest.mark.parametrize(
    "answer",
    [Answer(error_body(7), 401), Answer(b"", 403), Answer(error_body(45), 403), Answer(error_body(7))],
)
def test_a_refused_key_stops_at_once(server: ScriptedServer, answer: Answer) -> None:
    server.always[1] = answer
    with pytest.raises(AuthError, match="Check TMDB_API_TOKEN"):
        capture(server)
    assert len(server.seen) == 1


def test_a_key_refused_midway_stops_and_keeps_what_came(server: ScriptedServer) -> None:
    server.total_pages = 60
    server.always[5] = Answer(error_body(7), 401)
    got = capture(server, depth=None, connections=2, requests_per_second=100)

    assert isinstance(got.stopped_by, AuthError)
    assert got.stopped_by.page == 5
    assert len(server.seen) < 12
    assert [page.record.page for page in got.pages][:3] == [1, 2, 3]
    assert len(got.pages) + len(got.missing) == 60
    assert got.page_set.verdict == "partial"
    assert got.page_set.pages_missing[-1] == 60
    gaps = {gap.page: gap for gap in got.missing}
    assert (gaps[5].status, gaps[5].code) == (401, 7)
    assert gaps[60].error.startswith("not asked for, because of this: TMDB answered HTTP 401")
    assert gaps[60].status is None


def test_a_stop_is_blamed_on_what_stopped_and_wakes_those_who_wait(server: ScriptedServer) -> None:
    server.always[2] = Answer(HTML, 503, headers={})
    server.always[3] = Answer(error_body(7), 401, delay_seconds=0.2)
    begun = time.monotonic()
    got = capture(server, attempts=50, backoff_seconds=30)
    assert isinstance(got.stopped_by, AuthError)
    assert {gap.page: gap.status for gap in got.missing} == {2: 503, 3: 401}
    assert time.monotonic() - begun < 5


def test_retry_after_in_seconds_holds_everybody_back(server: ScriptedServer) -> None:
    server.total_pages = 6
    server.script[2] = [Answer(error_body(25), 429, headers={"Retry-After": "0.4"})]
    got = capture(server, connections=2)
    refused = server.asked_for(2)[0].at
    # One request may have been on its way when the 429 came.
    assert len([seen for seen in server.seen if refused < seen.at < refused + 0.39]) <= 1
    assert server.asked_for(2)[1].at >= refused + 0.4
    assert got.page_set.verdict == "complete"


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_as_a_date_is_waited_for(server: ScriptedServer, status: int) -> None:
    now = time.time()
    headers = {"Date": formatdate(now, usegmt=True), "Retry-After": formatdate(now + 1, usegmt=True)}
    server.script[1] = [Answer(status=status, headers=headers)]
    capture(server, depth=1)
    first, second = server.seen
    assert 1 <= second.at - first.at < 3


@pytest.mark.parametrize("page", [1, 2])
def test_a_wait_that_is_too_long_ends_the_capture(server: ScriptedServer, page: int) -> None:
    server.always[page] = Answer(error_body(25), 429, headers={"Retry-After": "3600"})
    begun = time.monotonic()
    error: TmdbError | None
    if page == 1:
        with pytest.raises(RateLimitedError) as raised:
            capture(server)
        error = raised.value
    else:
        error = capture(server, connections=1).stopped_by
    assert isinstance(error, RateLimitedError)
    assert "asking to wait 3600 s" in str(error)
    assert "Tally waits 120 s at most" in str(error)
    assert len(server.asked_for(page)) == 1
    assert time.monotonic() - begun < 5


def test_retries_keep_to_the_rate_limit(server: ScriptedServer) -> None:
    server.total_pages = 8
    server.always = {page: Answer(HTML, 503) for page in range(2, 9)}
    begun = time.monotonic()
    got = capture(server, requests_per_second=60)
    arrived = sorted(seen.at for seen in server.seen)
    assert got.requests == len(arrived) == 1 + 7 * 3
    assert all(at >= begun + place / 60 for place, at in enumerate(arrived))


def test_the_wait_between_attempts_doubles_has_jitter_and_a_ceiling() -> None:
    for attempt, ceiling in ((1, 0.5), (2, 1), (3, 2), (7, 30), (60, 30)):
        waits = [backoff(attempt, 0.5) for _ in range(300)]
        assert all(0 <= wait <= ceiling for wait in waits)
        assert max(waits) > ceiling * 0.8
        assert min(waits) < ceiling * 0.2
