"""Gold in the lake: what a day's tables are made from, and how they are published."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec
import pyarrow as pa

from tally_pipeline.lake import layout, parquet
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.parquet import Footer
from tally_pipeline.lake.store import NoSuchObjectError
from tally_pipeline.shows import gold
from tally_pipeline.shows.books import Books
from tally_pipeline.shows.bronze import Metadata, UnreadableBronzeError

GENRES = "silver/genres"
WINDOW_DAYS = gold.SPANS[-1]
"""Days before its own of which a gold file names every silver file it was made from; the rest by a digest."""


class Input(msgspec.Struct, frozen=True):
    """A file that a gold file was made from."""

    key: str
    sha256: str


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """The silver files from before the window: how many, from when, and a digest of their keys and sizes."""

    files: int
    first_dt: str | None
    sha256: str


class GoldFooter(msgspec.Struct, frozen=True, kw_only=True):
    """What a gold file says about itself: which table and day, under which contract, made from what."""

    table: str
    dt: str
    contract_version: str
    source: str
    inputs: tuple[Input, ...]
    past: Past | None = None


@dataclass(frozen=True)
class SilverFiles:
    """The silver files there are: size in bytes by day, by list."""

    by_list: Mapping[str, Mapping[str, int]]

    @classmethod
    def of(cls, lake: Lake, lists: Iterable[str]) -> SilverFiles:
        """One listing for each list."""
        return cls({name: _days(lake, name) for name in lists})

    def days(self, data_type: str | None = None) -> set[str]:
        """The days of which there is silver: of one list, or of any."""
        names = self.by_list if data_type is None else (data_type,)
        return {day for name in names for day in self.by_list.get(name, ())}

    def lists_of(self, day: str) -> list[str]:
        """The lists that have silver of the day."""
        return [name for name, days in self.by_list.items() if day in days]

    def before(self, data_type: str, day: str) -> str | None:
        """The list's last day with silver before `day`."""
        return max((then for then in self.by_list.get(data_type, ()) if then < day), default=None)


class Digests:
    """SHA-256 of the lake's files by key, each file read once: for one look at many days."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._known: dict[str, str] = {}

    def of(self, key: str) -> str:
        """Raises `NoSuchObjectError`."""
        if key not in self._known:
            self._known[key] = hashlib.sha256(self._lake.store.get(key)).hexdigest()
        return self._known[key]


def is_current(lake: Lake, table: gold.Table, silver: SilverFiles, day: str, digests: Digests) -> bool:
    """Whether a day of a table is there, under today's contract, and made from what silver is now."""
    made = lake.footer_if_ours(layout.gold_key(table.name, day), GoldFooter)
    if made is None or made.contract_version != gold.VERSION:
        return False
    if table == gold.DATA_QUALITY_DAILY:
        there = [file for name in silver.by_list for file in _files_of_books(lake, name, day, digests)]
        return sorted(there, key=_key_of) == sorted(made.inputs, key=_key_of)
    return (made.inputs, made.past) == inputs(lake, table, silver, day, digests)


def inputs(
    lake: Lake, table: gold.Table, silver: SilverFiles, day: str, digests: Digests | None = None
) -> tuple[tuple[Input, ...], Past | None]:
    """The files that a day of a table made by SQL depends on.

    Trends reach back to the first day: the window's files are named, those before it stand as a digest.
    """
    genres: list[str] = []
    past = None
    if table == gold.TRENDS:
        window = [_back(day, days) for days in range(WINDOW_DAYS + 1)]
        past = _past(silver, window[-1])
        wanted = [(name, then) for name in silver.by_list for then in window]
    elif table == gold.GENRE_ANALYTICS:
        wanted = [(name, then) for name in silver.by_list for then in (day, _back(day, 7))]
        genres = [info.key for info in lake.store.list(GENRES) if info.key.endswith(".parquet")]
    else:
        wanted = [
            (name, then)
            for name in silver.lists_of(day)
            for then in dict.fromkeys((day, silver.before(name, day), _back(day, 7)))
            if then
        ]
    named = [layout.silver_key(name, then) for name, then in wanted if then in silver.by_list[name]]
    digests = digests or Digests(lake)
    return tuple(Input(key, digests.of(key)) for key in sorted([*named, *genres])), past


