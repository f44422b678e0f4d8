"""Runs DuckDB's work so that Ctrl-C stops it.

DuckDB hears nothing while it computes in the thread that waits for it: so it computes in another one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import TypeVar

import duckdb

T = TypeVar("T")

_BETWEEN_INTERRUPTS = 0.05
_PATIENCE = 1.0
"""Seconds that interrupted work may take to end; then it is left behind, for a person waits."""


def run(connection: duckdb.DuckDBPyConnection, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
    """The result of `work` on `connection`. If the wait is interrupted, the work is stopped first."""
    future: Future[T] = Future()
    # A daemon, so that work which is left behind does not keep the process alive.
    threading.Thread(target=_do, args=(work, connection, future), name="duckdb", daemon=True).start()
    try:
        return future.result()
    finally:
        if not future.done():
            _stop(connection, future)
        # Dagster keeps an interrupted step's error, and with it these frames, until the process ends; DuckDB then
        # complains that it is still in use.
        del connection, work, future


def _do(
    work: Callable[[duckdb.DuckDBPyConnection], T], connection: duckdb.DuckDBPyConnection, future: Future[T]
) -> None:
    try:
        result = work(connection)
    except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
        future.set_exception(error)
    else:
        future.set_result(result)


def _stop(connection: duckdb.DuckDBPyConnection, future: Future[T]) -> None:
    # Repeated: an interrupt that comes between two statements is forgotten by the second.
    for _ in range(int(_PATIENCE / _BETWEEN_INTERRUPTS)):
        with suppress(duckdb.ConnectionException):  # closed: the work is about to end
            connection.interrupt()
        wait([future], _BETWEEN_INTERRUPTS)
        if future.done():
            return
