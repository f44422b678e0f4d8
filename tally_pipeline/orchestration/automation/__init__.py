"""Automation: jobs, schedules, and the sensor of new bronze objects."""

from tally_pipeline.orchestration.automation.due import Due, due_today
from tally_pipeline.orchestration.automation.in_progress import run_under_way
from tally_pipeline.orchestration.automation.jobs import (
    BEHIND_PEOPLE,
    BELOW_BRONZE,
    BELOW_DETAILS,
    BELOW_DETAILS_OF_PAST,
    JOBS,
    PAST_TAG,
    WATCHES,
    capture,
    capture_details,
    capture_export,
    capture_genres,
    refine,
    sync,
    watch,
)
from tally_pipeline.orchestration.automation.plan import Batch, batches, by_day
from tally_pipeline.orchestration.automation.schedules import CAPTURE_RETRIES, schedules
from tally_pipeline.orchestration.automation.sensor import CATCH_UP_DAYS, FILLING, below, new_bronze_objects
from tally_pipeline.orchestration.automation.stale import stale

__all__ = [
    "BEHIND_PEOPLE",
    "BELOW_BRONZE",
    "BELOW_DETAILS",
    "BELOW_DETAILS_OF_PAST",
    "CAPTURE_RETRIES",
    "CATCH_UP_DAYS",
    "FILLING",
    "JOBS",
    "PAST_TAG",
    "WATCHES",
    "Batch",
    "Due",
    "batches",
    "below",
    "by_day",
    "capture",
    "capture_details",
    "capture_export",
    "capture_genres",
    "due_today",
    "new_bronze_objects",
    "refine",
    "run_under_way",
    "schedules",
    "stale",
    "sync",
    "watch",
]
