"""Reads from the lake and publishes to it, in terms of the layout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec
import pyarrow as pa

from tally_pipeline.lake import layout, parquet
from tally_pipeline.lake.layout import BronzeKey, Place
from tally_pipeline.lake.locks import TableLocks
from tally_pipeline.lake.parquet import ForeignFileError, Provenance
from tally_pipeline.lake.store import AlreadyThereError, LakeError, NoSuchObjectError, Store

F = TypeVar("F", bound=msgspec.Struct)


class LakeOwnershipError(LakeError):
    """The lake's ownership marker names another source, or is unreadable; the message says what to do."""


class OwnershipMarker(msgspec.Struct, frozen=True):
    """The content of the object `lake.json`: the source whose data the lake holds."""

    source: str


class Lake:
    """The lake of one source: `source` is "tmdb" or "sandbox", and nothing of the other is refined in it.

    Its object `lake.json` says so from before the first capture on: writers for another source are refused.
    """

    def __init__(self, store: Store, source: str, locks: TableLocks | None = None) -> None:
        self.store = store
        self.source = source
        self.locks = locks or TableLocks(None)
        self._is_ours = False

    def write_bronze(self, key: BronzeKey, body: bytes) -> None:
        """Store a capture for good; raises `AlreadyThereError` if this execution wrote it before."""
        self.write_once(str(key), body)

    def write_once(self, key: str, body: bytes) -> None:
        """Write an object of bronze, which nothing ever replaces; raises `AlreadyThereError`.

        Raises `LakeError` when the lake is another source's.
        """
        if not self.check_source():
            claim = msgspec.json.format(msgspec.json.encode(OwnershipMarker(self.source)))
            try:
                self.store.create(layout.OWNERSHIP_MARKER, claim)
                self._is_ours = True
            except AlreadyThereError:  # another process was quicker, maybe for another source
                self.check_source()
        self.store.create(key, body)

    def ownership_marker(self) -> OwnershipMarker | None:
        """The lake's ownership marker; None without one. Raises `LakeError` if it is unreadable."""
        try:
            return msgspec.json.decode(self.store.get(layout.OWNERSHIP_MARKER), type=OwnershipMarker)
        except NoSuchObjectError:
            return None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            where = self.store.uri(layout.OWNERSHIP_MARKER)
            raise LakeOwnershipError(
                f"{where} does not say whose data this lake holds ({error}). Look whose it is, and write"
                f' {{"source": "tmdb"}} or {{"source": "sandbox"}} there.'
            ) from error

    def check_source(self) -> bool:
        """True if the lake's marker names this source, False without one; raises `LakeError` if it names another."""
        if not self._is_ours:
            claim = self.ownership_marker()
            if claim is not None and claim.source != self.source:
                raise LakeOwnershipError(
                    f"{self.store.root} is a lake of {claim.source} data ({layout.OWNERSHIP_MARKER} says so), this is"
                    f" {self.source} data: nothing was written. Give {self.source} data a lake of its own, or set"
                    f" what makes it {claim.source} data again."
                )
            self._is_ours = claim is not None
        return self._is_ours

    def bronze_keys(self, data_type: str, dt: str | None = None) -> list[BronzeKey]:
        """The captures of a list, of one day or all, in the keys' order. Other objects are passed over."""
        keys = (BronzeKey.parse(info.key) for info in self.store.list(layout.bronze_prefix(data_type, dt)))
        return [key for key in keys if key]

    def bronze_days(self, data_type: str) -> list[str]:
        """The days with captures of a list in bronze, in order."""
        folders = self.store.folders(layout.bronze_prefix(data_type))
        return [folder.removeprefix("dt=") for folder in folders if folder.startswith("dt=")]

    def first_day(self, places: Iterable[Place]) -> str | None:
        """The first day with a capture in bronze, of a list or at one of `places`; None without any."""
        folders = {f"{layout.BRONZE}/{name}" for name in self.store.folders(layout.BRONZE)}
        folders |= {place.folder for place in places if place.root != layout.BRONZE}
        days = [
            day for folder in folders for name in self.store.folders(folder) if (day := layout.day_of(name))
        ]
        return min((day for day in days if day >= layout.EARLIEST), default=None)

    def footer(self, key: str, kind: type[F]) -> F | None:
        """The footer of the Parquet file at `key`; None without a file. Raises `ForeignFileError`."""
        try:
            tail = self.store.tail(key, parquet.FOOTER_BYTES)
            if parquet.footer_length(tail) > len(tail):
                tail = self.store.tail(key, parquet.footer_length(tail))
        except NoSuchObjectError:
            return None
        with self._naming(key):
            return parquet.read_footer(tail, kind)

    def footer_if_ours(self, key: str, kind: type[F]) -> F | None:
        """The same, but None for a file that Tally did not write."""
        try:
            return self.footer(key, kind)
        except ForeignFileError:
            return None

    def is_made_from(self, key: str, capture: str) -> bool:
        """True if the footer of the file at `key` names the bronze object at `capture` as an input."""
        provenance = self.footer_if_ours(key, Provenance)
        return provenance is not None and any(ref.key == capture for ref in provenance.bronze)

    def silver_days(self, data_type: str) -> list[str]:
        """The days with silver of a list, in order."""
        folders = self.store.folders(f"{layout.SILVER}/{data_type}")
        return [folder.removeprefix("dt=") for folder in folders if folder.startswith("dt=")]

    def read_silver(self, data_type: str, dt: str) -> pa.Table:
        """A day's silver in silver's schema; raises `NoSuchObjectError`, `ForeignFileError`."""
        return self._read_table(layout.silver_key(data_type, dt))

    def read_quarantine(self, data_type: str, dt: str) -> pa.Table:
        """A day's rejected rows in the quarantine's schema; raises as `read_silver`."""
        return self._read_table(layout.quarantine_key(data_type, dt))

    def _read_table(self, key: str) -> pa.Table:
        body = self.store.get(key)
        with self._naming(key):
            return parquet.decode(body)

    @contextmanager
    def _naming(self, key: str) -> Iterator[None]:
        try:
            yield
        except ForeignFileError as error:
            raise ForeignFileError(
                f"{self.store.uri(key)} is {error}. Materialize the list's silver of that day: it is made anew."
            ) from error
