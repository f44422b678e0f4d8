"""When what is captured, and when it is looked whether all is well."""

from datetime import UTC, timedelta

import dagster as dg

from tally_pipeline import clock
from tally_pipeline.datasets import DATASETS, AnyDataset
from tally_pipeline.datasets.captures import held
from tally_pipeline.deployment import Settings
from tally_pipeline.lake.lake import Lake
from tally_pipeline.orchestration.assets.freshness_checks import GRACE
from tally_pipeline.orchestration.automation.jobs import capture, capture_export, capture_genres, watch

CAPTURE_RETRIES = 3
"""How often the schedule's capture is tried again as a whole: after 1, 2 and 4 minutes."""


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """When what is captured, at the times set, and the standing checks. Times are UTC."""

    @dg.schedule(
        name="daily_capture",
        job=capture,
        cron_schedule=settings.schedule,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Captures every list of the day.",
    )
    def daily_capture(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        due = context.scheduled_execution_time.astimezone(UTC)
        day = due.date().isoformat()
        if due.date() != clock.today():
            return dg.SkipReason(
                f"{day} is over: TMDB serves only the present, it cannot be captured any more."
            )
        config = {"config": {"retries": CAPTURE_RETRIES}}
        return dg.RunRequest(
            run_key=due.isoformat(),
            partition_key=day,
            run_config={"ops": {dataset.bronze_op: config for dataset in _of(capture.name)}},
        )

    @dg.schedule(
        name="daily_export",
        job=capture_export,
        cron_schedule=settings.exports_schedule,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Downloads the day's export, and tries again at each of its times until bronze holds it.",
    )
    def daily_export(
        context: dg.ScheduleEvaluationContext, lake: dg.ResourceParam[Lake]
    ) -> dg.RunRequest | dg.SkipReason:
        due = context.scheduled_execution_time.astimezone(UTC)
        day = due.date().isoformat()
        if all(held(lake, dataset, day) for dataset in _of(capture_export.name)):
            return dg.SkipReason(f"bronze holds the export of {day}")
        return dg.RunRequest(run_key=due.isoformat(), partition_key=day)

    @dg.schedule(
        name="weekly_genres",
        job=capture_genres,
        cron_schedule=settings.genres_schedule,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Captures the list of genres.",
    )
    def weekly_genres(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        due = context.scheduled_execution_time.astimezone(UTC)
        if due.date() != clock.today():
            return dg.SkipReason(f"{due.date()} is over: TMDB serves only the present.")
        return dg.RunRequest(run_key=due.isoformat(), partition_key=due.date().isoformat())

    @dg.schedule(
        name="standing_checks",
        job=watch,
        cron_schedule="5 * * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Looks every hour whether the day is there ({_hours(GRACE)} after its time) and none is broken.",
    )
    def standing_checks() -> dg.RunRequest:
        return dg.RunRequest()

    return [daily_capture, daily_export, weekly_genres, standing_checks]


def _of(job: str) -> list[AnyDataset]:
    """The datasets that a job of this name captures."""
    return [dataset for dataset in DATASETS if dataset.cadence == job]


def _hours(span: timedelta) -> str:
    return f"{span.total_seconds() / 3600:g} h"
