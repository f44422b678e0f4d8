"""The times of cron expressions as Dagster reads them: an expression accepted here fires there at the same times.

All times are UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import dagster as dg

LEAST_BETWEEN = timedelta(minutes=15)
"""A failing capture is retried for 7 minutes, and takes some itself: the next must not begin meanwhile."""

_LOOKED_AT = 200
"""The number of times that are compared for two that are too close: after that, days repeat."""

_BEGIN = datetime(2000, 1, 1, tzinfo=UTC)

_NEVER = "that date never comes"

_RANDOM = re.compile(r"(?<![a-z0-9])[rh](?![a-z])", re.IGNORECASE)
"""Jenkins's `H` and `R`, which mean another time at each reading."""


class CronError(ValueError):
    """The expression is invalid or cannot work; the message gives the reason, without the expression."""


def check(expression: str, now: datetime) -> None:
    """Raise `CronError` unless the expression fires at some time, and never twice within `LEAST_BETWEEN`."""
    if not expression.isascii():
        raise CronError("its digits must be 0 to 9")
    if _RANDOM.search(expression):
        raise CronError("H and R stand for a random time")
    if not _is_valid(expression):
        if expression.startswith("@"):
            raise CronError("of the names with @ there are @hourly, @daily, @weekly and @monthly")
        if _is_valid(_with(expression, month="*")) and _is_valid(_with(expression, day="1")):
            raise CronError(_NEVER)
        raise CronError("it is no such expression, or has a number that is out of range")
    windows = _windows(expression)
    previous = None
    for _ in range(_LOOKED_AT):
        try:
            window = windows.get_next_partition_window(previous or now, respect_bounds=False)
        except ValueError:  # the search for a date gave up
            window = None
        if window is None:
            break
        if previous is not None and window.end - previous < LEAST_BETWEEN:
            raise CronError(f"it fires more often than every {LEAST_BETWEEN.seconds // 60} minutes")
        previous = window.end
    if previous is None:
        raise CronError(_NEVER)


def latest(expression: str, until: datetime) -> datetime:
    """The last time at or before `until` (aware) at which a valid expression fires, in UTC."""
    window = _windows(expression).get_prev_partition_window(until, respect_bounds=False)
    assert window is not None, f"{expression!r} did not fire between {_BEGIN} and {until}"
    return window.end.astimezone(UTC)


def _is_valid(expression: str) -> bool:
    try:
        _windows(expression)
    except dg.DagsterInvalidDefinitionError:
        return False
    return True


def _with(expression: str, *, day: str | None = None, month: str | None = None) -> str:
    """The expression with another day of the month, or another month."""
    given = {2: day, 3: month}
    return " ".join(given.get(place) or field for place, field in enumerate(expression.split()))


def _windows(expression: str) -> dg.TimeWindowPartitionsDefinition:
    """The time windows between the expression's times: Dagster's only public class that iterates over them."""
    return dg.TimeWindowPartitionsDefinition(
        start=_BEGIN, fmt="%Y-%m-%dT%H:%M", cron_schedule=expression, timezone="UTC"
    )
