"""The bronze format: one capture of one list as a single JSON object that keeps TMDB's bytes.

    {"results": [<rows of every page, spliced, in page order>], "_metadata": {...}}

Rows are never parsed and rewritten. `_metadata.pages` keeps the text around each page's rows, so that every
response can be rebuilt to the byte and compared with the SHA-256 taken when it arrived.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import msgspec

from tally_pipeline.bronze.captures import UnreadableCaptureError, moment_of
from tally_pipeline.bronze.completeness import PageSet, Verdict
from tally_pipeline.bronze.rawjson import MalformedJsonError, beginning, elements, members

_WEAK_HASH_ETAG = re.compile(r'(?:W/)?"([0-9a-f]{32})"')


class MalformedPageError(ValueError):
    """A reply is not a page of a TMDB list; the message says in what way."""


class UnreadableBronzeError(UnreadableCaptureError):
    """An object under bronze/ is not a capture; the message says in what way."""


class PageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a capture: TMDB's statements about it, and the text that rebuilds its body.

    `bytes` and `sha256` are the body's as received (after HTTP's content decoding). `etag_is_body_hash` says
    whether the ETag is the first 32 hex digits of that SHA-256, as TMDB's are; None without an ETag.
    The body is `before` + `rows_bytes` bytes of `results` + `after`.
    """

    page: int
    rows: int
    total_pages: int | None
    total_results: int | None
    bytes: int
    sha256: str
    etag: str | None
    etag_is_body_hash: bool | None
    date: str | None
    age: str | None
    before: str
    rows_bytes: int
    after: str


class MissingPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page that stayed broken after all retries, and its last error.

    `reply` is the beginning of the last response's body, if there was one; the whole body if that was a page
    without a show that earlier pages do not have.
    """

    page: int
    error: str
    status: int | None = None
    code: int | None = None
    reply: str | None = None


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """`_metadata` of a bronze object. An object of another tool may hold less: every field has a default.

    `ingestion_timestamp` is RFC 3339 in UTC, the moment the capture began; `depth` the most pages to request
    (None: to the end); `source` "tmdb" or "sandbox"; `client` the version of the code that fetched.
    """

    ingestion_timestamp: str | None = None
    execution_id: str | None = None
    data_type: str | None = None
    source: str | None = None
    client: str | None = None
    endpoint: str | None = None
    language: str | None = None
    timezone: str | None = None
    depth: int | None = None
    verdict: Verdict | None = None
    page_set: PageSet | None = None
    requests: int | None = None
    retries: int | None = None
    duration_seconds: float | None = None
    pages: tuple[PageRecord, ...] = ()
    missing: tuple[MissingPage, ...] = ()

    @property
    def stated_rows(self) -> int | None:
        """The number of rows that the records of the pages add up to; None if they do not say."""
        if self.pages:
            return sum(record.rows for record in self.pages)
        return self.page_set.rows if self.page_set else None

    @property
    def captured_at(self) -> datetime | None:
        """`ingestion_timestamp` as a moment in UTC, also assumed without an offset; None if unreadable."""
        return moment_of(self.ingestion_timestamp)


@dataclass(frozen=True)
class Page:
    """A page as TMDB sent it: its record, the text of its rows (with the commas between) and their ids."""

    record: PageRecord
    rows: bytes
    ids: tuple[int | None, ...]

    @property
    def body(self) -> bytes:
        """The response's body, as received."""
        return self.record.before.encode() + self.rows + self.record.after.encode()


@dataclass(frozen=True)
class Bronze:
    """A bronze object taken apart: its bytes, its metadata, the SHA-256 of its bytes."""

    body: bytes
    metadata: Metadata
    sha256: str
    _rows: Sequence[msgspec.Raw] | None = None

    @cached_property
    def results(self) -> bytes:
        """The text of the `results` array."""
        return members(self.body)["results"]

    def rows(self) -> Sequence[bytes | msgspec.Raw]:
        """Every row's text as it stands in the object; raises `UnreadableBronzeError`."""
        if self._rows is not None:
            return self._rows
        try:
            return elements(self.results)
        except MalformedJsonError as error:
            raise UnreadableBronzeError(f"`results` is not a list ({error})") from error


class _Parts(msgspec.Struct, rename={"metadata": "_metadata"}, forbid_unknown_fields=True):
    # Any other member takes the slow path: msgspec does not check the text of members that it was not asked for.
    results: list[msgspec.Raw]
    metadata: msgspec.Raw = msgspec.Raw(b"{}")


_parts = msgspec.json.Decoder(_Parts)


