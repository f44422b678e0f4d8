"""All that Tally uses of Dagster's private parts, and why. Nothing else imports them: ruff sees to it.

A release of Dagster may move them. The lock pins its version and pyproject.toml its minor one; the tests named here
fail when one of them no longer does what it is used for.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

# Says which materialization a check looked at. `AssetCheckEvaluation`, which is public, takes nothing else for it,
# and without it the UI shows a check that was logged for a day as out of date (assets/test_ranges.py).
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

# dagster.yaml may name a storage of one's own (`storage: custom`), but no class to begin from is public. With
# Dagster's own as they are, a `tally sync` takes 5 s longer (monitoring/test_history.py).
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

__all__ = [
    "PLAN_LOGGER",
    "AssetCheckEvaluationTargetMaterializationData",
    "DagsterSqliteStorage",
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

PLAN_LOGGER = "dagster._core.execution.plan.active"
"""Warns of what our assets see to themselves: no public switch silences it."""
