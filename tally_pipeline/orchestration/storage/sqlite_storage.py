"""Dagster's history in SQLite, in Dagster's own files, but with the databases left open.

Dagster's own storage opens and closes a database two or three times for every event: each time SQL is compiled
again, and the last one to close it copies the write-ahead log into it. A year's backfill writes 13,000 events, and
that was most of its time. Files and tables stay Dagster's: each storage reads the other's.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sa

from tally_pipeline.orchestration.storage.dagster_internals import (
    DagsterSqliteStorage,
    SqliteEventLogStorage,
    SqliteRunStorage,
)

RUNS_OPEN = 8
"""Each run has a database of its own; this many stay open, those used last."""

_INDEX = "index"
"""The database of events about assets, of all runs."""

_BUSY_SECONDS = 30
"""Seconds that a process waits for another's write, as in Dagster's own storage."""


class History(DagsterSqliteStorage):
    """Dagster's storage below `base_dir`, which is Dagster's home; `storage: custom` in dagster.yaml."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        super().__init__(base_dir, inst_data)
        # They replace Dagster's own, which created the folders and hold nothing open.
        self._run_storage = _Runs.from_local(str(Path(base_dir, "history")))
        self._event_log_storage = _Events(str(Path(base_dir, "history", "runs")))

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Mapping[str, Any]) -> History:
        return cls.from_local(inst_data=inst_data, **config_value)


def together(instance: dg.DagsterInstance) -> AbstractContextManager[None]:
    """Commits the events stored meanwhile in one transaction; with another storage, one by one."""
    events = instance.event_log_storage
    return events.together() if isinstance(events, _Events) else nullcontext()


class _Database:
    """A SQLite database that stays open from its first use on."""

    def __init__(self, url: str) -> None:
        # One connection stays open. Concurrent users get others, which are closed when returned.
        waiting = {"timeout": _BUSY_SECONDS}
        self._engine = sa.create_engine(url, pool_size=1, max_overflow=-1, connect_args=waiting)
        sa.event.listen(self._engine, "connect", _set_up)

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        with self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        self._engine.dispose()


def _set_up(connection: Any, _: Any) -> None:
    # Nothing is lost if a process is killed at any time. A power failure may lose the last events, but
    # never the database: https://www.sqlite.org/pragma.html#pragma_synchronous
    connection.execute("PRAGMA synchronous = NORMAL")


class _Runs(SqliteRunStorage):
    """The runs, their tags, the backfills."""

    def __init__(self, conn_string: str, inst_data: Any = None) -> None:
        self._database = _Database(conn_string)
        super().__init__(conn_string, inst_data)

    @contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        with self._database.transaction() as connection:
            yield connection

    def dispose(self) -> None:
        super().dispose()
        self._database.close()


class _Events(SqliteEventLogStorage):
    """The events: a database for each run, and the index."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        # One thread at a time, as in Dagster's own storage; but logging meanwhile may store an event too.
        self._lock = threading.RLock()
        self._open: dict[str, _Database] = {}
        self._joint: ExitStack | None = None
        self._joined: dict[str, sa.Connection] = {}
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    def index_connection(self) -> AbstractContextManager[sa.Connection]:
        return self._transaction(_INDEX)

    def run_connection(self, run_id: str | None = None) -> AbstractContextManager[sa.Connection]:
        return self._transaction(run_id or "")  # events of no run are in ".db"

    @contextmanager
    def together(self) -> Iterator[None]:
        """Commits the events stored meanwhile at the end, all or none; other writers wait until then."""
        with self._lock:
            with ExitStack() as self._joint:
                try:
                    yield
                finally:
                    self._joint = None
                    written = list(self._joined)
                    self._joined.clear()
            for name in written:
                self._touch(name)

    @contextmanager
    def _transaction(self, name: str) -> Iterator[sa.Connection]:
        with self._lock:
            if self._joint is None:
                with self._alone(name) as connection:
                    yield connection
            else:
                if name not in self._joined:
                    self._joined[name] = self._joint.enter_context(self._alone(name))
                yield self._joined[name]

    @contextmanager
    def _alone(self, name: str) -> Iterator[sa.Connection]:
        with self._lock:
            database = self._open.pop(name, None)
            if database is None:
                # Dagster's own connection creates the tables of a new database.
                with super().run_connection(name):
                    database = _Database(self.conn_string_for_shard(name))
            self._open[name] = database
            self._close_all_but(RUNS_OPEN)
            with database.transaction() as connection:
                yield connection

    def _close_all_but(self, newest: int) -> None:
        runs = [name for name in self._open if name != _INDEX]
        for name in runs[: max(0, len(runs) - newest)]:
            self._open.pop(name).close()

    def has_table(self, table_name: str) -> bool:
        # Called for every event.
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def store_event(self, event: dg.EventLogEntry) -> None:
        super().store_event(event)
        if self._joint is None:
            self._touch(event.run_id)

    def _touch(self, name: str) -> None:
        # The UI watches a run's file, but writes go to the log beside it and may stay there for long.
        os.utime(self.path_for_shard(name))

    def wipe(self) -> None:
        self._close()  # the files are removed
        super().wipe()

    def dispose(self) -> None:
        super().dispose()
        self._close()

    def _close(self) -> None:
        with self._lock:
            for database in self._open.values():
                database.close()
            self._open.clear()
