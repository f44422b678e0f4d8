"""What is in the lake and how it is read and published, in the terms of the layout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
import pyarrow as pa

from tally_pipeline.lake import layout, parquet
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.parquet import BronzeRef, Footer, ForeignFileError
from tally_pipeline.lake.store import AlreadyThereError, LakeError, NoSuchObjectError, Store
from tally_pipeline.lake.turns import Turns
from tally_pipeline.shows import bronze as bronze_format
from tally_pipeline.shows.bronze import Bronze, UnreadableBronzeError
from tally_pipeline.shows.refine import Refined

F = TypeVar("F", bound=msgspec.Struct)


class ForeignLakeError(LakeError):
    """The lake says that it is another source's, or nothing that can be read; the message says what to do."""


class NoCaptureError(Exception):
    """Bronze holds nothing for the list and day that may be refined; the message says what is there instead."""


class Claim(msgspec.Struct, frozen=True):
    """What the object `lake.json` says: whose data the lake holds."""

    source: str


@dataclass(frozen=True)
class Capture:
    """One bronze object, read."""

    key: BronzeKey
    bronze: Bronze
    passed_over: tuple[str, ...] = ()
    """What else bronze holds for the day, and why it was not taken."""

    @property
    def ref(self) -> BronzeRef:
        return BronzeRef(str(self.key), self.bronze.sha256)

    @property
    def order(self) -> tuple[bool, datetime, str]:
        """Sorts captures of a day: partial ones first, then by time; those that do not say come first."""
        moment = self.bronze.metadata.captured_at or datetime.min.replace(tzinfo=UTC)
        return self.verdict == "complete", moment, self.key.execution_id

    @property
    def verdict(self) -> str:
        """Bronze's verdict, as far as the object bears it out: without rows it is empty, and one that names missing
        pages is not complete. An object that states no verdict is complete if it holds rows."""
        stated = self.bronze.metadata
        if not self.bronze.rows():
            return "empty"
        if stated.missing and stated.verdict in (None, "complete"):
            return "partial"
        return stated.verdict or "complete"


