"""All that Tally uses of Dagster's private parts, and why. Nothing else imports them: ruff sees to it.

A release of Dagster may move them. The lock pins its version and pyproject.toml its minor one; the tests named here
fail when one of them no longer does what it is used for.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa

# Says which materialization a check looked at. `AssetCheckEvaluation`, which is public, takes nothing else for it,
# and without it the UI shows a check that was logged for a day as out of date (assets/test_ranges.py).
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

# An error that Dagster takes from here as it is told, and not from the traceback: the only way to a failure without
# a stack. A `dg.Failure` shows 20 frames of Dagster's own under a message that says it all (assets/test_failures.py).
from dagster._core.errors import DagsterUserCodeProcessError

# A backfill that was launched and has no run yet is known by its status alone. `DagsterInstance.get_backfills`, which
# is public, takes nothing else (orchestration/automation/test_waiting.py).
from dagster._core.execution.backfill import BulkActionStatus

# How the output of a step is kept and shown. For what is done with it see below.
from dagster._core.execution.compute_logs import mirror_stream_to_file
from dagster._core.storage import local_compute_log_manager

# dagster.yaml may name a storage of one's own (`storage: custom`), but no class to begin from is public. With
# Dagster's own as they are, a `tally sync` takes 5 s longer (orchestration/storage/). The modules are here for
# their database URLs, which break on a path with `%` or `?` (cli/test_paths.py).
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster_shared.error import SerializableErrorInfo

__all__ = [
    "PLAN_LOGGER",
    "AssetCheckEvaluationTargetMaterializationData",
    "BulkActionStatus",
    "DagsterSqliteStorage",
    "DagsterUserCodeProcessError",
    "SerializableErrorInfo",
    "SqliteEventLogStorage",
    "SqliteRunStorage",
]


def _database_url(base_dir: str, db_name: str) -> str:
    """The URL of the database of that name in a folder."""
    path = Path(base_dir).absolute() / f"{db_name}.db"
    return sa.URL.create("sqlite", database=str(path)).render_as_string()


# Dagster writes the path into the URL as it is, and SQLAlchemy reads `a%20b` in it as `a b`: another folder, or none
# (cli/test_paths.py).
for _storage in (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage):
    assert hasattr(_storage, "create_db_conn_string"), _storage
    setattr(_storage, "create_db_conn_string", _database_url)  # noqa: B010 - mypy: a module's name is assigned to


@contextmanager
def _mirror_undisturbed(stream: IO[Any], filepath: str) -> Iterator[Any]:
    """What Dagster does, with children that know no Ctrl-C: a process that begins inherits what is held back."""
    with ExitStack() as mirrored:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            pids = mirrored.enter_context(mirror_stream_to_file(stream, filepath))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        yield pids


# Two pairs of processes show in the terminal what a step prints. Ctrl-C in a terminal is for all of them: two would
# end with a traceback above our words, and the others before all is shown. Dagster ends them with the step, and they
# end when this process does (cli/test_interrupted.py).
setattr(local_compute_log_manager, "mirror_stream_to_file", _mirror_undisturbed)  # noqa: B010 - as above

PLAN_LOGGER = "dagster._core.execution.plan.active"
"""Warns of what our assets see to themselves: no public switch silences it."""
