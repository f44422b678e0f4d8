"""Asks TMDB for one thing, with retries: a page of a list, the genres."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar
from urllib.parse import urlencode

import requests

from tally_pipeline import clock
from tally_pipeline.bronze.list_capture import Page
from tally_pipeline.tmdb.errors import (
    Asked,
    DayOverError,
    RateLimitedError,
    Reply,
    TmdbError,
    TransientError,
    sort_failure,
    sort_reply,
)
from tally_pipeline.tmdb.lists import ShowList
from tally_pipeline.tmdb.rate import RateLimit
from tally_pipeline.tmdb.redaction import redactor
from tally_pipeline.tmdb.settings import TmdbSettings

T = TypeVar("T")

_LONGEST_BACKOFF_SECONDS = 30.0


@dataclass(frozen=True)
class Fetched:
    """What became of one page: the page, the last error, or None if the capture ended before.

    `requests` is how many were sent for it.
    """

    number: int
    outcome: Page | TmdbError | None
    requests: int


class Patience:
    """Asks again and again, as long as that may help; may be used from several threads.

    `stop` ends the capture: whoever waits gives up, and an error that ends captures sets it.
    """

    def __init__(self, settings: TmdbSettings, rate: RateLimit, stop: threading.Event) -> None:
        self._settings = settings
        self._rate = rate
        self._stop = stop

    def until_it_comes(self, ask: Callable[[], T | TmdbError]) -> tuple[T | TmdbError | None, int]:
        """What `ask` gives in the end, and how often it was asked.

        It is asked again until it gives something, its error is permanent, or all attempts are used up. An
        error is returned, not raised; None means that the capture ended before.
        """
        error: TmdbError | None = None
        for attempt in range(1, self._settings.attempts + 1):
            self._rate.wait(self._stop)
            if self._stop.is_set():
                return error, attempt - 1
            outcome = ask()
            if not isinstance(outcome, TmdbError):
                return outcome, attempt
            error = outcome
            error.attempts = attempt
            self._mark_if_too_long(error)
            if error.ends_capture:
                self._stop.set()
                break
            if not isinstance(error, TransientError) or attempt == self._settings.attempts:
                break
            self._hold_off(error, attempt)
        return error, attempt

    def _mark_if_too_long(self, error: TmdbError) -> None:
        longest = self._settings.max_retry_after_seconds
        if isinstance(error, TransientError) and (error.retry_after or 0) > longest:
            error.ends_capture = True
            error.advice = f"Tally waits {longest:g} s at most: run it again when that time is over."

    def _hold_off(self, error: TransientError, attempt: int) -> None:
        """Waits before the next attempt: alone, or with everybody when the server asked for it."""
        seconds = max(error.retry_after or 0.0, backoff(attempt, self._settings.backoff_seconds))
        if isinstance(error, RateLimitedError) or error.retry_after is not None:
            self._rate.pause(seconds)
        else:
            self._stop.wait(seconds)


class PageFetcher:
    """Fetches pages of one list for one capture; may be used from several threads.

    `stop` ends the capture: whoever waits gives up, and an error that ends captures sets it. `day` is the one
    (UTC) on which page 1 must come; None where that does not matter.
    """

    def __init__(
        self,
        session: requests.Session,
        settings: TmdbSettings,
        rate: RateLimit,
        show_list: ShowList,
        stop: threading.Event,
        day: date | None = None,
    ) -> None:
        self._session = session
        self._day = day
        self._settings = settings
        self._stop = stop
        self._patience = Patience(settings, rate, stop)
        self._list_name = show_list.name
        self._url = settings.base_url.rstrip("/") + show_list.path_for(settings.trending_window)
        self._params = {"language": settings.language}
        if show_list.sends_timezone:
            self._params["timezone"] = settings.timezone
        self._scrub = redactor(settings.token, settings.api_key)

    def fetch(self, number: int) -> Fetched:
        """Asks for a page until it comes, its error is permanent, or all attempts are used up.

        An error is returned, not raised.
        """
        outcome, requests_sent = self._patience.until_it_comes(lambda: self._ask(number))
        return Fetched(number, outcome, requests_sent)

    @property
    def attempts(self) -> int:
        """How often a page is asked for at most."""
        return self._settings.attempts

    def hold_off(self, attempt: int) -> None:
        """Waits as one does after a failed attempt; not when the capture has ended."""
        self._stop.wait(backoff(attempt, self._settings.backoff_seconds))

    def asked(self, number: int) -> Asked:
        """What is asked for when page `number` is."""
        return Asked(self._list_name, number, f"{self._url}?{urlencode(self._query(number))}")

    def _query(self, number: int) -> dict[str, str]:
        return {**self._params, "page": str(number)}

    def _ask(self, number: int) -> Page | TmdbError:
        asked = self.asked(number)
        reply = ask_api(self._session, self._settings, asked, self._url, self._query(number))
        if isinstance(reply, TmdbError):
            return reply
        if number == 1 and self._day and reply.received_at.date() > self._day:
            return DayOverError(self._day, asked, reply)
        return sort_reply(asked, reply, source=self._settings.source, scrub=self._scrub)


def backoff(attempt: int, first_seconds: float) -> float:
    """Seconds to wait after a failed attempt (1 is the first): exponential, full jitter, at most 30 s."""
    return random.uniform(0, min(_LONGEST_BACKOFF_SECONDS, first_seconds * 2 ** (attempt - 1)))


def ask_api(
    session: requests.Session, settings: TmdbSettings, asked: Asked, url: str, params: dict[str, str]
) -> Reply | TmdbError:
    """One request to the API, as it was answered; an error when no whole reply came."""
    key = {"api_key": settings.api_key} if settings.api_key and not settings.token else {}
    try:
        response = session.get(
            url, params=params | key, timeout=settings.timeout_seconds, allow_redirects=False
        )
    except requests.RequestException as failure:
        # Returned, not raised: a raised error would carry requests' own along, with the key in its URL.
        scrub = redactor(settings.token, settings.api_key)
        return sort_failure(asked, failure, timeout_seconds=settings.timeout_seconds, scrub=scrub)
    return Reply(response.status_code, response.headers, response.content, clock.now())
