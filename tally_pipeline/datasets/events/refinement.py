"""Refines across lines, by SQL in Athena's dialect over `silver_event_lines`.

A line's fate depends only on lines that arrived before it, at most `LOOK_BACK` ago: so the fates of an arrival day
are final once it is over, and the accounts of each arrival day close.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files

from tally_pipeline.datasets.events.contract import CONTENT, LINES, ORDER, QUARANTINE, SILVER
from tally_pipeline.days import days_before
from tally_pipeline.events.reading import MOST_AHEAD, OLDEST

LOOK_BACK = MOST_AHEAD + timedelta(days=1) + OLDEST
"""Lines of one event day arrive within it: 24 hours before the day at most, and less than 30 days after its end. So
`event_id` is unique in a day of silver."""

CONFLICT = "event_id is of an earlier event with other content"
"""The reason in quarantine against a sound line."""

TABLE = "silver_event_lines"
"""The table that the SQL reads: `contract.LINES` and the arrival day, `dt` (the UTC day of `received_at`)."""

_ANY_DAY = ("0000-00-00", "9999-99-99")
_PLACEHOLDER = re.compile(r":([a-z]\w*)")
_MS = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Accounts:
    """The lines of an arrival day, by fate. `lines` and `forgotten` are staging's."""

    lines: int
    forgotten: int
    silver: int
    duplicates: int
    quarantined: int

    @property
    def hold(self) -> bool:
        """True if no line is lost or counted twice."""
        return self.lines == self.silver + self.duplicates + self.quarantined + self.forgotten


def arrivals_of(event_day: str) -> tuple[str, str]:
    """The first and the last arrival day that can hold lines of an event day."""
    return days_before(event_day, MOST_AHEAD.days), days_before(event_day, -OLDEST.days)


def read_from(arrival_day: str) -> str:
    """The first arrival day that the fates of one depend on."""
    return days_before(arrival_day, LOOK_BACK.days)


def silver_of(event_day: str) -> str:
    """The query for an event day's rows, `contract.SILVER` in order. Raises `ValueError` if the day is no date."""
    first, last = arrivals_of(_day(event_day))
    order = ", ".join(f"{name} NULLS FIRST" for name in ORDER)
    fates = _fates(first, last, (event_day, event_day), SILVER.names)
    return f"SELECT {', '.join(SILVER.names)}\nFROM (\n{fates})\nWHERE fate = 'silver'\nORDER BY {order}"


def quarantine_of(arrival_day: str) -> str:
    """The query for an arrival day's rejected lines, `contract.QUARANTINE` in bronze's order."""
    day = _day(arrival_day)
    own = [name for name in LINES.names if name != "reasons"]
    conflicts = ", ".join(f"ARRAY['{CONFLICT}'] AS reasons" if n == "reasons" else n for n in LINES.names)
    return (
        f"SELECT {', '.join(QUARANTINE.names)}\nFROM (\n"
        f"SELECT {', '.join(LINES.names)} FROM {TABLE} WHERE reasons IS NOT NULL AND dt = '{day}'\n"
        f"UNION ALL\nSELECT {conflicts}\nFROM (\n{_fates(day, day, _ANY_DAY, own)})\nWHERE fate = 'conflict')\n"
        "ORDER BY object, line"
    )


def fates_of(arrival_day: str) -> str:
    """The query for the number of an arrival day's sound lines by event day and fate."""
    day = _day(arrival_day)
    return (
        "SELECT event_day, fate, count(*) AS lines\n"
        f"FROM (\n{_fates(day, day, _ANY_DAY, ['event_day'])})\n"
        "GROUP BY event_day, fate ORDER BY event_day, fate"
    )


def _fates(first: str, last: str, event_days: tuple[str, str], columns: list[str]) -> str:
    values = {
        "first": first,
        "last": last,
        "earliest": read_from(first),
        "first_event_day": event_days[0],
        "last_event_day": event_days[1],
        "look_back_ms": str(LOOK_BACK // _MS),
        "differs": " OR ".join(f"placed.{name} IS DISTINCT FROM earliest.{name}" for name in CONTENT),
        "columns": ", ".join(f"asked.{name}" for name in columns),
    }
    text = (files(__package__) / "fates.sql").read_text(encoding="utf-8")
    text = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    return _PLACEHOLDER.sub(lambda match: values[match[1]], text) + "\n"


def _day(text: str) -> str:
    """Only the text of a parsed date gets into the SQL."""
    return date.fromisoformat(text).isoformat()
