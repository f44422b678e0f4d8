"""Cron a second way: every minute is asked whether it is one of the expression's."""

from __future__ import annotations

from datetime import datetime, timedelta


def latest_by_minutes(expression: str, until: datetime) -> datetime:
    """The last minute at or before `until` that the five fields name. Numbers, `*`, lists, ranges and steps."""
    minute, hour, day, month, weekday = expression.split()
    at = until.replace(second=0, microsecond=0)
    while True:
        if not (_has(month, at.month, 1, 12) and _has_day(day, weekday, at)):
            at = at.replace(hour=0, minute=0) - timedelta(minutes=1)
        elif not _has(hour, at.hour, 0, 23):
            at = at.replace(minute=0) - timedelta(minutes=1)
        elif not _has(minute, at.minute, 0, 59):
            at -= timedelta(minutes=1)
        else:
            return at


def _has_day(day: str, weekday: str, at: datetime) -> bool:
    """Where both the day and the weekday are narrowed, either is enough: crontab(5)."""
    by_day, by_weekday = _has(day, at.day, 1, 31), _has(weekday, at.isoweekday() % 7, 0, 6)
    narrowed = _is_narrowed(day, 1, 31) and _is_narrowed(weekday, 0, 6)
    return by_day or by_weekday if narrowed else by_day and by_weekday


def _is_narrowed(field: str, least: int, most: int) -> bool:
    return not all(_has(field, value, least, most) for value in range(least, most + 1))


def _has(field: str, value: int, least: int, most: int) -> bool:
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        begin, end = (least, most) if span == "*" else (int(first), int(last or first))
        if begin <= value <= end and (value - begin) % int(step or 1) == 0:
            return True
    return False
