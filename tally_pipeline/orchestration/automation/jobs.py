"""The jobs: selections of assets."""

import dagster as dg

from tally_pipeline.datasets import DATASETS
from tally_pipeline.datasets.dataset import CADENCES
from tally_pipeline.datasets.details import DETAILS
from tally_pipeline.gold import ALL_TABLES, TABLES
from tally_pipeline.orchestration.assets import common, report
from tally_pipeline.orchestration.assets.freshness_checks import DETAILS_ARE_THERE, IS_CURRENT
from tally_pipeline.orchestration.assets.gold import gold_key
from tally_pipeline.tables.table import OF_LISTS
from tally_pipeline.tmdb.lists import LISTS

_BRONZE = dg.AssetSelection.groups("bronze")
# It reads a month of files, so once a day is enough.
_DAILY_CHECK = dg.AssetSelection.checks(dg.AssetCheckKey(common.TABLE, IS_CURRENT))
_ALL = dg.AssetSelection.all() - _DAILY_CHECK
_BELOW = _ALL - _BRONZE

# Datasets have jobs by their schedules: exports are there from 08:00 UTC only, the genres hardly ever change.
_CAPTURES = {
    cadence: dg.AssetSelection.assets(
        *(common.bronze_key(dataset) for dataset in DATASETS if dataset.cadence == cadence)
    )
    for cadence in CADENCES
}
_EXPORTS = dg.AssetSelection.assets(
    *(
        key(dataset)
        for dataset in DATASETS
        if dataset.cadence == "capture_export"
        for key in (common.bronze_key, common.silver_key)
    )
)

_DETAILS = _CAPTURES["capture_details"].downstream()
"""Many requests, and nothing that waits for them."""

BELOW_BRONZE = (
    *map(common.silver_key, LISTS),
    common.TABLE,
    *(gold_key(table) for table in TABLES if table.follows == OF_LISTS),
    report.KEY,
)
"""Silver of the lists, and everything downstream."""

BELOW_DETAILS = (
    common.silver_key(DETAILS),
    *(gold_key(table) for table in ALL_TABLES if table.follows == DETAILS.name),
)
"""Silver of the details, and every table that follows it."""

BELOW_DETAILS_OF_PAST = tuple(
    key for key in BELOW_DETAILS if key not in {gold_key(table) for table in ALL_TABLES if table.newest_only}
)
"""The same without the tables that are only worth making of the newest day."""

BEHIND_PEOPLE = {"dagster/priority": "-10"}
"""Tags of a run that may wait: runs launched by people, and those of today, have priority 0 and go first."""

PAST_TAG = "tally/past"
"""Marks the run that rebuilds the sandbox's filled past."""

# Dagster's default starts a process for each step, which takes seconds, longer than most steps.
sync = dg.define_asset_job(
    "sync",
    _ALL - _EXPORTS - _DETAILS,
    description="Today end to end: capture every list and the genres, refine them, and everything below.",
    executor_def=dg.in_process_executor,
)
capture = dg.define_asset_job(
    "capture",
    _CAPTURES["capture"],
    description="Capture every list of today into bronze. The sensor takes it from there.",
    executor_def=dg.in_process_executor,
)
capture_export = dg.define_asset_job(
    "capture_export",
    _CAPTURES["capture_export"],
    description="Download TMDB's daily file of all series: today's, or any of the last 90 days.",
    executor_def=dg.in_process_executor,
)
capture_genres = dg.define_asset_job(
    "capture_genres",
    _CAPTURES["capture_genres"],
    description="Capture TMDB's list of genres into bronze.",
    executor_def=dg.in_process_executor,
)
capture_details = dg.define_asset_job(
    "capture_details",
    _CAPTURES["capture_details"],
    description="Capture the details of shows into bronze: those of the lists, those on air, others in turns.",
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
        ),
        dg.AssetCheckKey(common.silver_key(DETAILS), DETAILS_ARE_THERE),
    ),
    description="The standing checks: is today there, and is no day left broken?",
    executor_def=dg.in_process_executor,
)
watch_published = dg.define_asset_job(
    "watch_published",
    _DAILY_CHECK,
    description="The daily check: is what is published made from what there is now?",
    executor_def=dg.in_process_executor,
)
WATCHES = frozenset((watch.name, watch_published.name))
"""Jobs that only run checks."""

JOBS = (sync, capture, capture_export, capture_genres, capture_details, refine, watch, watch_published)