class Lake:
    """The lake of one source: `source` is "tmdb" or "sandbox", and nothing of the other is refined in it.

    Its object `lake.json` says so, from before the first capture on: whoever comes for another source is refused.
    """

    def __init__(self, store: Store, source: str, turns: Turns | None = None) -> None:
        self.store = store
        self.source = source
        self.turns = turns or Turns(None)
        self._is_ours = False

    def write_bronze(self, key: BronzeKey, body: bytes) -> None:
        """Keep a capture for good; raises `AlreadyThereError` when this execution wrote it before."""
        self.write_once(str(key), body)

    def write_once(self, key: str, body: bytes) -> None:
        """Write an object of bronze, which nothing ever replaces; raises `AlreadyThereError`.

        Raises `LakeError` when the lake is another source's.
        """
        if not self.check_source():
            claim = msgspec.json.format(msgspec.json.encode(Claim(self.source)))
            try:
                self.store.create(layout.CLAIM, claim)
                self._is_ours = True
            except AlreadyThereError:  # somebody was quicker, maybe for another source
                self.check_source()
        self.store.create(key, body)

    def claim(self) -> Claim | None:
        """Whose the lake says it is; None as long as it does not say. Raises `LakeError` if that is unreadable."""
        try:
            return msgspec.json.decode(self.store.get(layout.CLAIM), type=Claim)
        except NoSuchObjectError:
            return None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            where = self.store.uri(layout.CLAIM)
            raise ForeignLakeError(
                f"{where} does not say whose data this lake holds ({error}). Look whose it is, and write"
                f' {{"source": "tmdb"}} or {{"source": "sandbox"}} there.'
            ) from error

    def check_source(self) -> bool:
        """Whether the lake says that it is this source's; raises `LakeError` when it is another's."""
        if not self._is_ours:
            claim = self.claim()
            if claim is not None and claim.source != self.source:
                raise ForeignLakeError(
                    f"{self.store.root} is a lake of {claim.source} data ({layout.CLAIM} says so), this is"
                    f" {self.source} data: nothing was written. Give {self.source} data a lake of its own, or set"
                    f" what makes it {claim.source} data again."
                )
            self._is_ours = claim is not None
        return self._is_ours

    def read_bronze(self, key: BronzeKey) -> Bronze:
        """A capture; raises `NoSuchObjectError`, `UnreadableBronzeError`, both naming the object."""
        try:
            return bronze_format.decode(self.store.get(str(key)))
        except UnreadableBronzeError as error:
            raise UnreadableBronzeError(f"{self.store.uri(str(key))} is not a capture: {error}") from error

    def bronze_keys(self, data_type: str, dt: str | None = None) -> list[BronzeKey]:
        """The captures of a list, of one day or all, in the keys' order. Other objects are passed over."""
        found = (BronzeKey.parse(info.key) for info in self.store.list(layout.bronze_prefix(data_type, dt)))
        return [key for key in found if key]

    def bronze_days(self, data_type: str) -> list[str]:
        """The days of which bronze holds captures of a list, in order."""
        folders = self.store.folders(layout.bronze_prefix(data_type))
        return [folder.removeprefix("dt=") for folder in folders if folder.startswith("dt=")]

    def first_day(self) -> str | None:
        """The first day of which bronze holds a capture, of a list or a stream; None for a lake without any."""
        lists = self.store.folders(layout.BRONZE)
        folders = [layout.bronze_prefix(name) for name in lists]
        folders += [layout.stream_prefix(name) for name in layout.STREAM_NAMES]
        days = [
            day for folder in folders for name in self.store.folders(folder) if (day := layout.day_of(name))
        ]
        return min((day for day in days if day >= layout.EARLIEST), default=None)

    def capture_to_refine(self, data_type: str, dt: str, *, allow_partial: bool = False) -> Capture:
        """The day's latest complete capture (or, if allowed, for want of one, its latest partial one).

        Raises `NoCaptureError` when there is none; it says what bronze holds and what to do.
        """
        self.check_source()
        rejected: list[str] = []
        readable: list[Capture] = []
        for key in self.bronze_keys(data_type, dt):
            try:
                capture = Capture(key, self.read_bronze(key))
                verdict = capture.verdict
            except (UnreadableBronzeError, NoSuchObjectError) as error:
                rejected.append(str(error))
                continue
            stray = capture.bronze.metadata.source not in (None, self.source)
            if stray:
                rejected.append(
                    f"{key} is {capture.bronze.metadata.source} data in a lake of {self.source} data"
                )
            elif verdict == "complete" or (verdict == "partial" and allow_partial):
                readable.append(capture)
            else:
                rejected.append(f"{key} is {verdict}")
        if readable:
            latest = max(readable, key=lambda capture: capture.order)
            return replace(latest, passed_over=tuple(rejected))
        there = "; ".join(rejected) if rejected else "nothing at all"
        raise NoCaptureError(
            f"bronze holds no complete capture of {data_type} for {dt}. It holds: {there}."
            f" Materialize bronze_shows/{data_type} on that very day (UTC)"
            + (
                "; a partial capture is refined when silver is launched with allow_partial: true."
                if any("is partial" in line for line in rejected)
                else "."
            )
        )

    def publish_silver(self, data_type: str, dt: str, refined: Refined, footer: Footer) -> str:
        """Put a day's silver in place of the one that may be there, at once; returns its key."""
        key = layout.silver_key(data_type, dt)
        self.store.put(key, parquet.encode(refined.silver, footer))
        return key

    def write_quarantine(self, data_type: str, dt: str, refined: Refined, footer: Footer) -> str:
        """Put a day's rejected rows, none included, in place of the last; returns the key."""
        key = layout.quarantine_key(data_type, dt)
        self.store.put(key, parquet.encode(refined.quarantine, footer))
        return key

    def silver_footer(self, data_type: str, dt: str) -> Footer | None:
        """What the day's silver says about itself; None when it is not there. Raises `ForeignFileError`."""
        return self.footer(layout.silver_key(data_type, dt), Footer)

    def footer(self, key: str, kind: type[F]) -> F | None:
        """What the Parquet file at `key` says about itself; None when it is not there. Raises `ForeignFileError`."""
        try:
            tail = self.store.tail(key, parquet.FOOTER_BYTES)
            if parquet.footer_length(tail) > len(tail):
                tail = self.store.tail(key, parquet.footer_length(tail))
        except NoSuchObjectError:
            return None
        with self._naming(key):
            return parquet.read_footer_as(tail, kind)

    def footer_if_ours(self, key: str, kind: type[F]) -> F | None:
        """The same, and None as well for a file that Tally did not write."""
        try:
            return self.footer(key, kind)
        except ForeignFileError:
            return None

    def silver_days(self, data_type: str) -> list[str]:
        """The days of which there is silver of a list, in order."""
        folders = self.store.folders(f"{layout.SILVER}/{data_type}")
        return [folder.removeprefix("dt=") for folder in folders if folder.startswith("dt=")]

    def read_silver(self, data_type: str, dt: str) -> pa.Table:
        """A day's silver in the schema `contract.SILVER`; raises `NoSuchObjectError`, `ForeignFileError`."""
        return self._read_table(layout.silver_key(data_type, dt))

    def read_quarantine(self, data_type: str, dt: str) -> pa.Table:
        """A day's rejected rows in the schema `contract.QUARANTINE`; raises as `read_silver`."""
        return self._read_table(layout.quarantine_key(data_type, dt))

    def every_bronze_object(self) -> Iterator[tuple[str, BronzeKey | None]]:
        """Every object under bronze's root, with its parsed key, None where it is not a capture's."""
        for info in self.store.list(layout.BRONZE):
            yield info.key, BronzeKey.parse(info.key)

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
