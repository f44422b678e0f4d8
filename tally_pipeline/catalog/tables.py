"""The tables of the lake: which files each is made of, and what their columns should be."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from tally_pipeline import gold
from tally_pipeline.lake import layout
from tally_pipeline.shows import contract, genres, series


@dataclass(frozen=True)
class TableSpec:
    """One table over Parquet files in folders.

    `pattern` is a glob of its files' keys below the lake's root, with one `*` for each partition key, in their
    order. `schema` is what the files should hold, in the order they hold it. `partitions` are the keys that the
    path holds, all strings; a file may repeat one in a column of its own, and the path is believed.
    """

    name: str
    description: str
    pattern: str
    schema: pa.Schema
    partitions: tuple[str, ...] = ("dt",)

    @property
    def columns(self) -> pa.Schema:
        """What only the files hold: the schema without the partition keys."""
        return pa.schema([field for field in self.schema if field.name not in self.partitions])

    @property
    def presented(self) -> pa.Schema:
        """The schema as a query should see it: the files' columns, then the partition keys."""
        keys = [pa.field(key, pa.string()) for key in self.partitions]
        return pa.schema([*self.columns, *keys])

    @property
    def prefix(self) -> str:
        """The folder of the table's files below the lake's root, without a slash at the end."""
        return self._folders(slice(None, self._fixed))

    @property
    def template(self) -> str:
        """The folder of one partition below `prefix`, as Athena's projection writes it: `dt=${dt}`."""
        template = self._folders(slice(self._fixed, None))
        for key in self.partitions:
            template = template.replace("*", f"${{{key}}}", 1)
        return template

    @property
    def _fixed(self) -> int:
        """How many folders of the path are the same for every file."""
        return self.pattern[: self.pattern.index("*")].count("/")

    def _folders(self, which: slice) -> str:
        return "/".join(self.pattern.split("/")[:-1][which])


def athena_columns(schema: pa.Schema) -> list[tuple[str, str]]:
    """Name and Athena type of each column of `schema`."""
    return [(field.name, contract.athena_type(field.type)) for field in schema]


SHOWS_KEYS = ("data_type", "dt")
"""The partition keys of what is made of the lists of shows."""

SILVER_SHOWS = TableSpec(
    "silver_shows",
    "The shows that hold the contract, one row a show, list and day.",
    layout.silver_key("*", "*"),
    contract.SILVER,
    SHOWS_KEYS,
)
QUARANTINE_SHOWS = TableSpec(
    "quarantine_shows",
    "The rows that broke a rule, with their reasons.",
    layout.quarantine_key("*", "*"),
    contract.QUARANTINE,
    SHOWS_KEYS,
)
SILVER_SERIES = TableSpec(
    "silver_series",
    "All series that TMDB knows, one row a series and day, by popularity.",
    layout.series_key("*"),
    series.SILVER,
)
QUARANTINE_SERIES = TableSpec(
    "quarantine_series",
    "The lines of the daily exports that broke a rule, with their reasons.",
    layout.series_quarantine_key("*"),
    series.QUARANTINE,
)
SILVER_GENRES = TableSpec(
    "silver_genres",
    "TMDB's TV genres, one row a genre and day on which they were captured.",
    layout.genres_key("*"),
    genres.SILVER,
)
GOLD: tuple[TableSpec, ...] = tuple(
    TableSpec(table.sql_name, table.description, layout.gold_key(table.name, "*"), table.schema)
    for table in gold.TABLES
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
