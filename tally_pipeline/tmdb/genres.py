"""Fetches TMDB's list of TV genres."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode

import requests

from tally_pipeline import __version__, clock
from tally_pipeline.bronze import genre_reply
from tally_pipeline.bronze.genre_reply import Metadata, UnreadableGenresError
from tally_pipeline.tmdb.classification import classify_response, malformed_response
from tally_pipeline.tmdb.errors import DayOverError, TmdbError, TransientError
from tally_pipeline.tmdb.exchange import Request, Response
from tally_pipeline.tmdb.fetch import send
from tally_pipeline.tmdb.rate import RateLimit
from tally_pipeline.tmdb.redaction import redactor
from tally_pipeline.tmdb.retries import RetryPolicy
from tally_pipeline.tmdb.settings import TmdbSettings


@dataclass(frozen=True)
class GenresCapture:
    """The list of genres as TMDB served it; `started_at` is aware, in UTC."""

    reply: Response
    started_at: datetime
    language: str
    source: str

    def to_bronze(self, execution_id: str) -> bytes:
        """The capture as a bronze object: TMDB's reply byte for byte, and `_metadata`."""
        headers = self.reply.headers
        metadata = Metadata(
            ingestion_timestamp=self.started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            execution_id=execution_id,
            source=self.source,
            client=f"tally/{__version__}",
            endpoint=genre_reply.PATH,
            language=self.language,
            etag=headers.get("ETag"),
            date=headers.get("Date"),
            age=headers.get("Age"),
        )
        return genre_reply.encode(self.reply.body, metadata)


def capture_genres(
    session: requests.Session, settings: TmdbSettings, rate: RateLimit, day: date | None = None
) -> GenresCapture:
    """The list of genres in the language of the settings; raises `TmdbError`, also where it comes after `day`."""
    started_at, params = clock.now(), {"language": settings.language}
    url = settings.base_url.rstrip("/") + genre_reply.PATH
    request = Request("genres", None, f"{url}?{urlencode(params)}")
    scrub = redactor(settings.token, settings.api_key)

    def attempt() -> Response | TmdbError:
        response = send(session, settings, request, url, params)
        if isinstance(response, TmdbError):
            return response
        if day and response.received_at.date() > day:
            return DayOverError(day, request, response)
        error = classify_response(request, response, source=settings.source, scrub=scrub)
        if error is not None:
            return error
        try:
            genre_reply.check_reply(response.body)
        except UnreadableGenresError as unreadable:
            return malformed_response(request, response, "the genres", str(unreadable), scrub)
        return response

    outcome, _ = RetryPolicy(settings, rate, threading.Event()).run(attempt)
    if outcome is None:
        raise TransientError("the genres were not asked for", request)
    if isinstance(outcome, TmdbError):
        # Its cause would be requests' own error, with the key in its URL.
        raise outcome from None
    return GenresCapture(outcome, started_at, settings.language, settings.source)
