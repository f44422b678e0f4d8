"""The base class of datasets: something that TMDB serves, from its capture to its table in silver.

A dataset is a folder here with a class that says everything about it, and one line in `datasets/__init__.py`.
Bronze, silver, quarantine, audit, object events, the sensor, the catalogue and the data dictionary derive from it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from logging import Logger
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar, get_type_hints

import msgspec
import pyarrow as pa
from pydantic import BaseModel

from tally_pipeline.checks.check import Check, Findings
from tally_pipeline.days import days_before
from tally_pipeline.declaration import name_faults
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey, Place
from tally_pipeline.lake.parquet import BronzeRef
from tally_pipeline.lake.store import Store
from tally_pipeline.lake.tables import TableSpec
from tally_pipeline.plurals import counted
from tally_pipeline.previews import Rows
from tally_pipeline.tables.table import Table
from tally_pipeline.tmdb.connection import Tmdb

C = TypeVar("C")
C_co = TypeVar("C_co", covariant=True)
R = TypeVar("R", bound="Refined")

CADENCES = ("capture", "capture_export", "capture_genres", "capture_details")
"""The jobs that capture; each has a schedule of its own."""

HISTORY_DAYS = 7
"""The number of earlier days that a day is compared with."""

Shown = Mapping[str, Any]
"""The metadata of a partition, by name: numbers, text, lists of text, `Rows` and `Bars`."""


class CaptureError(Exception):
    """A capture cannot be made, for a reason of Tally's own; the message says why and what to do."""


class Options(BaseModel):
    """Options of a run, set on launching a capture or a refinement; the fields' descriptions are shown."""


@dataclass(frozen=True)
class CaptureSession:
    """The means of a capture: TMDB, the lake to read from, and a folder on this machine that outlives the run."""

    tmdb: Tmdb
    lake: Lake
    scratch: Path
    log: Logger


@dataclass(frozen=True)
class Capture(Generic[C_co]):
    """One capture in bronze, decoded into `content`; `sha256` is the object's.

    `verdict` is "complete" for a whole one; `source` and `captured_at` are None if it does not state them.
    """

    key: BronzeKey
    sha256: str
    source: str | None
    captured_at: datetime | None
    verdict: str
    content: C_co
    passed_over: tuple[str, ...] = ()
    """The other captures of the day in bronze, with the reasons against them."""

    @property
    def ref(self) -> BronzeRef:
        return BronzeRef(str(self.key), self.sha256)

    @property
    def order(self) -> tuple[bool, datetime, str]:
        """The sort key of a day's captures: partial ones first, then by time; those without a time come first."""
        moment = self.captured_at or datetime.min.replace(tzinfo=UTC)
        return self.verdict == "complete", moment, self.key.execution_id

    def passing_over(self, others: Sequence[str]) -> Capture[C_co]:
        return replace(self, passed_over=tuple(others))


class Refined(Protocol):
    """A capture refined: the rows for silver, those for quarantine (None if the dataset has none), the counts."""

    @property
    def silver(self) -> pa.Table: ...
    @property
    def quarantine(self) -> pa.Table | None: ...
    @property
    def counts(self) -> msgspec.Struct: ...


class PublishedHistory:
    """The published counts of the days before a day, `HISTORY_DAYS` at most, each read when first used."""

    def __init__(self, day: str, published: Callable[[str], Any]) -> None:
        self.days = [days_before(day, ago) for ago in range(1, HISTORY_DAYS + 1)]
        self._published = published

    @cached_property
    def counts(self) -> dict[str, Any]:
        """The counts by published day, the newest first."""
        return {day: counts for day in self.days if (counts := self._published(day)) is not None}

    @cached_property
    def last(self) -> tuple[str, Any] | None:
        """The last published day and its counts; None without one."""
        published = ((day, self._published(day)) for day in self.days)
        return next(((day, counts) for day, counts in published if counts is not None), None)


@dataclass(frozen=True)
class CheckContext:
    """The reference values for the checks of a refined day: the least pass rate (per cent), the days before it, the
    genres that TMDB listed last (names by id, read when first used)."""

    least_pass_rate: float
    past: PublishedHistory
    genres: Callable[[], Mapping[int, str]]


@dataclass(frozen=True)
class AuditResult:
    """One object's audit: the facts proven about it, and its problems (empty if there are none).

    `unproven` objects state no hashes (another tool wrote them): readable, but with nothing to compare them with.
    """

    key: str
    pages: int = 0
    rows: int = 0
    problems: tuple[str, ...] = ()
    unproven: bool = False


