"""Responses are classified as pages, permanent errors and transient errors, and every error says what to do."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from requests.structures import CaseInsensitiveDict

from tally_pipeline.bronze.list_capture import Page
from tally_pipeline.tmdb.classification import retry_after
from tally_pipeline.tmdb.errors import (
    AuthError,
    PermanentError,
    RateLimitedError,
    SandboxMistakenError,
    TmdbError,
    TransientError,
)
from tally_pipeline.tmdb.exchange import Request, Response
from tally_pipeline.tmdb.fetch import page_from
from tally_pipeline.tmdb.redaction import redactor
from testkit.tmdb.scripted_server import error_body, page_body, rows_of

REQUEST = Request("popular_shows", 3, "https://api.themoviedb.org/3/tv/popular?page=3")
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
HTML = b"<html><body>503 Back-end server is at capacity</body></html>"
SECRET = "eyJhbGciOiJIUzI1NiJ9.a-token.of-three-parts"


def page_or_error(
    status: int = 200,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    source: str = "tmdb",
    secret: str | None = None,
) -> Page | TmdbError:
    response = Response(status, CaseInsensitiveDict(headers or {}), body, NOON)
    return page_from(REQUEST, response, source=source, scrub=redactor(secret))


def error_of(status: int = 200, body: bytes = b"", **more: object) -> TmdbError:
    error = page_or_error(status, body, **more)  # type: ignore[arg-type]
    assert isinstance(error, TmdbError)
    return error


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        # The table of errors that TMDB documents.
        (7, 401, AuthError),
        (10, 401, AuthError),
        (3, 401, AuthError),
        (14, 401, AuthError),
        (45, 403, AuthError),
        (5, 422, PermanentError),
        (20, 422, PermanentError),
        (22, 400, PermanentError),
        (23, 400, PermanentError),
        (28, 400, PermanentError),
        (6, 404, PermanentError),
        (34, 404, PermanentError),
        (25, 429, RateLimitedError),
        (24, 504, TransientError),
        (43, 502, TransientError),
        (9, 503, TransientError),
        (46, 503, TransientError),
        (11, 500, TransientError),
        (15, 500, TransientError),
        # The same bodies where they do not belong.
        (25, 200, RateLimitedError),
        (25, 400, RateLimitedError),
        (25, 401, RateLimitedError),
        (25, 503, RateLimitedError),
        (7, 200, AuthError),
        (22, 200, PermanentError),
        (34, 200, PermanentError),
        (11, 200, TransientError),
        (9, 400, TransientError),
        (34, 500, TransientError),
        (99, 200, TransientError),
        (99, 400, PermanentError),
        (1, 200, TransientError),
    ],
)
def test_an_error_body_is_sorted_by_its_code_and_status(code: int, status: int, kind: type) -> None:
    error = error_of(status, error_body(code, "So it goes."))
    assert type(error) is kind
    assert (error.status, error.code) == (status, code)
    assert (error.list_name, error.page, error.url) == (REQUEST.list_name, REQUEST.page, REQUEST.url)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b"", AuthError),
        (403, HTML, AuthError),
        (429, HTML, RateLimitedError),
        (500, b"", TransientError),
        (502, HTML, TransientError),
        (503, b"503 Back-end server is at capacity", TransientError),
        (504, HTML, TransientError),
        (408, b"", TransientError),
        (301, b"", PermanentError),
        (307, HTML, PermanentError),
        (400, HTML, PermanentError),
        (404, b"", PermanentError),
        (410, b"[]", PermanentError),
        (200, HTML, TransientError),
        (200, b"", TransientError),
        (204, b"", TransientError),
        (200, b"[]", TransientError),
        (200, b"{}", TransientError),
        (200, page_body(3, rows_of(3), 9)[:-9], TransientError),
        (200, page_body(2, rows_of(2), 9), TransientError),
        (200, b'{"page":3,"results":null}', TransientError),
        (200, b'{"status_code":', TransientError),
    ],
)
def test_a_reply_without_a_code_is_sorted_by_its_status_and_body(
    status: int, body: bytes, kind: type
) -> None:
    error = error_of(status, body)
    assert type(error) is kind
    assert error.code is None


@pytest.mark.parametrize(
    "body", [page_body(3, rows_of(3), 9), *(page_body(3, [], total) for total in (0, 2, 3, 9, None))]
)
def test_a_page_is_a_page_whatever_it_says_of_the_list(body: bytes) -> None:
    page = page_or_error(200, body)
    assert isinstance(page, Page)
    assert page.record.page == 3


def test_a_show_named_after_an_error_is_no_error() -> None:
    row = '{"id":1,"name":"x","overview":"\\"status_code\\":25","status_code":25}'
    assert isinstance(page_or_error(200, page_body(3, [row], 9)), Page)


def test_an_error_message_that_no_parser_takes_does_not_hide_the_code() -> None:
    error = error_of(200, b'{"status_code":25,"status_message":"\\ud83d"}')
    assert isinstance(error, RateLimitedError)


def test_the_text_says_what_happened_to_what_and_what_to_do() -> None:
    error = error_of(401, error_body(7, "Invalid API key: You must be granted a valid key."))
    error.attempts = 2
    assert str(error) == (
        "TMDB answered HTTP 401, code 7: Invalid API key: You must be granted a valid key "
        "(popular_shows page 3, https://api.themoviedb.org/3/tv/popular?page=3, after 2 attempts). "
        "Check TMDB_API_TOKEN (the API Read Access Token) or TMDB_API_KEY; "
        "an account's own are at https://www.themoviedb.org/settings/api."
    )


@pytest.mark.parametrize(
    ("status", "body", "advice"),
    [
        (400, error_body(28), "timezone"),
        (404, error_body(34), "TMDB_BASE_URL"),
        (418, b"", "TMDB_BASE_URL"),
        (503, b"", "run it again later"),
        (429, b"", "requests_per_second"),
    ],
)
def test_every_kind_says_what_to_do(status: int, body: bytes, advice: str) -> None:
    assert advice in str(error_of(status, body))


def test_the_beginning_of_the_body_is_kept() -> None:
    assert error_of(503, b"x" * 1000).reply == "x" * 300
    assert error_of(503, b"caf\xff").reply == "caf\ufffd"


def test_a_redirect_says_where_to() -> None:
    assert "https://elsewhere" in str(error_of(301, headers={"Location": "https://elsewhere/3"}))


@pytest.mark.parametrize("status", [301, 304])
def test_a_redirect_that_names_no_place_makes_none_up(status: int) -> None:
    assert f"TMDB answered HTTP {status} (" in str(error_of(status))


def test_a_refusal_that_is_not_in_tmdbs_words_may_be_a_proxys() -> None:
    assert "a proxy or a firewall answered in its place" in str(error_of(403, b"<html>blocked</html>"))
    assert "proxy" not in str(error_of(401, error_body(7)))


def test_the_sandbox_is_not_taken_for_tmdb() -> None:
    good = page_body(3, rows_of(3), 9)
    error = error_of(200, good, headers={"x-tally-sandbox": "1"})
    assert isinstance(error, SandboxMistakenError)
    assert error.ends_capture
    assert isinstance(page_or_error(200, good, {"X-Tally-Sandbox": "1"}, source="sandbox"), Page)
    assert isinstance(page_or_error(200, good, source="sandbox"), Page)


def test_only_errors_of_the_asker_end_a_capture() -> None:
    assert error_of(401).ends_capture
    assert not error_of(404).ends_capture
    assert not error_of(503).ends_capture


@pytest.mark.parametrize("status", [200, 301, 401, 404, 429, 503])
def test_a_reply_that_echoes_the_secret_is_masked(status: int) -> None:
    body = error_body(99, f"You sent {SECRET}, did you")
    error = error_of(status, body, headers={"Location": f"/?k={SECRET}"}, secret=SECRET)
    assert "eyJhbGci" not in f"{error} {error.reply} {error!r} {error.args}"
    assert "***, did you" in (error.reply or "")


def test_a_secret_is_masked_where_an_excerpt_cuts_it_off() -> None:
    for before in range(40, 300):
        error = error_of(200, b"<" + b"x" * before + SECRET.encode(), secret=SECRET)
        assert "eyJhbGci" not in f"{error} {error.reply}", before


def test_a_secret_is_masked_in_its_percent_encoded_form_too() -> None:
    scrub = redactor("a/b+c=d&e f", None, "")
    assert scrub("k=a%2Fb%2Bc%3Dd%26e%20f&x=a/b+c=d&e f!") == "k=***&x=*** f!"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": " 0.5 "}, 0.5),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Fri, 02 Jan 2026 12:00:30 GMT"}, 30),
        ({"Retry-After": "Friday, 02-Jan-26 12:00:30 GMT"}, 30),
        ({"Retry-After": "Fri, 02 Jan 2026 11:00:00 GMT"}, 0),
        # Held against the server's own clock where it tells the time.
        ({"Retry-After": "Fri, 02 Jan 2026 12:00:30 GMT", "Date": "Fri, 02 Jan 2026 12:00:20 GMT"}, 10),
    ],
)
def test_retry_after_is_read_in_both_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(CaseInsensitiveDict(headers), NOON) == seconds


@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_that_the_server_asks_for_is_kept_with_the_error(status: int) -> None:
    error = error_of(status, headers={"Retry-After": "7"})
    assert isinstance(error, TransientError)
    assert error.retry_after == 7
    assert "asking to wait 7 s" in str(error)
