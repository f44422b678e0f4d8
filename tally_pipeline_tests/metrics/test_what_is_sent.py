"""What runs send: of each list that is published or refused, and of the run itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from tally_pipeline.aws.session import Aws
from tally_pipeline.deployment import deploy, load_settings
from tally_pipeline.metrics.cloudwatch import CloudWatchMetrics
from tally_pipeline.metrics.metrics import (
    DATA_QUALITY_PASS_RATE,
    PIPELINE_RUN_DURATION,
    PIPELINE_RUN_FAILURES,
    QUARANTINED_ROWS,
    TOTAL_SHOWS_INGESTED,
)
from tally_pipeline.orchestration.automation import run_metrics
from tally_pipeline_tests.metrics import seen
from testkit.pipeline import Pipeline, day, environment, put, row, rows

EVERY = (TOTAL_SHOWS_INGESTED, DATA_QUALITY_PASS_RATE, QUARANTINED_ROWS)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def pipeline(tmp_path: Path, instance: dg.DagsterInstance, bare_aws: Aws) -> Pipeline:
    """A lake in a folder whose metrics go to CloudWatch."""
    deployment = deploy(load_settings(environment(tmp_path), dotenv=None))
    return Pipeline(replace(deployment, metrics=CloudWatchMetrics(bare_aws)), instance)


def test_a_list_that_is_published_is_told_of(pipeline: Pipeline, bare_aws: Aws) -> None:
    put(pipeline.lake, day(), [*rows(99), row(100, id=None)], at="00:00:00")
    assert pipeline.refine().success
    assert seen.values(bare_aws, TOTAL_SHOWS_INGESTED)["Sum"] == 99
    assert seen.values(bare_aws, DATA_QUALITY_PASS_RATE)["Minimum"] == 99
    assert seen.values(bare_aws, QUARANTINED_ROWS)["Sum"] == 1


def test_a_list_that_is_refused_is_told_of_and_counts_for_nothing(pipeline: Pipeline, bare_aws: Aws) -> None:
    put(pipeline.lake, day(), [*rows(8), row(9, id=None), row(10, id=None)], at="00:00:00")
    assert not pipeline.refine().success
    assert seen.values(bare_aws, TOTAL_SHOWS_INGESTED) == {"Sum": 0, "SampleCount": 1, "Minimum": 0}
    assert seen.values(bare_aws, DATA_QUALITY_PASS_RATE)["Minimum"] == 80
    assert seen.values(bare_aws, QUARANTINED_ROWS)["Sum"] == 2


def test_a_backfill_is_no_news(pipeline: Pipeline, bare_aws: Aws) -> None:
    for ago in (3, 2):
        put(pipeline.lake, day(ago), [row(1, id=None)] if ago == 3 else rows(3))
    pipeline.refine(on=(day(3), day(2)))
    assert [seen.values(bare_aws, metric) for metric in EVERY] == [{}, {}, {}]


def test_a_list_is_published_though_cloudwatch_is_down(
    pipeline: Pipeline, bare_aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    down = Pipeline(
        replace(pipeline.deployment, metrics=CloudWatchMetrics(Aws(bare_aws.settings))), pipeline.instance
    )
    put(down.lake, day(), rows(5), at="00:00:00")
    assert down.refine().success


def test_a_run_that_failed_and_one_that_did_not(pipeline: Pipeline) -> None:
    failed = pipeline.refine()
    put(pipeline.lake, day(), rows(5), at="00:00:00")
    succeeded = pipeline.refine()
    assert (failed.success, succeeded.success) == (False, True)
    told = {
        name: {datum.metric: datum.value for datum in run_metrics.of_run(pipeline.instance, result.run_id)}
        for name, result in (("failed", failed), ("succeeded", succeeded))
    }
    assert told["failed"][PIPELINE_RUN_FAILURES] == 1
    assert told["succeeded"][PIPELINE_RUN_FAILURES] == 0
    assert 0 < told["succeeded"][PIPELINE_RUN_DURATION] < 60
    assert run_metrics.of_run(pipeline.instance, "no-such-run") == []


def test_the_sensors_send_what_became_of_runs(pipeline: Pipeline, bare_aws: Aws) -> None:
    daemon = Daemon(pipeline)
    daemon.tick()
    assert not pipeline.refine().success
    daemon.tick()
    assert seen.values(bare_aws, PIPELINE_RUN_FAILURES) == {"Sum": 1, "SampleCount": 1, "Minimum": 1}
    put(pipeline.lake, day(), rows(5), at="00:00:00")
    assert pipeline.refine().success
    daemon.tick()
    daemon.tick()
    assert seen.values(bare_aws, PIPELINE_RUN_FAILURES) == {"Sum": 1, "SampleCount": 2, "Minimum": 0}
    assert seen.values(bare_aws, PIPELINE_RUN_DURATION)["SampleCount"] == 2


def test_the_sensors_leave_out_the_jobs_that_they_are_told_to(pipeline: Pipeline, bare_aws: Aws) -> None:
    daemon = Daemon(pipeline)
    daemon.tick()
    job = pipeline.definitions.resolve_job_def("watch")
    assert job.execute_in_process(instance=pipeline.instance, raise_on_error=False).success
    daemon.tick()
    assert seen.values(bare_aws, PIPELINE_RUN_FAILURES) == {}


def test_a_commands_run_is_left_to_the_command_unless_that_died(pipeline: Pipeline, bare_aws: Aws) -> None:
    daemon = Daemon(pipeline)
    daemon.tick()
    run = pipeline.refine()
    pipeline.instance.add_run_tags(run.run_id, {run_metrics.COMMAND_TAG: "sync"})
    daemon.tick()
    assert seen.values(bare_aws, PIPELINE_RUN_FAILURES) == {}
    killed = pipeline.instance.create_run_for_job(
        pipeline.definitions.resolve_job_def("refine"),
        tags={run_metrics.COMMAND_TAG: "sync", run_metrics.ABANDONED_TAG: "true"},
    )
    pipeline.instance.report_run_failed(killed)
    daemon.tick()
    assert seen.values(bare_aws, PIPELINE_RUN_FAILURES)["Sum"] == 1


class Daemon:
    """Looks at runs as Dagster's daemon does: each sensor keeps its cursor from look to look."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._sensors = run_metrics.sensors(leave_out={"watch"})
        self._definitions = dg.Definitions.merge(pipeline.definitions, dg.Definitions(sensors=self._sensors))
        self._cursors: dict[str, str | None] = {}

    def tick(self) -> None:
        for sensor in self._sensors:
            context = dg.build_sensor_context(
                instance=self._pipeline.instance,
                cursor=self._cursors.get(sensor.name),
                sensor_name=sensor.name,
                definitions=self._definitions,
                resources={"metrics": self._pipeline.deployment.metrics},
            )
            result = sensor.evaluate_tick(context)
            self._cursors[sensor.name] = result.cursor or self._cursors.get(sensor.name)
