"""The base of tables made from silver: each is partitioned by day and declared in one module.

Arrow and Athena schemas, Dagster's assets, checks and lineage, the query engines' tables, staleness and the data
dictionary all derive from it. Every table also has the partition `dt`: the day it describes. A day that is missing
in silver is never filled in: comparisons with it are null, and a column says so.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, ClassVar, Protocol

import pyarrow as pa

from tally_pipeline.checks.check import Check, Findings
from tally_pipeline.days import days_before
from tally_pipeline.declaration import name_faults
from tally_pipeline.lake import layout
from tally_pipeline.lake.retention import day_of
from tally_pipeline.plurals import counted
from tally_pipeline.previews import Bars
from tally_pipeline.tables.columns import Column
from tally_pipeline.tables.sources import EarlierInputs, GoldFooter, InputFile, Sources

VERSION = "3"
"""Written into the footer of every such file; raise it when a column or its meaning changes."""

OF_LISTS = "shows"
"""`Table.follows` of a table that is made on every day with silver of a list."""

SPANS = (1, 7, 28)
"""Spans of trends, in days."""

LOOK_BACK_DAYS = 90
"""The most days before its own that a day of gold or a report is made from. As it must not outlive the silver that it
is made from, it lives that much shorter (`lake.retention`)."""

NO_DAY = "2000-01-01"
"""A day of which no lake has anything: what `:before` is where there is no such day."""

_PLACEHOLDER = re.compile(r":([a-z]\w*)")


class Engine(Protocol):
    """Answers SQL in Athena's dialect, as `query.engine.QueryEngine` promises."""

    def query(self, sql: str) -> pa.Table: ...

    def rows(self, sql: str, schema: pa.Schema, days: Collection[str] | None = None) -> pa.Table: ...


@dataclass(frozen=True)
class Inputs:
    """The files that a day is made from; `past` stands for those from before the named ones, if any."""

    named: tuple[InputFile, ...]
    past: EarlierInputs | None = None


@dataclass(frozen=True)
class Computed:
    """A day's rows, their inputs, and the findings of the table's checks. Nothing is written yet."""

    rows: pa.Table
    inputs: Inputs
    findings: Findings


class BrokenDeclarationError(Exception):
    """Rows are not what their table declares. The message names the columns, and the remedy."""


