"""The page's section of dates to come: the seasons that become complete, and the dates that moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tally_pipeline.days import days_after
from tally_pipeline.report.formatting import counted, joined, short_day
from tally_pipeline.report.inputs import Inputs, Row

WEEK, MONTH = 7, 28
"""Days from the report's on, itself included: those shown at first, and those that a click shows."""

MOST_MOVED = 60


@dataclass(frozen=True)
class Release:
    """An episode or season with its day."""

    day: str
    on: str
    title: str
    what: str
    networks: str
    moved: str


@dataclass(frozen=True)
class Releases:
    """The section: seasons that become complete within a week and after it, dates that moved, and a note."""

    complete: Sequence[Release]
    later: Sequence[Release]
    moved: Sequence[Release]
    note: str


def releases(inputs: Inputs) -> Releases:
    """The seasons that become complete within four weeks, and the dates that moved."""
    if inputs.calendar is None:
        return Releases((), (), (), _waiting(inputs))
    rows = sorted(
        inputs.calendar.to_pylist(), key=lambda row: (row["air_date"], row["title"] or "", row["show_id"])
    )
    complete = [row for row in rows if row["completes_season"] and row["days_until"] < MONTH]
    week = [_release(row) for row in complete if row["days_until"] < WEEK]
    later = [_release(row) for row in complete if row["days_until"] >= WEEK]
    moved = [_release(row) for row in rows if row["moved_from"] is not None][:MOST_MOVED]
    return Releases(week, later, moved, _note(inputs, rows, is_empty=not week))


def _release(row: Row) -> Release:
    if row["episode_number"] is None:
        what = f"season {row['season_number']}"
    else:
        what = f"season {row['season_number']}, episode {row['episode_number']}"
    return Release(
        day=row["air_date"],
        on="today" if row["days_until"] == 0 else short_day(row["air_date"]),
        title=row["title"] or f"show {row['show_id']}",
        what=what + (", finale" if row["is_finale"] else ""),
        networks=joined(row["networks"][:2]),
        moved=f"was {short_day(row['moved_from'])}" if row["moved_from"] else "",
    )


def _note(inputs: Inputs, rows: Sequence[Row], *, is_empty: bool) -> str:
    shows = len({row["show_id"] for row in rows})
    known = f"The calendar knows {counted(len(rows), 'date')} to come of {counted(shows, 'show')}."
    until = short_day(days_after(inputs.day, WEEK - 1))
    if is_empty:
        return (
            f"No season is known to become complete up to {until}. {known} A season is told here once its last"
            " episode has a day."
        )
    return f"A season is told once its last episode has a day; up to {until} at first. {known}"


def _waiting(inputs: Inputs) -> str:
    begins = min(inputs.details_days, default=None)
    if begins is None:
        return (
            "Nothing is known yet of episodes to come. Their days are captured with the shows’ details, and stand"
            " here from the first capture of these on."
        )
    return (
        f"The lake has details from {short_day(begins)} on, but no calendar of this day yet: materialize gold of the"
        " day, and the report after it."
    )
