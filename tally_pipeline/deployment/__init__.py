"""Builds the assets' deployment from the settings: a folder and DuckDB, or AWS with S3 and Athena."""

from __future__ import annotations

from tally_pipeline.datasets import PLACES
from tally_pipeline.deployment.parts import Deployment, Watch
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.locks import TableLocks
from tally_pipeline.lake.object_events import FolderObjectEvents
from tally_pipeline.lake.store import Store
from tally_pipeline.metrics.metrics import Unsent
from tally_pipeline.query.tables import TABLES
from tally_pipeline.settings.settings import Settings, SettingsError, Source, load_settings
from tally_pipeline.tmdb.connection import Tmdb

__all__ = ["Deployment", "Settings", "SettingsError", "Source", "Tmdb", "deploy", "load_settings"]


def deploy(settings: Settings, on_page: Watch | None = None) -> Deployment:
    """The deployment that the settings name. Contacts nothing and writes nothing."""
    if settings.aws:
        # Imported here, so that only a deployment on AWS waits for its libraries.
        from tally_pipeline.deployment.on_aws import deploy_on_aws

        return deploy_on_aws(settings, settings.aws, on_page)
    from tally_pipeline.query.duckdb_engine import DuckDbEngine

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
            details_budget=settings.details_budget,
        ),
        lake=Lake(
            Store.in_folder(settings.lake_folder, retention=settings.retention),
            settings.source,
            TableLocks.beside(settings.lake_folder),
        ),
        query_engine=engine,
        analytics_engine=engine,
        object_events=FolderObjectEvents(settings.lake_folder, PLACES),
        metrics=Unsent(),
    )
