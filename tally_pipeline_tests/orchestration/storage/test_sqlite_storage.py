"""Dagster's history with its databases left open: the same history, and what a program notices of it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from tally_pipeline.deployment import load_settings
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.runs import dagster_home
from tally_pipeline.orchestration.storage.sqlite_storage import RUNS_OPEN, History, together
from testkit.pipeline import CHECKS, POPULAR, Pipeline, day, put, rows

DAYS = dg.StaticPartitionsDefinition(["monday", "tuesday"])


@dg.asset(partitions_def=DAYS, check_specs=[dg.AssetCheckSpec("holds", asset="shows")])
def shows(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    passed = context.partition_key == "monday"
    return dg.MaterializeResult(metadata={"rows": 7}, check_results=[dg.AssetCheckResult(passed=passed)])


def opened(home: Path, *, as_dagster_does: bool = False) -> dg.DagsterInstance:
    """Dagster at `home`, with the storage that Tally sets up there or with Dagster's own."""
    settings = load_settings({"TALLY_HOME": str(home)}, dotenv=None)
    config = dagster_home.prepare(settings) / "dagster.yaml"
    if as_dagster_does:
        config.write_text("telemetry: {enabled: false}\n")
    return dg.DagsterInstance.from_config(str(config.parent))


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with opened(tmp_path) as instance:
        yield instance


def told(instance: dg.DagsterInstance, run_id: str, count: int = 1) -> None:
    """Puts so many events into the history of a run."""
    for number in range(count):
        instance.report_engine_event(f"event {number}", run_id=run_id, job_name="job")


def write_ahead_logs(home: Path) -> set[str]:
    """The databases that are open: SQLite removes the log beside one that is closed."""
    return {path.name.removesuffix(".db-wal") for path in home.rglob("history/runs/*.db-wal")}


def test_tally_keeps_dagsters_history_so(instance: dg.DagsterInstance) -> None:
    assert type(instance.event_log_storage).__module__ == History.__module__
    assert type(instance.run_storage).__module__ == History.__module__


@pytest.mark.parametrize("name", ['it\'s # $home: "x"', "späße"])
def test_the_home_may_have_any_name(tmp_path: Path, name: str) -> None:
    with opened(tmp_path / name) as instance:
        told(instance, "run")
    assert (tmp_path / name / "sandbox" / "dagster" / "history" / "runs" / "run.db").exists()


@pytest.mark.parametrize("dagster_writes", [True, False])
def test_either_storage_reads_what_the_other_wrote(tmp_path: Path, dagster_writes: bool) -> None:
    with opened(tmp_path, as_dagster_does=dagster_writes) as writer:
        for day in DAYS.get_partition_keys():
            assert dg.materialize([shows], instance=writer, partition_key=day).success
    with opened(tmp_path, as_dagster_does=not dagster_writes) as reader:
        assert reader.get_materialized_partitions(shows.key) == {"monday", "tuesday"}
        assert [run.status.value for run in reader.get_runs()] == ["SUCCESS", "SUCCESS"]
        newest_first = reader.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(shows.key, "holds"), limit=10
        )
        assert [record.status.value for record in newest_first] == ["FAILED", "SUCCEEDED"]


def test_a_database_is_opened_once_however_many_events_there_are(instance: dg.DagsterInstance) -> None:
    told(instance, "run")
    made: list[object] = []

    def note(connection: object, _: object) -> None:
        made.append(connection)

    sa.event.listen(sa.pool.Pool, "connect", note)
    try:
        told(instance, "run", 20)
    finally:
        sa.event.remove(sa.pool.Pool, "connect", note)
    assert made == []


