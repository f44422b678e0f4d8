"""The tables of the lake: which files each is made of, and what their columns should be."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from tally_pipeline.lake import layout
from tally_pipeline.shows import contract, genres, gold, series


@dataclass(frozen=True)
class TableSpec:
    """One table over Parquet files in Hive-style folders.

    `pattern` is a glob of its files' keys below the lake's root. `schema` is what the files should hold, in
    the order the table presents it. `partitions` are the keys that only the path holds (`dt=2025-12-24`),
    as strings.
    """

    name: str
    pattern: str
    schema: pa.Schema
    partitions: tuple[str, ...] = ("dt",)

    @property
    def presented(self) -> pa.Schema:
        """The schema as a query should see it: the files' columns, then the partition keys."""
        keys = [pa.field(key, pa.string()) for key in self.partitions]
        return pa.schema([*self.schema, *keys])


def athena_columns(schema: pa.Schema) -> list[tuple[str, str]]:
    """Name and Athena type of each column of `schema`."""
    return [(field.name, contract.athena_type(field.type)) for field in schema]


SILVER_SHOWS = TableSpec("silver_shows", layout.silver_key("*", "*"), contract.SILVER)
"""The shows that hold the contract, one row a show, list and day."""

QUARANTINE_SHOWS = TableSpec("quarantine_shows", layout.quarantine_key("*", "*"), contract.QUARANTINE)
"""The rows that broke a rule, with their reasons."""

SILVER_SERIES = TableSpec("silver_series", layout.series_key("*"), series.SILVER)
"""All series that TMDB knows, one row a series and day, by popularity."""

QUARANTINE_SERIES = TableSpec("quarantine_series", layout.series_quarantine_key("*"), series.QUARANTINE)
"""The lines of the daily exports that broke a rule, with their reasons."""

SILVER_GENRES = TableSpec("silver_genres", layout.genres_key("*"), genres.SILVER)
"""TMDB's TV genres, one row a genre and day on which they were captured."""

GOLD: tuple[TableSpec, ...] = tuple(
    TableSpec(table.sql_name, layout.gold_key(table.name, "*"), table.schema) for table in gold.TABLES
)
"""What is made from silver, by day."""

TABLES: tuple[TableSpec, ...] = (
    SILVER_SHOWS,
    QUARANTINE_SHOWS,
    SILVER_SERIES,
    QUARANTINE_SERIES,
    SILVER_GENRES,
    *GOLD,
)
"""Every table that people may query."""
