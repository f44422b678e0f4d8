"""What a dataset is: something that TMDB serves, from its capture to its table in silver.

A dataset is a folder here with a class that says all there is to say of it, and one line in `datasets/__init__.py`.
Bronze, silver, quarantine, audit, object events, the sensor, the catalogue and the data dictionary work from that.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from logging import Logger
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import msgspec
import pyarrow as pa
from pydantic import BaseModel

from tally_pipeline.checks.check import Check, Findings
from tally_pipeline.days import days_before
from tally_pipeline.lake.layout import BronzeKey, Place
from tally_pipeline.lake.parquet import BronzeRef
from tally_pipeline.lake.store import Store
from tally_pipeline.lake.tables import TableSpec
from tally_pipeline.plurals import counted
from tally_pipeline.previews import Rows
from tally_pipeline.tmdb.connection import Tmdb

C = TypeVar("C")
C_co = TypeVar("C_co", covariant=True)
R = TypeVar("R", bound="Refined")

HISTORY_DAYS = 7
"""How many days before a day it is held against."""

Shown = Mapping[str, Any]
"""What is told of a partition, by name: numbers, text, lists of text, `Rows` and `Bars`."""


class Options(BaseModel):
    """What a person may set when a capture or a refinement is launched; the fields' descriptions are shown."""


@dataclass(frozen=True)
class Capture(Generic[C_co]):
    """One capture in bronze, taken apart as far as `content` says; `sha256` is the object's.

    `verdict` is "complete" for all that is whole; `source` and `captured_at` are None where it does not say.
    """

    key: BronzeKey
    sha256: str
    source: str | None
    captured_at: datetime | None
    verdict: str
    content: C_co
    passed_over: tuple[str, ...] = ()
    """What else bronze holds for the day, and why it was not taken."""

    @property
    def ref(self) -> BronzeRef:
        return BronzeRef(str(self.key), self.sha256)

    @property
    def order(self) -> tuple[bool, datetime, str]:
        """Sorts captures of a day: partial ones first, then by time; those that do not say come first."""
        moment = self.captured_at or datetime.min.replace(tzinfo=UTC)
        return self.verdict == "complete", moment, self.key.execution_id

    def passing_over(self, others: Sequence[str]) -> Capture[C_co]:
        return replace(self, passed_over=tuple(others))


class Refined(Protocol):
    """A capture refined: what goes to silver, what to quarantine (None where the dataset has none), the counts."""

    @property
    def silver(self) -> pa.Table: ...
    @property
    def quarantine(self) -> pa.Table | None: ...
    @property
    def counts(self) -> msgspec.Struct: ...


class PublishedHistory:
    """The published counts of the days before a day, `HISTORY_DAYS` at most; each is read when it is asked for."""

    def __init__(self, day: str, published: Callable[[str], Any]) -> None:
        self.days = [days_before(day, ago) for ago in range(1, HISTORY_DAYS + 1)]
        self._published = published

    @cached_property
    def counts(self) -> dict[str, Any]:
        """By day, the newest first, of the days that were published."""
        return {day: counts for day in self.days if (counts := self._published(day)) is not None}

    @cached_property
    def last(self) -> tuple[str, Any] | None:
        """The last day that was published, and its counts; None where there is none."""
        published = ((day, self._published(day)) for day in self.days)
        return next(((day, counts) for day, counts in published if counts is not None), None)


@dataclass(frozen=True)
class CheckContext:
    """What a refined day is held against: the least pass rate (per cent), its past, the genres that TMDB listed last
    (names by id, asked for when they are needed)."""

    least_pass_rate: float
    past: PublishedHistory
    genres: Callable[[], Mapping[int, str]]


@dataclass(frozen=True)
class AuditResult:
    """One object's audit: what was proven about it, and what does not hold (empty when all does).

    `unproven` objects state no hashes (another tool wrote them): readable, yet nothing to hold them against.
    """

    key: str
    pages: int = 0
    rows: int = 0
    problems: tuple[str, ...] = ()
    unproven: bool = False


