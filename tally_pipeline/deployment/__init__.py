"""Makes of the settings what the assets run on: a folder and DuckDB, or S3, Athena and what else AWS has for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tally_pipeline.catalog.engine import QueryEngine
from tally_pipeline.catalog.tables import TABLES
from tally_pipeline.deployment.settings import Settings, SettingsError, Source, load_settings
from tally_pipeline.deployment.tmdb import Tmdb
from tally_pipeline.lake.arrivals import Arrivals, FolderArrivals
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import Store
from tally_pipeline.lake.turns import Turns
from tally_pipeline.monitoring.metrics import Metrics, Unsent
from tally_pipeline.tmdb.client import PageProgress

__all__ = ["Deployment", "Settings", "SettingsError", "Source", "Tmdb", "deploy", "load_settings"]

Watch = Callable[[PageProgress], None]


@dataclass(frozen=True)
class Deployment:
    """What the assets run on: one of these is all that changes between a laptop and AWS.

    `catalog` answers people, `workbench` what gold and the report ask of months of small files.
    """

    settings: Settings
    tmdb: Tmdb
    lake: Lake
    catalog: QueryEngine
    workbench: QueryEngine
    arrivals: Arrivals
    metrics: Metrics


def deploy(settings: Settings, on_page: Watch | None = None) -> Deployment:
    """The deployment that the settings name. Contacts nothing and writes nothing."""
    if settings.aws:
        # Here, so that only those who run on AWS wait for its libraries.
        from tally_pipeline.deployment.on_aws import deploy_on_aws

        return deploy_on_aws(settings, settings.aws, on_page)
    from tally_pipeline.catalog.duckdb_engine import DuckDbEngine

    engine = DuckDbEngine(settings.lake_folder, TABLES)
    return Deployment(
        settings=settings,
        tmdb=Tmdb(
            settings.tmdb,
            embedded=settings.sandbox_embedded,
            source=settings.source,
            depths=settings.depths,
            on_page=on_page,
            no_capture=settings.no_capture,
        ),
        lake=Lake(Store.in_folder(settings.lake_folder), settings.source, Turns.beside(settings.lake_folder)),
        catalog=engine,
        workbench=engine,
        arrivals=FolderArrivals(settings.lake_folder),
        metrics=Unsent(),
    )
