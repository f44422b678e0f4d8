"""Arithmetic of days as the lake writes them: text, YYYY-MM-DD. Each raises `ValueError` for text that is no day."""

from __future__ import annotations

from datetime import date, timedelta


def days_after(day: str, days: int = 1) -> str:
    """The day `days` later."""
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def days_before(day: str, days: int = 1) -> str:
    """The day `days` earlier."""
    return days_after(day, -days)


def days_through(last: str, count: int) -> list[str]:
    """`count` days in a row, oldest first, up to `last`."""
    return [days_before(last, ago) for ago in reversed(range(count))]


def days_between(first: str, last: str) -> int:
    """The number of days from `first` to `last`."""
    return (date.fromisoformat(last) - date.fromisoformat(first)).days
