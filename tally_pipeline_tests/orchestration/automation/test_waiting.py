"""The sensor waits for runs, backfills and fills under way, and says how many lists and days wait."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg
from dagster._core.execution.backfill import BulkActionStatus  # noqa: TID251 - as the UI

from tally_pipeline import clock
from tally_pipeline.orchestration import automation
from tally_pipeline_tests.orchestration.automation.folder_pipeline import DEPTHS, TRENDING, Pipeline, span


def test_past_days_wait_until_no_more_of_them_come(pipeline: Pipeline) -> None:
    """As while a fill or a copy is at work: what it has yet to bring would be made in another run."""
    for ago in range(6, 0, -1):
        pipeline.arrive(clock.today() - timedelta(days=ago), "popular_shows")
        assert pipeline.tick() == []
    (request,) = pipeline.tick()
    assert span(request) == (clock.today() - timedelta(days=6), clock.today() - timedelta(days=1))


def test_past_days_wait_for_the_end_of_a_fill_however_slow_it_is(pipeline: Pipeline) -> None:
    locks = pipeline.deployment.lake.locks
    with locks.hold(automation.FILLING, (), lambda _: None):
        pipeline.arrive(clock.today() - timedelta(days=1), "popular_shows")
        pipeline.arrive(clock.today(), "popular_shows")
        assert [span(request)[0] for request in pipeline.tick()] == [clock.today()]
        assert pipeline.tick() == pipeline.tick() == []
    assert len(pipeline.tick()) == 1


def test_a_full_run_that_is_still_going_is_left_to_finish_and_looked_after_when_it_dies(
    pipeline: Pipeline,
) -> None:
    run = pipeline.instance.create_run_for_job(
        pipeline.definitions.resolve_job_def(automation.sync.name), status=dg.DagsterRunStatus.STARTED
    )
    pipeline.arrive(clock.today(), "popular_shows", execution_id=run.run_id)
    assert pipeline.tick() == []
    pipeline.instance.report_run_failed(run)
    (request,) = pipeline.tick()
    assert request.partition_key == clock.today().isoformat()


def test_nothing_is_launched_that_would_wait_for_a_run(pipeline: Pipeline) -> None:
    pipeline.arrive(clock.today(), "popular_shows")
    job = pipeline.definitions.resolve_job_def(automation.refine.name)
    running = pipeline.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert pipeline.tick() == []
    pipeline.instance.report_run_failed(running)
    assert len(pipeline.tick()) == 1


def test_a_run_that_only_captures_keeps_nobody_waiting(pipeline: Pipeline) -> None:
    pipeline.arrive(clock.today(), "popular_shows")
    job = pipeline.definitions.resolve_job_def(automation.capture.name)
    pipeline.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert len(pipeline.tick()) == 1


def test_days_that_a_backfill_is_going_to_refine_are_left_to_it(pipeline: Pipeline) -> None:
    """A backfill that was launched in the UI has no run for the first seconds."""
    yesterday = clock.today() - timedelta(days=1)
    pipeline.arrive(yesterday, "trending_shows")
    backfill = pipeline.backfill(yesterday, TRENDING)
    assert pipeline.tick() == pipeline.tick() == []
    pipeline.refine(yesterday, TRENDING)
    pipeline.instance.update_backfill(backfill._replace(status=BulkActionStatus.COMPLETED_SUCCESS))
    assert pipeline.tick() == pipeline.tick() == []


def test_days_that_a_backfill_refined_meanwhile_are_not_launched(pipeline: Pipeline) -> None:
    yesterday = clock.today() - timedelta(days=1)
    pipeline.arrive(yesterday, "trending_shows")
    pipeline.tick()
    pipeline.refine(yesterday, TRENDING)
    assert pipeline.tick() == pipeline.tick() == []


def test_it_says_how_many_wait_and_does_not_count_days_to_come(pipeline: Pipeline) -> None:
    tomorrow = clock.today() + timedelta(days=1)
    pipeline.arrive(tomorrow, *DEPTHS)
    assert pipeline.tick() == []
    assert pipeline.skip_message == "nothing new in bronze"
    pipeline.arrive(clock.today() - timedelta(days=1), "popular_shows")
    assert pipeline.tick() == []
    assert pipeline.skip_message == "1 list and day waits for what is under way"
    pipeline.arrive(clock.today() - timedelta(days=1), "on_the_air")
    assert pipeline.tick() == []
    assert pipeline.skip_message == "2 lists and days wait for what is under way"
