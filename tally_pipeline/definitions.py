"""Puts the parts together: `defs` is what Dagster loads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg

from tally_pipeline import automation
from tally_pipeline.assets import common
from tally_pipeline.assets.bronze import bronze_asset
from tally_pipeline.assets.genres import bronze_genres, silver_genres
from tally_pipeline.assets.gold import gold_assets
from tally_pipeline.assets.report import report_asset
from tally_pipeline.assets.series import bronze_series_export, silver_series
from tally_pipeline.assets.silver import silver_asset
from tally_pipeline.assets.standing import standing_checks
from tally_pipeline.assets.table import table_asset
from tally_pipeline.deployment import Deployment, deploy, load_settings
from tally_pipeline.deployment.first_day import first_day
from tally_pipeline.lake.io_managers import ParquetIOManager
from tally_pipeline.monitoring import runs
from tally_pipeline.shows.lists import LISTS, ShowList


def build_definitions(deployment: Deployment, lists: Sequence[ShowList] = LISTS) -> dg.Definitions:
    """Everything Dagster knows of, on a deployment."""
    settings = deployment.settings
    source, begin = settings.source, first_day(settings)
    partitions = common.daily(begin)
    resources: dict[str, Any] = {
        "settings": settings,
        "tmdb": deployment.tmdb,
        "lake": deployment.lake,
        "catalog": deployment.catalog,
        "workbench": deployment.workbench,
        "arrivals": deployment.arrivals,
        "metrics": deployment.metrics,
        "io_manager": ParquetIOManager(deployment.lake),
    }
    return dg.Definitions(
        assets=[
            *(bronze_asset(show_list, partitions, source) for show_list in lists),
            *(silver_asset(show_list, partitions, source) for show_list in lists),
            table_asset(partitions, source, lists),
            *gold_assets(partitions, source, lists),
            report_asset(partitions, source, lists),
            bronze_series_export(partitions, source),
            silver_series(partitions, source),
            bronze_genres(partitions, source),
            silver_genres(partitions, source),
        ],
        asset_checks=standing_checks(partitions, lists),
        jobs=automation.JOBS,
        schedules=automation.schedules(settings),
        sensors=[
            automation.new_bronze_objects(settings, begin),
            # Nobody watches metrics on one's own machine. The watch runs hourly: it would drown the durations.
            *(runs.sensors(leave_out={automation.watch.name}) if settings.aws else ()),
        ],
        resources=resources,
        executor=dg.in_process_executor,
    )


defs = build_definitions(deploy(load_settings()))