class Table(ABC):
    """One table: `<layer>/<name>/dt=<day>/data.parquet`, queried as `<layer>_<name>`.

    It is made on the days with silver of what it `follows`: the lists of shows, or the dataset of that name.
    `window` describes in words how far back a day's rows depend on silver, `looks_back` is the number of days. `key`
    are the columns that are unique within a day. `checks` are declared in the order of `findings`; a day that cannot
    be made at all fails the first. `previewed` are the columns of the preview.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    window: ClassVar[str]
    key: ClassVar[tuple[str, ...]]
    columns: ClassVar[tuple[Column, ...]]
    checks: ClassVar[tuple[Check, ...]]
    previewed: ClassVar[tuple[str, ...]]
    looks_back: ClassVar[int] = LOOK_BACK_DAYS
    layer: ClassVar[str] = layout.GOLD
    follows: ClassVar[str] = OF_LISTS
    newest_only: ClassVar[bool] = False
    """True if only the newest day is worth making; a person may make others."""
    day_before_of: ClassVar[tuple[str, ...]] = ()
    """Tables, by their names in SQL, whose last day before it is made from as well; maybe its own."""
    kind: ClassVar[str] = "parquet"
    """The kind of its maker, a label in Dagster's UI."""

    def faults(self) -> Iterable[str]:
        """The faults of the declaration, each with its remedy."""
        columns = [column.name for column in self.columns]
        yield from name_faults("column", columns)
        for attribute, named in (("key", self.key), ("previewed", self.previewed)):
            if unknown := [name for name in named if name not in columns]:
                yield f"`{attribute}` names {', '.join(unknown)}, which `columns` does not declare"
        if not self.key:
            yield "`key` is empty: name the columns that are unique within a day"
        if not self.checks:
            yield "`checks` is empty: a day that cannot be made fails the first"
        if not 0 <= self.looks_back <= LOOK_BACK_DAYS:
            yield f"`looks_back` is {self.looks_back}, and must be from 0 to {LOOK_BACK_DAYS} days"
        if "dt" in columns:
            yield "`dt` is the partition, and no column of a file: leave it out of `columns`"

    def broken_promises(self, rows: pa.Table) -> str:
        """The columns that are null or repeated against the declaration, in words; empty if none is."""
        declared = {column.name for column in self.columns if not column.nullable}
        nulls = [name for name in rows.column_names if name in declared and rows.column(name).null_count]
        keys = rows.select(list(self.key)).group_by(list(self.key)).aggregate([]).num_rows
        broken = [f"{name} is null in {counted(rows.column(name).null_count, 'row')}" for name in nulls]
        if keys != rows.num_rows:
            broken.append(f"the key ({', '.join(self.key)}) is not unique: {keys} of {rows.num_rows}")
        return ", ".join(broken)

    @property
    def sql_name(self) -> str:
        return f"{self.layer}_{self.name}"

    @property
    def asset(self) -> tuple[str, ...]:
        """The asset's key: silver's tables are assets beside the datasets', gold's have a folder."""
        return (self.layer, self.name) if self.layer == layout.GOLD else (self.sql_name,)

    def file_key(self, day: str) -> str:
        """The key of a day's file."""
        return layout.table_key(self.layer, self.name, day)

    def days(self, sources: Sources) -> set[str]:
        """The days on which it is made."""
        days = sources.days() if self.follows == OF_LISTS else set(sources.sizes(self.follows))
        return set(sorted(days)[-1:]) if self.newest_only else days

    @property
    def schema(self) -> pa.Schema:
        """The schema of every file of the table. `dt` is the partition, not a column of the file."""
        return pa.schema([column.arrow_field for column in self.columns])

    @property
    def source_tables(self) -> tuple[str, ...]:
        """The source tables of its columns."""
        return tuple(dict.fromkeys(table for column in self.columns for table, _ in column.sources))

    def earliest(self, day: str) -> str:
        """The first day that a day's rows are made from."""
        return days_before(day, self.looks_back)

    def obstacle(self, sources: Sources, day: str) -> str:
        """The reason why the day cannot be made, with the remedy; empty if it can."""
        if self.follows == OF_LISTS or day in self.days(sources):
            return ""
        return f"there is no silver of {day}; materialize silver_{self.follows} for it first."

    @abstractmethod
    def rows(self, sources: Sources, engine: Engine, day: str) -> pa.Table:
        """The day's rows in the table's schema. Raises what the engine raises."""

    @abstractmethod
    def inputs(self, sources: Sources, day: str) -> Inputs:
        """The files that the day depends on: a change of one of them makes the day stale."""

    @abstractmethod
    def findings(self, sources: Sources, engine: Engine, day: str, rows: pa.Table) -> Findings:
        """The findings about the day's rows, compared with the files rather than with the same query."""

    def preview(self, rows: pa.Table) -> pa.Table:
        """The preview of the day's rows, in display order."""
        return rows.select(list(self.previewed))

    def plots(self, engine: Engine, day: str, rows: pa.Table) -> Mapping[str, Bars]:
        """The shape of the day's rows, or of the days up to it."""
        return {}

    def compute(self, sources: Sources, engine: Engine, day: str) -> Computed:
        """Everything that publishing the day needs. Raises what the engine raises, and `BrokenDeclarationError`."""
        # Before they are read for the rows: if they are the same afterwards, the rows come from these very files.
        inputs = self.inputs(sources, day)
        rows = self.rows(sources, engine, day)
        if broken := self.broken_promises(rows):
            raise BrokenDeclarationError(
                f"{self.sql_name} of {day} breaks its declaration: {broken}. Mend how its rows are made, or declare"
                f" them otherwise (`nullable`, `key`) in {type(self).__module__.replace('.', '/')}.py"
            )
        return Computed(rows, inputs, self.findings(sources, engine, day, rows))

    def is_current(self, sources: Sources, day: str) -> bool:
        """True if the day exists, under today's contract, and was made from the present files."""
        footer = sources.lake.footer_if_ours(self.file_key(day), GoldFooter)
        if footer is None or footer.contract_version != VERSION:
            return False
        now = self.inputs(sources, day)
        # An input that expired since is no change: the day stays as it was made from it.
        first = sources.first_kept
        then, today = (
            {one for one in files if (day_of(one.key) or "") >= first} for files in (footer.inputs, now.named)
        )
        return then == today and (footer.past == now.past or self.earliest(day) < first)


