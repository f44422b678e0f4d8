"""What every asset here shares: keys, partitions, the note about the source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import dagster as dg

from tally_pipeline.assets.failures import told_in_words
from tally_pipeline.assets.ledger import MAX_DAYS_A_RUN
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.shows.lists import ShowList

TABLE = dg.AssetKey(["athena", "silver_shows"])
SERIES_EXPORT = dg.AssetKey("bronze_series_export")
SERIES = dg.AssetKey("silver_series")
BRONZE_GENRES = dg.AssetKey("bronze_genres")
SILVER_GENRES = dg.AssetKey("silver_genres")

TMDB_POOL = "tmdb"
"""Steps in this pool run one at a time, over all runs: so all of them together keep to one TMDB rate."""

BACKFILL = dg.BackfillPolicy.multi_run(max_partitions_per_run=MAX_DAYS_A_RUN)

ATTRIBUTION = (
    "This product uses TMDB and the TMDB APIs but is not endorsed, certified, or otherwise approved by TMDB."
)

OWNERS = ("team:tally",)
"""Who answers for the assets: whoever runs this pipeline."""

_NOTE = "**Sandbox data: every show is invented.** Set TMDB_API_TOKEN to capture TMDB."


def bronze_key(show_list: ShowList) -> dg.AssetKey:
    return dg.AssetKey(["bronze_shows", show_list.name])


def silver_key(show_list: ShowList) -> dg.AssetKey:
    return dg.AssetKey(["silver_shows", show_list.name])


def bronze_of(data_type: str) -> dg.AssetKey:
    """The asset of the captures of a list or a stream."""
    streams = {layout.SERIES_EXPORT: SERIES_EXPORT, layout.GENRES: BRONZE_GENRES}
    return streams.get(data_type) or dg.AssetKey(["bronze_shows", data_type])


def silver_of(data_type: str) -> dg.AssetKey:
    """The asset that a list or a stream is refined into."""
    streams = {layout.SERIES_EXPORT: SERIES, layout.GENRES: SILVER_GENRES}
    return streams.get(data_type) or dg.AssetKey(["silver_shows", data_type])


def daily(first_day: date) -> dg.DailyPartitionsDefinition:
    """UTC days from `first_day` to today: the end offset makes today's partition exist today."""
    return dg.DailyPartitionsDefinition(start_date=first_day.isoformat(), end_offset=1, timezone="UTC")


def described(
    key: dg.AssetKey,
    *,
    group: str,
    source: str,
    description: str,
    kinds: set[str],
    deps: list[dg.AssetKey] | None = None,
    metadata: dict[str, Any] | None = None,
    partitions: dg.PartitionsDefinition,
) -> dg.AssetSpec:
    """An asset's spec. A tag says whose data it holds; of the sandbox's, a kind and the description's end as well.

    Dagster takes three kinds at most, so `kinds` may be two.
    """
    invented = source == "sandbox"
    return dg.AssetSpec(
        key,
        deps=deps or [],
        description="\n\n".join([description, ATTRIBUTION, *([_NOTE] if invented else [])]),
        group_name=group,
        owners=OWNERS,
        kinds=kinds | ({source} if invented or group == "bronze" else set()),
        tags={"tally/source": source},
        metadata=metadata or {},
        partitions_def=partitions,
        skippable=True,
    )


@contextmanager
def turn(
    context: dg.AssetExecutionContext, lake: Lake, makes: dg.AssetKey, reads: Iterable[dg.AssetKey] = ()
) -> Iterator[None]:
    """While this lasts no other run makes this asset, nor any that it is made from.

    Errors that are complete by themselves fail the step as such.
    """
    names = [key.to_python_identifier() for key in reads]
    with told_in_words(), lake.turns.take(makes.to_python_identifier(), names, context.log.info):
        yield
