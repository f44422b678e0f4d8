"""The first partition: the first day that the lake holds, recorded beside Dagster's history.

Dagster needs it when it loads the code, and nothing may be contacted then: so the day is kept in a file. It only
ever moves back in time; the setting TALLY_FIRST_DAY may be earlier still.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import date
from pathlib import Path

from tally_pipeline import clock
from tally_pipeline.datasets import PLACES
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.locks import TableLocks
from tally_pipeline.lake.store import LakeError
from tally_pipeline.settings.settings import Settings


def first_day(settings: Settings) -> date:
    """The first partition; today if neither the setting nor the file names one. Contacts nothing.

    Days that the lake does not keep any more are no partitions.
    """
    today = clock.today()
    first = min(day for day in (settings.first_day, recorded(settings), today) if day)
    return max(first, settings.retention.first_kept(today) or first)


def recorded(settings: Settings) -> date | None:
    """The recorded day; None without a readable one."""
    with suppress(FileNotFoundError, ValueError):
        return date.fromisoformat(path(settings).read_text(encoding="ascii"))
    return None


def record(settings: Settings, day: date) -> bool:
    """Record that the lake holds a day; returns True if the partitions begin earlier than before."""
    before = first_day(settings)
    if day < before and day < (settings.retention.first_kept(clock.today()) or day):
        return False
    if recorded(settings) is None or day < before:
        with TableLocks.beside(settings.lake_folder).hold("first_day", (), lambda _: None):
            recorded_day = recorded(settings)
            if recorded_day is None or day < recorded_day:
                fresh = path(settings).with_suffix(f".{os.getpid()}")
                fresh.write_text(day.isoformat(), encoding="ascii")
                fresh.replace(path(settings))
    return day < before


def look(settings: Settings, lake: Lake) -> None:
    """Record the first day that the lake holds (today for an empty one), unless a day is recorded already."""
    if recorded(settings) is not None:
        return
    # An unreadable lake raises in its next user too, and is looked at again.
    with suppress(LakeError):
        first = lake.first_day(PLACES)
        record(settings, min(clock.today(), date.fromisoformat(first)) if first else clock.today())


def path(settings: Settings) -> Path:
    """The file with the recorded day."""
    return settings.state / "first_day"
