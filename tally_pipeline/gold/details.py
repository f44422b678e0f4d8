"""Shared by the tables made from details and offers: their files, and the last day before one that has them.

Silver of details and offers says what was known as of a day: each day holds every show's newest reply up to it. So
one earlier day is all that a day is compared with, however many are missing between.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from tally_pipeline.lake import layout, parquet
from tally_pipeline.tables.sources import Sources

DETAILS, OFFERS, SEASONS = "details", "offers", "seasons"
"""The tables of silver."""

ATTRIBUTION = "Offers: JustWatch, via TMDB"
"""The source of offers, which stands beside them wherever people see them."""


def silver_key(table: str, day: str) -> str:
    """The key of a day of details or offers."""
    return layout.table_key("silver", table, day)


def day_before(sources: Sources, tables: Iterable[str], day: str, *, since: str) -> str | None:
    """The last day before `day`, from `since` on, of which every one of these tables has a file."""
    shared = set.intersection(*(set(sources.sizes(table)) for table in tables))
    return max((dt for dt in shared if since <= dt < day), default=None)


def lacking(sources: Sources, tables: Iterable[str], day: str) -> str:
    """The reason why a day cannot be made from these tables, with the remedy; empty if it can."""
    names = [f"silver_{table}" for table in tables if day not in sources.sizes(table)]
    return (
        f"there is no {' and no '.join(names)} of {day}; materialize {names[0]} for it first."
        if names
        else ""
    )


def read(sources: Sources, table: str, day: str, columns: Sequence[str] | None = None) -> pa.Table:
    """A day of details or offers. Raises `NoSuchObjectError`, `ForeignFileError`."""
    return parquet.decode(sources.lake.store.get(silver_key(table, day)), columns)
