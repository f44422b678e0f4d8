"""The silver contract, once: columns, their sources, and the rules for rows.

The Arrow schema, Dagster's column schema, lineage and docs table, the Glue columns and the data dictionary in
README all derive from `COLUMNS`. The shape of real rows was taken from 1,904 rows that TMDB sent between 2013 and
2026; field types: https://developer.themoviedb.org/reference/tv-series-popular-list.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import pyarrow as pa

Rule = Literal[
    "unreadable",
    "not_an_object",
    "field_missing",
    "wrong_type",
    "blank_name",
    "impossible_id",
    "out_of_range",
    "impossible_date",
]

RULES: dict[Rule, str] = {
    "unreadable": "the row's text is something no JSON parser takes (cut off, NaN, a lone surrogate, too deep)",
    "not_an_object": "the row is not a JSON object",
    "field_missing": "a field that TMDB sends on every row is not there",
    "wrong_type": "a field's value has another type than the contract's, or is null where it must not be",
    "blank_name": "`name` or `original_name` holds nothing but white space",
    "impossible_id": "`id` is a whole number below 1 or beyond 64 bits",
    "out_of_range": "`vote_average` lies outside 0 to 10, or another number is negative or too large for its column",
    "impossible_date": "`first_air_date` is neither blank nor a day of the calendar, written YYYY-MM-DD",
}
"""Every reason to reject a row, and its meaning."""

STRINGS = pa.list_(pa.string())
IDS = pa.list_(pa.int64())


@dataclass(frozen=True)
class Column:
    """One column of silver.

    `field` is TMDB's name for it, None where Tally makes the column. `required`: a row without the field is
    rejected. `nullable`: null, a blank or (unless required) absence become null.
    """

    name: str
    type: pa.DataType
    field: str | None
    required: bool
    nullable: bool
    description: str

    @property
    def athena_type(self) -> str:
        """The type as Athena and Glue name it."""
        return ATHENA_TYPES[self.type]

    @property
    def arrow_field(self) -> pa.Field:
        return pa.field(self.name, self.type, metadata={"comment": self.description})


ATHENA_TYPES: dict[pa.DataType, str] = {
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.string(): "string",
    IDS: "array<bigint>",
    STRINGS: "array<string>",
}


def athena_type(type_: pa.DataType) -> str:
    """The type as Athena names it. A type that no table here should have keeps Arrow's name."""
    if pa.types.is_list(type_):
        return f"array<{athena_type(type_.value_type)}>"
    if pa.types.is_struct(type_):
        fields = (type_.field(place) for place in range(type_.num_fields))
        return f"struct<{','.join(f'{field.name}:{athena_type(field.type)}' for field in fields)}>"
    if pa.types.is_map(type_):
        return f"map<{athena_type(type_.key_type)},{athena_type(type_.item_type)}>"
    return ATHENA_TYPES.get(type_, str(type_))


@dataclass(frozen=True)
class RowContract:
    """The contract of one kind of rows: its columns, and further fields that are expected."""

    columns: tuple[Column, ...]
    extras: frozenset[str] = frozenset()

    @cached_property
    def sourced(self) -> tuple[Column, ...]:
        """The columns that are made from a field of TMDB's."""
        return tuple(column for column in self.columns if column.field is not None)

    @cached_property
    def fields(self) -> frozenset[str]:
        """TMDB's fields that columns are made from."""
        return frozenset(column.field for column in self.columns if column.field)

    @cached_property
    def known_fields(self) -> frozenset[str]:
        """The expected fields: those of columns, and `extras`."""
        return self.extras | self.fields

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns as Arrow's schema."""
        return pa.schema([column.arrow_field for column in self.columns])
