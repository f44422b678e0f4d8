"""What the lake holds and no run of this history wrote becomes known to Dagster, and its days become partitions."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from tally_pipeline import clock
from tally_pipeline.datasets import SERIES, named
from tally_pipeline.datasets.shows import checks
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import deploy, first_day, load_settings
from tally_pipeline.gold import show_popularity_trends
from tally_pipeline.lake import layout
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.orchestration import automation
from tally_pipeline.orchestration.assets import common, report
from tally_pipeline.orchestration.assets.gold import gold_key
from tally_pipeline.orchestration.assets.io_manager import capture_result
from tally_pipeline.orchestration.assets.partition_events import record_without_run
from tally_pipeline_tests.orchestration.automation.folder_pipeline import Pipeline, put_export, span
from testkit.pipeline import rows

POPULAR = common.bronze_of("popular_shows")


def recorded(pipeline: Pipeline, asset: dg.AssetKey = POPULAR) -> list[str]:
    """The days of an asset's materializations, one for each, in order."""
    records = pipeline.instance.fetch_materializations(dg.AssetRecordsFilter(asset), limit=100).records
    return sorted(record.partition_key or "" for record in records)


def day(ago: int) -> str:
    return (clock.today() - timedelta(days=ago)).isoformat()


def test_captures_and_exports_of_another_hand_are_recorded_once(pipeline: Pipeline) -> None:
    for ago in (2, 1):
        pipeline.arrive(clock.today() - timedelta(days=ago), "popular_shows")
    put_export(pipeline, clock.today() - timedelta(days=1))
    for _ in range(3):
        pipeline.tick()
    pipeline.cursor = None  # a look at everything
    pipeline.tick()
    assert recorded(pipeline) == [day(2), day(1)]
    assert recorded(pipeline, common.bronze_key(SERIES)) == [day(1)]


def test_their_checks_are_recorded_too(pipeline: Pipeline) -> None:
    pipeline.put(clock.today() - timedelta(days=1), rows(20), missing=[2])
    pipeline.tick()
    key = dg.AssetCheckKey(POPULAR, checks.PAGE_SET_COMPLETE.name)
    (check,) = pipeline.instance.event_log_storage.get_asset_check_partition_info(
        [key], partition_keys=[day(1)]
    )
    assert check.latest_execution_status.value == "FAILED"


def test_a_lake_taken_over_by_a_new_history_is_known_after_one_look(pipeline: Pipeline) -> None:
    for ago in (3, 2, 1):
        pipeline.arrive(clock.today() - timedelta(days=ago), "popular_shows", "on_the_air")
    pipeline.tick()
    with dg.DagsterInstance.ephemeral() as instance:
        elsewhere = Pipeline(pipeline.deployment, pipeline.definitions, instance)
        elsewhere.tick()
        assert (
            recorded(elsewhere)
            == recorded(elsewhere, common.bronze_of("on_the_air"))
            == [day(3), day(2), day(1)]
        )


@pytest.mark.slow
def test_silver_gold_and_reports_of_a_lake_taken_over_are_known_too(pipeline: Pipeline) -> None:
    pipeline.arrive(clock.today(), "popular_shows")
    (request,) = pipeline.tick()
    assert pipeline.carry_out(request).success
    with dg.DagsterInstance.ephemeral() as instance:
        elsewhere = Pipeline(pipeline.deployment, pipeline.definitions, instance)
        (table,) = elsewhere.tick()  # is compared anew, and has no file
        assert table.asset_selection == [common.TABLE]
        for asset in (common.silver_of("popular_shows"), gold_key(show_popularity_trends.TABLE), report.KEY):
            assert recorded(elsewhere, asset) == [day(0)]
        elsewhere.cursor = None
        elsewhere.tick()
        assert recorded(elsewhere, report.KEY) == [day(0)]


def test_what_an_earlier_version_left_unknown_is_looked_for_once(pipeline: Pipeline) -> None:
    pipeline.arrive(clock.today() - timedelta(days=1), "popular_shows")
    pipeline.tick()
    assert pipeline.cursor is not None
    with dg.DagsterInstance.ephemeral() as instance:
        # As the sensor kept it before it recorded anything: the arrival is behind it.
        before = json.dumps({"arrivals": json.loads(pipeline.cursor)["arrivals"], "pending": []})
        upgraded = Pipeline(pipeline.deployment, pipeline.definitions, instance, before)
        upgraded.tick()
        assert recorded(upgraded) == [day(1)]


def test_a_run_that_is_under_way_records_its_capture_itself(pipeline: Pipeline) -> None:
    job = pipeline.definitions.resolve_job_def(automation.capture.name)
    run = pipeline.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    key = pipeline.put(clock.today(), rows(20), execution_id=run.run_id)
    pipeline.tick()
    assert recorded(pipeline) == []
    record_without_run(
        pipeline.instance, POPULAR, [capture_result(pipeline.deployment.lake, named(key.data_type), key)]
    )
    pipeline.instance.report_run_failed(run)
    pipeline.tick()
    assert recorded(pipeline) == [day(0)]


