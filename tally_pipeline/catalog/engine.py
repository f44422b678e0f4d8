"""What every query engine can do. Callers know only this; `deployment` chooses the engine."""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa


class QueryError(Exception):
    """A query cannot be answered. The message tells the person who asked what is wrong, and what there is."""


class QueryEngine(Protocol):
    """Answers SQL, written in Athena's dialect, about the lake's tables. Safe to use from several threads."""

    @property
    def name(self) -> str:
        """The engine's name, for people: `DuckDB` or `Athena`."""
        ...

    def describe(self) -> str:
        """What answers and where its data is, in one line."""
        ...

    def tables(self) -> tuple[str, ...]:
        """The names of the tables that may be queried."""
        ...

    def query(self, sql: str) -> pa.Table:
        """The rows that one SELECT (WITH, SHOW TABLES, DESCRIBE, EXPLAIN) answers. Raises `QueryError`."""
        ...

    def columns(self, table: str) -> list[tuple[str, str]]:
        """Name and Athena type of each column that the table really has now, in order, partition keys last.

        This is what is there, read anew each time, and not what the contract says. Raises `QueryError`.
        """
        ...
