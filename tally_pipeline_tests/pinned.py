"""Sets the day: for what is of some day and no other, and for what happens when one ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from unittest.mock import patch

# Dagster works out by its own clock which partitions there are, and a day that has none cannot be materialized. Its
# freezing of time for tests is as private, and stops the clock that retries wait by.
from dagster import _time as dagsters

from tally_pipeline import clock

_real = clock.now


class Clock:
    """A clock that goes on from the moment it was set to; a date is its noon (UTC)."""

    def __init__(self, at: date) -> None:
        self.set(at)

    def set(self, at: date) -> None:
        moment = at if isinstance(at, datetime) else datetime.combine(at, time(12), UTC)
        self._ahead: timedelta = moment - _real()

    def now(self) -> datetime:
        return _real() + self._ahead


@contextmanager
def pinned(at: date) -> Iterator[Clock]:
    """Within it, it is `at` for Tally and for Dagster in this process; the clock may be set again meanwhile.

    Files' times, DuckDB's `current_date` and other processes stay as they are.
    """
    of_test = Clock(at)
    with (
        patch.object(clock, "now", of_test.now),
        patch.object(dagsters, "_mockable_get_current_datetime", of_test.now),
        patch.object(dagsters, "_mockable_get_current_timestamp", lambda: of_test.now().timestamp()),
    ):
        yield of_test