def test_the_databases_of_only_so_many_runs_stay_open_the_last_used(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    runs = [f"run-{number}" for number in range(RUNS_OPEN + 3)]
    for run in runs:
        told(instance, run)
    assert write_ahead_logs(tmp_path) - {"index"} == set(runs[-RUNS_OPEN:])
    told(instance, runs[0])
    assert write_ahead_logs(tmp_path) - {"index"} == {runs[0], *runs[-RUNS_OPEN + 1 :]}
    assert len(instance.all_logs(runs[0])) == 2


def test_nothing_stays_open_when_the_history_is_closed(tmp_path: Path) -> None:
    with opened(tmp_path) as instance:
        assert dg.materialize([shows], instance=instance, partition_key="monday").success
        assert write_ahead_logs(tmp_path)
    assert not list(tmp_path.rglob("history/**/*.db-wal"))


def test_who_watches_a_run_hears_of_each_event(instance: dg.DagsterInstance) -> None:
    """The UI's live page of a run does: Dagster waits for the run's database to change, not the log beside it."""
    told(instance, "run")
    heard = threading.Event()
    instance.watch_event_logs("run", None, lambda entry, _: heard.set() if "last" in entry.message else None)
    instance.report_engine_event("the last one", run_id="run", job_name="job")
    assert heard.wait(10)


def test_events_that_are_stored_together_are_heard_of_when_all_are_there(
    instance: dg.DagsterInstance,
) -> None:
    told(instance, "run")
    heard = threading.Event()
    instance.watch_event_logs(
        "run", None, lambda entry, _: heard.set() if "event 4" in entry.message else None
    )
    with together(instance):
        told(instance, "run", 5)
    assert heard.wait(10)
    assert len(instance.all_logs("run")) == 6


def test_of_events_that_are_stored_together_all_are_there_or_none(instance: dg.DagsterInstance) -> None:
    def break_off() -> None:
        with together(instance):
            told(instance, "run", 5)
            raise KeyboardInterrupt

    told(instance, "run")
    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert len(instance.all_logs("run")) == 1
    told(instance, "run")
    assert len(instance.all_logs("run")) == 2


def test_a_run_of_many_days_shows_each_day_with_its_own_checks(tmp_path: Path) -> None:
    days = [day(ago) for ago in (3, 2, 1)]
    with opened(tmp_path) as instance:
        pipeline = Pipeline.at(tmp_path, instance)
        for on in days:
            put(pipeline.lake, on, rows(20))
        assert pipeline.refine(on=(days[0], days[-1])).success
    with opened(tmp_path, as_dagster_does=True) as instance:
        shown = Pipeline.at(tmp_path, instance)
        for check in CHECKS["silver"]:
            assert shown.statuses(common.silver_key(POPULAR), check, days) == dict.fromkeys(days, "SUCCEEDED")


def test_several_threads_write_at_once_and_nothing_is_lost(instance: dg.DagsterInstance) -> None:
    threads = [threading.Thread(target=told, args=(instance, f"run-{number % 3}", 20)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(instance.all_logs(f"run-{number}")) for number in range(3)] == [40, 40, 40]


def test_a_dagster_yaml_of_version_0_1_opens_the_same_history(tmp_path: Path) -> None:
    """A Dagster that is started without a `tally` command reads the file that a version before wrote."""
    with opened(tmp_path) as instance:
        told(instance, "run")
    config = tmp_path / "sandbox" / "dagster" / "dagster.yaml"
    now = "tally_pipeline.orchestration.storage.sqlite_storage"
    assert config.read_text().count(now) == 1
    config.write_text(config.read_text().replace(now, "tally_pipeline.monitoring.history"))
    with dg.DagsterInstance.from_config(str(config.parent)) as instance:
        assert len(instance.all_logs("run")) == 1


def test_what_is_wiped_is_gone_and_the_history_goes_on(instance: dg.DagsterInstance) -> None:
    told(instance, "run", 3)
    instance.wipe()
    assert not instance.all_logs("run")
    told(instance, "run")
    assert len(instance.all_logs("run")) == 1


@pytest.mark.slow
def test_a_process_that_is_killed_loses_no_event(tmp_path: Path) -> None:
    with opened(tmp_path):
        pass
    child = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os, signal, sys, dagster as dg\n"
            "instance = dg.DagsterInstance.from_config(sys.argv[1])\n"
            "for number in range(50):\n"
            "    instance.report_engine_event(str(number), run_id='run', job_name='job')\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n",
            str(tmp_path / "sandbox" / "dagster"),
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert child.returncode == -signal.SIGKILL
    with opened(tmp_path, as_dagster_does=True) as instance:
        assert len(instance.all_logs("run")) == 50
