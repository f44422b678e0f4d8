"""`report`: the day as a page, one self-contained HTML file."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa

from tally_pipeline import gold
from tally_pipeline.checks.check import Check, Finding
from tally_pipeline.datasets.shows import contract
from tally_pipeline.gold import (
    availability_changes,
    data_quality_daily,
    genre_analytics,
    release_calendar,
    show_popularity_trends,
    top_movers,
)
from tally_pipeline.gold.details import DETAILS
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.parquet import ForeignFileError
from tally_pipeline.lake.store import NoSuchObjectError
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.assets.factory import Step, partitioned_asset
from tally_pipeline.orchestration.assets.gold import gold_key
from tally_pipeline.orchestration.assets.products import PageDay, Product
from tally_pipeline.plurals import counted
from tally_pipeline.query.engine import QueryEngine
from tally_pipeline.report.changes import changes
from tally_pipeline.report.inputs import OFFER_DAYS, Inputs, shows_to_follow, window
from tally_pipeline.report.page import render
from tally_pipeline.tables import sources as gold_files
from tally_pipeline.tables.sources import Sources
from tally_pipeline.tables.table import Table
from tally_pipeline.tmdb.lists import LISTS, ShowList

MOST_BYTES = 3_000_000
REJECTED_SHOWN = 20

SMALL_ENOUGH = Check(
    "small_enough", "The page is under 3 MB: it opens at once, and can be sent by mail.", blocking=True
)
EVERY_LIST_IN_IT = Check("every_list_in_it", "The page has data of the day for every list.")
REPORT_CHECKS = (SMALL_ENOUGH, EVERY_LIST_IN_IT)

KEY = common.REPORT


def report_asset(
    partitions: dg.PartitionsDefinition, source: str, lists: Sequence[ShowList] = LISTS
) -> dg.AssetsDefinition:
    """The report of each day."""
    # What follows no list has days of its own: the report shows it where it is, and does not wait for it.
    tables = [gold_key(table) for table in gold.OF_SHOWS]
    made_of = [*map(gold_key, gold.TABLES), *(common.silver_key(show_list) for show_list in lists)]

    spec = common.described(
        KEY,
        group="report",
        source=source,
        kinds={"html"},
        description="The day to look at: what changed, movers, popularity and genres over 90 days, captures,"
        " quarantine, freshness. One HTML file, without network; `tally report --open` shows it.",
        deps=[*tables, common.TABLE],
        partitions=partitions,
    )
    return partitioned_asset(
        spec,
        lambda step: _write(step, lists),
        op="report",
        checks=REPORT_CHECKS,
        reads=made_of,
        needs={"analytics_engine"},
    )


def _write(step: Step, lists: Sequence[ShowList]) -> Iterator[Product]:
    for number, day in enumerate(step.days, start=1):
        product = write_day(step.lake.reading, step.resources.analytics_engine, day, lists)
        yield product
        step.log_result(product, number)


def write_day(
    lake: Lake, analytics_engine: QueryEngine, day: str, lists: Sequence[ShowList] = LISTS
) -> Product:
    """Make the day's page."""
    started = time.monotonic()
    versions = _versions(lake, day)
    try:
        inputs = gather(lake, analytics_engine, day, lists)
    except (NoSuchObjectError, ForeignFileError) as error:
        why = f"gold of {day} is not there, or not of this version: {error}. Materialize gold for it first."
        return Product(day=day, findings=[(EVERY_LIST_IN_IT, Finding(False, why, why))], failure=why)
    page = render(inputs, common.ATTRIBUTION).encode()
    metadata: dict[str, Any] = {
        # Text, not Markdown: titles are shown as they are.
        "what changed": dg.MetadataValue.text("\n".join(sentence.text for sentence in changes(inputs))),
        "size (kB)": round(len(page) / 1000),
        "time (s)": round(time.monotonic() - started, 3),
        "open": dg.MetadataValue.md(f"`tally report --day {day} --open`"),
    }
    findings = [(SMALL_ENOUGH, size_finding(len(page))), (EVERY_LIST_IN_IT, lists_finding(inputs))]
    return PageDay(
        day=day,
        findings=findings,
        metadata=metadata,
        inputs_stand=lambda: _versions(lake, day) == versions,
        page=page,
    )


def _versions(lake: Lake, day: str) -> list[str | None]:
    """The versions of the day's gold: a report is current if it is newer than its gold (`stale`)."""
    return [lake.store.version(table.file_key(day)) for table in gold.TABLES]


def size_finding(size: int) -> Finding:
    """`size` in bytes."""
    return Finding(
        passed=size < MOST_BYTES,
        summary=f"the page is {size / 1e6:.2f} MB",
        remedy="Fewer shows or days have to be drawn: see TOP and WINDOW_DAYS in report/inputs.py.",
        numbers={"bytes": size},
    )


def lists_finding(inputs: Inputs) -> Finding:
    # A list that was added later has nothing of this day, and nobody can mend that.
    due = [
        one for one in inputs.lists if not (first := inputs.first_days.get(one.name)) or first <= inputs.day
    ]
    absent = [
        {"list": one.name, "state": state}
        for one in due
        if (state := inputs.state(one.name, inputs.day)) != "published"
    ]
    younger = len(inputs.lists) - len(due)
    return Finding(
        passed=not absent,
        summary=f"{len(due) - len(absent)} of {counted(len(due), 'list')} have data of {inputs.day}"
        + (f"; {counted(younger, 'list')} began later" if younger else ""),
        remedy="The page shows the others and says so. See why these have none: materialize their silver, then gold"
        " and the report of the day.",
        serious=False,
        numbers={"lists_absent": len(absent)},
        offenders=absent,
    )


