"""Numbers and days as people write them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from tally_pipeline.days import days_after
from tally_pipeline.plurals import noun

_MONTHS = tuple(
    "January February March April May June July August September October November December".split()
)
_WEEKDAYS = tuple("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split())

_LONGEST_TITLE = 80
"""The most characters of a title in a sentence; tables show all."""

_ISOLATE, _END_ISOLATE = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"
_NO_DIRECTIONS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Unicode's direction controls, which are removed from titles in sentences."""

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
    """First and last day of each unbroken run of days; `days` must be in order."""
    runs: list[tuple[str, str]] = []
    for day in days:
        if runs and days_after(runs[-1][1]) == day:
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    return runs


def day_list(days: Sequence[str], most: int = 6) -> str:
    """`3–5 Oct, 12 Nov`; after `most` runs of days comes the number of the other days."""
    runs = spans(days)
    texts = [_span(first, last) for first, last in runs[-most:]]
    others = sum(1 for day in days if day < runs[-most:][0][0]) if runs else 0
    return ", ".join(texts) + (f" and {counted(others, 'day')} before" if others else "")


def _span(first: str, last: str) -> str:
    if first == last:
        return short_day(first)
    start = first[8:].lstrip("0") if first[:7] == last[:7] else short_day(first)
    return f"{start}{DASH}{short_day(last)}"


def number(value: float, digits: int = 0) -> str:
    """`1,234`; with `digits` `1,234.5`. A zero after rounding has no sign."""
    return f"{value:z,.{digits}f}".replace("-", MINUS)


def signed(value: float, digits: int = 0) -> str:
    """`+12`, `−3`, `0`."""
    text = number(value, digits)
    return f"+{text}" if float(f"{value:.{digits}f}") > 0 else text


def quoted(title: str) -> str:
    """`“A title”`, its writing direction isolated from the text around it; a long one is shortened."""
    text = title.translate(_NO_DIRECTIONS)
    short = text if len(text) <= _LONGEST_TITLE else f"{text[: _LONGEST_TITLE - 1].rstrip()}…"
    return f"“{_ISOLATE}{short}{_END_ISOLATE}”"


def plain(text: str) -> str:
    """A text without the controls that isolate its titles."""
    return text.replace(_ISOLATE, "").replace(_END_ISOLATE, "")


def times(before: float, now: float) -> str:
    """The change of a popularity, without its direction: `×6.7` from double on, else `12 %`, `0.4 %`."""
    if before <= 0:
        return f"from {number(before)}"
    if now >= 2 * before:
        return f"×{number(now / before, 1 if now < 10 * before else 0)}"
    share = 100 * abs(now - before) / before
    return "<0.1 %" if share < 0.05 else f"{number(share, 0 if share >= 9.95 else 1)} %"


def percent(value: float) -> str:
    """A pass rate: never rounded up to 100, which would mean that nothing was rejected."""
    return "100 %" if value == 100 else f"{min(value, 99.99):.2f} %"


def counted(value: int, one: str, many: str | None = None) -> str:
    """`1 show`, `2 shows`."""
    return f"{number(value)} {noun(value, one, many)}"


def ordinal(value: int) -> str:
    """`1st`, `12th`, `23rd`."""
    ending = "th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value}{ending}"


def joined(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