class Dataset(ABC, Generic[C, R]):
    """One dataset. `C` is what its captures hold, `R` what they are refined into.

    The attributes that a subclass sets, besides what is abstract: `name` is its `data_type`; `cadence` the name of
    the job that captures it; `gold_looks_back` says whether gold is made from it, `named_in_gold` whether gold takes
    names from it as they were refined last.
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
    """The table of its silver as a person finds it, with what it has to be filtered by."""
    unique: str
    """The column that tells a day's rows apart."""
    nullable: frozenset[str] = frozenset()
    """The columns of silver that may be null."""
    lineage: Mapping[str, Sequence[str]]
    """Which fields of TMDB's each column of silver comes from."""
    footer_type: type[msgspec.Struct]
    capture_options: ClassVar[type[Options]] = Options
    refine_options: ClassVar[type[Options]] = Options
    gold_looks_back: bool = True
    named_in_gold: bool = False

    # --- bronze ---

    def is_fetchable(self, day: str, today: str) -> bool:
        """Whether a day can be captured. TMDB serves the present only: what keeps a past says so here."""
        return day == today

    def too_late(self, day: str, today: str, captures: Sequence[BronzeKey]) -> str:
        """Why a day cannot be captured, and what to do instead. `captures` are what bronze holds of it."""
        instead = (
            f"Bronze holds {counted(len(captures), 'capture')} of that day: {', '.join(map(str, captures[-3:]))}. To"
            f" rebuild the day from them, materialize {'/'.join(self.silver_asset)} and what is below it for {day}."
            if captures
            else f"Bronze holds nothing of that day, and nobody can fetch it any more. Materialize {today} instead;"
            " the schedule keeps the coming days."
        )
        return f"TMDB serves only the present (it is {today} in UTC). {instead}"

    @abstractmethod
    def fetch(self, tmdb: Tmdb, key: BronzeKey, options: Options, log: Logger) -> Mapping[str, bytes]:
        """Capture a day: the objects to keep, by key, in the order in which they are to be written, the capture
        last. Raises `TmdbError`."""

    def keeps(self, name: str, old: bytes, new: bytes) -> bool:
        """Whether an object that an attempt of the same run wrote before may stand in the place of a new one."""
        return True

    def peek(self, store: Store, key: BronzeKey) -> Capture[C | None]:
        """As much of a capture as decides whether it is chosen. Raises as `read`."""
        return self.read(store, key)

    @abstractmethod
    def read(self, store: Store, key: BronzeKey) -> Capture[C]:
        """A capture; raises `NoSuchObjectError`, `UnreadableCaptureError`, both naming the object."""

    def accepts(self, capture: Capture[C | None], options: Options) -> bool:
        """Whether silver may be made from a capture of this verdict."""
        return capture.verdict == "complete"

    @abstractmethod
    def remedy(self, day: str, rejected: Sequence[str]) -> str:
        """What to do where bronze holds nothing that may be refined; `rejected` says what it holds instead."""

    @abstractmethod
    def judge_capture(self, capture: Capture[C]) -> Findings:
        """The findings of `bronze_checks`. Raises `UnreadableCaptureError`."""

    @abstractmethod
    def show_capture(self, capture: Capture[C]) -> Shown:
        """What is told of a capture."""

    @abstractmethod
    def audit(self, store: Store, key: BronzeKey, source: str) -> AuditResult:
        """Proves a capture, or says what does not hold. Raises `LakeError` when the store fails."""

    # --- silver ---

    @property
    def schema(self) -> pa.Schema:
        """The schema of every file of silver."""
        return self.silver_table.schema

    def silver_key(self, day: str) -> str:
        """Where a day of silver is."""
        return self._within(self.silver_table, day)

    def quarantine_key(self, day: str) -> str | None:
        """Where what was rejected of a day is; None where the dataset has no quarantine."""
        return self._within(self.quarantine_table, day) if self.quarantine_table else None

    def _within(self, table: TableSpec, day: str) -> str:
        """A day's key in a table; one whose folders say `data_type` holds several datasets."""
        values = {"data_type": self.name, "dt": day}
        key = table.pattern
        for partition in table.partitions:
            key = key.replace("*", values[partition], 1)
        return key

    @abstractmethod
    def refine(self, capture: Capture[C]) -> R:
        """The capture refined: pure, the same for the same bytes. Raises `UnreadableCaptureError`."""

    @abstractmethod
    def footer(self, capture: Capture[C], refined: R, source: str) -> msgspec.Struct:
        """What the files say about themselves."""

    @abstractmethod
    def judge(self, capture: Capture[C], refined: R, options: Options, against: CheckContext) -> Findings:
        """The findings of `silver_checks`."""

    @abstractmethod
    def show(self, capture: Capture[C], refined: R, past: PublishedHistory) -> Shown:
        """What is told of a published day."""

    def measures(self, capture: Capture[C], refined: R, *, published: bool) -> Mapping[str, float]:
        """What is sent to whoever watches the pipeline, by metric."""
        return {}


def rows(table: pa.Table, columns: Sequence[str] | None = None, most: int | None = None) -> Rows:
    """The first rows of a table, of some columns."""
    chosen = table.select(list(columns)) if columns else table
    return Rows(chosen.slice(0, most).to_pylist() if most else chosen.to_pylist())
