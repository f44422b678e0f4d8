"""The deployment on AWS: S3, Athena and Glue, SQS, CloudWatch, and the token in SSM."""

from __future__ import annotations

from functools import partial

from tally_pipeline.aws.secrets import read_secret
from tally_pipeline.aws.session import Aws
from tally_pipeline.aws.settings import AwsSettings
from tally_pipeline.datasets import PLACES
from tally_pipeline.deployment.parts import Deployment, Watch
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.locks import TableLocks
from tally_pipeline.lake.sqs import SqsObjectEvents
from tally_pipeline.lake.store import Store
from tally_pipeline.metrics.cloudwatch import CloudWatchMetrics
from tally_pipeline.query.athena_engine import AthenaEngine
from tally_pipeline.query.cached_duckdb import CachedDuckDbEngine
from tally_pipeline.query.tables import TABLES
from tally_pipeline.settings.settings import Settings
from tally_pipeline.tmdb.connection import Tmdb


def deploy_on_aws(settings: Settings, names: AwsSettings, on_page: Watch | None = None) -> Deployment:
    """The deployment whose parts have these names. Contacts nothing."""
    aws = Aws(names)
    credential = settings.tmdb.token or settings.tmdb.api_key
    secret = None if credential else names.token_parameter
    store = Store.on_s3(aws, names.lake_bucket, retention=settings.retention)
    lake = Lake(store, settings.source, TableLocks.beside(settings.lake_folder))
    return Deployment(
        settings=settings,
        tmdb=Tmdb(
            settings.tmdb,
            embedded=False,
            source=settings.source,
            depths=settings.depths,
            on_page=on_page,
            read_token=partial(read_secret, aws, secret) if secret else None,
            no_capture=settings.no_capture,
            details_budget=settings.details_budget,
        ),
        lake=lake,
        query_engine=AthenaEngine(aws, TABLES),
        analytics_engine=CachedDuckDbEngine(lake.store, settings.state / "mirror", TABLES),
        object_events=SqsObjectEvents(aws, lake.store, PLACES),
        metrics=CloudWatchMetrics(aws),
    )
