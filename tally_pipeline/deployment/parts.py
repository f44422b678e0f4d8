"""What the assets run on, whoever puts it together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.object_events import ObjectEvents
from tally_pipeline.metrics.metrics import Metrics
from tally_pipeline.query.engine import QueryEngine
from tally_pipeline.settings.settings import Settings
from tally_pipeline.tmdb.client import PageProgress
from tally_pipeline.tmdb.connection import Tmdb

Watch = Callable[[PageProgress], None]


@dataclass(frozen=True)
class Deployment:
    """What the assets run on: one of these is all that changes between a laptop and AWS.

    `query_engine` answers people, `analytics_engine` what gold and the report ask of months of small files.
    """

    settings: Settings
    tmdb: Tmdb
    lake: Lake
    query_engine: QueryEngine
    analytics_engine: QueryEngine
    object_events: ObjectEvents
    metrics: Metrics
