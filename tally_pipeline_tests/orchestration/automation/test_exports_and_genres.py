"""Schedules and sensor of the exports and the genres, on a real Dagster instance and a real folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from tally_pipeline import clock, datasets
from tally_pipeline.bronze import genre_reply
from tally_pipeline.datasets import SERIES
from tally_pipeline.datasets.series import SeriesFooter
from tally_pipeline.datasets.shows.contract import GENRES
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import deploy, load_settings
from tally_pipeline.orchestration import automation
from tally_pipeline.orchestration.assets import common
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline_tests.orchestration.automation.test_new_objects import QUIET, Pipeline, names, span
from testkit.tmdb.export_server import shows

YESTERDAY = clock.today() - timedelta(days=1)


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    deployment = deploy(
        load_settings({"TALLY_HOME": str(tmp_path), "TALLY_FIRST_DAY": "2020-01-01"}, dotenv=None)
    )
    with dg.DagsterInstance.ephemeral() as instance:
        yield Pipeline(deployment, build_definitions(deployment), instance)


def arrive(pipeline: Pipeline, day: date, execution_id: str = "by-hand", count: int = 3) -> None:
    """An export put there by another hand than Dagster's."""
    key = SERIES.place.key(day.isoformat(), execution_id)
    pipeline.deployment.lake.store.create(str(key), shows(count))


def scheduled(pipeline: Pipeline, name: str, due: datetime) -> dg.ScheduleExecutionData:
    context = dg.build_schedule_context(
        instance=pipeline.instance,
        scheduled_execution_time=due,
        repository_def=pipeline.definitions.get_repository_def(),
        resources={"lake": pipeline.deployment.lake} if name == "daily_export" else None,
    )
    return pipeline.definitions.resolve_schedule_def(name).evaluate_tick(context)


def quarter_past_eight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 8, 15, tzinfo=UTC)


def test_a_new_export_is_refined_by_itself_and_once(pipeline: Pipeline) -> None:
    arrive(pipeline, YESTERDAY)
    pipeline.tick()
    (request,) = pipeline.tick()
    assert names(request) == {"silver_series"}
    assert request.partition_key == YESTERDAY.isoformat()
    assert pipeline.carry_out(request).success
    assert pipeline.tick() == []


def test_a_second_export_of_the_day_is_refined_wherever_its_name_sorts(pipeline: Pipeline) -> None:
    arrive(pipeline, YESTERDAY, "zzz")
    pipeline.tick()
    (first,) = pipeline.tick()
    pipeline.carry_out(first)
    arrive(pipeline, YESTERDAY, "aaa", 4)
    pipeline.tick()
    (second,) = pipeline.tick()
    assert second.run_key != first.run_key


def test_an_export_and_a_capture_of_one_day_do_not_wait_for_each_other(pipeline: Pipeline) -> None:
    arrive(pipeline, clock.today())
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
            arrive(pipeline, day)
    asked = [pipeline.tick() for _ in range(3)]
    assert asked[0] == []
    assert [span(request) for (request,) in asked[1:]] == [(days[-1], days[5]), (days[3], days[0])]
    assert all(names(request) == {"silver_series"} for (request,) in asked[1:])
    assert pipeline.tick() == []


def test_such_a_run_refines_each_of_its_days(pipeline: Pipeline) -> None:
    days = [YESTERDAY - timedelta(days=ago) for ago in range(3)]
    for day in days:
        arrive(pipeline, day)
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
        arrive(pipeline, day)
    pipeline.tick()
    (first,) = pipeline.tick()
    for day in days:
        arrive(pipeline, day, "again", 4)
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
    arrive(pipeline, clock.today(), run.run_id)
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
    arrive(pipeline, clock.today(), run.run_id)
    assert pipeline.tick() == []
    pipeline.instance.report_run_failed(run)
    assert len(pipeline.tick()) == 1


def test_the_schedule_of_exports_asks_until_bronze_holds_the_day(pipeline: Pipeline) -> None:
    due = quarter_past_eight(clock.today())
    (first,) = scheduled(pipeline, "daily_export", due).run_requests or []
    (second,) = scheduled(pipeline, "daily_export", due + timedelta(minutes=30)).run_requests or []
    assert first.partition_key == second.partition_key == clock.today().isoformat()
    assert first.run_key != second.run_key
    arrive(pipeline, clock.today())
    result = scheduled(pipeline, "daily_export", due + timedelta(hours=1))
    assert not result.run_requests
    assert "bronze holds the export" in (result.skip_message or "")


def test_a_late_look_still_fetches_the_export_of_its_own_day(pipeline: Pipeline) -> None:
    (request,) = scheduled(pipeline, "daily_export", quarter_past_eight(YESTERDAY)).run_requests or []
    assert request.partition_key == YESTERDAY.isoformat()


def test_genres_are_captured_on_the_day_they_are_due_only(pipeline: Pipeline) -> None:
    due = quarter_past_eight(clock.today())
    (request,) = scheduled(pipeline, "weekly_genres", due).run_requests or []
    assert request.partition_key == clock.today().isoformat()
    assert not scheduled(pipeline, "weekly_genres", due - timedelta(days=7)).run_requests


def test_exports_are_looked_for_from_a_quarter_past_eight_and_genres_on_mondays(pipeline: Pipeline) -> None:
    exports = pipeline.definitions.resolve_schedule_def("daily_export")
    weekly = pipeline.definitions.resolve_schedule_def("weekly_genres")
    assert exports.cron_schedule == "15,45 8-11 * * *"
    assert weekly.cron_schedule == "30 3 * * 1"
    for schedule in (exports, weekly):
        assert schedule.execution_timezone == "UTC"
        assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


def test_a_sync_brings_the_genres_but_no_export_and_the_daily_capture_neither(pipeline: Pipeline) -> None:
    exports = {common.bronze_key(SERIES), common.silver_key(SERIES)}
    genres = {common.bronze_key(datasets.GENRES), common.silver_key(datasets.GENRES)}
    sync, capture = (
        set(pipeline.definitions.resolve_job_def(name).asset_layer.selected_asset_keys)
        for name in (automation.sync.name, automation.capture.name)
    )
    assert genres <= sync
    assert not exports & sync
    assert not (exports | genres) & capture


@pytest.mark.slow
def test_a_sync_refines_the_genres_before_gold_names_them(pipeline: Pipeline) -> None:
    ops = {f"bronze_{show_list.name}": {"config": {"pages": 1}} for show_list in LISTS}
    result = pipeline.definitions.resolve_job_def(automation.sync.name).execute_in_process(
        instance=pipeline.instance,
        partition_key=clock.today().isoformat(),
        run_config={"ops": ops, **QUIET},
    )
    begun = [event.step_key for event in result.all_events if event.is_step_start]
    assert begun.index("silver_genres") < begun.index("gold_genre_analytics")


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


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"TMDB_EXPORTS_URL": "https://files.tmdb.org/p/exports"}, "TMDB_API_TOKEN"),
        ({"TMDB_EXPORTS_URL": "http://localhost:1", "TMDB_API_TOKEN": "t"}, "both must be TMDB's"),
        ({"TALLY_EXPORTS_SCHEDULE": "at eight"}, "TALLY_EXPORTS_SCHEDULE"),
        ({"TALLY_GENRES_SCHEDULE": "weekly"}, "TALLY_GENRES_SCHEDULE"),
    ],
)
def test_settings_of_exports_that_cannot_work_are_named(told: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        load_settings(told, dotenv=None)
