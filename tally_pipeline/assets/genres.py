"""`bronze_genres` and `silver_genres`: TMDB's list of TV genres, captured once a week.

Partitioned by day like everything here, so that one key says when it was captured; the schedule is what is weekly.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg

from tally_pipeline import clock
from tally_pipeline.assets import common
from tally_pipeline.assets.failures import told_in_words
from tally_pipeline.assets.ledger import Outcome, Recorded, check_specs, record
from tally_pipeline.assets.presentation import arrow_column_schema, markdown_table
from tally_pipeline.deployment import Tmdb
from tally_pipeline.lake import layout, streams
from tally_pipeline.lake.lake import Lake, NoCaptureError
from tally_pipeline.lake.layout import StreamKey
from tally_pipeline.lake.parquet import BronzeRef, GenresFooter
from tally_pipeline.lake.store import AlreadyThereError
from tally_pipeline.shows import genres, series_quality
from tally_pipeline.tmdb.errors import TmdbError

BEFORE_GOLD = {"dagster/priority": "10"}
"""Gold names genres as they were refined last, without hanging on them: in a run of both they come first."""


def bronze_genres(partitions: dg.PartitionsDefinition, source: str) -> dg.AssetsDefinition:
    """The list of genres as TMDB serves it today."""
    key = common.BRONZE_GENRES

    @dg.multi_asset(
        name="bronze_genres",
        op_tags=BEFORE_GOLD,
        specs=[
            common.described(
                key,
                group="bronze",
                source=source,
                kinds={"json", "bronze"},
                description=f"TMDB's list of TV genres, {genres.PATH}, byte for byte, captured weekly. TMDB serves"
                " only the present: only today's partition can be captured.",
                partitions=partitions,
            )
        ],
        can_subset=True,
        backfill_policy=common.BACKFILL,
        pool=common.TMDB_POOL,
    )
    def capture(
        context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake], tmdb: dg.ResourceParam[Tmdb]
    ) -> Iterator[Recorded]:
        present = clock.today().isoformat()
        with told_in_words():
            outcomes = [
                _captured(context, lake, tmdb, day) if day == present else _refused(day, present)
                for day in sorted(context.partition_keys)
            ]
        yield from record(context, key, outcomes)

    return capture


def silver_genres(partitions: dg.PartitionsDefinition, source: str) -> dg.AssetsDefinition:
    """The genres as a table."""
    key, bronze = common.SILVER_GENRES, common.BRONZE_GENRES

    @dg.multi_asset(
        name="silver_genres",
        op_tags=BEFORE_GOLD,
        specs=[
            common.described(
                key,
                group="silver",
                source=source,
                kinds={"parquet", "silver"},
                description="TMDB's TV genres by id. The latest day's are what `genres_known` holds shows against.",
                deps=[bronze],
                metadata={
                    "dagster/column_schema": arrow_column_schema(genres.SILVER, unique="id"),
                    "dagster/column_lineage": dg.TableColumnLineage(
                        {name: [dg.TableColumnDep(bronze, name)] for name in ("id", "name")}
                    ),
                    "dagster/table_name": "silver_genres",
                },
                partitions=partitions,
            )
        ],
        check_specs=check_specs(series_quality.GENRE_CHECKS, key, partitions),
        can_subset=True,
        backfill_policy=common.BACKFILL,
    )
    def refine_days(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> Iterator[Recorded]:
        with common.turn(context, lake, key):
            yield from record(
                context, key, [_refine_day(lake, day) for day in sorted(context.partition_keys)]
            )

    return refine_days


def _refused(day: str, present: str) -> Outcome:
    return Outcome(
        day,
        (),
        refusal=f"TMDB serves only the present (it is {present} in UTC). Materialize {present} instead; what bronze"
        " holds of past days is rebuilt by materializing silver_genres.",
    )


def _captured(context: dg.AssetExecutionContext, lake: Lake, tmdb: Tmdb, day: str) -> Outcome:
    key = StreamKey(layout.GENRES, day, context.run.run_id)
    if lake.store.exists(str(key)):
        context.log.info(f"This run wrote {key} before; it is used as it is.")
    else:
        try:
            with tmdb.client() as client:
                captured = client.genres(day=date.fromisoformat(day))
        except TmdbError as error:
            return Outcome(day, (), refusal=str(error))
        try:
            streams.write_genres(lake, key, captured.to_bronze(key.execution_id))
        except AlreadyThereError:
            context.log.info(f"{key} was written meanwhile by another attempt of this run; it stays.")
    return kept(lake, key)


def kept(lake: Lake, key: StreamKey) -> Outcome:
    """What is told of a capture of the genres. Raises `NoSuchObjectError`, `UnreadableGenresError`."""
    found = streams.read_genres(lake, key)
    metadata: dict[str, Any] = {
        "dagster/uri": lake.store.uri(str(key)),
        "source": found.metadata.source or "not stated",
        "language": found.metadata.language or "not stated",
        "bytes": len(found.reply),
        "sha256": found.metadata.sha256 or found.sha256,
    }
    return Outcome(key.dt, (), metadata)


def _refine_day(lake: Lake, day: str) -> Outcome:
    try:
        key, captured = streams.genres_to_refine(lake, day)
    except NoCaptureError as error:
        return Outcome(day, (), refusal=str(error))
    refined = genres.refine(captured)
    ids, rejected = refined.silver["id"].to_pylist(), refined.rejected
    findings = (
        (series_quality.GENRE_ID_UNIQUE, series_quality.genre_id_unique(ids)),
        (series_quality.GENRES_NAMED, series_quality.genres_named(len(ids) + len(rejected), rejected)),
        (series_quality.GENRES_AS_CONTRACTED, series_quality.genres_as_contracted(ids)),
    )
    failed = [found for check, found in findings if check.blocking and found.serious and not found.passed]
    if failed:
        return Outcome(day, findings, refusal=" ".join(f"{found.summary}. {found.todo}" for found in failed))
    footer = GenresFooter(
        bronze=(BronzeRef(str(key), captured.sha256),),
        contract_version=genres.VERSION,
        source=lake.source,
        ingestion_timestamp=captured.metadata.ingestion_timestamp,
        counts=genres.Counts(genres=len(ids), silver_rows=len(ids), rejected=0),
    )
    silver = streams.publish_genres(lake, day, refined.silver, footer)
    metadata = {
        "dagster/partition_row_count": len(ids),
        "dagster/uri": lake.store.uri(silver),
        "source": lake.source,
        "bronze object": lake.store.uri(str(key)),
        "genres": markdown_table(refined.silver.to_pylist()),
    }
    return Outcome(day, findings, metadata)
