"""The whole graph with its IO manager over a lake in memory: IO managers are the lake's only door from assets."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

import tally_pipeline.orchestration.assets
from tally_pipeline import clock
from tally_pipeline.datasets import DATASETS, GENRES, SHOWS
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import Deployment, deploy, load_settings
from tally_pipeline.gold import OF_SHOWS
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import LakeError, Store
from tally_pipeline.orchestration.assets import common, report
from tally_pipeline.orchestration.assets.gold import gold_key
from tally_pipeline.orchestration.assets.io_manager import LakeIOManager
from tally_pipeline_tests.orchestration.assets.in_memory import MemoryEngine
from testkit.pipeline import capture, day, environment, failures, rows

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    settings = load_settings(environment(tmp_path / "nowhere"), dotenv=None)
    store = Store.in_memory()
    engine = MemoryEngine(store)
    return replace(
        deploy(settings), lake=Lake(store, "sandbox"), query_engine=engine, analytics_engine=engine
    )


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def run(
    deployment: Deployment, instance: dg.DagsterInstance, job: str, first: str, last: str
) -> dg.ExecuteInProcessResult:
    ends = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    when = {"partition_key": first} if first == last else {"tags": ends}
    return (
        build_definitions(deployment)
        .resolve_job_def(job)
        .execute_in_process(instance=instance, run_config=_QUIET, raise_on_error=False, **when)
    )


def test_today_runs_end_to_end_and_touches_no_disk(
    deployment: Deployment, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    result = run(deployment, instance, "sync", day(), day())
    assert failures(result) == {}
    made = [
        *map(common.silver_key, SHOWS),
        common.silver_key(GENRES),
        common.TABLE,
        *map(gold_key, OF_SHOWS),
        report.KEY,
    ]
    assert all(instance.get_materialized_partitions(asset) == {day()} for asset in made)
    assert deployment.lake.store.get(layout.report_key(day())).startswith(b"<!DOCTYPE html>")
    assert not any(tmp_path.iterdir())


def test_of_a_range_each_day_is_published_or_not_by_itself(
    deployment: Deployment, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    lake = deployment.lake
    for ago, sound in ((3, 20), (2, 0), (1, 20)):
        for dataset in SHOWS:
            key = dataset.place.key(day(ago), "a")
            lake.write_once(str(key), capture(key, rows(sound) if sound else [{"id": "no row"}]))
    result = run(deployment, instance, "refine", day(3), day(1))
    assert not result.success
    for dataset in SHOWS:
        assert instance.get_materialized_partitions(common.silver_key(dataset)) == {day(3), day(1)}
        assert [lake.store.exists(dataset.silver_key(day(ago))) for ago in (3, 2, 1)] == [True, False, True]
        assert lake.store.exists(dataset.quarantine_key(day(2)) or "")
    assert not any(tmp_path.iterdir())


def test_an_asset_that_only_reads_cannot_write(deployment: Deployment) -> None:
    reading = LakeIOManager(deployment.lake).reading
    for write in (reading.store.put, reading.store.create):
        with pytest.raises(LakeError, match="opened for reading only"):
            write("silver/x", b"")


def test_no_assets_own_code_writes_into_the_lake() -> None:
    """Only the IO manager calls what writes; the factory asks it to publish."""
    folder = Path(tally_pipeline.orchestration.assets.__file__).parent
    callers: dict[str, set[str]] = {}
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                callers.setdefault(node.func.attr, set()).add(path.stem)
    for writes in ("put", "create", "write_once", "write_bronze"):
        assert callers.get(writes, set()) <= {"io_manager"}, writes
    assert callers["publish_days"] <= {"factory", "io_manager"}


def test_every_dataset_has_its_assets(deployment: Deployment) -> None:
    assets = {spec.key for spec in build_definitions(deployment).resolve_all_asset_specs()}
    for dataset in DATASETS:
        assert {dg.AssetKey(dataset.bronze_asset), dg.AssetKey(dataset.silver_asset)} <= assets
    assert clock.today().isoformat() == day()
