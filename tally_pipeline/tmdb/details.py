"""Fetches what TMDB knows about shows: one request a show, with offers, ids, ratings, keywords and episodes appended.

https://developer.themoviedb.org/reference/tv-series-details and docs/append-to-response: at most 20 parts.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

import msgspec
import requests

from tally_pipeline.bronze import details_capture
from tally_pipeline.bronze.details_capture import APPENDED, Head, Reply
from tally_pipeline.tmdb.classification import classify_response, malformed_response
from tally_pipeline.tmdb.errors import DayOverError, TmdbError
from tally_pipeline.tmdb.exchange import Request, Response
from tally_pipeline.tmdb.fetch import send
from tally_pipeline.tmdb.rate import RateLimit
from tally_pipeline.tmdb.redaction import redactor
from tally_pipeline.tmdb.retries import RetryPolicy
from tally_pipeline.tmdb.settings import TmdbSettings

NAME = "details"


@dataclass(frozen=True)
class Wanted:
    """A show to ask for, and the season whose episodes are wanted with it."""

    show_id: int
    season: int | None = None


@dataclass(frozen=True)
class Answered:
    """The outcome for one show: TMDB's reply (gone ones included), the last error, or None if the capture ended
    before. `requests` is the number that were sent for it."""

    wanted: Wanted
    outcome: Reply | TmdbError | None
    requests: int


class _Shape(msgspec.Struct):
    """The fields of every whole reply. The rest is silver's to judge."""

    id: int
    offers: dict[str, Any] = msgspec.field(name="watch/providers")


_shape = msgspec.json.Decoder(_Shape)


class DetailsFetcher:
    """Fetches the details of shows, so many at a time as there are connections; at most twice as many replies are in
    memory. A capture is of one day (UTC): a reply after the end of `day` ends it.

    `pause` is called before each show in its thread, to let others go first; `keep` with each reply, before that
    thread takes up another show.
    """

    def __init__(
        self,
        session: requests.Session,
        settings: TmdbSettings,
        rate: RateLimit,
        *,
        day: date | None = None,
        pause: Callable[[threading.Event], None] | None = None,
        keep: Callable[[Reply], None] | None = None,
    ) -> None:
        self._session = session
        self._settings = settings
        self._day = day
        self._pause = pause
        self._keep = keep
        self._stop = threading.Event()
        self._retry_policy = RetryPolicy(settings, rate, self._stop)
        self._scrub = redactor(settings.token, settings.api_key)
        self._base = settings.base_url.rstrip("/")

    def fetch(self, wanted: Sequence[Wanted]) -> Generator[Answered]:
        """The outcomes, as they come; after an error that ends captures the others have none."""
        window = 2 * self._settings.connections
        threads = ThreadPoolExecutor(self._settings.connections, thread_name_prefix="tmdb-details")
        under_way: set[Future[Answered]] = set()
        rest = iter(wanted)
        try:
            while True:
                for one in rest:
                    under_way.add(threads.submit(self._fetch_one, one))
                    if len(under_way) >= window:
                        break
                if not under_way:
                    return
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            self._stop.set()
            threads.shutdown(cancel_futures=True)

    def _fetch_one(self, wanted: Wanted) -> Answered:
        if self._pause is not None:
            self._pause(self._stop)
        outcome, sent = self._retry_policy.run(lambda: self._attempt(wanted))
        if self._keep is not None and isinstance(outcome, Reply):
            self._keep(outcome)
        return Answered(wanted, outcome, sent)

    def _attempt(self, wanted: Wanted) -> Reply | TmdbError:
        parts = [*APPENDED, *([] if wanted.season is None else [f"season/{wanted.season}"])]
        params = {"language": self._settings.language, "append_to_response": ",".join(parts)}
        url = f"{self._base}/tv/{wanted.show_id}"
        request = Request(f"details of {wanted.show_id}", None, f"{url}?{urlencode(params, safe=',/')}")
        response = send(self._session, self._settings, request, url, params)
        if isinstance(response, TmdbError):
            return response
        if self._day and response.received_at.date() > self._day:
            return DayOverError(self._day, request, response)
        error = classify_response(request, response, source=self._settings.source, scrub=self._scrub)
        if error is not None and not details_capture.says_gone(error.status, error.code):
            return error
        if error is None and (reason := _mismatch(response.body, wanted.show_id)):
            return malformed_response(request, response, "the show's details", reason, self._scrub)
        return _reply(wanted, response)


def _reply(wanted: Wanted, response: Response) -> Reply:
    head = Head(
        show_id=wanted.show_id,
        status=response.status,
        received_at=response.received_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        sha256=hashlib.sha256(response.body).hexdigest(),
        bytes=len(response.body),
        season=wanted.season,
        etag=response.headers.get("ETag"),
    )
    return Reply(head, response.body)


def _mismatch(body: bytes, show_id: int) -> str:
    """The reason why a reply is not that of the show with its offers; empty if it is."""
    try:
        shape = _shape.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return f"it cannot be read ({error})"
    return "" if shape.id == show_id else f"it is of the show {shape.id}"
