"""Where the partitions begin: at the first day that the lake holds, which is written down beside Dagster's history.

Dagster asks for it when it loads the code, and then nothing may be contacted: so what was seen of the lake is kept in
a file. It only ever moves back in time; the setting TALLY_FIRST_DAY may be earlier still.
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
    """The first day that is a partition; today where neither the setting nor the file says one. Contacts nothing."""
    return min(day for day in (settings.first_day, recorded(settings), clock.today()) if day)


def recorded(settings: Settings) -> date | None:
    """The day written down; None where none is, or nothing that can be read as one."""
    with suppress(FileNotFoundError, ValueError):
        return date.fromisoformat(path(settings).read_text(encoding="ascii"))
    return None


def record(settings: Settings, day: date) -> bool:
    """Write down that the lake holds a day; returns whether the partitions begin earlier than before."""
    before = first_day(settings)
    if recorded(settings) is None or day < before:
        with TableLocks.beside(settings.lake_folder).hold("first_day", (), lambda _: None):
            known = recorded(settings)
            if known is None or day < known:
                fresh = path(settings).with_suffix(f".{os.getpid()}")
                fresh.write_text(day.isoformat(), encoding="ascii")
                fresh.replace(path(settings))
    return day < before


def look(settings: Settings, lake: Lake) -> None:
    """Write down the first day that the lake holds (today for an empty one), unless one is written down already."""
    if recorded(settings) is not None:
        return
    # A lake that cannot be read now says so to whoever uses it, and is looked at again.
    with suppress(LakeError):
        held = lake.first_day(PLACES)
        record(settings, min(clock.today(), date.fromisoformat(held)) if held else clock.today())


def path(settings: Settings) -> Path:
    """The file that says it."""
    return settings.state / "first_day"
