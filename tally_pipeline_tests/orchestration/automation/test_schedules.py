"""Schedules: the daily capture, the exports, the weekly genres, and what a sync holds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from tally_pipeline import clock, datasets
from tally_pipeline.datasets import DATASETS, SERIES
from tally_pipeline.deployment import load_settings
from tally_pipeline.orchestration import automation
from tally_pipeline.orchestration.assets import common
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline_tests.orchestration.automation.folder_pipeline import (
    QUIET,
    Pipeline,
    scheduled,
)

YESTERDAY = clock.today() - timedelta(days=1)


def test_the_schedule_captures_the_day_it_is_due_on(pipeline: Pipeline) -> None:
    due = datetime.combine(clock.today(), datetime.min.time(), UTC).replace(hour=3)
    (request,) = scheduled(pipeline, "daily_capture", due).run_requests or []
    assert request.partition_key == clock.today().isoformat()
    for show_list in LISTS:
        config = request.run_config["ops"][f"bronze_{show_list.name}"]["config"]
        assert config == {"retries": automation.CAPTURE_RETRIES}


def test_a_schedule_that_comes_a_day_late_says_why_it_does_nothing(pipeline: Pipeline) -> None:
    due = datetime.combine(clock.today() - timedelta(days=1), datetime.min.time(), UTC).replace(hour=3)
    result = scheduled(pipeline, "daily_capture", due)
    assert not result.run_requests
    assert "TMDB serves only the present" in (result.skip_message or "")


def quarter_past_eight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 8, 15, tzinfo=UTC)


def test_the_schedule_of_exports_asks_until_bronze_holds_the_day(pipeline: Pipeline) -> None:
    due = quarter_past_eight(clock.today())
    (first,) = scheduled(pipeline, "daily_export", due).run_requests or []
    (second,) = scheduled(pipeline, "daily_export", due + timedelta(minutes=30)).run_requests or []
    assert first.partition_key == second.partition_key == clock.today().isoformat()
    assert first.run_key != second.run_key
    for one in DATASETS:
        if one.cadence == "capture_export":
            pipeline.deployment.lake.store.create(str(one.place.key(clock.today().isoformat(), "a")), b"")
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


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"TMDB_EXPORTS_URL": "https://files.tmdb.org/p/exports"}, "TMDB_API_TOKEN"),
        ({"TMDB_EXPORTS_URL": "http://localhost:1", "TMDB_API_TOKEN": "t"}, "both must be TMDB's"),
        ({"TALLY_EXPORTS_SCHEDULE": "at eight"}, "TALLY_EXPORTS_SCHEDULE"),
        ({"TALLY_GENRES_SCHEDULE": "weekly"}, "TALLY_GENRES_SCHEDULE"),
    ],
)
def test_settings_of_exports_that_cannot_work_are_named(environ: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_settings(environ, dotenv=None)
