"""One rate limit for all requests of a process."""

from __future__ import annotations

import threading
import time


class RateLimit:
    """Hands out evenly spaced slots, `requests_per_second` of them a second, to any number of threads.

    TMDB counts by address (about 40 requests a second, https://developer.themoviedb.org/docs/rate-limiting),
    so every client of a process is given the same `RateLimit`. Unused slots are not saved up: no bursts, not even of
    threads that a busy machine wakes all at once. Raises `ValueError` when the rate is not above zero.
    """

    def __init__(self, requests_per_second: float) -> None:
        if not requests_per_second > 0:
            raise ValueError(f"requests_per_second is {requests_per_second}; give a number above 0")
        self._interval = 1 / requests_per_second
        self._lock = threading.Lock()
        self._next_slot = time.monotonic()
        self._waiting: list[object] = []

    def wait(self, stop: threading.Event | None = None) -> None:
        """Blocks until the caller has a slot, or until `stop` is set. First come, first served."""
        me, waited = object(), False
        with self._lock:
            self._waiting.append(me)
        try:
            while not (stop and stop.is_set()) and (seconds := self._until_mine(me, waited)) > 0:
                _sleep(seconds, stop)
                waited = True
        finally:
            with self._lock:
                self._waiting.remove(me)

    def pause(self, seconds: float) -> None:
        """Gives out no slot for `seconds` from now; a longer pause in progress stays."""
        with self._lock:
            self._next_slot = max(self._next_slot, time.monotonic() + seconds)

    def _until_mine(self, me: object, waited: bool) -> float:
        """Seconds until the caller's slot; 0 when it has come, and is taken."""
        with self._lock:
            now, before_me = time.monotonic(), self._waiting.index(me)
            if before_me or now < self._next_slot:
                return max(0.0, self._next_slot - now) + before_me * self._interval
            # A waiting thread wakes a little late. Up to one slot of that costs the next thread nothing.
            late = self._interval if waited else 0.0
            self._next_slot = max(self._next_slot, now - late) + self._interval
            return 0.0


def _sleep(seconds: float, stop: threading.Event | None) -> None:
    if stop is None:
        time.sleep(seconds)
    else:
        stop.wait(seconds)
