"""Downloads TMDB's daily exports: one gzip file a day of every series' id, name and popularity.

https://developer.themoviedb.org/docs/daily-id-exports: no key is needed, so none is sent. The files are written
from about 07:00 UTC, there by 08:00, and kept for about 90 days.
"""

from __future__ import annotations

import hashlib
import threading
import time
import zlib
from dataclasses import dataclass
from datetime import date, datetime
from types import TracebackType
from typing import Self

import requests
import urllib3.exceptions

from tally_pipeline import __version__, clock
from tally_pipeline.bronze.rawjson import beginning
from tally_pipeline.bronze.receipt import Receipt
from tally_pipeline.tmdb.classification import classify_exception, classify_response, malformed_response
from tally_pipeline.tmdb.errors import (
    MissingExportError,
    NotInSandboxError,
    NotYetThereError,
    SandboxMistakenError,
    TmdbError,
    TransientError,
)
from tally_pipeline.tmdb.exchange import Request, Response
from tally_pipeline.tmdb.rate import RateLimit
from tally_pipeline.tmdb.redaction import redactor
from tally_pipeline.tmdb.retries import RetryPolicy
from tally_pipeline.tmdb.session import open_session
from tally_pipeline.tmdb.settings import TmdbSettings

DAYS_KEPT = 90
"""The number of days before today of which TMDB keeps exports."""

SERIES = "tv_series_ids"
"""The beginning of the name of the file of all series."""

_PIECE = 1 << 18
_GZIP = zlib.MAX_WBITS | 16
_GZIP_MAGIC = b"\x1f\x8b"
_KEPT_HEADERS = ("Content-Type", "Content-Length", "ETag", "Last-Modified", "Date", "Age", "Cache-Control")
_ERROR_BYTES = 4096
"""Bytes of a response that is no file that are read for the message."""


@dataclass(frozen=True)
class ExportFile:
    """One day's file, byte for byte as it came, whole by its length and its gzip checksums.

    `started_at` is aware, in UTC. `headers` are those of the response that describe the file.
    """

    day: date
    url: str
    body: bytes
    headers: dict[str, str]
    started_at: datetime
    source: str
    requests: int
    duration_seconds: float

    def receipt(self, execution_id: str) -> Receipt:
        """The receipt that is kept beside the file."""
        return Receipt(
            dt=self.day.isoformat(),
            url=self.url,
            bytes=len(self.body),
            sha256=hashlib.sha256(self.body).hexdigest(),
            headers=self.headers,
            ingestion_timestamp=self.started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            execution_id=execution_id,
            source=self.source,
            client=f"tally/{__version__}",
            requests=self.requests,
            duration_seconds=self.duration_seconds,
        )


@dataclass(frozen=True)
class _Downloaded:
    body: bytes
    headers: dict[str, str]