def read_page(number: int, body: bytes, headers: Mapping[str, str]) -> Page:
    """The response to a request for page `number` as a `Page`.

    `headers` are looked up as `ETag`, `Date`, `Age`: pass a case-insensitive mapping.
    Raises `MalformedPageError` when the body is not JSON, has no `results`, or is another page.
    """
    try:
        parts = members(body)
    except MalformedJsonError as error:
        raise MalformedPageError(f"the reply is not a JSON object ({error}){beginning(body)}") from error
    if "results" not in parts:
        raise MalformedPageError(f"the reply has no `results`{beginning(body)}")
    array = parts["results"]
    try:
        rows = elements(array)
    except MalformedJsonError as error:
        raise MalformedPageError(f"the reply's `results` is not a list ({error}){beginning(body)}") from error
    page, total_pages, total_results = (
        _count(parts.get(name)) for name in ("page", "total_pages", "total_results")
    )
    if page is not None and page != number:
        raise MalformedPageError(f"asked for page {number}, the reply is page {page}")

    text = array[1:-1] if rows else b""
    # If the same text occurs twice, either place rebuilds the same body.
    start = body.rindex(array) + 1
    before, after = body[:start], body[start + len(text) :]
    digest = hashlib.sha256(body).hexdigest()
    etag = headers.get("ETag")
    try:
        record = PageRecord(
            page=number,
            rows=len(rows),
            total_pages=total_pages,
            total_results=total_results,
            bytes=len(body),
            sha256=digest,
            etag=etag,
            etag_is_body_hash=None if etag is None else _etag_hash(etag) == digest[:32],
            date=headers.get("Date"),
            age=headers.get("Age"),
            before=before.decode(),
            rows_bytes=len(text),
            after=after.decode(),
        )
    except UnicodeDecodeError as error:
        raise MalformedPageError(f"the reply is not UTF-8 outside its rows ({error.reason})") from error
    return Page(record, text, tuple(_row_id(row) for row in rows))


def encode(pages: Sequence[Page], metadata: Metadata) -> bytes:
    """The bronze object of these pages; `metadata.pages` is filled from them, in page order."""
    ordered = sorted(pages, key=lambda page: page.record.page)
    filled = msgspec.structs.replace(metadata, pages=tuple(page.record for page in ordered))
    results = b",".join(page.rows for page in ordered if page.record.rows)
    return b'{"results": [' + results + b'], "_metadata": ' + msgspec.json.encode(filled) + b"}"


def decode(body: bytes) -> Bronze:
    """A bronze object taken apart; raises `UnreadableBronzeError`.

    Metadata of another tool's, not as `encode` writes it, is read as far as possible.
    """
    sha256 = hashlib.sha256(body).hexdigest()
    try:
        # One pass over the text, if nothing in it is odd.
        split = _parts.decode(body)
        return Bronze(body, _read_metadata(bytes(split.metadata)), sha256, split.results)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        pass
    try:
        parts = members(body)
    except MalformedJsonError as error:
        raise UnreadableBronzeError(f"it is not a JSON object ({error}){beginning(body)}") from error
    if "results" not in parts:
        raise UnreadableBronzeError(f"it has no `results`{beginning(body)}")
    return Bronze(body, _read_metadata(parts.get("_metadata", b"{}")), sha256)


def rebuild_pages(bronze: Bronze) -> list[tuple[PageRecord, bytes]]:
    """Each page's record with the body that TMDB sent, rebuilt; raises `UnreadableBronzeError` if it can't be."""
    rebuilt = []
    text, position = bronze.results[1:-1], 0
    for record in bronze.metadata.pages:
        rows = text[position : position + record.rows_bytes]
        if len(rows) != record.rows_bytes:
            raise UnreadableBronzeError(f"`results` ends within page {record.page}")
        rebuilt.append((record, record.before.encode() + rows + record.after.encode()))
        position += record.rows_bytes + 1 if record.rows else 0
    if position and position != len(text) + 1:
        raise UnreadableBronzeError("`results` holds more than the pages of `_metadata` account for")
    return rebuilt


def _read_metadata(text: bytes) -> Metadata:
    try:
        return msgspec.json.decode(text, type=Metadata)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        parts = members(text)
    except MalformedJsonError:
        return Metadata()
    readable: dict[str, Any] = {}
    for field in msgspec.structs.fields(Metadata):
        if field.name in parts:
            try:
                readable[field.name] = msgspec.json.decode(parts[field.name], type=field.type)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
    return Metadata(**readable)


def _row_id(row: bytes | msgspec.Raw) -> int | None:
    try:
        id_text = members(bytes(row)).get("id")
    except MalformedJsonError:
        return None
    return _count(id_text)


def _count(text: bytes | None) -> int | None:
    """A whole number from 0 on that fits into 64 bits, as the contract wants ids; None for anything else."""
    if text is None or not re.fullmatch(rb"\d{1,19}", text):
        return None
    return number if (number := int(text)) < 2**63 else None


def _etag_hash(etag: str) -> str | None:
    match = _WEAK_HASH_ETAG.fullmatch(etag)
    return match[1] if match else None
