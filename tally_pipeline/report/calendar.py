"""The calendar of captures: one square a day, weeks as columns, shaded by pass rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tally_pipeline.report.formatting import counted, day_list, long_day, percent, short_day
from tally_pipeline.report.inputs import Inputs

CELL, PITCH = 14, 17
_LEFT, _TOP = 30, 18
_MONTH_WIDTH = 24

LEGEND = (
    ("pass-all", "every row passed"),
    ("pass-high", "99 % or more"),
    ("pass-mid", "95 % or more"),
    ("pass-low", "less"),
    ("held", "held back"),
    ("missing", "no data"),
)
"""Classes of the squares, and their meanings."""


@dataclass(frozen=True)
class Square:
    """A day: the place of its square, its class, and its tooltip."""

    x: int
    y: int
    kind: str
    tip: str
    last: bool


@dataclass(frozen=True)
class Calendar:
    """One list's calendar, in the SVG's own units."""

    title: str
    summary: str
    width: int
    height: int
    squares: Sequence[Square]
    months: Sequence[tuple[int, str]]
    weekdays: Sequence[tuple[int, str]]


def calendars(inputs: Inputs) -> list[Calendar]:
    """A calendar for each list."""
    return [_calendar(inputs, one.name, one.title) for one in inputs.lists]


def _calendar(inputs: Inputs, data_type: str, title: str) -> Calendar:
    first = date.fromisoformat(inputs.days[0])
    monday = first - timedelta(days=first.weekday())
    squares, months = [], []
    for day in inputs.days:
        on = date.fromisoformat(day)
        column = (on - monday).days // 7
        x, y = _LEFT + column * PITCH, _TOP + on.weekday() * PITCH
        kind, tip = _describe(inputs, data_type, day)
        squares.append(Square(x, y, kind, tip, day == inputs.day))
        if on.day == 1:
            months.append((x, short_day(day)[2:]))
    columns = (date.fromisoformat(inputs.day) - monday).days // 7 + 1
    return Calendar(
        title=title,
        summary=_summary(inputs, data_type),
        width=_LEFT + columns * PITCH,
        height=_TOP + 7 * PITCH,
        squares=squares,
        months=[(min(x, _LEFT + columns * PITCH - _MONTH_WIDTH), name) for x, name in months],
        weekdays=[(_TOP + row * PITCH + 11, name) for row, name in ((0, "Mon"), (2, "Wed"), (4, "Fri"))],
    )


def _describe(inputs: Inputs, data_type: str, day: str) -> tuple[str, str]:
    state, on = inputs.state(data_type, day), long_day(day)
    if state == "before":
        return "before", f"{on}: before the first capture"
    if state == "missing":
        return "missing", f"{on}: no data"
    quality = inputs.quality_by_day.get((data_type, day))
    counts = quality if quality and quality["rows"] else None
    if state == "held back":
        passed = (
            f", {percent(counts['pass_rate'])} of {counted(counts['rows'], 'row')} passed" if counts else ""
        )
        return "held", f"{on}: captured, not published{passed}"
    shows = counted(inputs.shows_by_day[data_type, day], "show")
    if counts is None:
        return "unknown", f"{on}: {shows}; the pass rate is not recorded"
    rate = counts["pass_rate"]
    rejected = f", {counted(counts['quarantined'], 'row')} quarantined" if counts["quarantined"] else ""
    partial = "; the capture is partial" if counts["verdict"] == "partial" else ""
    return _shade(rate), f"{on}: {shows}, {percent(rate)} passed{rejected}{partial}"


def _shade(rate: float) -> str:
    if rate == 100:
        return "pass-all"
    return "pass-high" if rate >= 99 else "pass-mid" if rate >= 95 else "pass-low"


def _summary(inputs: Inputs, data_type: str) -> str:
    begun = [day for day in inputs.days if inputs.state(data_type, day) != "before"]
    if not begun:
        return "No data yet."
    published = sum(1 for day in begun if inputs.state(data_type, day) == "published")
    rates = [
        (row["pass_rate"], day)
        for day in begun
        if (row := inputs.quality_by_day.get((data_type, day))) and row["rows"]
    ]
    text = f"{published} of {counted(len(begun), 'day')} published"
    if rates:
        rate, day = min(rates)
        text += f", lowest pass rate {percent(rate)}" + (f" on {short_day(day)}" if rate < 100 else "")
    missing = [day for day in begun if inputs.state(data_type, day) == "missing"]
    held_back = [day for day in begun if inputs.state(data_type, day) == "held back"]
    text += "."
    text += f" No data: {day_list(missing)}." if missing else ""
    text += f" Held back: {day_list(held_back)}." if held_back else ""
    return text
