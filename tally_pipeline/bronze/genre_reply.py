"""The bronze format of TMDB's list of TV genres: an object that keeps the response's bytes.

    {"reply": <TMDB's reply, as it came>, "_metadata": {...}}

https://developer.themoviedb.org/reference/genre-tv-list.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import msgspec

from tally_pipeline.bronze.captures import UnreadableCaptureError
from tally_pipeline.bronze.rawjson import MalformedJsonError, beginning, elements, members, without_mark

PATH = "/genre/tv/list"
"""The list's path below the API's base URL."""


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
    """The bronze object of a response, without its byte order mark and outer blanks; `bytes` and `sha256` are
    those of the text that is kept."""
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
