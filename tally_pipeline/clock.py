"""The only reader of the machine's clock, so that tests can set day and time."""

from __future__ import annotations

from datetime import UTC, date, datetime


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def today() -> date:
    """Today in UTC: the only day whose lists TMDB serves."""
    return now().date()
