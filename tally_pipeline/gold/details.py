"""What the tables made from details and offers share: their files, and the last day before one that has them.

Silver of details and offers says what was known as of a day: each day holds every show's newest reply up to it. So
one earlier day is all that a day is compared with, however many are missing between.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from tally_pipeline.lake import parquet
from tally_pipeline.lake.layout import day_of
from tally_pipeline.tables.sources import Sources

DETAILS = "silver/details"
OFFERS = "silver/offers"
"""The folders of silver."""

ATTRIBUTION = "Offers: JustWatch, via TMDB"
"""What has to stand beside offers wherever people see them."""


def silver_key(folder: str, day: str) -> str:
    """The key of a day of details or offers."""
    return f"{folder}/dt={day}/data.parquet"


def days_of(sources: Sources, folder: str) -> set[str]:
    """The days of which a folder has a file."""
    days = (day_of(key.removeprefix(f"{folder}/").partition("/")[0]) for key in sources.under(folder))
    return {day for day in days if day}


def day_before(sources: Sources, folders: Iterable[str], day: str, *, since: str) -> str | None:
    """The last day before `day`, from `since` on, of which every folder has a file."""
    shared = set.intersection(*(days_of(sources, folder) for folder in folders))
    return max((dt for dt in shared if since <= dt < day), default=None)


def lacking(sources: Sources, folders: Iterable[str], day: str) -> str:
    """Why a day cannot be made from these folders; empty if it can."""
    names = [folder.replace("/", "_") for folder in folders if day not in days_of(sources, folder)]
    return (
        f"there is no {' and no '.join(names)} of {day}; materialize silver_details for it first."
        if names
        else ""
    )


def read(sources: Sources, folder: str, day: str | None) -> pa.Table | None:
    """A day of details or offers; None without a day. Raises `NoSuchObjectError`, `ForeignFileError`."""
    return parquet.decode(sources.lake.store.get(silver_key(folder, day))) if day else None
