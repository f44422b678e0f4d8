"""The parts that the assets run on."""

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
    """The parts that the assets run on: the only difference between a laptop and AWS.

    `query_engine` answers people's queries, `analytics_engine` those of gold and the report over months of small
    files.
    """

    settings: Settings
    tmdb: Tmdb
    lake: Lake
    query_engine: QueryEngine
    analytics_engine: QueryEngine
    object_events: ObjectEvents
    metrics: Metrics
