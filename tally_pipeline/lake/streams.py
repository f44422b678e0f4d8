"""TMDB's daily exports and its genres in the lake: how they are kept, read and published."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import pyarrow as pa

from tally_pipeline.lake import layout, parquet
from tally_pipeline.lake.lake import Lake, NoCaptureError
from tally_pipeline.lake.layout import StreamKey
from tally_pipeline.lake.parquet import BronzeRef, ForeignFileError, GenresFooter, SeriesFooter
from tally_pipeline.lake.store import AlreadyThereError, NoSuchObjectError
from tally_pipeline.shows import genres as genres_format
from tally_pipeline.shows import series
from tally_pipeline.shows.genres import Genres, UnreadableGenresError
from tally_pipeline.shows.series import Receipt, UnreadableExportError

F = TypeVar("F", bound=msgspec.Struct)


@dataclass(frozen=True)
class Export:
    """One day's file of series, read. `receipt` is None where another tool put the file there without one."""

    key: StreamKey
    body: bytes
    receipt: Receipt | None
    sha256: str
    passed_over: tuple[str, ...] = ()

    @property
    def ref(self) -> BronzeRef:
        return BronzeRef(str(self.key), self.sha256)


def captures(lake: Lake, stream: str, dt: str | None = None) -> list[StreamKey]:
    """The captures of a stream, of one day or all, in the keys' order. Other objects are passed over."""
    found = (StreamKey.parse(info.key) for info in lake.store.list(layout.stream_prefix(stream, dt)))
    return [key for key in found if key]


# --- exports -----------------------------------------------------------------------------------------------


def write_export(lake: Lake, key: StreamKey, body: bytes, receipt: Receipt) -> None:
    """Keep a day's file and its receipt for good: whoever sees the file finds the receipt beside it.

    Raises `AlreadyThereError` when this execution wrote the file before, or when it died between the two and
    the file is another now: nothing is changed then.
    """
    try:
        lake.write_once(key.receipt, msgspec.json.format(msgspec.json.encode(receipt)))
    except AlreadyThereError:
        before = _receipt(lake, key)
        if before is None or before.sha256 != receipt.sha256:
            raise
    lake.write_once(str(key), body)


def read_export(lake: Lake, key: StreamKey) -> Export:
    """A day's file; raises `NoSuchObjectError`, `UnreadableExportError`, both naming the object."""
    body = lake.store.get(str(key))
    receipt, digest = _receipt(lake, key), hashlib.sha256(body).hexdigest()
    if receipt is not None and receipt.sha256 != digest:
        raise UnreadableExportError(
            f"{lake.store.uri(str(key))} hashes to {digest}, its receipt says {receipt.sha256}"
        )
    return Export(key, body, receipt, digest)


def export_to_refine(lake: Lake, dt: str) -> Export:
    """The day's latest file: what silver is made from. Raises `NoCaptureError`, saying what bronze holds."""
    lake.check_source()
    rejected: list[str] = []
    told: list[tuple[str, StreamKey]] = []
    for key in captures(lake, layout.SERIES_EXPORT, dt):
        try:
            receipt = _receipt(lake, key)
        except UnreadableExportError as error:
            rejected.append(str(error))
            continue
        if receipt is not None and receipt.source != lake.source:
            rejected.append(f"{key} is {receipt.source} data in a lake of {lake.source} data")
        else:
            told.append((receipt.ingestion_timestamp if receipt else "", key))
    for _, key in sorted(told, reverse=True):
        try:
            found = read_export(lake, key)
        except (UnreadableExportError, NoSuchObjectError) as error:
            rejected.append(str(error))
        else:
            return Export(found.key, found.body, found.receipt, found.sha256, tuple(rejected))
    raise NoCaptureError(
        f"bronze holds no whole export of {dt}. It holds: {'; '.join(rejected) or 'nothing at all'}."
        f" Materialize bronze_series_export for {dt}: TMDB keeps the last 90 days."
    )


