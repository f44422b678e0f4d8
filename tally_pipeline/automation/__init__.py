"""What runs by itself: jobs, schedules, and the sensor that sees new bronze objects."""

from tally_pipeline.automation.jobs import (
    JOBS,
    capture,
    capture_export,
    capture_genres,
    refine,
    sync,
    watch,
)
from tally_pipeline.automation.schedules import CAPTURE_RETRIES, schedules
from tally_pipeline.automation.sensor import BEHIND, CATCH_UP_DAYS, new_bronze_objects

__all__ = [
    "BEHIND",
    "CAPTURE_RETRIES",
    "CATCH_UP_DAYS",
    "JOBS",
    "capture",
    "capture_export",
    "capture_genres",
    "new_bronze_objects",
    "refine",
    "schedules",
    "sync",
    "watch",
]