def gather(lake: Lake, analytics_engine: QueryEngine, day: str, lists: Sequence[ShowList] = LISTS) -> Inputs:
    """Read the inputs of the day's report. Raises `NoSuchObjectError` if a gold table lacks the day,
    `ForeignFileError` if its file is of another version.
    """
    movers, trends, genres, quality_today = (
        _gold(lake, module.TABLE, day)
        for module in (top_movers, show_popularity_trends, genre_analytics, data_quality_daily)
    )
    days = window(day)
    within = f"dt BETWEEN '{days[0]}' AND '{days[-1]}'"
    followed = ", ".join(map(str, shows_to_follow(movers, trends, lists))) or "0"
    first_days = {one.name: next(iter(lake.silver_days(one.name)), None) for one in lists}
    return Inputs(
        day=day,
        source=lake.source,
        lists=lists,
        first_days=first_days,
        movers=movers,
        trends=trends,
        genres=genres,
        quality=_quality(lake, analytics_engine, days, lists, quality_today),
        published=analytics_engine.query(
            f"SELECT dt, data_type, count(*) AS shows FROM silver_shows WHERE {within}"
            " GROUP BY dt, data_type ORDER BY dt, data_type"
        ),
        places=analytics_engine.query(
            "SELECT dt, data_type, show_id, title, rank, popularity FROM silver_shows"
            f" WHERE {within} AND (rank = 1 OR show_id IN ({followed})) ORDER BY dt, data_type, rank"
        ),
        # A sum of doubles depends on its order: in a fixed one, the same silver gives the same page.
        genre_history=analytics_engine.query(
            "SELECT dt, data_type, genre_id, count(*) AS shows,"
            " sum(popularity ORDER BY show_id) / count(*) AS mean_popularity"
            " FROM silver_shows CROSS JOIN UNNEST(genre_ids) AS genres (genre_id)"
            f" WHERE {within} GROUP BY dt, data_type, genre_id ORDER BY dt, data_type, genre_id"
        ),
        rejected=_rejected(analytics_engine, day),
        offer_changes=_offer_changes(lake, analytics_engine, days),
        calendar=_gold_if_there(lake, release_calendar.TABLE, day),
        details_days=Sources.of(lake, ()).sizes(DETAILS).keys(),
    )


def _gold(lake: Lake, table: Table, day: str) -> pa.Table:
    """A day of a gold table; raises `ForeignFileError` also if it lacks columns, as files of earlier versions do."""
    rows = gold_files.read(lake, table.name, day)
    if lacking := [name for name in table.schema.names if name not in rows.schema.names]:
        key = table.file_key(day)
        raise ForeignFileError(f"{key} has no column {', '.join(lacking)}: an earlier version wrote it")
    return rows


def _gold_if_there(lake: Lake, table: Table, day: str) -> pa.Table | None:
    """The same; None if the day has none of this version: what follows details has days of its own."""
    try:
        return _gold(lake, table, day)
    except (NoSuchObjectError, ForeignFileError):
        return None


def _offer_changes(lake: Lake, analytics_engine: QueryEngine, days: Sequence[str]) -> pa.Table | None:
    """The arrivals and departures of brands up to the last of `days`; None if gold does not have that one."""
    table = availability_changes.TABLE
    if _gold_if_there(lake, table, days[-1]) is None:
        return None
    names = "change reason show_id title country kind brand_id brand seen_on compared_seen_on".split()
    rows = analytics_engine.rows(
        f"SELECT dt, {', '.join(names)} FROM {table.sql_name}"
        f" WHERE dt BETWEEN '{days[-OFFER_DAYS]}' AND '{days[-1]}' AND is_brand_change",
        pa.schema([pa.field("dt", pa.string()), *(table.schema.field(name) for name in names)]),
    )
    return rows.sort_by([(name, "ascending") for name in rows.column_names])


def _rejected(analytics_engine: QueryEngine, day: str) -> pa.Table:
    """The day's first rejected rows."""
    order = ("data_type", "page", "place", "raw")
    rows = analytics_engine.rows(
        "SELECT data_type, page, place, reasons, raw FROM quarantine_shows"
        f" WHERE dt = '{day}' ORDER BY {', '.join(order)} LIMIT {REJECTED_SHOWN}",
        pa.schema([contract.QUARANTINE.field(name) for name in (*order, "reasons")]),
    )
    return rows.sort_by([(name, "ascending") for name in order])


def _quality(
    lake: Lake, analytics_engine: QueryEngine, days: Sequence[str], lists: Sequence[ShowList], today: pa.Table
) -> pa.Table:
    """The row counts of the window. Those of days without gold are read from the files' footers."""
    table = data_quality_daily.TABLE
    past = analytics_engine.rows(
        f"SELECT * FROM {table.sql_name} WHERE dt BETWEEN '{days[0]}' AND '{days[-2]}'",
        pa.schema([*table.schema, pa.field("dt", pa.string())]),
    ).sort_by([("dt", "ascending"), ("data_type", "ascending")])
    days_in_gold = set(past["dt"].to_pylist())
    captured = {one.name: set(lake.bronze_days(one.name)) for one in lists}
    tables = [past, _dated(today, days[-1])]
    for day in days[:-1]:
        names = [one.name for one in lists if day in captured[one.name]]
        if day not in days_in_gold and names:
            books = [
                data_quality_daily.reconcile(lake, data_type, day, of_capture=False) for data_type in names
            ]
            tables.append(_dated(table.of_counts(day, books), day))
    columns = ["dt", *table.schema.names]
    return pa.concat_tables([part.select(columns) for part in tables], promote_options="permissive")


def _dated(table: pa.Table, day: str) -> pa.Table:
    return table.append_column("dt", pa.array([day] * table.num_rows, pa.string()))