class Dataset(ABC, Generic[C, R]):
    """One dataset. `C` is the type of its captures' content, `R` that of a refined capture.

    A subclass sets these attributes besides the abstract ones: `name` is its `data_type`; `cadence` the name of the
    job that captures it; `gold_looks_back` is true if gold is made from it, `comes_first` if others read its
    silver in the same run without depending on it. `derived` are the tables made from its silver, one day each.
    """

    name: str
    cadence: str
    place: Place
    bronze_asset: tuple[str, ...]
    silver_asset: tuple[str, ...]
    bronze_op: str
    silver_op: str
    bronze_description: str
    silver_description: str
    bronze_checks: tuple[Check, ...] = ()
    silver_checks: tuple[Check, ...]
    silver_table: TableSpec
    quarantine_table: TableSpec | None = None
    table_name: str
    """The table of its silver as people query it, with the filter that it needs."""
    unique: str
    """The column that is unique within a day."""
    nullable: frozenset[str] = frozenset()
    """The columns of silver that may be null."""
    lineage: Mapping[str, Sequence[str]]
    """TMDB's source fields of each column of silver."""
    footer_type: type[msgspec.Struct]
    capture_options: ClassVar[type[Options]] = Options
    refine_options: ClassVar[type[Options]] = Options
    gold_looks_back: bool = True
    comes_first: bool = False
    captured_last: bool = False
    """True if its capture waits for all others in a run."""
    pool: str = "tmdb"
    """Steps in this pool run one at a time, over all runs, so that all of them together keep to one TMDB rate."""
    derived: tuple[Table, ...] = ()

    def faults(self) -> Iterable[str]:
        """The faults of the declaration, each with its remedy."""
        known = get_type_hints(type(self))
        if lacking := [name for name in known if not hasattr(self, name)]:
            yield f"it does not say its {', '.join(lacking)}"
            return
        columns = self.schema.names
        yield from name_faults("dataset", [self.name])
        yield from name_faults("column", columns)
        if self.cadence not in CADENCES:
            yield f"`cadence` is {self.cadence!r}, and must be one of {', '.join(CADENCES)}"
        named = {"unique": [self.unique], "nullable": self.nullable, "lineage": self.lineage}
        for attribute, names in named.items():
            if unknown := sorted(set(names) - set(columns)):
                yield f"`{attribute}` names {', '.join(unknown)}, which is no column of {self.silver_table.name}"

    # --- bronze ---

    def is_fetchable(self, day: str, today: str) -> bool:
        """True if a day can be captured. TMDB serves only the present, save for datasets that override this."""
        return day == today

    def too_late(self, day: str, today: str, captures: Sequence[BronzeKey]) -> str:
        """The reason why a day cannot be captured, and the remedy. `captures` are the day's captures in bronze."""
        instead = (
            f"Bronze holds {counted(len(captures), 'capture')} of that day: {', '.join(map(str, captures[-3:]))}. To"
            f" rebuild the day from them, materialize {'/'.join(self.silver_asset)} and what is below it for {day}."
            if captures
            else f"Bronze holds nothing of that day, and nobody can fetch it any more. Materialize {today} instead;"
            " the schedule keeps the coming days."
        )
        return f"TMDB serves only the present (it is {today} in UTC). {instead}"

    @abstractmethod
    def fetch(self, session: CaptureSession, key: BronzeKey, options: Options) -> Iterable[tuple[str, bytes]]:
        """Capture a day: the objects to store, with their keys, in writing order, the capture last.

        A large capture may yield them one by one: each is stored before the next is asked for. Raises `TmdbError`
        and `CaptureError`, by the first object at the latest.
        """

    def keeps(self, name: str, old: bytes, new: bytes) -> bool:
        """True if an object that an earlier attempt of the same run wrote may stand in for a new one."""
        return True

    def peek(self, store: Store, key: BronzeKey) -> Capture[C | None]:
        """The part of a capture that decides about choosing it. Raises as `read`."""
        return self.read(store, key)

    @abstractmethod
    def read(self, store: Store, key: BronzeKey) -> Capture[C]:
        """A capture; raises `NoSuchObjectError`, `UnreadableCaptureError`, both naming the object."""

    def accepts(self, capture: Capture[C | None], options: Options) -> bool:
        """True if silver may be made from a capture of this verdict."""
        return capture.verdict == "complete"

    @abstractmethod
    def remedy(self, day: str, rejected: Sequence[str]) -> str:
        """The remedy if bronze holds no capture that may be refined; `rejected` describes the captures it holds."""

    @abstractmethod
    def judge_capture(self, capture: Capture[C]) -> Findings:
        """The findings of `bronze_checks`. Raises `UnreadableCaptureError`."""

    @abstractmethod
    def show_capture(self, capture: Capture[C]) -> Shown:
        """The metadata of a capture."""

    @abstractmethod
    def audit(self, store: Store, key: BronzeKey, source: str) -> AuditResult:
        """Proves a capture or lists its problems. Raises `LakeError` when the store fails."""

    # --- silver ---

    @property
    def schema(self) -> pa.Schema:
        """The schema of every file of silver."""
        return self.silver_table.schema

    def silver_key(self, day: str) -> str:
        """The key of a day of silver."""
        return self._within(self.silver_table, day)

    def quarantine_key(self, day: str) -> str | None:
        """The key of a day's rejected rows; None if the dataset has no quarantine."""
        return self._within(self.quarantine_table, day) if self.quarantine_table else None

    def _within(self, table: TableSpec, day: str) -> str:
        """A day's key in a table; a table partitioned by `data_type` holds several datasets."""
        values = {"data_type": self.name, "dt": day}
        key = table.pattern
        for partition in table.partitions:
            key = key.replace("*", values[partition], 1)
        return key

    @abstractmethod
    def refine(self, capture: Capture[C]) -> R:
        """Refine a capture. Pure: the same bytes give the same result. Raises `UnreadableCaptureError`."""

    @abstractmethod
    def footer(self, capture: Capture[C], refined: R, source: str) -> msgspec.Struct:
        """The footer of the files."""

    @abstractmethod
    def judge(self, capture: Capture[C], refined: R, options: Options, against: CheckContext) -> Findings:
        """The findings of `silver_checks`."""

    @abstractmethod
    def show(self, capture: Capture[C], refined: R, past: PublishedHistory) -> Shown:
        """The metadata of a published day."""

    def measures(self, capture: Capture[C], refined: R, *, published: bool) -> Mapping[str, float]:
        """The values to send to monitoring, by metric."""
        return {}


def rows(table: pa.Table, columns: Sequence[str] | None = None, most: int | None = None) -> Rows:
    """The first rows of a table, with only some of its columns if named."""
    chosen = table.select(list(columns)) if columns else table
    return Rows(chosen.slice(0, most).to_pylist() if most else chosen.to_pylist())