def books(lake: Lake, data_type: str, day: str) -> tuple[Books, tuple[Input, ...]]:
    """What the lake says about a list and day, and the files that say it.

    The numbers are those of silver where the day has silver, else those of the last attempt, whose rejected rows
    are in quarantine. When it was captured is read from the bronze object that those name, else from the latest.
    """
    silver_key, quarantine_key = layout.silver_key(data_type, day), layout.quarantine_key(data_type, day)
    silver, quarantine = lake.footer_if_ours(silver_key, Footer), lake.footer_if_ours(quarantine_key, Footer)
    stated = silver or quarantine
    captures = [str(key) for key in lake.bronze_keys(data_type, day)]
    named = [ref.key for ref in stated.bronze] if stated else []
    metadata = _latest_metadata(lake, named or captures)
    told = Books(
        data_type=data_type,
        counts=stated.counts if stated else None,
        verdict=(stated and stated.verdict) or (metadata.verdict if metadata else None),
        source=(stated and stated.source) or (metadata.source if metadata else None),
        published=silver is not None,
        captured_at=metadata.ingestion_timestamp if metadata else None,
        bronze_objects=len(captures),
    )
    return told, _files_of_books(lake, data_type, day, Digests(lake))


def publish(lake: Lake, table: gold.Table, rows: pa.Table, footer: GoldFooter) -> str:
    """Put a day of a table in place of the one that may be there, at once; returns its key."""
    key = layout.gold_key(table.name, footer.dt)
    lake.store.put(key, parquet.encode(rows, footer))
    return key


def read(lake: Lake, table: gold.Table, day: str) -> pa.Table:
    """A day of a gold table in its schema; raises `NoSuchObjectError`, `ForeignFileError`."""
    return parquet.decode(lake.store.get(layout.gold_key(table.name, day)))


def footer(lake: Lake, table: gold.Table, day: str) -> GoldFooter | None:
    """What a day of a table says about itself; None when it is not there. Raises `ForeignFileError`."""
    return lake.footer(layout.gold_key(table.name, day), GoldFooter)


def _days(lake: Lake, data_type: str) -> dict[str, int]:
    """Size by day of a list's silver files. A folder that holds no file counts for nothing."""
    sizes = {info.key: info.size for info in lake.store.list(f"{layout.SILVER}/{data_type}")}
    days = (key.rsplit("/", 2)[-2].removeprefix("dt=") for key in sizes)
    return {
        day: sizes[layout.silver_key(data_type, day)]
        for day in days
        if layout.silver_key(data_type, day) in sizes
    }


def _past(silver: SilverFiles, first_day: str) -> Past:
    """The silver files of the days before `first_day`."""
    earlier = [
        (then, f"{layout.silver_key(name, then)}:{size}")
        for name, days in silver.by_list.items()
        for then, size in days.items()
        if then < first_day
    ]
    return Past(
        files=len(earlier),
        first_dt=min((then for then, _ in earlier), default=None),
        sha256=hashlib.sha256("\n".join(sorted(text for _, text in earlier)).encode()).hexdigest(),
    )


def _back(day: str, days: int) -> str:
    return (date.fromisoformat(day) - timedelta(days=days)).isoformat()


def _files_of_books(lake: Lake, data_type: str, day: str, digests: Digests) -> tuple[Input, ...]:
    """The files that say what became of a list's day: silver and quarantine, as far as they are there and ours."""
    keys = (layout.silver_key(data_type, day), layout.quarantine_key(data_type, day))
    return tuple(Input(key, digests.of(key)) for key in keys if lake.footer_if_ours(key, Footer))


def _key_of(file: Input) -> str:
    return file.key


def _latest_metadata(lake: Lake, keys: Sequence[str]) -> Metadata | None:
    """The metadata of the latest of these captures that can be read."""
    found = []
    for key in keys:
        parsed = layout.BronzeKey.parse(key)
        if parsed is None:
            continue
        try:
            found.append(lake.read_bronze(parsed).metadata)
        except (UnreadableBronzeError, NoSuchObjectError):
            continue
    return max(found, key=lambda metadata: metadata.ingestion_timestamp or "", default=None)