class SqlTable(Table):
    """A table that is made by the SQL beside its module, written for Athena, for one day at a time.

    The SQL may use the parameters `:day`, `:day_1`, `:day_7` and `:day_28` (the days that trends look back to),
    `:earliest` (the first day that it looks back to), `:before` (the day that `before` names), and those in `values`.
    """

    kind = "sql"
    values: ClassVar[Mapping[str, int]] = {}
    reads_two_days: ClassVar[bool] = False
    """True if the SQL reads no days but `:day` and `:before`: large tables are not copied whole for it."""

    def before(self, sources: Sources, day: str) -> str | None:
        """The earlier day that the SQL calls `:before`; None without one. A table that needs one overrides this."""
        return None

    def statement(self, day: str, before: str | None = None) -> str:
        """The query in Athena's SQL for the table's rows of `day` (YYYY-MM-DD), compared with those of `before`.

        Raises `ValueError` if a day is no date, `KeyError` if the SQL uses an unknown parameter.
        """
        values = self._values(day, before)
        return _PLACEHOLDER.sub(lambda match: str(values[match[1]]), self._file.read_text(encoding="utf-8"))

    def faults(self) -> Iterable[str]:
        yield from super().faults()
        if not self._file.is_file():
            yield f"there is no {self.name}.sql beside the module: its SQL belongs there"
            return
        known = self._values("2000-01-01")
        used = dict.fromkeys(_PLACEHOLDER.findall(self._file.read_text(encoding="utf-8")))
        for name in used:
            if name not in known:
                yield (
                    f"{self.name}.sql uses :{name}; it may use {', '.join(f':{one}' for one in known)}. A number of"
                    " your own goes into `values`, another day into SQL's date arithmetic"
                )

    @property
    def _file(self) -> Traversable:
        return files(type(self).__module__.rpartition(".")[0]) / f"{self.name}.sql"

    def _values(self, day: str, before: str | None = None) -> Mapping[str, Any]:
        """The SQL's parameters. Only the text of a parsed date gets into it."""
        days = {"day": days_before(day, 0)} | {f"day_{span}": days_before(day, span) for span in SPANS}
        days["earliest"] = self.earliest(day)
        days["before"] = days_before(before or NO_DAY, 0)
        return {name: f"'{date_}'" for name, date_ in days.items()} | dict(self.values)

    def query(self, engine: Engine, day: str, before: str | None = None) -> pa.Table:
        """The rows of `day` in the table's schema, by its key. Raises what the engine raises."""
        days = {day, before or day} if self.reads_two_days else None
        rows = engine.rows(self.statement(day, before), self.schema, days)
        # Sorted here, not by the SQL: Athena writes rows in parts, in no order.
        return rows.sort_by([(name, "ascending") for name in self.key]).combine_chunks()

    def obstacle(self, sources: Sources, day: str) -> str:
        if day in self.days(sources):
            return ""
        return f"there is no silver of {day}; materialize silver_{self.follows} for it first."

    def rows(self, sources: Sources, engine: Engine, day: str) -> pa.Table:
        return self.query(engine, day, self.before(sources, day))


def by_list(rows: pa.Table, column: str) -> dict[str, list[float | None]]:
    """A column's values by list, the highest first: the series of a plot."""
    values: dict[str, list[float | None]] = {}
    for row in rows.sort_by([("data_type", "ascending"), (column, "descending")]).to_pylist():
        values.setdefault(row["data_type"], []).append(float(row[column]))
    return values
