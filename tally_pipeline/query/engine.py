"""What every query engine can do. Callers know only this; `deployment` chooses the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa


class QueryError(Exception):
    """A query cannot be answered. The message tells the person who asked what is wrong, and what there is."""


@dataclass(frozen=True)
class Answer:
    """A query's rows and what they took. None where the engine does not say.

    `seconds`: from asking to having the rows. `bytes_scanned`: what the engine read, and bills. `link`: the
    query in the engine's console.
    """

    rows: pa.Table
    seconds: float
    bytes_scanned: int | None = None
    query_id: str | None = None
    link: str | None = None


@dataclass(frozen=True)
class Remedies:
    """What to do on this engine when a table's `schema` or `counts` are wrong, or it is `unreadable`."""

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
        """What to do about what is wrong with a table."""
        ...

    def describe(self) -> str:
        """What answers and where its data is, in one line."""
        ...

    def tables(self) -> tuple[str, ...]:
        """The names of the tables that may be queried."""
        ...

    def query(self, sql: str) -> pa.Table:
        """The rows that one SELECT (WITH, SHOW TABLES, DESCRIBE, EXPLAIN) answers. Raises `QueryError`.

        Numbers, strings, booleans, dates and times have the same type on every engine. Athena answers lists and
        maps as text: ask `rows` for them.
        """
        ...

    def rows(self, sql: str, schema: pa.Schema) -> pa.Table:
        """The rows of one SELECT in exactly this schema, lists and maps too. Raises `QueryError`.

        The columns are matched by name. The order of the rows is not promised, whatever the query says.
        """
        ...

    def measure(self, sql: str) -> Answer:
        """As `query`, with what it took. Raises `QueryError`."""
        ...

    def columns(self, table: str) -> list[tuple[str, str]]:
        """Name and Athena type of each column that the table really has now, in order, partition keys last.

        This is what is there, read anew each time, and not what the contract says. Raises `QueryError`.
        """
        ...

    def differences(self, table: str) -> list[dict[str, str]]:
        """Where the table that is there is not the contract's; empty when it is. Raises `QueryError`.

        Each difference says the `place`, what the `contract` says and what the `table` has there.
        """
        ...


def compared(
    contract: Sequence[tuple[str, str]], table: Sequence[tuple[str, str]], what: str
) -> list[dict[str, str]]:
    """The places at which two lists of columns (name and type) differ; `what 1` is the first."""
    return [
        {"place": f"{what} {place}", "contract": _at(contract, place), "table": _at(table, place)}
        for place in range(1, max(len(contract), len(table)) + 1)
        if _at(contract, place) != _at(table, place)
    ]


def in_schema(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """The rows in this schema, columns matched by name; raises `QueryError` when they do not fit."""
    try:
        return rows.select(schema.names).cast(schema)
    except (KeyError, pa.ArrowException) as error:
        raise QueryError(f"the query's columns do not fit what is made of them: {error}") from error


def _at(columns: Sequence[tuple[str, str]], place: int) -> str:
    return " ".join(columns[place - 1]) if place <= len(columns) else "nothing"
