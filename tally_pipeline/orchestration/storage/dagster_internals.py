"""All uses of Dagster's private parts, with reasons. No other module may import them, by a rule of ruff.

A release of Dagster may move them. The lock file pins its version and pyproject.toml its minor one; the tests named
here fail if one of them no longer works as needed.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa

# Names the materialization that a check is about. `AssetCheckEvaluation`, which is public, takes nothing else for it,
# and without it the UI shows a check that was logged for a day as out of date (assets/test_ranges.py).
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

# An error that Dagster shows as given instead of formatting the traceback: the only way to a failure without a stack
# trace. A `dg.Failure` shows 20 frames of Dagster's own under a complete message (assets/test_failures.py).
from dagster._core.errors import DagsterUserCodeProcessError

# Only its status identifies a launched backfill without a run yet. `DagsterInstance.get_backfills`, which is public,
# takes nothing else (orchestration/automation/test_waiting.py).
from dagster._core.execution.backfill import BulkActionStatus

# The capture of a step's output. For its use see below.
from dagster._core.execution.compute_logs import mirror_stream_to_file
from dagster._core.storage import local_compute_log_manager

# dagster.yaml may name a custom storage (`storage: custom`), but no base class is public. With Dagster's own classes
# a `tally sync` takes 5 s longer (orchestration/storage/). The modules are here for their database URLs, which break
# on a path with `%` or `?` (cli/test_paths.py).
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


# Dagster writes the path into the URL unquoted, and SQLAlchemy reads `a%20b` in it as `a b`: another folder, or none
# (cli/test_paths.py).
for _storage in (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage):
    assert hasattr(_storage, "create_db_conn_string"), _storage
    setattr(_storage, "create_db_conn_string", _database_url)  # noqa: B010 - mypy: a module's name is assigned to


@contextmanager
def _mirror_undisturbed(stream: IO[Any], filepath: str) -> Iterator[Any]:
    """Dagster's function with SIGINT blocked while its processes start, so that they inherit the mask."""
    with ExitStack() as mirrored:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            pids = mirrored.enter_context(mirror_stream_to_file(stream, filepath))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        yield pids


# Two pairs of processes copy a step's output to the terminal. Ctrl-C in a terminal reaches all of them: two would end
# with a traceback above Tally's message, and the others before all output is shown. Dagster ends them with the step,
# and they end with this process (cli/test_interrupted.py).
setattr(local_compute_log_manager, "mirror_stream_to_file", _mirror_undisturbed)  # noqa: B010 - as above

PLAN_LOGGER = "dagster._core.execution.plan.active"
"""The logger that warns about cases that Tally's assets handle; there is no public switch for it."""
