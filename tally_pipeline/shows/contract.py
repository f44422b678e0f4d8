"""The silver contract, once: columns, where each comes from, and the rules a row must keep.

The Arrow schema, Dagster's column schema, lineage and docs table, the Glue columns and the data dictionary in
README all derive from `COLUMNS`. What real rows look like was read off 1,904 rows that TMDB sent between 2013
and 2026; field types: https://developer.themoviedb.org/reference/tv-series-popular-list.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import pyarrow as pa

VERSION = "1"
"""Stands in the footer of every file; raise it when a column or a rule changes."""

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
"""Every reason for which a row is rejected, and what it means."""

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
    """The type as Athena names it. A type that no table of ours should have keeps Arrow's name."""
    if pa.types.is_list(type_):
        return f"array<{athena_type(type_.value_type)}>"
    if pa.types.is_map(type_):
        return f"map<{athena_type(type_.key_type)},{athena_type(type_.item_type)}>"
    return ATHENA_TYPES.get(type_, str(type_))


def _from_tmdb(
    name: str, type_: pa.DataType, field: str, description: str, *, required: bool, nullable: bool = False
) -> Column:
    return Column(name, type_, field, required, nullable, description)


def _made_here(name: str, type_: pa.DataType, description: str) -> Column:
    return Column(name, type_, None, False, False, description)


COLUMNS: tuple[Column, ...] = (
    _from_tmdb(
        "show_id", pa.int64(), "id", "TMDB's id of the show; unique within a list and day.", required=True
    ),
    _from_tmdb(
        "title",
        pa.string(),
        "name",
        "Title in the captured language, as TMDB writes it (leading blanks included).",
        required=True,
    ),
    _from_tmdb(
        "original_title", pa.string(), "original_name", "Title in the show's own language.", required=True
    ),
    _from_tmdb(
        "popularity",
        pa.float64(),
        "popularity",
        "TMDB's popularity score, 0 or more; its scale drifts over the years.",
        required=True,
    ),
    _from_tmdb(
        "vote_average",
        pa.float64(),
        "vote_average",
        "Mean of the votes, 0 to 10; 0 where nobody voted.",
        required=True,
    ),
    _from_tmdb("vote_count", pa.int64(), "vote_count", "Number of votes.", required=True),
    _from_tmdb(
        "first_air_date",
        pa.string(),
        "first_air_date",
        "Day of the first episode, YYYY-MM-DD; null where TMDB knows none.",
        required=False,
        nullable=True,
    ),
    _from_tmdb(
        "genre_ids",
        IDS,
        "genre_ids",
        "TMDB's genre ids in TMDB's order, each once; may be empty.",
        required=True,
    ),
    _from_tmdb(
        "origin_country",
        STRINGS,
        "origin_country",
        "ISO 3166-1 codes of the countries of origin; may be empty.",
        required=True,
    ),
    _from_tmdb(
        "poster_path",
        pa.string(),
        "poster_path",
        "Path of the poster below TMDB's image host; null where there is none.",
        required=False,
        nullable=True,
    ),
    _from_tmdb(
        "backdrop_path",
        pa.string(),
        "backdrop_path",
        "Path of the backdrop below TMDB's image host; null where there is none.",
        required=False,
        nullable=True,
    ),
    _from_tmdb(
        "overview",
        pa.string(),
        "overview",
        "Synopsis in the captured language; null where TMDB has none.",
        required=False,
        nullable=True,
    ),
    _from_tmdb(
        "original_language",
        pa.string(),
        "original_language",
        "Two-letter language code; TMDB's own `cn` (Cantonese) is not ISO 639-1.",
        required=False,
        nullable=True,
    ),
    _made_here("ingestion_date", pa.string(), "UTC day on which bronze was captured, YYYY-MM-DD."),
    _made_here("data_type", pa.string(), "The list the row was captured from, e.g. popular_shows."),
    _made_here("rank", pa.int32(), "The show's place in the list, 1 first."),
)

EXTRAS = frozenset({"adult", "media_type"})
"""Fields that come and go with the list and the year: no column holds them, bronze does."""


@dataclass(frozen=True)
class RowContract:
    """What a kind of rows has to hold: its columns, and the fields besides that surprise nobody."""

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
        """Fields that surprise nobody."""
        return self.extras | self.fields

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns as Arrow's schema."""
        return pa.schema([column.arrow_field for column in self.columns])


SHOWS = RowContract(COLUMNS, EXTRAS)
"""The contract of the lists' rows."""

SILVER: pa.Schema = SHOWS.schema
"""The schema of every silver file. `dt` is the partition, not a column of the file."""

QUARANTINE: pa.Schema = pa.schema(
    [
        pa.field("raw", pa.string(), metadata={"comment": "The row's text as it stands in bronze."}),
        pa.field("page", pa.int32(), metadata={"comment": "TMDB's page; null where bronze does not say."}),
        pa.field("place", pa.int32(), metadata={"comment": "Place on the page (else in bronze), 1 first."}),
        pa.field("rules", STRINGS, metadata={"comment": "Every rule that the row breaks, by name."}),
        pa.field("reasons", STRINGS, metadata={"comment": "The same in words, with field and value."}),
        pa.field("bronze_key", pa.string(), metadata={"comment": "The bronze object that holds the row."}),
        pa.field("ingestion_date", pa.string(), metadata={"comment": "UTC day of capture, YYYY-MM-DD."}),
        pa.field("data_type", pa.string(), metadata={"comment": "The list the row was captured from."}),
    ]
)
"""The schema of every quarantine file."""

PARTITION_KEYS: dict[str, str] = {
    "data_type": "The list, e.g. popular_shows.",
    "dt": "The day, YYYY-MM-DD, UTC.",
}
"""The partition keys of the table, both strings."""

CONTRACTED = SHOWS.fields
"""TMDB's fields that columns are made from."""

KNOWN_FIELDS = SHOWS.known_fields
"""Fields of TMDB's rows that surprise nobody."""

GENRES: dict[int, str] = {
    10759: "Action & Adventure",
    16: "Animation",
    35: "Comedy",
    80: "Crime",
    99: "Documentary",
    18: "Drama",
    10751: "Family",
    10762: "Kids",
    9648: "Mystery",
    10763: "News",
    10764: "Reality",
    10765: "Sci-Fi & Fantasy",
    10766: "Soap",
    10767: "Talk",
    10768: "War & Politics",
    37: "Western",
}
"""TMDB's TV genres (`/genre/tv/list`), unchanged from 2022 to 2026."""
