"""The jobs: what is run together."""

import dagster as dg

from tally_pipeline.assets import common

_BRONZE = dg.AssetSelection.groups("bronze")
_BELOW = dg.AssetSelection.all() - _BRONZE

# The streams have times of their own: the day's export is there from 08:00 UTC, the genres hardly ever change.
_STREAMS = dg.AssetSelection.assets(
    common.SERIES_EXPORT, common.SERIES, common.BRONZE_GENRES, common.SILVER_GENRES
)

# Dagster's default starts a process a step: seconds each, for steps that take less.
sync = dg.define_asset_job(
    "sync",
    dg.AssetSelection.all() - _STREAMS,
    description="Today end to end: capture every list, refine it, and everything below it.",
    executor_def=dg.in_process_executor,
)
capture = dg.define_asset_job(
    "capture",
    _BRONZE - _STREAMS,
    description="Capture every list of today into bronze. The sensor takes it from there.",
    executor_def=dg.in_process_executor,
)
capture_export = dg.define_asset_job(
    "capture_export",
    dg.AssetSelection.assets(common.SERIES_EXPORT),
    description="Download TMDB's daily file of all series: today's, or any of the last 90 days.",
    executor_def=dg.in_process_executor,
)
capture_genres = dg.define_asset_job(
    "capture_genres",
    dg.AssetSelection.assets(common.BRONZE_GENRES),
    description="Capture TMDB's list of genres into bronze.",
    executor_def=dg.in_process_executor,
)
refine = dg.define_asset_job(
    "refine",
    _BELOW,
    description="Rebuild silver and everything below it, for any day, from stored bronze.",
    executor_def=dg.in_process_executor,
)
watch = dg.define_asset_job(
    "watch",
    dg.AssetSelection.checks(
        *(
            dg.AssetCheckKey(common.TABLE, name)
            for name in ("todays_partition_is_there", "no_partition_left_failed")
        )
    ),
    description="The standing checks: is today there, and is no day left broken?",
    executor_def=dg.in_process_executor,
)
JOBS = (sync, capture, capture_export, capture_genres, refine, watch)
