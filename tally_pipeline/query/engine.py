"""The interface of query engines. Callers know only this; `deployment` chooses the engine."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

BATCH = 2000
"""The most rows of a batch: written as text within a tenth of a second, so that the first ones come at once."""


class QueryError(Exception):
    """A query cannot be answered. The message names the mistake, and the tables or columns to choose from."""


@dataclass(frozen=True)
class Answer:
    """A query's rows and its cost. A value is None if the engine does not report it.

    `seconds`: from the request to the last row. `bytes_scanned`: the bytes that the engine read, and bills. `link`:
    the query in the engine's console.
    """

    rows: pa.Table
    seconds: float
    bytes_scanned: int | None = None
    query_id: str | None = None
    link: str | None = None


@dataclass(frozen=True)
class Rows:
    """A query's rows, batch by batch, as the engine finds them. Each batch has this schema.

    Iterating raises `QueryError` if the rest of the rows cannot be had.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]

    @classmethod
    def of(cls, table: pa.Table) -> Rows:
        """The rows of a table."""
        return cls(table.schema, iter(table.to_batches(max_chunksize=BATCH)))


@dataclass(frozen=True)
class Remedies:
    """The remedies on this engine for a table whose `schema` or `counts` are wrong, or that is `unreadable`."""

    schema: str
    counts: str
    unreadable: str


class QueryEngine(Protocol):
    """Answers SQL, written in Athena's dialect, about the lake's tables. Safe to use from several threads."""

    @property
    def name(self) -> str:
        """The engine's name, for people: `DuckDB` or `Athena`."""
        ...

    @property
    def remedies(self) -> Remedies:
        """The remedies for tables with problems."""
        ...

    def describe(self) -> str:
        """The engine and the place of its data, in one line."""
        ...

    def tables(self) -> tuple[str, ...]:
        """The names of the tables that may be queried."""
        ...

    def query(self, sql: str) -> pa.Table:
        """The result of one SELECT (WITH, SHOW TABLES, DESCRIBE, EXPLAIN). Raises `QueryError`.

        Numbers, strings, booleans, dates and times have the same type on every engine. Athena returns lists and maps
        as text: use `rows` for them.
        """
        ...

    def stream(self, sql: str) -> Rows:
        """As `query`, without ever holding all rows. Raises `QueryError`."""
        ...

    def rows(self, sql: str, schema: pa.Schema, days: Collection[str] | None = None) -> pa.Table:
        """The rows of one SELECT in exactly this schema, lists and maps too. Raises `QueryError`.

        The columns are matched by name. The order of the rows is undefined, even with ORDER BY. `days` are all days
        that the query reads, if named: an engine that copies files then copies no others.
        """
        ...

    def measure(self, sql: str) -> Answer:
        """As `query`, with its cost. Raises `QueryError`."""
        ...

    def columns(self, table: str) -> list[tuple[str, str]]:
        """Name and Athena type of each present column of the table, in order, partition keys last.

        They are read from the table each time, not from the contract. Raises `QueryError`.
        """
        ...

    def differences(self, table: str) -> list[dict[str, str]]:
        """The differences of the present table from the contract; empty if there are none. Raises `QueryError`.

        Each difference has the `place`, and the values of the `contract` and of the `table` there.
        """
        ...


def compared(
    contract: Sequence[tuple[str, str]], table: Sequence[tuple[str, str]], kind: str
) -> list[dict[str, str]]:
    """The places at which two lists of columns (name and type) differ; the first place is `{kind} 1`."""
    return [
        {"place": f"{kind} {place}", "contract": _at(contract, place), "table": _at(table, place)}
        for place in range(1, max(len(contract), len(table)) + 1)
        if _at(contract, place) != _at(table, place)
    ]


def in_schema(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """The rows in this schema, columns matched by name; raises `QueryError` if they do not fit."""
    faults = [f"it has no column {name!r}" for name in schema.names if name not in rows.column_names]
    faults += [f"it has a column {name!r} more" for name in rows.column_names if name not in schema.names]
    fitting = []
    for field in () if faults else schema:
        column = rows.column(field.name)
        try:
            fitting.append(column.cast(field.type))
        except pa.ArrowException as error:
            faults.append(f"{field.name!r} is {column.type} and cannot become {field.type} ({error})")
    if faults:
        raise QueryError(
            f"the query's columns are not those that are declared: {', '.join(faults)}. Mend the SQL, or the"
            " declaration of the columns"
        )
    return pa.table(fitting, schema=schema)


def _at(columns: Sequence[tuple[str, str]], place: int) -> str:
    return " ".join(columns[place - 1]) if place <= len(columns) else "nothing"
