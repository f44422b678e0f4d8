"""Numbers and days as people write them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

_MONTHS = tuple(
    "January February March April May June July August September October November December".split()
)
_WEEKDAYS = tuple("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split())

MINUS = "\N{MINUS SIGN}"
DASH = "–"


def long_day(day: str) -> str:
    """`Tuesday 24 November 2026`."""
    on = date.fromisoformat(day)
    return f"{_WEEKDAYS[on.weekday()]} {on.day} {_MONTHS[on.month - 1]} {on.year}"


def short_day(day: str) -> str:
    """`24 Nov`."""
    on = date.fromisoformat(day)
    return f"{on.day} {_MONTHS[on.month - 1][:3]}"


def spans(days: Sequence[str]) -> list[tuple[str, str]]:
    """First and last day of each unbroken run of days; `days` in order."""
    found: list[tuple[str, str]] = []
    for day in days:
        if found and next_day(found[-1][1]) == day:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def next_day(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def day_list(days: Sequence[str], most: int = 6) -> str:
    """`3–5 Oct, 12 Nov`; after `most` runs of days it says how many days there are besides."""
    runs = spans(days)
    said = [_span(first, last) for first, last in runs[-most:]]
    left = sum(1 for day in days if day < runs[-most:][0][0]) if runs else 0
    return ", ".join(said) + (f" and {left} days before" if left else "")


def _span(first: str, last: str) -> str:
    if first == last:
        return short_day(first)
    start = first[8:].lstrip("0") if first[:7] == last[:7] else short_day(first)
    return f"{start}{DASH}{short_day(last)}"


def number(value: float, digits: int = 0) -> str:
    """`1,234`; with `digits` `1,234.5`. What rounds to nothing has no sign."""
    return f"{value:z,.{digits}f}".replace("-", MINUS)


def signed(value: float, digits: int = 0) -> str:
    """`+12`, `−3`, `0`."""
    text = number(value, digits)
    return f"+{text}" if float(f"{value:.{digits}f}") > 0 else text


def percent(value: float) -> str:
    """A pass rate: never rounded up to 100, for that would say that nothing was rejected."""
    return "100 %" if value == 100 else f"{min(value, 99.99):.2f} %"


def counted(value: int, one: str, many: str | None = None) -> str:
    """`1 show`, `2 shows`."""
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


def ordinal(value: int) -> str:
    """`1st`, `12th`, `23rd`."""
    ending = "th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value}{ending}"


def joined(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
