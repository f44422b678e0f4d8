"""`athena/silver_shows`: the table people query, held against silver and the contract."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from tally_pipeline.assets import common
from tally_pipeline.assets.ledger import Outcome, Recorded, check_specs, record
from tally_pipeline.assets.presentation import column_schema, lineage_from_silver, markdown_table
from tally_pipeline.catalog.engine import QueryEngine, QueryError
from tally_pipeline.catalog.tables import athena_columns
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.parquet import ForeignFileError
from tally_pipeline.shows import contract
from tally_pipeline.shows.lists import LISTS, ShowList
from tally_pipeline.shows.quality import Check, Finding

SCHEMA_IS_THE_CONTRACTS = Check(
    "schema_is_the_contracts",
    "The table's columns and types are the contract's, in its order.",
    blocking=True,
)
COUNTS_EQUAL_SILVERS = Check(
    "counts_equal_silvers", "The table holds as many rows of each list as silver wrote.", blocking=True
)
TABLE_CHECKS = (SCHEMA_IS_THE_CONTRACTS, COUNTS_EQUAL_SILVERS)

NAME = "silver_shows"


def table_asset(
    partitions: dg.PartitionsDefinition, source: str, lists: Sequence[ShowList] = LISTS
) -> dg.AssetsDefinition:
    """The table over the silver of all lists."""
    key = common.TABLE
    silver = [common.silver_key(show_list) for show_list in lists]

    @dg.multi_asset(
        name="athena_silver_shows",
        specs=[
            common.described(
                key,
                group="catalog",
                source=source,
                kinds={"athena", "sql", "table"},
                description="The table `silver_shows`: silver of all lists, to query by SQL. Filter on `dt`;"
                ' `tally query "SELECT …"` and `tally query --sample NAME` answer from it.',
                deps=silver,
                metadata={
                    "dagster/column_schema": column_schema(),
                    "dagster/column_lineage": lineage_from_silver(silver),
                    "dagster/table_name": NAME,
                },
                partitions=partitions,
            )
        ],
        check_specs=check_specs(TABLE_CHECKS, key, partitions),
        can_subset=True,
        backfill_policy=common.BACKFILL,
    )
    def compare(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        catalog: dg.ResourceParam[QueryEngine],
    ) -> Iterator[Recorded]:
        days = sorted(context.partition_keys)
        started = time.monotonic()
        try:
            schema = schema_finding(catalog)
            counted = _rows_by_day(catalog, days)
        except QueryError as error:
            outcomes = [_unreadable(day, error) for day in days]
        else:
            seconds = time.monotonic() - started
            outcomes = [
                _outcome(lake, catalog, day, schema, counted.get(day, {}), seconds, lists) for day in days
            ]
        yield from record(context, key, outcomes)

    return compare


def schema_finding(catalog: QueryEngine) -> Finding:
    """Whether the table presents the contract's columns, then `dt`."""
    wanted = [*athena_columns(contract.SILVER), ("dt", "string")]
    found = catalog.columns(NAME)
    differing = [
        {"place": place, "contract": _column(wanted, place), "table": _column(found, place)}
        for place in range(1, max(len(wanted), len(found)) + 1)
        if _column(wanted, place) != _column(found, place)
    ]
    return Finding(
        passed=not differing,
        summary=f"{len(differing)} of {len(wanted)} columns differ from the contract"
        if differing
        else f"all {len(wanted)} columns are the contract's",
        todo="A file under silver/shows was written under another contract or by other hands: rebuild its day"
        " (backfill silver_shows), or remove the stray file.",
        numbers={"columns": len(found), "columns_differing": len(differing)},
        offenders=differing,
    )


def counts_finding(silver: Mapping[str, int], table: Mapping[str, int]) -> Finding:
    """Whether the table's rows by list are silver's; both map list to rows."""
    rows = [
        {"list": name, "silver": silver.get(name, 0), "table": table.get(name, 0)}
        for name in sorted({*silver, *table})
    ]
    differing = [row for row in rows if row["silver"] != row["table"]]
    return Finding(
        passed=bool(silver) and not differing,
        summary=f"{sum(table.values())} rows in the table, {sum(silver.values())} in silver, {len(silver)} lists",
        todo="Rebuild the day's silver (materialize silver_shows for it); if it stays so, look for stray files"
        " below silver/shows.",
        numbers={"rows": sum(table.values()), "lists_differing": len(differing)},
        offenders=differing or rows,
    )


def _outcome(
    lake: Lake,
    catalog: QueryEngine,
    day: str,
    schema: Finding,
    table: Mapping[str, int],
    seconds: float,
    lists: Sequence[ShowList],
) -> Outcome:
    silver, foreign = _silver_rows(lake, day, lists)
    counts = counts_finding(silver, table)
    findings = ((SCHEMA_IS_THE_CONTRACTS, schema), (COUNTS_EQUAL_SILVERS, counts))
    metadata: dict[str, Any] = {
        "dagster/partition_row_count": sum(table.values()),
        "dagster/table_name": NAME,
        "source": lake.source,
        "rows by list": markdown_table(counts.offenders),
        "lists": len(silver),
        "engine": catalog.describe(),
        "query time (s)": round(seconds, 3),
        "try": dg.MetadataValue.md(
            f"```sql\nSELECT * FROM {NAME} WHERE dt = '{day}' ORDER BY rank LIMIT 10\n```"
        ),
    }
    failed = foreign + [f"{found.summary}. {found.todo}" for _, found in findings if not found.passed]
    if not silver and not foreign:
        failed = [f"there is no silver of {day}; materialize silver_shows for it first."]
    return Outcome(day, findings, metadata, refusal=" ".join(failed))


def _unreadable(day: str, error: QueryError) -> Outcome:
    """One file that cannot be read makes the whole table unreadable."""
    found = Finding(
        passed=False,
        summary=f"the table cannot be read: {error}",
        todo="Look at the file it names: remove it, and rebuild its day (materialize silver_shows for it).",
    )
    return Outcome(day, [(SCHEMA_IS_THE_CONTRACTS, found)], refusal=f"{found.summary}. {found.todo}")


def _silver_rows(lake: Lake, day: str, lists: Sequence[ShowList]) -> tuple[dict[str, int], list[str]]:
    """The rows that the day's files state, by list; and what is wrong with each file that states none."""
    rows: dict[str, int] = {}
    foreign: list[str] = []
    for show_list in lists:
        try:
            footer = lake.silver_footer(show_list.name, day)
        except ForeignFileError as error:
            foreign.append(str(error))
        else:
            if footer:
                rows[show_list.name] = footer.counts.silver_rows
    return rows, foreign


def _rows_by_day(catalog: QueryEngine, days: Sequence[str]) -> dict[str, dict[str, int]]:
    rows = catalog.query(
        f"SELECT dt, data_type, count(*) AS n FROM {NAME}"
        f" WHERE dt BETWEEN '{days[0]}' AND '{days[-1]}' GROUP BY dt, data_type"
    ).to_pylist()
    counted: dict[str, dict[str, int]] = {}
    for row in rows:
        counted.setdefault(row["dt"], {})[row["data_type"]] = row["n"]
    return counted


def _column(columns: Sequence[tuple[str, str]], place: int) -> str:
    return " ".join(columns[place - 1]) if place <= len(columns) else "nothing"
