"""The contract of the lists' rows, once: columns and their sources."""

from __future__ import annotations

import pyarrow as pa

from tally_pipeline.contracts.contract import IDS, STRINGS, Column, RowContract

VERSION = "1"


"""Written into the footer of every file; raise it when a column or a rule changes."""


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


"""Fields that vary by list and year: no column holds them, only bronze does."""


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


"""Expected fields of TMDB's rows."""


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
