"""New exports and genres are refined by themselves, each once."""

from __future__ import annotations

import json
from datetime import timedelta

import dagster as dg
import pytest

from tally_pipeline import clock, datasets
from tally_pipeline.bronze import genre_reply
from tally_pipeline.datasets import SERIES
from tally_pipeline.datasets.series import SeriesFooter
from tally_pipeline.datasets.shows.contract import GENRES
from tally_pipeline.orchestration import automation
from tally_pipeline.orchestration.assets import common
from tally_pipeline_tests.orchestration.automation.folder_pipeline import Pipeline, names, put_export, span

YESTERDAY = clock.today() - timedelta(days=1)


def test_a_new_export_is_refined_by_itself_and_once(pipeline: Pipeline) -> None:
    put_export(pipeline, YESTERDAY)
    pipeline.tick()
    (request,) = pipeline.tick()
    assert names(request) == {"silver_series"}
    assert request.partition_key == YESTERDAY.isoformat()
    assert pipeline.carry_out(request).success
    assert pipeline.tick() == []


def test_a_second_export_of_the_day_is_refined_wherever_its_name_sorts(pipeline: Pipeline) -> None:
    put_export(pipeline, YESTERDAY, "zzz")
    pipeline.tick()
    (first,) = pipeline.tick()
    pipeline.carry_out(first)
    put_export(pipeline, YESTERDAY, "aaa", 4)
    pipeline.tick()
    (second,) = pipeline.tick()
    assert second.run_key != first.run_key


def test_an_export_and_a_capture_of_one_day_do_not_wait_for_each_other(pipeline: Pipeline) -> None:
    put_export(pipeline, clock.today())
    pipeline.arrive(clock.today(), "popular_shows")
    lists, export = pipeline.tick()
    assert "silver_shows/popular_shows" in names(lists)
    assert names(export) == {"silver_series"}


def test_exports_of_days_that_follow_one_another_share_a_run(pipeline: Pipeline) -> None:
    """As after a backfill of 90 days in which one was missing: two runs instead of 89, one after the other."""
    days = [YESTERDAY - timedelta(days=ago) for ago in range(90)]
    missing = days[4]
    for day in days:
        if day != missing:
            put_export(pipeline, day)
    by_tick = [pipeline.tick() for _ in range(3)]
    assert by_tick[0] == []
    assert [span(request) for (request,) in by_tick[1:]] == [(days[-1], days[5]), (days[3], days[0])]
    assert all(names(request) == {"silver_series"} for (request,) in by_tick[1:])
    assert pipeline.tick() == []


def test_such_a_run_refines_each_of_its_days(pipeline: Pipeline) -> None:
    days = [YESTERDAY - timedelta(days=ago) for ago in range(3)]
    for day in days:
        put_export(pipeline, day)
    pipeline.tick()
    (request,) = pipeline.tick()
    assert pipeline.carry_out(request).success
    for day in days:
        assert (
            pipeline.deployment.lake.footer_if_ours(SERIES.silver_key(day.isoformat()), SeriesFooter)
            is not None
        )


def test_an_export_that_came_again_asks_for_another_run(pipeline: Pipeline) -> None:
    days = [YESTERDAY, YESTERDAY - timedelta(days=1)]
    for day in days:
        put_export(pipeline, day)
    pipeline.tick()
    (first,) = pipeline.tick()
    for day in days:
        put_export(pipeline, day, "again", 4)
    pipeline.tick()
    (second,) = pipeline.tick()
    assert span(second) == span(first)
    assert second.run_key != first.run_key


def test_new_genres_are_refined(pipeline: Pipeline) -> None:
    key = datasets.GENRES.place.key(clock.today().isoformat(), "by-hand")
    reply = json.dumps({"genres": [{"id": number, "name": name} for number, name in GENRES.items()]})
    body = genre_reply.encode(reply.encode(), genre_reply.Metadata(language="en-US"))
    pipeline.deployment.lake.store.create(str(key), body)
    (request,) = pipeline.tick()
    assert "silver_genres" in names(request)
    assert pipeline.carry_out(
        dg.RunRequest(
            partition_key=request.partition_key, asset_selection=[common.silver_key(datasets.GENRES)]
        )
    ).success
    assert pipeline.tick() == []


def test_an_export_whose_run_refines_it_itself_is_left_to_that_run(pipeline: Pipeline) -> None:
    run = pipeline.instance.create_run_for_job(
        pipeline.definitions.resolve_job_def(automation.refine.name),
        status=dg.DagsterRunStatus.STARTED,
        asset_selection=frozenset({common.silver_key(SERIES)}),
    )
    put_export(pipeline, clock.today(), run.run_id)
    assert pipeline.tick() == []
    pipeline.instance.report_run_failed(run)
    assert [request.partition_key for request in pipeline.tick()] == [clock.today().isoformat()]


@pytest.mark.parametrize("job", [automation.capture_export.name, automation.sync.name])
def test_an_export_of_a_run_that_does_not_refine_it_is_refined_when_that_is_over(
    pipeline: Pipeline, job: str
) -> None:
    run = pipeline.instance.create_run_for_job(
        pipeline.definitions.resolve_job_def(job), status=dg.DagsterRunStatus.STARTED
    )
    put_export(pipeline, clock.today(), run.run_id)
    assert pipeline.tick() == []
    pipeline.instance.report_run_failed(run)
    assert len(pipeline.tick()) == 1


def test_genres_of_a_sync_are_left_to_it(pipeline: Pipeline) -> None:
    run = pipeline.instance.create_run_for_job(
        pipeline.definitions.resolve_job_def(automation.sync.name), status=dg.DagsterRunStatus.STARTED
    )
    key = datasets.GENRES.place.key(clock.today().isoformat(), run.run_id)
    body = genre_reply.encode(
        b'{"genres":[{"id":18,"name":"Drama"}]}', genre_reply.Metadata(language="en-US")
    )
    pipeline.deployment.lake.store.create(str(key), body)
    assert pipeline.tick() == []
    pipeline.instance.report_run_failed(run)
    (request,) = pipeline.tick()
    assert "silver_genres" in names(request)
