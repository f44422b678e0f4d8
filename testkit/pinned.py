"""Pins the clock, for tests that need a certain day, or the end of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, time, timedelta
from time import sleep
from typing import Any
from unittest.mock import patch

# Dagster computes the partitions by its own clock, and a day without one cannot be materialized. Its own freezing of
# time for tests is private too, and stops the clock that retries wait by.
from dagster import _time as dagsters

from tally_pipeline import clock

real_now = clock.now
"""The real time, as in other processes, and in DuckDB in this one."""


LONGEST_SESSION = timedelta(hours=2)
LONGEST_TEST = timedelta(minutes=6)
"""On a slow machine: the pipeline on emulated AWS, from apply to destroy."""


class Clock:
    """A clock that goes on from the moment it was set to; a date is its noon (UTC)."""

    def __init__(self, at: date) -> None:
        self.set(at)

    def set(self, at: date) -> None:
        moment = at if isinstance(at, datetime) else datetime.combine(at, time(12), UTC)
        self._ahead: timedelta = moment - real_now()

    def now(self) -> datetime:
        return real_now() + self._ahead


def hold_the_day() -> None:
    """Move a session that begins late in the day to an earlier time, so that fixtures and tests share one day."""
    now = real_now()
    left = datetime.combine(now.date() + timedelta(days=1), time(), UTC) - now
    if left < LONGEST_SESSION:
        earlier = Clock(now - (LONGEST_SESSION - left))
        for patched in _telling(earlier.now):
            patched.start()


def wait_for_a_day_with_time_left() -> None:
    """Sleep past midnight (UTC, by the machine's clock) where less than the longest test is left of the day."""
    now = real_now()
    left = datetime.combine(now.date() + timedelta(days=1), time(), UTC) - now
    if left < LONGEST_TEST:
        sleep(left.total_seconds() + 1)


@contextmanager
def pinned(at: date) -> Iterator[Clock]:
    """Sets the time to `at` for Tally and for Dagster in this process; the clock may be set again meanwhile.

    Files' times, DuckDB's `current_date` and other processes are unaffected.
    """
    of_test = Clock(at)
    with ExitStack() as stack:
        for patched in _telling(of_test.now):
            stack.enter_context(patched)
        yield of_test


def _telling(now: Callable[[], datetime]) -> list[Any]:
    """Patches, not started yet, that make Tally and Dagster use `now`."""
    return [
        patch.object(clock, "now", now),
        patch.object(dagsters, "_mockable_get_current_datetime", now),
        patch.object(dagsters, "_mockable_get_current_timestamp", lambda: now().timestamp()),
    ]
