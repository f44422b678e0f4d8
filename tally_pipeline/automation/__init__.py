"""What runs by itself: jobs, schedules, and the sensor that sees new bronze objects."""

from tally_pipeline.automation.jobs import (
    BEHIND_PEOPLE,
    BELOW_BRONZE,
    JOBS,
    PAST_TAG,
    capture,
    capture_export,
    capture_genres,
    refine,
    sync,
    watch,
)
from tally_pipeline.automation.plan import Batch, batches, day_after
from tally_pipeline.automation.schedules import CAPTURE_RETRIES, schedules
from tally_pipeline.automation.sensor import CATCH_UP_DAYS, FILLING, new_bronze_objects
from tally_pipeline.automation.stale import stale
from tally_pipeline.automation.under_way import run_under_way

__all__ = [
    "BEHIND_PEOPLE",
    "BELOW_BRONZE",
    "CAPTURE_RETRIES",
    "CATCH_UP_DAYS",
    "FILLING",
    "JOBS",
    "PAST_TAG",
    "Batch",
    "batches",
    "capture",
    "capture_export",
    "capture_genres",
    "day_after",
    "new_bronze_objects",
    "refine",
    "run_under_way",
    "schedules",
    "stale",
    "sync",
    "watch",
]
