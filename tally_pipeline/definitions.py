"""Assembles the definitions that Dagster loads, `defs`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg

from tally_pipeline.datasets import DATASETS, SHOWS
from tally_pipeline.datasets.shows import ShowsDataset
from tally_pipeline.deployment import Deployment, deploy, load_settings
from tally_pipeline.deployment.first_day import first_day
from tally_pipeline.orchestration import automation
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.assets.capture import bronze_asset
from tally_pipeline.orchestration.assets.freshness_checks import freshness_checks
from tally_pipeline.orchestration.assets.gold import gold_assets
from tally_pipeline.orchestration.assets.io_manager import LakeIOManager
from tally_pipeline.orchestration.assets.refine import silver_asset
from tally_pipeline.orchestration.assets.report import report_asset
from tally_pipeline.orchestration.assets.table import table_asset
from tally_pipeline.orchestration.automation import expiry, run_metrics
from tally_pipeline.tmdb.lists import LISTS, ShowList


def build_definitions(deployment: Deployment, lists: Sequence[ShowList] = LISTS) -> dg.Definitions:
    """All definitions, for a deployment."""
    settings = deployment.settings
    source, begin = settings.source, first_day(settings)
    partitions = common.daily(begin)
    datasets = (*map(ShowsDataset, lists), *(dataset for dataset in DATASETS if dataset not in SHOWS))
    resources: dict[str, Any] = {
        "settings": settings,
        "tmdb": deployment.tmdb,
        "lake": deployment.lake,
        "query_engine": deployment.query_engine,
        "analytics_engine": deployment.analytics_engine,
        "object_events": deployment.object_events,
        "metrics": deployment.metrics,
        "io_manager": LakeIOManager(deployment.lake, datasets),
    }
    return dg.Definitions(
        assets=[
            *(bronze_asset(dataset, partitions, source) for dataset in datasets),
            *(silver_asset(dataset, partitions, source) for dataset in datasets),
            table_asset(partitions, source, lists),
            *gold_assets(partitions, source, lists),
            report_asset(partitions, source, lists),
        ],
        asset_checks=freshness_checks(partitions, lists),
        jobs=[*automation.JOBS, *([expiry.expire] if expiry.is_due(settings) else ())],
        schedules=[*automation.schedules(settings), *expiry.schedule(settings)],
        sensors=[
            automation.new_bronze_objects(settings, begin),
            # Metrics are not sent from one's own machine. The hourly watch would drown the durations of other runs.
            *(run_metrics.sensors(leave_out=automation.WATCHES) if settings.aws else ()),
        ],
        resources=resources,
        executor=dg.in_process_executor,
    )


defs = build_definitions(deploy(load_settings()))
