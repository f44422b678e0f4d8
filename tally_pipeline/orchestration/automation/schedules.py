"""The schedules of captures and of freshness checks."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import dagster as dg

from tally_pipeline import clock
from tally_pipeline.datasets import DATASETS, AnyDataset
from tally_pipeline.datasets.captures import capture_keys
from tally_pipeline.deployment import Settings
from tally_pipeline.orchestration.assets.freshness_checks import GRACE
from tally_pipeline.orchestration.automation.jobs import (
    capture,
    capture_details,
    capture_export,
    capture_genres,
    watch,
    watch_published,
)
from tally_pipeline.orchestration.automation.sensor import LOOK_HOUR

DAILY_CAPTURE = "daily_capture"
"""The name of the schedule that captures every list."""

CAPTURE_RETRIES = 3
"""Retries of a scheduled capture as a whole: after 1, 2 and 4 minutes."""


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """The captures, at the times in the settings, and the hourly freshness checks. Times are UTC."""
    schedule = partial(
        dg.ScheduleDefinition,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    return [
        schedule(
            name=DAILY_CAPTURE,
            job=capture,
            cron_schedule=settings.schedule,
            description="Captures every list of the day.",
            execution_fn=_lists_due,
        ),
        schedule(
            name="daily_export",
            job=capture_export,
            cron_schedule=settings.exports_schedule,
            description="Downloads the day's export, and tries again at each of its times until bronze holds it.",
            execution_fn=_export_due,
            required_resource_keys={"lake"},
        ),
        schedule(
            name="weekly_genres",
            job=capture_genres,
            cron_schedule=settings.genres_schedule,
            description="Captures the list of genres.",
            execution_fn=_genres_due,
        ),
        schedule(
            name="daily_details",
            job=capture_details,
            cron_schedule=settings.details_schedule,
            description="Captures the details of shows, after the lists.",
            execution_fn=partial(_details_due, budget=settings.details_budget),
        ),
        schedule(
            name="standing_checks",
            job=watch,
            cron_schedule="5 * * * *",
            description=f"Looks every hour whether the day is there ({_hours(GRACE)} after its time) and none is"
            " broken.",
        ),
        schedule(
            name="daily_checks",
            job=watch_published,
            cron_schedule=f"35 {LOOK_HOUR} * * *",
            description="Looks, after the sensor's daily look, whether what is published is of what there is now.",
        ),
    ]


def _lists_due(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    config = {"config": {"retries": CAPTURE_RETRIES}}
    return _today_alone(context, {"ops": {dataset.bronze_op: config for dataset in _of(capture.name)}})


def _genres_due(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    return _today_alone(context, {})


def _details_due(context: dg.ScheduleEvaluationContext, budget: int) -> dg.RunRequest | dg.SkipReason:
    if not budget:
        return dg.SkipReason("TALLY_DETAILS_BUDGET is 0")
    config = {"config": {"retries": CAPTURE_RETRIES}}
    return _today_alone(
        context, {"ops": {dataset.bronze_op: config for dataset in _of(capture_details.name)}}
    )


def _export_due(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    due = _due(context)
    day = due.date().isoformat()
    if all(capture_keys(context.resources.lake, dataset, day) for dataset in _of(capture_export.name)):
        return dg.SkipReason(f"bronze holds the export of {day}")
    return dg.RunRequest(run_key=due.isoformat(), partition_key=day)


def _today_alone(
    context: dg.ScheduleEvaluationContext, run_config: Mapping[str, Any]
) -> dg.RunRequest | dg.SkipReason:
    """A run for the day of the tick, unless that day is over when the daemon evaluates it."""
    due = _due(context)
    if due.date() != clock.today():
        return dg.SkipReason(
            f"{due.date()} is over: TMDB serves only the present, it cannot be captured any more."
        )
    return dg.RunRequest(run_key=due.isoformat(), partition_key=due.date().isoformat(), run_config=run_config)


def _due(context: dg.ScheduleEvaluationContext) -> datetime:
    return context.scheduled_execution_time.astimezone(UTC)


def _of(job: str) -> list[AnyDataset]:
    """The datasets that a job of this name captures."""
    return [dataset for dataset in DATASETS if dataset.cadence == job]


def _hours(span: timedelta) -> str:
    return f"{span.total_seconds() / 3600:g} h"