def test_what_a_run_wrote_that_died_before_it_told_is_recorded(pipeline: Pipeline) -> None:
    job = pipeline.definitions.resolve_job_def(automation.capture.name)
    run = pipeline.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    pipeline.put(clock.today(), rows(20), execution_id=run.run_id)
    pipeline.tick()
    pipeline.instance.report_run_failed(run)
    pipeline.tick()
    assert recorded(pipeline) == [day(0)]


def test_a_second_capture_of_a_day_is_recorded_beside_the_first(pipeline: Pipeline) -> None:
    """Dagster takes a check's verdict on a day without a run once only: see `record_without_run`."""
    for name in ("first", "second"):
        pipeline.put(clock.today(), rows(20), execution_id=name)
        pipeline.tick()
    assert recorded(pipeline) == [day(0), day(0)]


def test_what_cannot_be_read_is_told_and_does_not_cost_the_others(pipeline: Pipeline) -> None:
    lake = pipeline.deployment.lake
    lake.write_bronze(BronzeKey("popular_shows", day(1), "broken"), b"\x00 not a capture")
    pipeline.arrive(clock.today() - timedelta(days=2), "popular_shows")
    pipeline.tick()
    assert recorded(pipeline) == [day(2)]


def test_a_day_before_the_first_partition_becomes_one_and_is_then_refined(tmp_path: Path) -> None:
    deployment = deploy(load_settings({"TALLY_HOME": str(tmp_path)}, dotenv=None))
    with dg.DagsterInstance.ephemeral() as instance:
        pipeline = Pipeline(deployment, build_definitions(deployment), instance)
        pipeline.arrive(clock.today() - timedelta(days=3), "popular_shows")
        assert first_day.first_day(deployment.settings) == clock.today()
        assert pipeline.tick() == pipeline.tick() == []
        assert first_day.first_day(deployment.settings).isoformat() == day(3)
        pipeline.definitions = build_definitions(deployment)  # as when the code location is loaded anew
        (request,) = pipeline.tick()
        assert span(request) == (clock.today() - timedelta(days=3),) * 2


def test_what_cannot_be_read_makes_no_day_of_the_lake(tmp_path: Path) -> None:
    deployment = deploy(load_settings({"TALLY_HOME": str(tmp_path)}, dotenv=None))
    with dg.DagsterInstance.ephemeral() as instance:
        pipeline = Pipeline(deployment, build_definitions(deployment), instance)
        deployment.lake.write_bronze(BronzeKey("popular_shows", "2014-05-05", "junk"), b'{"hello": 1}')
        assert pipeline.tick() == pipeline.tick() == []
        assert first_day.first_day(deployment.settings) == clock.today()
        assert recorded(pipeline) == []


def test_partitions_begin_at_the_oldest_day_of_a_lake_taken_over(tmp_path: Path) -> None:
    settings = load_settings({"TALLY_HOME": str(tmp_path)}, dotenv=None)
    deployment = deploy(settings)
    deployment.lake.write_bronze(BronzeKey("popular_shows", "2026-01-31", "a"), b"{}")
    deployment.lake.write_bronze(BronzeKey("popular_shows", "1999-12-31", "no-tmdb-yet"), b"{}")
    deployment.lake.store.create(f"{layout.BRONZE}/popular_shows/notes/dt=2020-01-01.txt", b"")
    first_day.look(settings, deployment.lake)
    assert first_day.first_day(settings).isoformat() == "2026-01-31"


def test_a_new_lake_begins_today_and_goes_on_from_there(tmp_path: Path) -> None:
    settings = load_settings({"TALLY_HOME": str(tmp_path)}, dotenv=None)
    first_day.look(settings, deploy(settings).lake)
    assert first_day.recorded(settings) == clock.today()
    assert first_day.record(settings, clock.today() - timedelta(days=1))
    assert not first_day.record(settings, clock.today())
    assert first_day.first_day(settings).isoformat() == day(1)


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "\N{SNOWMAN}"])
def test_a_file_that_says_no_day_is_no_word(tmp_path: Path, text: str) -> None:
    settings = load_settings({"TALLY_HOME": str(tmp_path)}, dotenv=None)
    first_day.path(settings).parent.mkdir()
    first_day.path(settings).write_text(text, encoding="utf-8")
    assert first_day.first_day(settings) == clock.today()


def test_days_to_come_wait_and_days_before_tmdb_are_left_alone(pipeline: Pipeline) -> None:
    tomorrow = clock.today() + timedelta(days=1)
    for dt in (tomorrow.isoformat(), "1999-12-31"):
        pipeline.deployment.lake.write_bronze(BronzeKey("popular_shows", dt, "odd"), b"{}")
    assert pipeline.tick() == pipeline.tick() == []
    assert recorded(pipeline) == []
    assert pipeline.cursor is not None
    assert [one["dt"] for one in json.loads(pipeline.cursor)["pending"]] == [tomorrow.isoformat()]
