"""A capture that cannot be published costs one failed run, and other captures nothing."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg
import pytest

from tally_pipeline import clock
from tally_pipeline.datasets import named
from tally_pipeline.datasets.captures import choose
from tally_pipeline.datasets.shows.footer import footer_for
from tally_pipeline.datasets.shows.refinement import refine
from tally_pipeline.orchestration import automation
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.assets.io_manager import capture_result
from tally_pipeline.orchestration.assets.partition_events import record_without_run
from tally_pipeline_tests.orchestration.automation.folder_pipeline import (
    BELOW_THE_TABLE,
    Pipeline,
    names,
    span,
)
from testkit.pipeline import row, rows
from testkit.stored_days import write_quarantine


def test_a_capture_that_a_run_refused_is_one_red_run(pipeline: Pipeline) -> None:
    pipeline.put(clock.today(), [row(n, name="") for n in range(1, 21)])
    (request,) = pipeline.tick()
    assert not pipeline.carry_out(request).success
    assert pipeline.tick() == pipeline.tick() == []
    pipeline.cursor = None  # as after a look at everything
    assert pipeline.tick() == pipeline.tick() == []


def test_what_a_killed_run_left_in_quarantine_alone_is_refined(pipeline: Pipeline) -> None:
    (key,) = pipeline.arrive(clock.today(), "popular_shows")
    lake = pipeline.deployment.lake
    chosen = choose(lake, named(key.data_type), key.dt)
    refined = refine(chosen.content, data_type=key.data_type, dt=key.dt, key=str(key))
    footer = footer_for((chosen.ref,), "complete", "sandbox", refined.counts)
    write_quarantine(lake, key.data_type, key.dt, refined, footer)
    assert len(pipeline.tick()) == 1


def test_a_partial_capture_is_red_where_it_was_captured_and_nowhere_else(pipeline: Pipeline) -> None:
    job = pipeline.definitions.resolve_job_def(automation.capture.name)
    run = pipeline.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    key = pipeline.put(clock.today(), rows(20), execution_id=run.run_id, missing=[2])
    outcome = capture_result(pipeline.deployment.lake, named(key.data_type), key)
    record_without_run(pipeline.instance, common.bronze_of("popular_shows"), [outcome])
    pipeline.instance.report_run_failed(run)
    assert pipeline.tick() == pipeline.tick() == []


def test_a_partial_capture_of_another_hand_is_one_red_run(pipeline: Pipeline) -> None:
    pipeline.put(clock.today(), rows(20), missing=[2])
    (request,) = pipeline.tick()
    assert not pipeline.carry_out(request).success
    assert pipeline.tick() == pipeline.tick() == []


@pytest.mark.slow
def test_lists_that_are_there_reach_gold_although_another_failed(pipeline: Pipeline) -> None:
    pipeline.arrive(clock.today(), "trending_shows")
    pipeline.put(clock.today(), [row(n, name="") for n in range(1, 21)])
    (request,) = pipeline.tick()
    assert not pipeline.carry_out(request).success
    (again,) = pipeline.tick()
    assert names(again) == {"athena/silver_shows"} | BELOW_THE_TABLE
    assert pipeline.carry_out(again).success
    assert pipeline.days_seen(clock.today()) == 1
    assert pipeline.tick() == []


@pytest.mark.slow
def test_one_bad_day_of_many_does_not_cost_the_others_their_gold(pipeline: Pipeline) -> None:
    days = [clock.today() - timedelta(days=ago) for ago in range(3, 0, -1)]
    pipeline.arrive(days[0], "popular_shows")
    pipeline.put(days[1], [row(n, name="") for n in range(1, 21)])
    pipeline.arrive(days[2], "popular_shows")
    pipeline.tick()
    (request,) = pipeline.tick()
    assert span(request) == (days[0], days[2])
    assert not pipeline.carry_out(request).success
    for day in (days[0], days[2]):
        (again,) = pipeline.tick()
        assert span(again) == (day, day)
        assert pipeline.carry_out(again).success
    assert [pipeline.days_seen(day) for day in (days[0], days[2])] == [1, 2]
    assert pipeline.tick() == []