def publish_series(lake: Lake, dt: str, refined: series.Refined, footer: SeriesFooter) -> str:
    """Put a day's series in place of those that may be there, at once; returns the key."""
    lake.store.put(layout.series_key(dt), parquet.encode(refined.silver, footer))
    return layout.series_key(dt)


def write_series_quarantine(lake: Lake, dt: str, refined: series.Refined, footer: SeriesFooter) -> str:
    """Put a day's rejected lines, none included, in place of the last; returns the key."""
    lake.store.put(layout.series_quarantine_key(dt), parquet.encode(refined.quarantine, footer))
    return layout.series_quarantine_key(dt)


def series_footer(lake: Lake, dt: str) -> SeriesFooter | None:
    """What the day's series say about themselves; None when they are not there or are another tool's."""
    return lake.footer_if_ours(layout.series_key(dt), SeriesFooter)


def read_series(lake: Lake, dt: str) -> pa.Table:
    """A day's series in the schema `series.SILVER`; raises `NoSuchObjectError`, `ForeignFileError`."""
    return parquet.decode(lake.store.get(layout.series_key(dt)))


# --- genres ------------------------------------------------------------------------------------------------


def write_genres(lake: Lake, key: StreamKey, body: bytes) -> None:
    """Keep a capture of the genres for good; raises `AlreadyThereError` when it was written before."""
    lake.write_once(str(key), body)


def read_genres(lake: Lake, key: StreamKey) -> Genres:
    """A capture of the genres; raises `NoSuchObjectError`, `UnreadableGenresError`, both naming the object."""
    try:
        return genres_format.decode(lake.store.get(str(key)))
    except UnreadableGenresError as error:
        raise UnreadableGenresError(f"{lake.store.uri(str(key))}: {error}") from error


def genres_to_refine(lake: Lake, dt: str) -> tuple[StreamKey, Genres]:
    """The day's latest capture of the genres. Raises `NoCaptureError`, saying what bronze holds."""
    lake.check_source()
    rejected: list[str] = []
    readable: list[tuple[str, StreamKey, Genres]] = []
    for key in captures(lake, layout.GENRES, dt):
        try:
            found = read_genres(lake, key)
        except (UnreadableGenresError, NoSuchObjectError) as error:
            rejected.append(str(error))
            continue
        if found.metadata.source not in (None, lake.source):
            rejected.append(f"{key} is {found.metadata.source} data in a lake of {lake.source} data")
        else:
            readable.append((found.metadata.ingestion_timestamp or "", key, found))
    if not readable:
        raise NoCaptureError(
            f"bronze holds no readable capture of the genres for {dt}. It holds:"
            f" {'; '.join(rejected) or 'nothing at all'}. Materialize bronze_genres on that very day (UTC)."
        )
    _, key, genres = max(readable, key=lambda capture: capture[:2])
    return key, genres


def publish_genres(lake: Lake, dt: str, silver: pa.Table, footer: GenresFooter) -> str:
    """Put a day's genres in place of those that may be there, at once; returns the key."""
    lake.store.put(layout.genres_key(dt), parquet.encode(silver, footer))
    return layout.genres_key(dt)


def latest_genres(lake: Lake) -> dict[int, str]:
    """Names by id of the genres that were refined last; empty where none ever were."""
    days = sorted(lake.store.folders("silver/genres"), reverse=True)
    for day in days:
        try:
            table = parquet.decode(lake.store.get(layout.genres_key(day.removeprefix("dt="))))
        except (NoSuchObjectError, ForeignFileError):
            continue
        return dict(zip(table["id"].to_pylist(), table["name"].to_pylist(), strict=True))
    return {}


def _receipt(lake: Lake, key: StreamKey) -> Receipt | None:
    """What is kept beside a file; None when there is nothing. Raises `UnreadableExportError`."""
    try:
        return msgspec.json.decode(lake.store.get(key.receipt), type=Receipt)
    except NoSuchObjectError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableExportError(
            f"{lake.store.uri(key.receipt)} is not the receipt of an export ({error})"
        ) from error
