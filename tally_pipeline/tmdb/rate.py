"""One rate limit for all requests of a process."""

from __future__ import annotations

import threading
import time


class RateLimit:
    """Hands out evenly spaced slots, `requests_per_second` of them a second, to any number of threads.

    TMDB counts by address (about 40 requests a second, https://developer.themoviedb.org/docs/rate-limiting),
    so every client of a process is given the same `RateLimit`. Unused slots are not saved up: no bursts.
    Raises `ValueError` when the rate is not above zero.
    """

    def __init__(self, requests_per_second: float) -> None:
        if not requests_per_second > 0:
            raise ValueError(f"requests_per_second is {requests_per_second}; give a number above 0")
        self._interval = 1 / requests_per_second
        self._lock = threading.Lock()
        self._next_slot = 0.0
        self._paused_until = 0.0

    def wait(self, stop: threading.Event | None = None) -> None:
        """Blocks until the caller's slot, or until `stop` is set."""
        slot = self._reserve()
        while True:
            _sleep(slot - time.monotonic(), stop)
            with self._lock:
                if slot >= self._paused_until or (stop and stop.is_set()):
                    return
            # A pause began after this slot was reserved: it holds for those already waiting as well.
            slot = self._reserve()

    def pause(self, seconds: float) -> None:
        """Lets nobody start for so many seconds from now; a longer pause already going on stays."""
        with self._lock:
            self._paused_until = max(self._paused_until, time.monotonic() + seconds)
            self._next_slot = max(self._next_slot, self._paused_until)

    def _reserve(self) -> float:
        with self._lock:
            slot = max(self._next_slot, time.monotonic())
            self._next_slot = slot + self._interval
            return slot


def _sleep(seconds: float, stop: threading.Event | None) -> None:
    if seconds <= 0:
        return
    if stop is None:
        time.sleep(seconds)
    else:
        stop.wait(seconds)
