"""Finds gold and reports that are not made from the present silver."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import dagster as dg

from tally_pipeline.gold import ALL_TABLES, TABLES
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.orchestration.assets import common, report
from tally_pipeline.orchestration.assets.gold import gold_key
from tally_pipeline.tables.sources import Sources
from tally_pipeline.tables.table import Table
from tally_pipeline.tmdb.lists import LISTS


def stale(
    instance: dg.DagsterInstance, lake: Lake, first: str, most: int, has_time: Callable[[], bool]
) -> tuple[Mapping[str, frozenset[dg.AssetKey]], str | None]:
    """The assets downstream of silver to remake, by day, from `first` on; current days are omitted.

    A table is compared with the hashes in its footer, and remade with the tables that it is made from; a report is
    compared with the time of the day's tables. The second value is the day to go on from, if `most` days were found,
    or `has_time` returned False, before all were checked.
    """
    sources = Sources.of(lake, [one.name for one in LISTS])
    compared = instance.get_materialized_partitions(common.TABLE)
    written = _written(lake)
    stale_by_day: dict[str, frozenset[dg.AssetKey]] = {}
    days = {table: table.days(sources) for table in ALL_TABLES}
    remade: dict[str, set[str]] = {}
    for day in sorted(day for day in set().union(*days.values()) if day >= first):
        if len(stale_by_day) == most or not has_time():
            return stale_by_day, day
        of_day = [table for table in ALL_TABLES if day in days[table]]
        tables = _remade(of_day, sources, day, remade)
        # The day before is that of what a table follows, not of the calendar.
        for follows in {table.follows for table in of_day}:
            remade[follows] = {table.sql_name for table in tables if table.follows == follows}
        anew = {gold_key(table) for table in tables}
        if day in sources.days():
            if day not in compared:
                anew.add(common.TABLE)
            if anew - {common.TABLE} or not _is_report_current(written, day):
                anew.add(report.KEY)
        if anew:
            stale_by_day[day] = frozenset(anew)
    return stale_by_day, None


def _remade(
    tables: Sequence[Table], sources: Sources, day: str, remade_before: Mapping[str, set[str]]
) -> list[Table]:
    """The tables to remake of a day: those not made from the present files, and those made from one of these.

    A remade file may differ: what is made from it would be found one look later, and a table that goes on from its
    own day before would take one look a day. `remade_before` are the tables remade on the day before, by what they
    follow.
    """
    found: list[Table] = []
    for table in tables:
        names = {one.sql_name for one in found}
        before = remade_before.get(table.follows, set())
        if (
            not names.isdisjoint(table.source_tables)
            or not before.isdisjoint(table.day_before_of)
            or not table.is_current(sources, day)
        ):
            found.append(table)
    return found


def _written(lake: Lake) -> dict[str, datetime]:
    """The time of writing of each file that a report is made from, and of each report, by key."""
    folders = [table.file_key("").partition("/dt=")[0] for table in TABLES]
    return {
        info.key: info.modified for folder in (*folders, layout.REPORTS) for info in lake.store.list(folder)
    }


def _is_report_current(written: Mapping[str, datetime], day: str) -> bool:
    page = written.get(layout.report_key(day))
    tables = [written.get(table.file_key(day)) for table in TABLES]
    return page is not None and all(table <= page for table in tables if table is not None)
