"""The columns of gold tables."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from tally_pipeline.contracts.contract import athena_type

INT = pa.int32()
BIGINT = pa.int64()
DOUBLE = pa.float64()
STRING = pa.string()
BOOLEAN = pa.bool_()
COUNTS = pa.map_(pa.string(), pa.int32())
"""Numbers by name (of a list, of a rule)."""

SHOWS = "silver_shows"
GENRES = "silver_genres"


@dataclass(frozen=True)
class Column:
    """One column of a gold table. `source` names its source columns, those of `silver_shows` without their table:
    `popularity rank`, `silver_genres.name`."""

    name: str
    type: pa.DataType
    description: str
    source: str = ""
    nullable: bool = False
    few: bool = False
    """True if it has few different values: the file then holds each once."""

    @property
    def athena_type(self) -> str:
        """The type as Athena and Glue name it."""
        return athena_type(self.type)

    @property
    def arrow_field(self) -> pa.Field:
        return pa.field(
            self.name,
            self.type,
            metadata={"comment": self.description} | ({"values": "few"} if self.few else {}),
        )

    @property
    def sources(self) -> list[tuple[str, str]]:
        """The source columns, as pairs of table and column."""
        places = (name.rpartition(".") for name in self.source.split())
        return [(table or SHOWS, name) for table, _, name in places]
