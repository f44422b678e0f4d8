"""The retry policy of requests to TMDB: the number of attempts, and the waits between them."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import TypeVar

from tally_pipeline.tmdb.errors import RateLimitedError, TmdbError, TransientError
from tally_pipeline.tmdb.rate import RateLimit
from tally_pipeline.tmdb.settings import TmdbSettings

T = TypeVar("T")

_LONGEST_BACKOFF_SECONDS = 30.0


class RetryPolicy:
    """Sends a request again for as long as that may help, by the attempts and waits of the settings.

    May be used from several threads. `stop` ends the capture: every wait is broken off, and an error that ends
    captures sets it.
    """

    def __init__(self, settings: TmdbSettings, rate: RateLimit, stop: threading.Event) -> None:
        self._settings = settings
        self._rate = rate
        self._stop = stop

    def run(self, attempt_once: Callable[[], T | TmdbError]) -> tuple[T | TmdbError | None, int]:
        """The outcome of `attempt_once`, and the number of attempts.

        It is called until it gives a result, its error is permanent, or all attempts are used up. An error is
        returned, not raised; None means that the capture ended before.
        """
        error: TmdbError | None = None
        for attempt in range(1, self._settings.attempts + 1):
            self._rate.wait(self._stop)
            if self._stop.is_set():
                return error, attempt - 1
            outcome = attempt_once()
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
            self._back_off(error, attempt)
        return error, attempt

    def _mark_if_too_long(self, error: TmdbError) -> None:
        longest = self._settings.max_retry_after_seconds
        if isinstance(error, TransientError) and (error.retry_after or 0) > longest:
            error.ends_capture = True
            error.advice = f"Tally waits {longest:g} s at most: run it again when that time is over."

    def _back_off(self, error: TransientError, attempt: int) -> None:
        """Waits before the next attempt: this thread alone, or all of them when the server asks for it."""
        seconds = max(error.retry_after or 0.0, backoff(attempt, self._settings.backoff_seconds))
        if isinstance(error, RateLimitedError) or error.retry_after is not None:
            self._rate.pause(seconds)
        else:
            self._stop.wait(seconds)


def backoff(attempt: int, first_seconds: float) -> float:
    """Seconds to wait after a failed attempt (1 is the first): exponential, full jitter, at most 30 s."""
    return random.uniform(0, min(_LONGEST_BACKOFF_SECONDS, first_seconds * 2 ** (attempt - 1)))
