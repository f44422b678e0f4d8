"""`gold/<table>`: what silver says over time, by day; published only when its checks pass.

A day of gold depends on silver of that day and of days before it (`Table.window`). To Dagster it depends on the
same day only: with a window in the partition mapping one failed day of silver would keep 28 days of gold from
being made, where they should be made and say what is missing. So when silver of a past day changes, gold of the
days after it has to be made anew: the sensor asks for that after what it refined; who rebuilt a past day by hand
backfills gold from there on. Each file's footer names what it was made from. A run goes oldest day first.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from tally_pipeline.assets import common
from tally_pipeline.assets.failures import StepFailedError
from tally_pipeline.assets.ledger import Outcome, Recorded, check_specs, record
from tally_pipeline.assets.presentation import (
    PREVIEW_ROWS,
    distribution,
    gold_column_schema,
    gold_lineage,
    markdown_table,
    sparkline,
    sparklines,
)
from tally_pipeline.catalog.engine import QueryEngine, QueryError
from tally_pipeline.catalog.gold import compute
from tally_pipeline.lake import gold as gold_files
from tally_pipeline.lake.gold import GoldFooter, Input, Past, SilverFiles
from tally_pipeline.lake.lake import Lake
from tally_pipeline.shows import gold, gold_quality
from tally_pipeline.shows.books import data_quality_daily
from tally_pipeline.shows.lists import LISTS, ShowList
from tally_pipeline.shows.plurals import counted
from tally_pipeline.shows.quality import Check, Finding

PASS_RATE_DAYS = 28
LEAST_PASS_RATE_SHOWN = 90
"""Where the bars of pass rates begin: from 0 they would all look the same."""

Findings = Sequence[tuple[Check, Finding]]


@dataclass(frozen=True)
class _Made:
    """A day of a table, what it was made from, and what its checks found."""

    rows: pa.Table
    inputs: tuple[Input, ...]
    past: Past | None
    findings: Findings


def gold_key(table: gold.Table) -> dg.AssetKey:
    return dg.AssetKey(["gold", table.name])


def gold_assets(
    partitions: dg.PartitionsDefinition, source: str, lists: Sequence[ShowList] = LISTS
) -> list[dg.AssetsDefinition]:
    """The assets of every gold table."""
    return [gold_asset(table, partitions, source, lists) for table in gold.TABLES]


def gold_asset(
    table: gold.Table, partitions: dg.PartitionsDefinition, source: str, lists: Sequence[ShowList] = LISTS
) -> dg.AssetsDefinition:
    """The asset of one gold table."""
    key = gold_key(table)
    silver = [common.silver_key(show_list) for show_list in lists]
    made_of = [*silver, common.SILVER_GENRES] if table == gold.GENRE_ANALYTICS else silver
    made_from = {gold.SHOWS: silver, gold.GENRES: [common.SILVER_GENRES]}
    checks = gold_quality.CHECKS[table.name]

    @dg.multi_asset(
        name=f"gold_{table.name}",
        specs=[
            common.described(
                key,
                group="gold",
                source=source,
                kinds={"gold", "parquet" if table == gold.DATA_QUALITY_DAILY else "sql"},
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
        check_specs=check_specs(checks, key, partitions),
        can_subset=True,
        backfill_policy=common.BACKFILL,
    )
    def make_days(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        workbench: dg.ResourceParam[QueryEngine],
    ) -> Iterator[Recorded]:
        with common.turn(context, lake, key, reads=made_of):
            days = sorted(context.partition_keys)
            names = [show_list.name for show_list in lists]
            files = SilverFiles.of(lake, names)
            outcomes = []
            for number, day in enumerate(days, start=1):
                outcome = make_day(lake, workbench, table, day, files)
                context.log.info(f"{day} ({number} of {len(days)}): {outcome.refusal or 'published'}")
                outcomes.append(outcome)
            yield from record(context, key, outcomes)

    return make_days


def make_day(lake: Lake, workbench: QueryEngine, table: gold.Table, day: str, silver: SilverFiles) -> Outcome:
    """Make one day of a table, and publish it when no blocking check fails."""
    started = time.monotonic()
    if table == gold.DATA_QUALITY_DAILY:
        made = _books(lake, workbench, day, silver)
    elif day not in silver.days():
        why = f"there is no silver of {day}; materialize silver_shows for it first."
        return Outcome(day, [(gold_quality.CHECKS[table.name][0], Finding(False, why, why))], refusal=why)
    else:
        try:
            made = _by_sql(lake, workbench, table, day, silver)
        except QueryError as error:
            raise StepFailedError(f"{table.sql_name} of {day}: {error}") from None
    seconds = time.monotonic() - started
    failed = [found for check, found in made.findings if check.blocking and not found.passed]
    if failed:
        reasons = " ".join(f"{found.summary}. {found.todo}" for found in failed)
        return Outcome(
            day, made.findings, refusal=f"{reasons} The day's last good file stays if there is one."
        )
    footer = GoldFooter(
        table=table.name,
        dt=day,
        contract_version=gold.VERSION,
        source=lake.source,
        inputs=made.inputs,
        past=made.past,
    )
    key = gold_files.publish(lake, table, made.rows, footer)
    missing = sorted(set(silver.by_list) - set(silver.lists_of(day)))
    metadata: dict[str, Any] = {
        "dagster/partition_row_count": made.rows.num_rows,
        "dagster/uri": lake.store.uri(key),
        "source": lake.source,
        "lists without silver": missing,
        "made from": f"{counted(len(made.inputs), 'file')} named in the footer"
        + (f", {made.past.files} before them" if made.past else ""),
        "seconds": round(seconds, 3),
        "preview": markdown_table(_preview(table, made.rows)),
        "try": dg.MetadataValue.md(
            f"```sql\nSELECT * FROM {table.sql_name} WHERE dt = '{day}' LIMIT 10\n```"
        ),
        **_plots(workbench, table, day, made.rows),
    }
    return Outcome(day, made.findings, metadata)


def _by_sql(lake: Lake, workbench: QueryEngine, table: gold.Table, day: str, silver: SilverFiles) -> _Made:
    rows = compute(workbench, table, day)
    named, past = gold_files.inputs(lake, table, silver, day)
    return _Made(rows, named, past, _findings(lake, table, day, rows, silver))


def _findings(lake: Lake, table: gold.Table, day: str, rows: pa.Table, silver: SilverFiles) -> Findings:
    """The checks, held against silver's files themselves rather than against another query."""
    here = {name: lake.read_silver(name, day) for name in silver.lists_of(day)}
    days = {name: silver.days(name) for name in silver.by_list}
    if table == gold.TRENDS:
        return [
            (gold_quality.EVERY_SHOW_ONCE, gold_quality.every_show_once(rows, here)),
            (gold_quality.GAPS_ARE_TOLD, gold_quality.trends_tell_gaps(rows, day, silver.days())),
        ]
    if table == gold.GENRE_ANALYTICS:
        return [
            (gold_quality.TOTALS_AGREE, gold_quality.totals_agree(rows, here)),
            (gold_quality.GAPS_ARE_TOLD, gold_quality.genres_tell_gaps(rows, day, days)),
            (gold_quality.GENRES_KNOWN, gold_quality.genres_known(rows)),
        ]
    known = {name: set(shows["show_id"].to_pylist()) for name, shows in here.items()}
    for name, ids in known.items():
        for then in silver.days(name) & {silver.before(name, day), _back(day, 7)}:
            ids.update(lake.read_silver(name, then)["show_id"].to_pylist())
    return [
        (gold_quality.MOVERS_MOVED, gold_quality.movers_moved(rows)),
        (gold_quality.GAPS_ARE_TOLD, gold_quality.movers_tell_gaps(rows, day, days)),
        (gold_quality.SHOWS_KNOWN, gold_quality.shows_known(rows, known)),
    ]


