"""What can go wrong with a page, sorted into permanent and transient once, where it arises.

Body codes: https://developer.themoviedb.org/docs/errors. They are looked at before the HTTP status, because
TMDB sends error bodies under 200 and "over the limit" under any status.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import TypedDict

import msgspec
import requests

from tally_pipeline.bronze.list_capture import MalformedPageError, Page, read_page
from tally_pipeline.bronze.rawjson import MalformedJsonError, members
from tally_pipeline.plurals import counted
from tally_pipeline.tmdb.redaction import Scrub

SANDBOX_HEADER = "X-Tally-Sandbox"
"""Every reply of the sandbox carries it, so that invented shows cannot pass for TMDB's."""

_SUCCESS = frozenset({1, 12, 13})
_RATE_LIMITED = 25
_AUTH = frozenset({3, 7, 10, 14, 45})
_BAD_PARAMETER = frozenset({5, 20, 22, 23, 28})
_NOT_FOUND = frozenset({6, 34})
_PASSING = frozenset({9, 11, 15, 24, 43, 46})
_EXCERPT = 300
_STALE = "Likely a stale copy in TMDB's cache, where a page stays for up to 8 hours: run it again later."


_IN_BETWEEN = (
    "Check TMDB_API_TOKEN or TMDB_API_KEY; TMDB would have said what is wrong with them, so look also whether a proxy"
    " or a firewall answered in its place."
)


@dataclass(frozen=True)
class Asked:
    """What was asked for: which list (or stream), which page (from 1; None without pages), the URL without
    secrets."""

    list_name: str | None
    page: int | None
    url: str


@dataclass(frozen=True)
class Reply:
    """An HTTP reply: its body after content decoding; headers case-insensitive; when it came (aware)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


class TmdbError(Exception):
    """Something went wrong between Tally and TMDB. Its text is a whole explanation and holds no secret.

    `status` is the HTTP status, `code` the body's `status_code`, `reply` the body's first 300 characters;
    each None where there was none. `attempts` is how often the page was asked for.
    `ends_capture`: asking for other pages makes no sense either.
    """

    ends_capture = False
    advice = "Run it again."

    def __init__(
        self,
        problem: str,
        asked: Asked,
        *,
        advice: str | None = None,
        status: int | None = None,
        code: int | None = None,
        reply: str | None = None,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.list_name = asked.list_name
        self.page = asked.page
        self.url = asked.url
        self.status = status
        self.code = code
        self.reply = reply
        self.attempts = 1
        if advice is not None:
            self.advice = advice

    def __str__(self) -> str:
        tried = f", after {self.attempts} attempts" if self.attempts > 1 else ""
        page = "" if self.page is None else f" page {self.page}"
        return f"{self.problem} ({self.list_name}{page}, {self.url}{tried}). {self.advice}"


class PermanentError(TmdbError):
    """Asking again gives the same: something has to be changed first."""

    advice = "Asking again will not help: check TMDB_BASE_URL and which server answers there."


class AuthError(PermanentError):
    """TMDB does not accept who asks."""

    ends_capture = True
    advice = (
        "Check TMDB_API_TOKEN (the API Read Access Token) or TMDB_API_KEY; "
        "an account's own are at https://www.themoviedb.org/settings/api."
    )


class NoKeyError(PermanentError):
    """There is no key, so nothing was asked. `reason` is a whole explanation."""

    ends_capture = True

    def __init__(self, reason: str) -> None:
        super().__init__(reason, Asked(None, None, ""))

    def __str__(self) -> str:
        return self.problem


class SandboxMistakenError(PermanentError):
    """The sandbox answered where TMDB was expected: its invented shows must not be stored as TMDB's."""

    ends_capture = True
    advice = "Check TMDB_BASE_URL, proxies and DNS: the sandbox answers under TMDB's name."


