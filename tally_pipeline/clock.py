"""The one clock: nothing else asks the machine what day or time it is, so that tests can say it."""

from __future__ import annotations

from datetime import UTC, date, datetime


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def today() -> date:
    """Today in UTC: the only day of which TMDB serves lists."""
    return now().date()
