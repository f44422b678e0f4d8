"""`gold/<table>`: silver over time, by day; published only if its checks pass.

A day of gold depends on silver of that day and of days before it (`Table.window`). In Dagster it depends on the
same day only: with a window in the partition mapping one failed day of silver would block 28 days of gold, which
should be made and mark the missing day instead. So when silver of a past day changes, gold of the days after it
must be remade: the sensor launches that for days that it refined; after a manual rebuild of a past day, backfill
gold from that day on. Each file's footer names its inputs. A run goes oldest day first.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from tally_pipeline.checks.check import Finding
from tally_pipeline.datasets import DATASETS
from tally_pipeline.gold import ALL_TABLES
from tally_pipeline.lake.store import NoSuchObjectError
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.assets.asset_metadata import column_schema, gold_lineage
from tally_pipeline.orchestration.assets.factory import Step, partitioned_asset
from tally_pipeline.orchestration.assets.failures import StepFailedError
from tally_pipeline.orchestration.assets.products import Product, TableDay
from tally_pipeline.plurals import counted
from tally_pipeline.previews import PREVIEW_ROWS, Rows
from tally_pipeline.query.engine import QueryEngine, QueryError
from tally_pipeline.query.tables import gold_spec
from tally_pipeline.tables.columns import SHOWS
from tally_pipeline.tables.sources import GoldFooter, Sources
from tally_pipeline.tables.table import OF_LISTS, VERSION, BrokenDeclarationError, Inputs, Table
from tally_pipeline.tmdb.lists import LISTS, ShowList


def gold_key(table: Table) -> dg.AssetKey:
    return dg.AssetKey(table.asset)


def gold_assets(
    partitions: dg.PartitionsDefinition, source: str, lists: Sequence[ShowList] = LISTS
) -> list[dg.AssetsDefinition]:
    """The assets of every table made from silver."""
    return [gold_asset(table, partitions, source, lists) for table in ALL_TABLES]


def gold_asset(
    table: Table, partitions: dg.PartitionsDefinition, source: str, lists: Sequence[ShowList] = LISTS
) -> dg.AssetsDefinition:
    """The asset of one table made from silver."""
    key = gold_key(table)
    silver = [common.silver_key(show_list) for show_list in lists]
    name_sources = {dataset.silver_table.name: common.silver_key(dataset) for dataset in DATASETS} | {
        one.sql_name: gold_key(one) for one in ALL_TABLES
    }
    made_from = {table_name: [asset] for table_name, asset in name_sources.items()} | {SHOWS: silver}
    sources = [asset for name in table.source_tables for asset in made_from[name] if asset != key]
    follows_lists = table.follows == OF_LISTS
    # Not on the genres, which are captured once a week and keep their names: Dagster's UI would require
    # the same day of them for each day of gold, and warn on all other days.
    deps = silver if follows_lists else list(dict.fromkeys(sources))
    reads = dict.fromkeys([*deps, *sources])
    spec = common.described(
        key,
        group=table.layer,
        source=source,
        kinds={table.layer, table.kind},
        description=f"{table.description}\n\nMade from silver of: {table.window}."
        f" The table `{table.sql_name}`.",
        deps=deps,
        metadata={
            "dagster/column_schema": column_schema(
                gold_spec(table),
                unique="".join(table.key) if len(table.key) == 1 else "",
                nullable={column.name for column in table.columns if column.nullable},
            ),
            "dagster/column_lineage": gold_lineage(table, made_from),
            "dagster/table_name": table.sql_name,
        },
        partitions=partitions,
    )
    return partitioned_asset(
        spec,
        lambda step: _make(step, table, [show_list.name for show_list in lists]),
        op=table.sql_name,
        checks=table.checks,
        reads=reads,
        needs={"analytics_engine"},
        # The report is of what there is, and does not wait for what follows no list.
        op_tags=None if follows_lists else common.FIRST,
    )


def _make(step: Step, table: Table, lists: Sequence[str]) -> Iterator[Product]:
    sources = step.lake.sources(lists)
    for number, day in enumerate(step.days, start=1):
        product = make_day(table, sources, step.resources.analytics_engine, day)
        yield product
        step.log_result(product, number)


def _lists_without_silver(table: Table, sources: Sources, day: str) -> dict[str, Any]:
    if table.follows != OF_LISTS:
        return {}
    return {"lists without silver": sorted(set(sources.by_list) - set(sources.lists_of(day)))}


def _failed(table: Table, day: str, why: str) -> Product:
    return Product(day=day, findings=[(table.checks[0], Finding(False, why, why))], failure=why)


def _stand(table: Table, sources: Sources, inputs: Inputs, day: str) -> bool:
    """True if the day would be made from the same files now: none was replaced, and none came."""
    try:
        return table.inputs(sources.renewed(inputs.named), day) == inputs
    except NoSuchObjectError:
        return False


def make_day(table: Table, sources: Sources, engine: QueryEngine, day: str) -> Product:
    """Make one day of a table."""
    started = time.monotonic()
    if why := table.obstacle(sources, day):
        return _failed(table, day, why)
    try:
        computed = table.compute(sources, engine, day)
        seconds = time.monotonic() - started
        plots = table.plots(engine, day, computed.rows)
    except BrokenDeclarationError as error:
        return _failed(table, day, str(error))
    except QueryError as error:
        raise StepFailedError(f"{table.sql_name} of {day}: {error}") from None
    files, past = computed.inputs.named, computed.inputs.past
    metadata: dict[str, Any] = {
        **_lists_without_silver(table, sources, day),
        "made from": f"{counted(len(files), 'file')} named in the footer"
        + (f", {past.files} before them" if past else ""),
        "seconds": round(seconds, 3),
        "preview": Rows(table.preview(computed.rows).slice(0, PREVIEW_ROWS).to_pylist()),
        "try": dg.MetadataValue.md(
            f"```sql\nSELECT * FROM {table.sql_name} WHERE dt = '{day}' LIMIT 10\n```"
        ),
        **plots,
    }
    footer = GoldFooter(
        table=table.name,
        dt=day,
        contract_version=VERSION,
        source=sources.lake.source,
        inputs=files,
        past=past,
    )
    return TableDay(
        day=day,
        findings=computed.findings,
        metadata=metadata,
        inputs_stand=lambda: _stand(table, sources, computed.inputs, day),
        key=table.file_key(day),
        rows=computed.rows,
        footer=footer,
    )
