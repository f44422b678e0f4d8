"""The bronze format of details: many replies in parts, and a manifest that names the parts.

A part is JSON lines under zstd, one reply a line, with what was recorded about it before its bytes:

    {"show_id":1396,"status":200,"season":5,"received_at":"…","sha256":"…","bytes":5019,"reply":<TMDB's reply>}

Any JSON reader reads it. A reply that is no line of JSON (a line break, bytes that are no UTF-8) is kept as
`reply_base64` instead. The manifest is written last: a capture without one is not over.

https://developer.themoviedb.org/reference/tv-series-details.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator

import msgspec
import pyarrow as pa

from tally_pipeline.bronze.captures import UnreadableCaptureError

APPENDED = ("watch/providers", "external_ids", "content_ratings", "keywords")
"""The parts asked for with each show's details; for a show on air, its running season too."""

PART_REPLIES = 500
"""Replies of a part, give or take those under way: about 18 MB of TMDB's, a twelfth of that in bronze."""

_LEVEL = 9
"""zstd's level: on recorded replies 23 % smaller than level 1, at a tenth of a millisecond a reply."""

_RAW, _BASE64 = b',"reply":', b',"reply_base64":"'
_GONE = frozenset({6, 34})


class UnreadableDetailsError(UnreadableCaptureError):
    """An object is no manifest or part of a capture of details; the message says in what way."""


class LostPartError(UnreadableDetailsError):
    """A part that a manifest names is not there."""


class Head(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The record of a reply: RFC 3339 UTC of its arrival, its status, length and SHA-256.

    `season` is the season whose episodes were asked for with it.
    """

    show_id: int
    status: int
    received_at: str
    sha256: str
    bytes: int
    season: int | None = None
    etag: str | None = None


class Reply(msgspec.Struct, frozen=True):
    """One reply and what was recorded about it."""

    head: Head
    body: bytes

    @property
    def is_gone(self) -> bool:
        """True if TMDB says that there is no such show (deleted, or merged into another)."""
        return self.head.status == 404

    @property
    def is_proven(self) -> bool:
        """True if the bytes are those that were received."""
        return len(self.body) == self.head.bytes and hashlib.sha256(self.body).hexdigest() == self.head.sha256


class PartRef(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a capture: its key and SHA-256, and the shows of it that are meant, in its order."""

    key: str
    sha256: str
    shows: tuple[int, ...]


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """Shows whose newest reply before the capture's day is in a part of the day `dt`."""

    dt: str
    part: PartRef


class MissingShow(msgspec.Struct, frozen=True, kw_only=True):
    """A show that was asked for and did not come, with the last error."""

    show_id: int
    error: str
    status: int | None = None
    code: int | None = None
    reply: str | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A capture of details: what was asked for and came, and where its bytes are.

    `chosen` counts the shows asked for, by the reason to ask. `gone` are the shows that TMDB does not have any more.
    `left_out` shows were beyond the budget. `carried` are the newest replies from before the day, by show, but
    for those that silver had rejected by then.
    `verdict`: "complete" (all came or are gone), "partial", "empty".
    """

    ingestion_timestamp: str
    execution_id: str
    dt: str
    source: str
    client: str
    language: str
    verdict: str
    chosen: dict[str, int]
    asked: int
    gone: tuple[int, ...] = ()
    missing: tuple[MissingShow, ...] = ()
    left_out: int = 0
    parts: tuple[PartRef, ...] = ()
    carried: tuple[Carried, ...] = ()
    requests: int = 0
    retries: int = 0
    resumed: int = 0
    duration_seconds: float = 0.0
    stopped_by: str | None = None

    @property
    def got(self) -> int:
        """The number of shows whose reply came, gone ones not included."""
        return sum(len(part.shows) for part in self.parts) - len(self.gone)

    @property
    def missing_share(self) -> float:
        """The share of the shows asked for that did not come, 0 to 1."""
        return len(self.missing) / self.asked if self.asked else 0.0


def verdict(*, asked: int, answered: int) -> str:
    """The verdict on a capture that asked for so many shows and got an answer for so many."""
    if not answered:
        return "empty"
    return "complete" if answered >= asked else "partial"


def encode_reply(reply: Reply) -> bytes:
    """A reply as a line, with its line break."""
    head, body = msgspec.json.encode(reply.head)[:-1], reply.body
    if _is_line_of_json(body):
        return head + _RAW + body + b"}\n"
    return head + _BASE64 + base64.b64encode(body) + b'"}\n'


def decode_line(line: bytes) -> Reply:
    """A reply from its line; raises `UnreadableDetailsError`."""
    head, separator, rest = line.partition(_RAW)
    try:
        if separator and rest.endswith(b"}"):
            return Reply(_decode_head(head + b"}"), rest[:-1])
        head, separator, rest = line.partition(_BASE64)
        if separator and rest.endswith(b'"}'):
            return Reply(_decode_head(head + b"}"), base64.b64decode(rest[:-2], validate=True))
    except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error) as error:
        raise UnreadableDetailsError(f"a line is no reply of a capture of details ({error})") from error
    raise UnreadableDetailsError("a line is no reply of a capture of details (it holds none)")


def encode_part(lines: Iterable[bytes]) -> bytes:
    """A part of these lines."""
    packed: bytes = pa.Codec("zstd", _LEVEL).compress(b"".join(lines), asbytes=True)
    return packed


def decode_part(body: bytes) -> Iterator[Reply]:
    """The replies of a part, in its order; raises `UnreadableDetailsError`."""
    if not body:
        # Arrow takes it for a whole file of nothing.
        raise UnreadableDetailsError("it is empty")
    try:
        with pa.CompressedInputStream(pa.py_buffer(body), "zstd") as stream:
            text: bytes = stream.read()
    except (OSError, pa.ArrowException) as error:
        raise UnreadableDetailsError(f"it is no zstd file, or not a whole one ({error})") from error
    lines = text.split(b"\n")
    if lines.pop():
        raise UnreadableDetailsError("its last line is cut off")
    yield from map(decode_line, lines)


def encode_manifest(manifest: Manifest) -> bytes:
    """The manifest as an object of bronze."""
    return msgspec.json.encode(manifest)


def decode_manifest(body: bytes) -> Manifest:
    """A manifest; raises `UnreadableDetailsError`."""
    try:
        return msgspec.json.decode(body, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableDetailsError(f"it is no manifest of a capture of details ({error})") from error


def says_gone(status: int | None, code: int | None) -> bool:
    """True if TMDB says that there is no such show, rather than a proxy that there is no such page."""
    return status == 404 and code in _GONE


def _decode_head(text: bytes) -> Head:
    return msgspec.json.decode(text, type=Head)


def _is_line_of_json(body: bytes) -> bool:
    if b"\n" in body or b"\r" in body or not body.startswith(b"{"):
        return False
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
        body.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
