"""Classifies responses and exceptions as permanent or transient errors, once, where they arise.

Body codes: https://developer.themoviedb.org/docs/errors. They are looked at before the HTTP status, because
TMDB sends error bodies under 200 and "over the limit" under any status.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypedDict

import msgspec
import requests

from tally_pipeline.bronze.rawjson import MalformedJsonError, members
from tally_pipeline.tmdb.errors import (
    AuthError,
    PermanentError,
    RateLimitedError,
    SandboxMistakenError,
    TmdbError,
    TransientError,
)
from tally_pipeline.tmdb.exchange import SANDBOX_HEADER, Request, Response
from tally_pipeline.tmdb.redaction import Scrub

_SUCCESS = frozenset({1, 12, 13})
_RATE_LIMITED = 25
_AUTH = frozenset({3, 7, 10, 14, 45})
_BAD_PARAMETER = frozenset({5, 20, 22, 23, 28})
_NOT_FOUND = frozenset({6, 34})
_PASSING = frozenset({9, 11, 15, 24, 43, 46})
_EXCERPT = 300
_IN_BETWEEN = (
    "Check TMDB_API_TOKEN or TMDB_API_KEY; TMDB would have said what is wrong with them, so look also whether a proxy"
    " or a firewall answered in its place."
)


class _Facts(TypedDict):
    status: int
    code: int | None
    reply: str


def classify_response(request: Request, response: Response, *, source: str, scrub: Scrub) -> TmdbError | None:
    """The error in a response, by its status, headers and error body; None where it has none.

    `source` is what should have answered, "tmdb" or "sandbox". Pure: the same response gives the same answer.
    """
    status, headers = response.status, response.headers
    code, message = _error_body(response.body)
    facts = _facts(response, code, scrub)
    problem = f"TMDB answered HTTP {status}"
    if code is not None:
        problem += f", code {code}"
    if message:
        problem += f": {scrub(message)[:_EXCERPT].rstrip('.')}"

    if source == "tmdb" and SANDBOX_HEADER in headers:
        return SandboxMistakenError("the reply comes from Tally's sandbox, not from TMDB", request, **facts)
    wait = retry_after(headers, response.received_at)
    asks_to_wait = "" if wait is None else f", asking to wait {wait:g} s"
    if code == _RATE_LIMITED or status == 429:
        return RateLimitedError(problem + asks_to_wait, request, retry_after=wait, **facts)
    if code in _AUTH or status in (401, 403):
        return AuthError(problem, request, advice=None if code in _AUTH else _IN_BETWEEN, **facts)
    if code in _PASSING or status >= 500 or status == 408:
        return TransientError(problem + asks_to_wait, request, retry_after=wait, **facts)
    if 300 <= status < 400:
        if "Location" in headers:
            problem += f", a redirect to {scrub(headers['Location'])[:_EXCERPT]}"
        return PermanentError(problem, request, **facts)
    if code in _BAD_PARAMETER | _NOT_FOUND or not 200 <= status < 300:
        return PermanentError(problem, request, advice=_permanent_advice(status, code), **facts)
    if code is not None and code not in _SUCCESS:
        return TransientError(problem, request, **facts)
    return None


def classify_exception(
    request: Request, exception: requests.RequestException, *, timeout_seconds: float, scrub: Scrub
) -> TmdbError:
    """The error of a request without a whole response."""
    cause = scrub(_root_cause(exception))[:_EXCERPT]
    network = "Check the network and TMDB_BASE_URL; if they are right, run it again later."
    match exception:
        case requests.Timeout():
            return TransientError(
                f"TMDB did not answer within {timeout_seconds:g} s", request, advice=network
            )
        case requests.exceptions.SSLError() if "CERTIFICATE_VERIFY_FAILED" in str(exception):
            trust = "Let REQUESTS_CA_BUNDLE name the certificates to trust, such as your proxy's."
            return PermanentError(f"TMDB's certificate was not accepted: {cause}", request, advice=trust)
        case requests.exceptions.ChunkedEncodingError() | requests.exceptions.ContentDecodingError():
            return TransientError(f"TMDB's reply broke off or came damaged: {cause}", request)
        case requests.ConnectionError():
            return TransientError(f"the connection to TMDB failed: {cause}", request, advice=network)
        case _:
            return PermanentError(f"the request cannot be made: {cause}", request)


def retry_after(headers: Mapping[str, str], received_at: datetime) -> float | None:
    """Seconds to wait by `Retry-After`, given as seconds or as a date (RFC 9110, 10.2.3); None without one.

    A date is compared with the response's own `Date`, so that a wrong clock here does not matter.
    """
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        return float(text)
    until = _date(text)
    if until is None:
        return None
    return max(0.0, (until - (_date(headers.get("Date", "")) or received_at)).total_seconds())


def malformed_response(
    request: Request, response: Response, expected: str, reason: str, scrub: Scrub
) -> TransientError:
    """The error of a response that reports none and is not what was `expected`, for this `reason`."""
    problem = f"TMDB answered HTTP {response.status}, but not with {expected}: {scrub(reason)}"
    return TransientError(problem, request, **_facts(response, _error_body(response.body)[0], scrub))


def _facts(response: Response, code: int | None, scrub: Scrub) -> _Facts:
    return {"status": response.status, "code": code, "reply": _excerpt(response.body, scrub)}


def _error_body(body: bytes) -> tuple[int | None, str | None]:
    """`status_code` and `status_message` of an error body; None for each that is missing."""
    if b'"status_code"' not in body:
        return None, None
    try:
        fields = members(body)
    except MalformedJsonError:
        return None, None
    code = fields.get("status_code", b"")
    try:
        message = msgspec.json.decode(fields.get("status_message", b"null"), type=str | None)
    except (msgspec.DecodeError, UnicodeDecodeError):
        message = None
    return (int(code) if re.fullmatch(rb"\d{1,4}", code) else None), message


def _permanent_advice(status: int, code: int | None) -> str | None:
    if code in _BAD_PARAMETER:
        return (
            "Check language, timezone, trending window and depth in the settings; "
            "if they are right, this is a bug in Tally: report it with this message."
        )
    if code in _NOT_FOUND or status == 404:
        return "Check TMDB_BASE_URL, and the list's path in the catalogue of lists."
    return None


def _excerpt(body: bytes, scrub: Scrub) -> str:
    # Masked before it is cut, so that a secret at the cut does not lose the beginning it is known by.
    return scrub(body[: 4 * _EXCERPT].decode("utf-8", "replace"))[:_EXCERPT]


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _root_cause(exception: BaseException) -> str:
    """The text of the first exception of a chain, which is the cause. Later ones repeat the URL."""
    while (earlier := exception.__cause__ or exception.__context__) is not None:
        exception = earlier
    return str(exception) or type(exception).__name__