def _books(lake: Lake, workbench: QueryEngine, day: str, silver: SilverFiles) -> _Made:
    told = [gold_files.books(lake, name, day) for name in silver.by_list]
    rows = data_quality_daily(day, [books for books, _ in told])
    counted = {table: _rows_by_list(workbench, table, day) for table in ("silver_shows", "quarantine_shows")}
    finding = gold_quality.numbers_agree(rows, counted["silver_shows"], counted["quarantine_shows"])
    inputs = tuple(file for _, files in told for file in files)
    return _Made(rows, inputs, None, [(gold_quality.NUMBERS_AGREE, finding)])


def _rows_by_list(workbench: QueryEngine, table: str, day: str) -> dict[str, int]:
    counted = workbench.query(
        f"SELECT data_type, count(*) AS n FROM {table} WHERE dt = '{day}' GROUP BY data_type"
    )
    return {row["data_type"]: row["n"] for row in counted.to_pylist()}


_PREVIEWED: Mapping[str, tuple[str, ...]] = {
    gold.TRENDS.name: ("show_id", "title", "popularity", "best_rank", "change_1d", "change_7d", "streak"),
    gold.GENRE_ANALYTICS.name: (
        "data_type",
        "genre",
        "shows",
        "share",
        "total_popularity",
        "shows_change_7d",
    ),
    gold.TOP_MOVERS.name: (
        "data_type",
        "kind",
        "title",
        "rank",
        "rank_before",
        "popularity",
        "score",
        "gap_days",
    ),
    gold.DATA_QUALITY_DAILY.name: ("data_type", "rows", "quarantined", "pass_rate", "verdict", "published"),
}