class TransientError(TmdbError):
    """Such trouble passes. `retry_after` is how many seconds the server asks to wait, None if it does not."""

    advice = "This usually passes: run it again later."

    def __init__(
        self,
        problem: str,
        asked: Asked,
        *,
        advice: str | None = None,
        status: int | None = None,
        code: int | None = None,
        reply: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(problem, asked, advice=advice, status=status, code=code, reply=reply)
        self.retry_after = retry_after


class RateLimitedError(TransientError):
    """TMDB takes no more requests from this address for a while."""

    advice = (
        "Run it again later; if it happens often, lower requests_per_second, "
        "or look for what else asks TMDB from this address."
    )


class DayOverError(PermanentError):
    """The day to be captured was over when TMDB answered."""

    ends_capture = True
    advice = "TMDB serves only the present: capture the day that has begun."

    def __init__(self, day: date, asked: Asked, reply: Reply) -> None:
        super().__init__(f"{day} was over (UTC) when TMDB answered", asked, status=reply.status)


class MissingExportError(PermanentError):
    """TMDB keeps no export of that day."""

    advice = (
        "TMDB keeps its exports for about 90 days; a day that is missing among them cannot be had any more."
        " The days around it are not concerned."
    )


class NotYetThereError(TransientError):
    """Today's export is not written yet. Asking again within seconds makes no sense."""

    ends_capture = True
    advice = "TMDB writes it from about 07:00 UTC; it is there by 08:00. Run it again later."


class _Facts(TypedDict):
    status: int
    code: int | None
    reply: str


def sort_reply(asked: Asked, reply: Reply, *, source: str, scrub: Scrub) -> Page | TmdbError:
    """The page that a reply holds, or what is wrong with the reply.

    `source` is whose reply it should be, "tmdb" or "sandbox". Pure: the same reply gives the same answer.
    """
    return sort_error(asked, reply, source=source, scrub=scrub) or _page(asked, reply, scrub)


def sort_error(asked: Asked, reply: Reply, *, source: str, scrub: Scrub) -> TmdbError | None:
    """What is wrong with a reply by its status, headers and error body; None when that is nothing."""
    status, headers = reply.status, reply.headers
    code, message = _told(reply.body)
    facts = _facts(reply, code, scrub)
    problem = f"TMDB answered HTTP {status}"
    if code is not None:
        problem += f", code {code}"
    if message:
        problem += f": {scrub(message)[:_EXCERPT].rstrip('.')}"

    if source == "tmdb" and SANDBOX_HEADER in headers:
        return SandboxMistakenError("the reply comes from Tally's sandbox, not from TMDB", asked, **facts)
    wait = retry_after(headers, reply.received_at)
    asks_to_wait = "" if wait is None else f", asking to wait {wait:g} s"
    if code == _RATE_LIMITED or status == 429:
        return RateLimitedError(problem + asks_to_wait, asked, retry_after=wait, **facts)
    if code in _AUTH or status in (401, 403):
        return AuthError(problem, asked, advice=None if code in _AUTH else _IN_BETWEEN, **facts)
    if code in _PASSING or status >= 500 or status == 408:
        return TransientError(problem + asks_to_wait, asked, retry_after=wait, **facts)
    if 300 <= status < 400:
        if "Location" in headers:
            problem += f", a redirect to {scrub(headers['Location'])[:_EXCERPT]}"
        return PermanentError(problem, asked, **facts)
    if code in _BAD_PARAMETER | _NOT_FOUND or not 200 <= status < 300:
        return PermanentError(problem, asked, advice=_permanent_advice(status, code), **facts)
    if code is not None and code not in _SUCCESS:
        return TransientError(problem, asked, **facts)
    return None


def sort_failure(
    asked: Asked, failure: requests.RequestException, *, timeout_seconds: float, scrub: Scrub
) -> TmdbError:
    """What is wrong when no whole reply came."""
    cause = scrub(_root_cause(failure))[:_EXCERPT]
    network = "Check the network and TMDB_BASE_URL; if they are right, run it again later."
    match failure:
        case requests.Timeout():
            return TransientError(f"TMDB did not answer within {timeout_seconds:g} s", asked, advice=network)
        case requests.exceptions.SSLError() if "CERTIFICATE_VERIFY_FAILED" in str(failure):
            trust = "Let REQUESTS_CA_BUNDLE name the certificates to trust, such as your proxy's."
            return PermanentError(f"TMDB's certificate was not accepted: {cause}", asked, advice=trust)
        case requests.exceptions.ChunkedEncodingError() | requests.exceptions.ContentDecodingError():
            return TransientError(f"TMDB's reply broke off or came damaged: {cause}", asked)
        case requests.ConnectionError():
            return TransientError(f"the connection to TMDB failed: {cause}", asked, advice=network)
        case _:
            return PermanentError(f"the request cannot be made: {cause}", asked)


def retry_after(headers: Mapping[str, str], received_at: datetime) -> float | None:
    """Seconds to wait by `Retry-After`, given as seconds or as a date (RFC 9110, 10.2.3); None without one.

    A date is held against the reply's own `Date`, so that a wrong clock here does not matter.
    """
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        return float(text)
    until = _date(text)
    if until is None:
        return None
    return max(0.0, (until - (_date(headers.get("Date", "")) or received_at)).total_seconds())


def malformed(asked: Asked, reply: Reply, what: str, said: str, scrub: Scrub) -> TransientError:
    """A reply without an error that is not `what` it should be, for the reason `said`."""
    problem = f"TMDB answered HTTP {reply.status}, but not with {what}: {scrub(said)}"
    return TransientError(problem, asked, **_facts(reply, _told(reply.body)[0], scrub))


def nothing_new(asked: Asked, page: Page, *, attempts: int) -> TransientError:
    """The error of a page that should have brought shows, and came without a new one `attempts` times."""
    record = page.record
    found = (
        f"{counted(record.rows, 'row')}, all of shows that earlier pages have" if record.rows else "no rows"
    )
    problem = f"TMDB answered page {record.page} with {found}, although the list goes on there"
    error = TransientError(problem, asked, advice=_STALE)
    error.attempts = attempts
    return error


def _facts(reply: Reply, code: int | None, scrub: Scrub) -> _Facts:
    return {"status": reply.status, "code": code, "reply": _excerpt(reply.body, scrub)}


def _page(asked: Asked, reply: Reply, scrub: Scrub) -> Page | TmdbError:
    try:
        return read_page(asked.page or 1, reply.body, reply.headers)
    except MalformedPageError as error:
        return malformed(asked, reply, "the page", str(error), scrub)


def _told(body: bytes) -> tuple[int | None, str | None]:
    """`status_code` and `status_message` of an error body; None for what it does not tell."""
    if b'"status_code"' not in body:
        return None, None
    try:
        told = members(body)
    except MalformedJsonError:
        return None, None
    code = told.get("status_code", b"")
    try:
        message = msgspec.json.decode(told.get("status_message", b"null"), type=str | None)
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


def _root_cause(failure: BaseException) -> str:
    """What the first of a chain of exceptions says: that is what happened. Later ones repeat the URL."""
    while (earlier := failure.__cause__ or failure.__context__) is not None:
        failure = earlier
    return str(failure) or type(failure).__name__
