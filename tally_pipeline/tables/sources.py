"""Gold's inputs in the lake, and the footers of gold files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec
import pyarrow as pa

from tally_pipeline import clock
from tally_pipeline.lake import layout, parquet
from tally_pipeline.lake.lake import Lake


class InputFile(msgspec.Struct, frozen=True):
    """A file that a gold file was made from."""

    key: str
    sha256: str


class EarlierInputs(msgspec.Struct, frozen=True, kw_only=True):
    """The silver files from before the named ones: their number, their first day, a digest of keys and sizes."""

    files: int
    first_dt: str | None
    sha256: str


class GoldFooter(msgspec.Struct, frozen=True, kw_only=True):
    """The footer of a gold file: its table and day, its contract, its inputs."""

    table: str
    dt: str
    contract_version: str
    source: str
    inputs: tuple[InputFile, ...]
    past: EarlierInputs | None = None


@dataclass(frozen=True)
class Sources:
    """A snapshot of the lake's files for making gold of some days: silver is listed once, each file hashed once.

    `by_list` is the size in bytes of each silver file, by list, then by day.
    """

    lake: Lake
    by_list: Mapping[str, Mapping[str, int]]
    _hashes: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Each file's hash and version, by key."""
    _sizes: dict[tuple[str, str], Mapping[str, int]] = field(default_factory=dict)

    @property
    def first_kept(self) -> str:
        """The first day that the lake keeps; empty if it keeps all."""
        first = self.lake.store.retention.first_kept(clock.today())
        return first.isoformat() if first else ""

    @classmethod
    def of(cls, lake: Lake, lists: Iterable[str]) -> Sources:
        """Takes the snapshot with one listing of the silver of all lists."""
        sizes = {info.key: info.size for info in lake.store.list(layout.SILVER)}
        return cls(lake, {name: _days(sizes, name) for name in lists})

    def days(self, data_type: str | None = None) -> set[str]:
        """The days with silver: of one list, or of any."""
        names = self.by_list if data_type is None else (data_type,)
        return {day for name in names for day in self.by_list.get(name, ())}

    def sizes(self, name: str, layer: str = "silver") -> Mapping[str, int]:
        """The size in bytes of each file of a table that is one file a day, by day; listed when first used."""
        if (layer, name) not in self._sizes:
            listed = {info.key: info.size for info in self.lake.store.list(f"{layer}/{name}")}
            days = {key.partition("/dt=")[2].partition("/")[0] for key in listed}
            self._sizes[layer, name] = {
                day: listed[key] for day in days if (key := layout.table_key(layer, name, day)) in listed
            }
        return self._sizes[layer, name]

    def last_before(self, name: str, day: str, *, since: str, layer: str = "silver") -> str | None:
        """The last day before `day`, from `since` on, on which such a table has a file; None without one."""
        return max((dt for dt in self.sizes(name, layer) if since <= dt < day), default=None)

    def lists_of(self, day: str) -> list[str]:
        """The lists that have silver of the day."""
        return [name for name, days in self.by_list.items() if day in days]

    def before(self, data_type: str, day: str, *, since: str) -> str | None:
        """The list's last day with silver before `day`, from `since` on."""
        return max((dt for dt in self.by_list.get(data_type, ()) if since <= dt < day), default=None)

    def silver_keys(self, days: Iterable[str | None], lists: Iterable[str] | None = None) -> list[str]:
        """The keys of existing silver files of these days, of some lists or all, in order."""
        dts = {day for day in days if day}
        names = self.by_list if lists is None else lists
        present = ((name, day) for name in names for day in dts if day in self.by_list[name])
        return sorted(layout.silver_key(name, day) for name, day in present)

    def past(self, day: str, *, since: str) -> EarlierInputs:
        """The silver files of the days before `day`, from `since` on."""
        earlier = [
            (dt, f"{layout.silver_key(name, dt)}:{size}")
            for name, days in self.by_list.items()
            for dt, size in days.items()
            if since <= dt < day
        ]
        return EarlierInputs(
            files=len(earlier),
            first_dt=min((dt for dt, _ in earlier), default=None),
            sha256=hashlib.sha256("\n".join(sorted(text for _, text in earlier)).encode()).hexdigest(),
        )

    def silver_of(self, day: str) -> dict[str, pa.Table]:
        """The day's silver by list."""
        return {name: self.lake.read_silver(name, day) for name in self.lists_of(day)}

    def under(self, folder: str) -> list[str]:
        """The keys of the Parquet files in a folder."""
        return [info.key for info in self.lake.store.list(folder) if info.key.endswith(".parquet")]

    def named(self, keys: Iterable[str]) -> tuple[InputFile, ...]:
        """The files at these keys, with their hashes. Raises `NoSuchObjectError`."""
        return tuple(InputFile(key, self._hash(key)) for key in keys)

    def renewed(self, inputs: Iterable[InputFile]) -> Sources:
        """A snapshot of the lake as it is now. Of these files only those that changed since are hashed again."""
        folders = {layout.SILVER}
        others = []
        for key in (one.key for one in inputs):
            if "/dt=" not in key:
                others.append(key)
            elif not key.startswith(f"{layout.SILVER}/"):
                folders.add(key.partition("/dt=")[0])
        listed = [info for folder in folders for info in self.lake.store.list(folder)]
        now: dict[str, str | None] = {info.key: info.version for info in listed}
        now |= {key: self.lake.store.version(key) for key in others}
        sizes = {info.key: info.size for info in listed}
        unchanged = {key: found for key, found in self._hashes.items() if now.get(key) == found[1]}
        return Sources(self.lake, {name: _days(sizes, name) for name in self.by_list}, unchanged)

    def _hash(self, key: str) -> str:
        if key not in self._hashes:
            body, version = self.lake.store.get_with_version(key)
            self._hashes[key] = hashlib.sha256(body).hexdigest(), version
        return self._hashes[key][0]


def read(lake: Lake, table: str, day: str) -> pa.Table:
    """A day of a gold table in its schema; raises `NoSuchObjectError`, `ForeignFileError`."""
    return parquet.decode(lake.store.get(layout.gold_key(table, day)))


def _days(sizes: Mapping[str, int], data_type: str) -> dict[str, int]:
    """The sizes of a list's silver files by day; `sizes` are those of all objects of silver."""
    prefix = f"{layout.SILVER}/{data_type}/dt="
    days = (key.removeprefix(prefix).partition("/")[0] for key in sizes if key.startswith(prefix))
    return {day: sizes[key] for day in days if (key := layout.silver_key(data_type, day)) in sizes}