def _preview(table: gold.Table, rows: pa.Table) -> list[dict[str, Any]]:
    if table == gold.TRENDS:
        rows = rows.sort_by([("popularity", "descending")])
    elif table == gold.TOP_MOVERS:
        rows = rows.filter(pc.less_equal(rows["place"], 1))
    shown: list[dict[str, Any]] = rows.select(list(_PREVIEWED[table.name])).slice(0, PREVIEW_ROWS).to_pylist()
    return shown


def _plots(workbench: QueryEngine, table: gold.Table, day: str, rows: pa.Table) -> dict[str, Any]:
    """The shape of a day's rows, or of the days up to it."""
    if table == gold.TRENDS:
        return {"shows by popularity (log)": sparkline(distribution(rows["popularity"].to_pylist()))}
    if table == gold.GENRE_ANALYTICS:
        return {"shows by genre": sparklines(_by_list(rows, "shows"))}
    if table == gold.TOP_MOVERS:
        risers = rows.filter(pc.equal(rows["kind"], "riser"))
        return {"how much the risers' moves count": sparklines(_by_list(risers, "score"))}
    return {"pass rate, last 28 days": sparklines(_pass_rates(workbench, day), LEAST_PASS_RATE_SHOWN)}


def _by_list(rows: pa.Table, column: str) -> dict[str, list[float | None]]:
    values: dict[str, list[float | None]] = {}
    for row in rows.sort_by([("data_type", "ascending"), (column, "descending")]).to_pylist():
        values.setdefault(row["data_type"], []).append(float(row[column]))
    return values


def _pass_rates(workbench: QueryEngine, day: str) -> dict[str, list[float | None]]:
    """By list, of the days up to `day`; None for a day without."""
    last = date.fromisoformat(day)
    days = [(last - timedelta(days=back)).isoformat() for back in range(PASS_RATE_DAYS - 1, -1, -1)]
    told = workbench.query(
        f"SELECT data_type, dt, pass_rate FROM {gold.DATA_QUALITY_DAILY.sql_name}"
        f" WHERE dt BETWEEN '{days[0]}' AND '{days[-1]}' ORDER BY data_type"
    ).to_pylist()
    found = {(row["data_type"], row["dt"]): row["pass_rate"] for row in told}
    return {name: [found.get((name, then)) for then in days] for name in dict.fromkeys(n for n, _ in found)}


def _back(day: str, days: int) -> str:
    return (date.fromisoformat(day) - timedelta(days=days)).isoformat()
