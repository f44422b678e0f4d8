"""Refines a captured list of TMDB's TV genres into silver."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pyarrow as pa

from tally_pipeline.bronze.genre_reply import Genres
from tally_pipeline.bronze.rawjson import elements, members

VERSION = "1"


"""Written into the footer of every file; raise it when a column changes."""


SILVER: pa.Schema = pa.schema(
    [
        pa.field("id", pa.int64(), metadata={"comment": "TMDB's id of the genre; unique within a day."}),
        pa.field("name", pa.string(), metadata={"comment": "The genre's name in the captured language."}),
        pa.field("language", pa.string(), metadata={"comment": "The language asked for, e.g. en-US."}),
    ]
)


"""The schema of every silver file, by id. `dt` is the partition, not a column of the file."""


@dataclass(frozen=True)
class Refined:
    """The genres in the schema `SILVER`, and the text of those that have no whole id or no name."""

    silver: pa.Table
    rejected: tuple[str, ...]
    quarantine: None = None

    @property
    def counts(self) -> Counts:
        rows = self.silver.num_rows
        return Counts(genres=rows + len(self.rejected), silver_rows=rows, rejected=len(self.rejected))


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """The row counts of a refined list of genres: `genres` = `silver_rows` + `rejected`."""

    genres: int
    silver_rows: int
    rejected: int


class _Genre(msgspec.Struct):
    id: int
    name: str


def refine(genres: Genres) -> Refined:
    """The genres by id, each with the requested language ("" if the object does not state it)."""
    sound: list[_Genre] = []
    rejected: list[str] = []
    for text in map(bytes, elements(members(genres.reply)["genres"])):
        try:
            genre = msgspec.json.decode(text, type=_Genre)
        except (msgspec.DecodeError, UnicodeDecodeError):
            genre = None
        if genre is None or genre.id < 1 or not genre.name.strip():
            rejected.append(text.decode("utf-8", "backslashreplace"))
        else:
            sound.append(genre)
    sound.sort(key=lambda genre: genre.id)
    language = genres.metadata.language or ""
    rows = [{"id": genre.id, "name": genre.name, "language": language} for genre in sound]
    return Refined(pa.Table.from_pylist(rows, schema=SILVER), tuple(rejected))
