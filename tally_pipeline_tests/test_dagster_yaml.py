"""The project's own Dagster settings, as Dagster understands them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance

ROOT = Path(__file__).parents[1]


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    """An instance whose home holds the repository's dagster.yaml."""
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


def test_nothing_is_sent_anywhere_and_no_dialog_greets_a_newcomer(instance: DagsterInstance) -> None:
    assert not instance.telemetry_enabled
    assert not instance.nux_enabled


def test_a_pool_is_used_by_one_step_at_a_time(instance: DagsterInstance) -> None:
    pools = instance.get_concurrency_config().pool_config
    assert pools.default_pool_limit == 1
    assert pools.pool_granularity is not None
    assert pools.pool_granularity.value == "op"


def test_a_failed_asset_is_not_retried_by_starting_its_run_again(instance: DagsterInstance) -> None:
    assert instance.run_retries_enabled
    assert instance.run_retries_retry_on_asset_or_op_failure is False


def test_hanging_runs_are_ended(instance: DagsterInstance) -> None:
    assert instance.run_monitoring_enabled
    assert 0 < instance.run_monitoring_max_runtime_seconds <= 3600


def test_workspace_yaml_is_not_overruled_by_pyproject() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert "[tool.dagster" not in pyproject
    assert "[tool.dg" not in pyproject
