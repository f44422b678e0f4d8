"""Sends requests to TMDB's API and makes pages of lists from the responses."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

import requests

from tally_pipeline import clock
from tally_pipeline.bronze.list_capture import MalformedPageError, Page, read_page
from tally_pipeline.tmdb.classification import classify_exception, classify_response, malformed_response
from tally_pipeline.tmdb.errors import DayOverError, TmdbError
from tally_pipeline.tmdb.exchange import Request, Response
from tally_pipeline.tmdb.lists import ShowList
from tally_pipeline.tmdb.rate import RateLimit
from tally_pipeline.tmdb.redaction import Scrub, redactor
from tally_pipeline.tmdb.retries import RetryPolicy, backoff
from tally_pipeline.tmdb.settings import TmdbSettings


@dataclass(frozen=True)
class Fetched:
    """The outcome for one page: the page, the last error, or None if the capture ended before.

    `requests` is the number that were sent for it.
    """

    number: int
    outcome: Page | TmdbError | None
    requests: int


class PageFetcher:
    """Fetches pages of one list for one capture; may be used from several threads.

    `stop` ends the capture: every wait is broken off, and an error that ends captures sets it. `day` is the day (UTC)
    on which page 1 must come; None where that does not matter.
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
        self._retry_policy = RetryPolicy(settings, rate, stop)
        self._list_name = show_list.name
        self._url = settings.base_url.rstrip("/") + show_list.path_for(settings.trending_window)
        self._params = {"language": settings.language}
        if show_list.sends_timezone:
            self._params["timezone"] = settings.timezone
        self._scrub = redactor(settings.token, settings.api_key)

    def fetch(self, number: int) -> Fetched:
        """Requests a page until it comes, its error is permanent, or all attempts are used up.

        An error is returned, not raised.
        """
        outcome, requests_sent = self._retry_policy.run(lambda: self._attempt(number))
        return Fetched(number, outcome, requests_sent)

    @property
    def attempts(self) -> int:
        """The most requests for one page."""
        return self._settings.attempts

    def back_off(self, attempt: int) -> None:
        """Waits as after a failed attempt, unless the capture has ended."""
        self._stop.wait(backoff(attempt, self._settings.backoff_seconds))

    def request_for(self, number: int) -> Request:
        """The request for page `number`."""
        return Request(self._list_name, number, f"{self._url}?{urlencode(self._query(number))}")

    def _query(self, number: int) -> dict[str, str]:
        return {**self._params, "page": str(number)}

    def _attempt(self, number: int) -> Page | TmdbError:
        request = self.request_for(number)
        response = send(self._session, self._settings, request, self._url, self._query(number))
        if isinstance(response, TmdbError):
            return response
        if number == 1 and self._day and response.received_at.date() > self._day:
            return DayOverError(self._day, request, response)
        return page_from(request, response, source=self._settings.source, scrub=self._scrub)


def page_from(request: Request, response: Response, *, source: str, scrub: Scrub) -> Page | TmdbError:
    """The page that a response holds, or its error.

    `source` is what should have answered, "tmdb" or "sandbox". Pure: the same response gives the same answer.
    """
    error = classify_response(request, response, source=source, scrub=scrub)
    if error is not None:
        return error
    try:
        return read_page(request.page or 1, response.body, response.headers)
    except MalformedPageError as malformed:
        return malformed_response(request, response, "the page", str(malformed), scrub)


def send(
    session: requests.Session, settings: TmdbSettings, request: Request, url: str, params: dict[str, str]
) -> Response | TmdbError:
    """Sends one request to the API; the response whatever its status, or an error where no whole one came."""
    key = {"api_key": settings.api_key} if settings.api_key and not settings.token else {}
    try:
        response = session.get(
            url, params=params | key, timeout=settings.timeout_seconds, allow_redirects=False
        )
    except requests.RequestException as exception:
        # Returned, not raised: a raised error would carry requests' own along, with the key in its URL.
        scrub = redactor(settings.token, settings.api_key)
        return classify_exception(request, exception, timeout_seconds=settings.timeout_seconds, scrub=scrub)
    return Response(response.status_code, response.headers, response.content, clock.now())
