"""`gold/<table>`: what silver says over time, by day; published only when its checks pass.

A day of gold depends on silver of that day and of days before it (`Table.window`). To Dagster it depends on the
same day only: with a window in the partition mapping one failed day of silver would keep 28 days of gold from
being made, where they should be made and say what is missing. So when silver of a past day changes, gold of the
days after it has to be made anew: the sensor asks for that after what it refined; who rebuilt a past day by hand
backfills gold from there on. Each file's footer names what it was made from. A run goes oldest day first.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from tally_pipeline.assets import common
from tally_pipeline.assets.failures import StepFailedError
from tally_pipeline.assets.ledger import Outcome, Recorded, check_specs, record
from tally_pipeline.assets.presentation import (
    PREVIEW_ROWS,
    gold_column_schema,
    gold_lineage,
    markdown_table,
    sparklines,
)
from tally_pipeline.catalog.engine import QueryEngine, QueryError
from tally_pipeline.gold import TABLES
from tally_pipeline.gold.columns import GENRES, SHOWS
from tally_pipeline.gold.table import VERSION, Computed, Table
from tally_pipeline.lake import gold as gold_files
from tally_pipeline.lake.gold import GoldFooter, Sources
from tally_pipeline.lake.lake import Lake
from tally_pipeline.shows.lists import LISTS, ShowList
from tally_pipeline.shows.quality import Finding, stops_publishing


def gold_key(table: Table) -> dg.AssetKey:
    return dg.AssetKey(["gold", table.name])


def gold_assets(
    partitions: dg.PartitionsDefinition, source: str, lists: Sequence[ShowList] = LISTS
) -> list[dg.AssetsDefinition]:
    """The assets of every gold table."""
    return [gold_asset(table, partitions, source, lists) for table in TABLES]


def gold_asset(
    table: Table, partitions: dg.PartitionsDefinition, source: str, lists: Sequence[ShowList] = LISTS
) -> dg.AssetsDefinition:
    """The asset of one gold table."""
    key = gold_key(table)
    silver = [common.silver_key(show_list) for show_list in lists]
    made_from = {SHOWS: silver, GENRES: [common.SILVER_GENRES], "silver_series": [common.SERIES]}
    reads = dict.fromkeys([*silver, *(key for name in table.source_tables for key in made_from[name])])

    @dg.multi_asset(
        name=f"gold_{table.name}",
        specs=[
            common.described(
                key,
                group="gold",
                source=source,
                kinds={"gold", table.kind},
                description=f"{table.description}\n\nMade from silver of: {table.window}."
                f" The table `{table.sql_name}`.",
                # Not of the genres, which are captured once a week and keep their names: to Dagster's UI a day of
                # gold would want that very day of them, and it would warn of all others.
                deps=silver,
                metadata={
                    "dagster/column_schema": gold_column_schema(table),
                    "dagster/column_lineage": gold_lineage(table, made_from),
                    "dagster/table_name": table.sql_name,
                },
                partitions=partitions,
            )
        ],
        check_specs=check_specs(table.checks, key, partitions),
        can_subset=True,
        backfill_policy=common.BACKFILL,
    )
    def make_days(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        workbench: dg.ResourceParam[QueryEngine],
    ) -> Iterator[Recorded]:
        with common.turn(context, lake, key, reads=reads):
            days = sorted(context.partition_keys)
            sources = Sources.of(lake, [show_list.name for show_list in lists])
            outcomes = []
            for number, day in enumerate(days, start=1):
                outcome = make_day(table, sources, workbench, day)
                context.log.info(f"{day} ({number} of {len(days)}): {outcome.refusal or 'published'}")
                outcomes.append(outcome)
            yield from record(context, key, outcomes)

    return make_days


def make_day(table: Table, sources: Sources, engine: QueryEngine, day: str) -> Outcome:
    """Make one day of a table, and publish it when no check stops that."""
    started = time.monotonic()
    if why := table.obstacle(sources, day):
        return Outcome(day, [(table.checks[0], Finding(False, why, why))], refusal=why)
    try:
        computed = table.compute(sources, engine, day)
        seconds = time.monotonic() - started
        if refusal := _refusal(computed):
            return Outcome(day, computed.findings, refusal=refusal)
        plots = {
            title: sparklines(bars.series, bars.least)
            for title, bars in table.plots(engine, day, computed.rows).items()
        }
    except QueryError as error:
        raise StepFailedError(f"{table.sql_name} of {day}: {error}") from None
    key = publish(table, sources.lake, day, computed)
    metadata = {"dagster/uri": sources.lake.store.uri(key), "seconds": round(seconds, 3)}
    return Outcome(day, computed.findings, metadata | _metadata(table, sources, day, computed) | plots)


def publish(table: Table, lake: Lake, day: str, computed: Computed) -> str:
    """Put the day in place of the one that may be there, at once; returns its key."""
    named, past = computed.inputs.named, computed.inputs.past
    footer = GoldFooter(
        table=table.name, dt=day, contract_version=VERSION, source=lake.source, inputs=named, past=past
    )
    return gold_files.publish(lake, computed.rows, footer)


def _refusal(computed: Computed) -> str:
    """Why the day is not published; empty when it may be."""
    stopping = [found for check, found in computed.findings if stops_publishing(check, found)]
    reasons = " ".join(f"{found.summary}. {found.todo}" for found in stopping)
    return reasons and f"{reasons} The day's last good file stays if there is one."


def _metadata(table: Table, sources: Sources, day: str, computed: Computed) -> dict[str, Any]:
    named, past = computed.inputs.named, computed.inputs.past
    query = f"SELECT * FROM {table.sql_name} WHERE dt = '{day}' LIMIT 10"
    return {
        "dagster/partition_row_count": computed.rows.num_rows,
        "source": sources.lake.source,
        "lists without silver": sorted(set(sources.by_list) - set(sources.lists_of(day))),
        "made from": f"{len(named)} files named in the footer"
        + (f", {past.files} before them" if past else ""),
        "preview": markdown_table(table.preview(computed.rows).slice(0, PREVIEW_ROWS).to_pylist()),
        "try": dg.MetadataValue.md(f"```sql\n{query}\n```"),
    }