class ExportClient:
    """Downloads exports from the URL of the settings; close it, or use it in a `with`.

    `rate` is shared by all clients of a process; without one the client has its own, by its settings.
    """

    def __init__(self, settings: TmdbSettings, rate: RateLimit | None = None) -> None:
        self.settings = settings
        self._rate = rate or RateLimit(settings.requests_per_second)
        self._scrub = redactor(settings.token, settings.api_key)
        self._session = open_session(settings.exports, token=None, connections=1)
        # The file is gzip by itself: nothing may pack it once more, or unpack it on the way.
        self._session.headers.update({"Accept": "*/*", "Accept-Encoding": "identity"})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the kept-alive connection."""
        self._session.close()

    def fetch(self, day: date, *, today: date, file: str = SERIES) -> ExportFile:
        """Downloads the export of `day`: of series, or of what the name of TMDB's `file` says. Raises `TmdbError`.

        `MissingExportError` when TMDB has none of a past day; `NotYetThereError`, which is transient, when it has
        none of `today` (UTC) yet.
        """
        url = export_url(self.settings, day, file)
        request = Request("series_export" if file == SERIES else file, None, url)
        started_at, began = clock.now(), time.monotonic()
        retry_policy = RetryPolicy(self.settings, self._rate, threading.Event())
        outcome, attempts = retry_policy.run(lambda: self._attempt(request, day, today))
        if outcome is None:
            raise TransientError("the export was not asked for", request)
        if isinstance(outcome, TmdbError):
            raise outcome from None
        seconds = round(time.monotonic() - began, 3)
        return ExportFile(
            day, url, outcome.body, outcome.headers, started_at, self.settings.source, attempts, seconds
        )

    def is_there(self, day: date) -> bool:
        """True if the export of `day` can be downloaded now. Sends one request; False without a response."""
        url, timeout = export_url(self.settings, day), self.settings.timeout_seconds
        try:
            with self._session.get(url, stream=True, timeout=timeout, allow_redirects=False) as response:
                return response.status_code == 200
        except requests.RequestException:
            return False

    def _attempt(self, request: Request, day: date, today: date) -> _Downloaded | TmdbError:
        timeout = self.settings.timeout_seconds
        try:
            with self._session.get(
                request.url, stream=True, timeout=timeout, allow_redirects=False
            ) as response:
                if response.status_code != 200:
                    text = response.raw.read(_ERROR_BYTES, decode_content=True)
                    return self._error_of(request, _response(response, text), day, today)
                body = b"".join(response.raw.stream(_PIECE, decode_content=False))
        except urllib3.exceptions.ReadTimeoutError:
            return TransientError(f"the download stood still for {timeout:g} s", request)
        except urllib3.exceptions.HTTPError as exception:
            return TransientError(f"the download broke off: {self._scrub(str(exception))}", request)
        except requests.RequestException as exception:
            return classify_exception(request, exception, timeout_seconds=timeout, scrub=self._scrub)
        return self._checked_file(request, _response(response, body))

    def _error_of(self, request: Request, response: Response, day: date, today: date) -> TmdbError:
        """The error of a response that is no file."""
        error = classify_response(request, response, source=self.settings.source, scrub=self._scrub)
        # Without a file, a plain file server answers 404, and one that hides its listing 403.
        if response.status in (403, 404) and not isinstance(error, SandboxMistakenError):
            if self.settings.source == "sandbox" and f"/{SERIES}_" not in request.url:
                return NotInSandboxError(f"there is no {request.list_name}", request, status=response.status)
            if day >= today:
                return NotYetThereError(
                    f"the export of {day} is not there yet", request, status=response.status
                )
            return MissingExportError(f"TMDB has no export of {day}", request, status=response.status)
        return error or malformed_response(
            request, response, "the file", f"HTTP {response.status} holds none", self._scrub
        )

    def _checked_file(self, request: Request, response: Response) -> _Downloaded | TmdbError:
        """The file, if it is whole and comes from where it should."""
        headless = Response(response.status, response.headers, b"", response.received_at)
        error = classify_response(request, headless, source=self.settings.source, scrub=self._scrub)
        if error is not None:
            return error
        promised = response.headers.get("Content-Length", "")
        if promised.isdecimal() and int(promised) != len(response.body):
            reason = f"{promised} bytes were promised and {len(response.body)} came"
            return malformed_response(request, response, "the whole file", reason, self._scrub)
        damage = gzip_damage(response.body)
        if damage is not None:
            return malformed_response(request, response, "a whole gzip file", damage, self._scrub)
        headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        return _Downloaded(response.body, headers)


def export_url(settings: TmdbSettings, day: date, file: str = SERIES) -> str:
    """The URL of the export of a day."""
    return f"{settings.exports}/{file}_{day:%m_%d_%Y}.json.gz"


def gzip_damage(body: bytes) -> str | None:
    """The damage of a gzip file by its checksums, in words; None when it is whole."""
    if not body.startswith(_GZIP_MAGIC):
        return f"it is no gzip{beginning(body)}" if body.strip() else "it is empty"
    member = zlib.decompressobj(_GZIP)
    for start in range(0, len(body), _PIECE):
        piece = body[start : start + _PIECE]
        while piece:
            if member.eof:  # a file may be several in a row
                member = zlib.decompressobj(_GZIP)
            try:
                member.decompress(piece)
            except zlib.error as error:
                return f"its gzip is broken ({error})"
            piece = member.unused_data if member.eof else b""
    return None if member.eof else f"its gzip breaks off after {len(body)} bytes"


def _response(response: requests.Response, body: bytes) -> Response:
    return Response(response.status_code, response.headers, body, clock.now())
