"""TMDB's list of TV genres: its bronze object, which keeps the reply's bytes, and what silver makes of it.

    {"reply": <TMDB's reply, as it came>, "_metadata": {...}}

https://developer.themoviedb.org/reference/genre-tv-list.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import msgspec
import pyarrow as pa

from tally_pipeline.shows.captures import UnreadableCaptureError
from tally_pipeline.shows.rawjson import MalformedJsonError, beginning, elements, members, without_mark

PATH = "/genre/tv/list"
"""The list's path below the API's base URL."""

VERSION = "1"
"""Stands in the footer of every file; raise it when a column changes."""

SILVER: pa.Schema = pa.schema(
    [
        pa.field("id", pa.int64(), metadata={"comment": "TMDB's id of the genre; unique within a day."}),
        pa.field("name", pa.string(), metadata={"comment": "The genre's name in the captured language."}),
        pa.field("language", pa.string(), metadata={"comment": "The language asked for, e.g. en-US."}),
    ]
)
"""The schema of every silver file, by id. `dt` is the partition, not a column of the file."""


class UnreadableGenresError(UnreadableCaptureError):
    """A reply is no list of genres, or an object is no capture of one; the message says in what way."""


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """`_metadata` of a genres object: RFC 3339 UTC of the request; `sha256` and `bytes` are the reply's."""

    ingestion_timestamp: str | None = None
    execution_id: str | None = None
    source: str | None = None
    client: str | None = None
    endpoint: str | None = None
    language: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    etag: str | None = None
    date: str | None = None
    age: str | None = None


@dataclass(frozen=True)
class Genres:
    """A genres object taken apart; `sha256` is the whole object's."""

    reply: bytes
    metadata: Metadata
    sha256: str


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
    """The books of a refined list of genres: `genres` = `silver_rows` + `rejected`."""

    genres: int
    silver_rows: int
    rejected: int


class _Genre(msgspec.Struct):
    id: int
    name: str


def check_reply(body: bytes) -> None:
    """Raises `UnreadableGenresError` unless a reply's body is a JSON object with an array `genres`."""
    try:
        parts = members(body)
    except MalformedJsonError as error:
        raise UnreadableGenresError(f"it is not a JSON object ({error}){beginning(body)}") from error
    if "genres" not in parts:
        raise UnreadableGenresError(f"it has no `genres`{beginning(body)}")
    try:
        elements(parts["genres"])
    except MalformedJsonError as error:
        raise UnreadableGenresError(f"its `genres` is not a list ({error}){beginning(body)}") from error


def encode(body: bytes, metadata: Metadata) -> bytes:
    """The bronze object of a reply, whose byte order mark and outer blanks are left out; `bytes` and `sha256` are
    filled from what is kept."""
    text = without_mark(body).strip()
    digest = hashlib.sha256(text).hexdigest()
    filled = msgspec.structs.replace(metadata, bytes=len(text), sha256=digest)
    return b'{"reply": ' + text + b', "_metadata": ' + msgspec.json.encode(filled) + b"}"


def decode(body: bytes) -> Genres:
    """A genres object taken apart; raises `UnreadableGenresError`."""
    try:
        parts = members(body)
        metadata = msgspec.json.decode(parts.get("_metadata", b"{}"), type=Metadata)
    except (MalformedJsonError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableGenresError(f"it is not a capture of the genres ({error})") from error
    reply = parts.get("reply")
    if reply is None:
        raise UnreadableGenresError(f"it is not a capture of the genres (it has no `reply`){beginning(body)}")
    check_reply(reply)
    return Genres(reply, metadata, hashlib.sha256(body).hexdigest())


def refine(genres: Genres) -> Refined:
    """The genres by id, each in the language that was asked for ("" where the object does not say)."""
    found: list[_Genre] = []
    rejected: list[str] = []
    for text in map(bytes, elements(members(genres.reply)["genres"])):
        try:
            genre = msgspec.json.decode(text, type=_Genre)
        except (msgspec.DecodeError, UnicodeDecodeError):
            genre = None
        if genre is None or genre.id < 1 or not genre.name.strip():
            rejected.append(text.decode("utf-8", "backslashreplace"))
        else:
            found.append(genre)
    found.sort(key=lambda genre: genre.id)
    language = genres.metadata.language or ""
    rows = [{"id": genre.id, "name": genre.name, "language": language} for genre in found]
    return Refined(pa.Table.from_pylist(rows, schema=SILVER), tuple(rejected))
