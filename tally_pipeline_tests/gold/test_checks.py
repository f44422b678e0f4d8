"""Gold's checks find what they are there to find: tables that lie are caught."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tally_pipeline.datasets.shows import contract
from tally_pipeline.datasets.shows.refinement import Counts
from tally_pipeline.gold import data_quality_daily, genre_analytics, show_popularity_trends, top_movers
from tally_pipeline.gold.data_quality_daily import ReconciledDay
from tally_pipeline.query.duckdb_engine import DuckDbEngine
from tally_pipeline.query.tables import TABLES
from tally_pipeline_tests.gold.conftest import back, write, write_genres
from tally_pipeline_tests.query.conftest import show

DAYS = {back(ago) for ago in (0, 1, 7)}
BY_LIST = {"popular_shows": DAYS}
HISTORY = {
    day: {
        "popular_shows": [
            show(1, rank=1 + place % 2, genre_ids=[18], popularity=10.0 + place),
            show(2, rank=2 - place % 2, genre_ids=[18, 35], popularity=5.0),
            show(3 + place, rank=3, genre_ids=[]),
        ]
    }
    for place, day in enumerate(sorted(DAYS))
}


@pytest.fixture
def tables(root: Path) -> dict[str, pa.Table]:
    """The tables of the last day, as SQL makes them."""
    write(root, HISTORY)
    write_genres(root, back(0), {18: "Drama", 35: "Comedy"})
    engine = DuckDbEngine(root, TABLES)
    made = (show_popularity_trends.TABLE, genre_analytics.TABLE, top_movers.TABLE)
    return {table.name: table.query(engine, back(0)) for table in made}


@pytest.fixture
def silver() -> dict[str, pa.Table]:
    return {
        name: pa.Table.from_pylist(rows, schema=contract.SILVER) for name, rows in HISTORY[back(0)].items()
    }


def changed(table: pa.Table, column: str, values: Any) -> pa.Table:
    """The table with a column replaced: by one value, or by a value a row."""
    place = table.schema.get_field_index(column)
    told = values if isinstance(values, list) else [values] * table.num_rows
    return table.set_column(place, table.schema.field(place), pa.array(told, table.schema.field(place).type))


def test_true_tables_pass_every_check(tables: dict[str, pa.Table], silver: dict[str, pa.Table]) -> None:
    trends, genres, movers = tables.values()
    assert show_popularity_trends.every_show_once(trends, silver).passed
    assert show_popularity_trends.trends_tell_gaps(trends, back(0), DAYS).passed
    assert genre_analytics.totals_agree(genres, silver).passed
    assert genre_analytics.genres_tell_gaps(genres, back(0), BY_LIST).passed
    assert genre_analytics.genres_known(genres).passed
    assert movers.num_rows
    assert top_movers.movers_moved(movers).passed
    assert top_movers.movers_moved(movers).numbers["movers"] > 0
    assert top_movers.movers_tell_gaps(movers, back(0), BY_LIST).passed
    assert top_movers.shows_known(movers, {"popular_shows": {1, 2, 4, 5}}).passed


@pytest.mark.parametrize("lie", ["a show less", "a show twice", "a show too many"])
def test_a_show_lost_doubled_or_made_up_is_found(
    tables: dict[str, pa.Table], silver: dict[str, pa.Table], lie: str
) -> None:
    trends = tables["show_popularity_trends"]
    lying = {
        "a show less": trends.slice(1),
        "a show twice": pa.concat_tables([trends, trends.slice(0, 1)]),
        "a show too many": changed(trends, "show_id", [1, 2, 999]),
    }[lie]
    assert not show_popularity_trends.every_show_once(lying, silver).passed


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("gap_1d", True),
        ("gap_28d", False),
        ("change_28d", 1.5),
        ("change_28d_pct", 1.5),
        ("rank_change_28d", 0),
        ("window_days_missing", 0),
        ("streak_broken_by_gap", False),
    ],
)
def test_a_trend_that_is_silent_about_a_gap_is_found(
    tables: dict[str, pa.Table], column: str, value: Any
) -> None:
    trends = changed(tables["show_popularity_trends"], column, value)
    finding = show_popularity_trends.trends_tell_gaps(trends, back(0), DAYS)
    assert not finding.passed
    assert {row["column"] for row in finding.offenders} == {column}


def test_genre_totals_that_are_not_silvers_are_found(
    tables: dict[str, pa.Table], silver: dict[str, pa.Table]
) -> None:
    genres = tables["genre_analytics"]
    assert not genre_analytics.totals_agree(genres.slice(1), silver).passed
    assert not genre_analytics.totals_agree(changed(genres, "total_popularity", 1.0), silver).passed
    assert not genre_analytics.totals_agree(genres, silver | {"on_the_air": silver["popular_shows"]}).passed


def test_a_genre_compared_with_a_missing_day_is_found(tables: dict[str, pa.Table]) -> None:
    genres = tables["genre_analytics"]
    assert not genre_analytics.genres_tell_gaps(genres, back(0), {"popular_shows": {back(0)}}).passed
    assert not genre_analytics.genres_tell_gaps(changed(genres, "gap_7d", True), back(0), BY_LIST).passed
    assert not genre_analytics.genres_tell_gaps(
        changed(genres, "shows_change_7d", None), back(0), BY_LIST
    ).passed


def test_a_genre_without_a_name_is_named_by_its_id_and_only_warns(tables: dict[str, pa.Table]) -> None:
    finding = genre_analytics.genres_known(changed(tables["genre_analytics"], "genre", ["Drama", None]))
    assert not finding.passed
    assert not finding.serious
    assert finding.summary.count(": ") == 1


def test_movers_that_hide_how_far_back_they_compare_are_found(tables: dict[str, pa.Table]) -> None:
    movers = tables["top_movers"]
    assert not top_movers.movers_tell_gaps(changed(movers, "gap_days", 3), back(0), BY_LIST).passed
    assert not top_movers.movers_tell_gaps(changed(movers, "compared_dt", back(7)), back(0), BY_LIST).passed


def test_a_week_compared_with_another_day_is_found(tables: dict[str, pa.Table]) -> None:
    movers = tables["top_movers"]
    assert {"faller_7d", "riser_7d"} & set(movers["kind"].to_pylist())
    assert not top_movers.movers_tell_gaps(movers, back(0), {"popular_shows": {back(0), back(1)}}).passed
    more = DAYS | {back(4)}
    assert not top_movers.movers_tell_gaps(movers, back(0), {"popular_shows": more}).passed


@pytest.mark.parametrize("lie", ["popularity", "rank", "kind"])
def test_a_riser_that_fell_or_a_faller_that_gained_is_found(tables: dict[str, pa.Table], lie: str) -> None:
    movers = tables["top_movers"]
    swapped = [
        {"riser": "faller", "riser_7d": "faller_7d"}.get(kind, kind) for kind in movers["kind"].to_pylist()
    ]
    lying = changed(
        movers, *{"popularity": ("popularity", 0.5), "rank": ("rank", 99), "kind": ("kind", swapped)}[lie]
    )
    finding = top_movers.movers_moved(lying)
    assert not finding.passed
    assert finding.offenders


def test_a_mover_that_silver_does_not_know_is_named(tables: dict[str, pa.Table]) -> None:
    finding = top_movers.shows_known(tables["top_movers"], {"popular_shows": {1, 2, 4}})
    assert [row["show_id"] for row in finding.offenders] == [5]
    assert not finding.serious


def counts(**changed_: Any) -> Counts:
    told: dict[str, Any] = {
        "bronze_rows": 10,
        "silver_rows": 7,
        "repeats": 1,
        "quarantined": 2,
        "by_rule": {"wrong_type": 2, "blank_name": 1, "unreadable": 0},
        "nulls": {},
        "new_fields": {},
        "lost_fields": (),
        "unknown_genres": {},
    }
    return Counts(**told | changed_)


def some_counts(**changed_: Any) -> ReconciledDay:
    told: dict[str, Any] = {
        "data_type": "popular_shows",
        "counts": counts(),
        "verdict": "complete",
        "source": "tmdb",
        "published": True,
        "captured_at": "2026-03-15T03:00:00Z",
        "bronze_objects": 1,
    }
    return ReconciledDay(**told | changed_)


def test_books_become_one_row_a_list_in_the_tables_schema() -> None:
    table = data_quality_daily.TABLE.of_counts(
        "2026-03-15", [some_counts(), some_counts(data_type="airing_today", counts=None)]
    )
    assert table.schema == data_quality_daily.TABLE.schema
    empty, row = table.to_pylist()
    assert (empty["data_type"], empty["rows"], empty["pass_rate"]) == ("airing_today", None, None)
    assert row["quarantined_by_rule"] == [("blank_name", 1), ("wrong_type", 2)]
    assert (row["pass_rate"], row["hours_since_capture"]) == (80.0, 21.0)


@pytest.mark.parametrize(
    ("moment", "hours"),
    [
        ("2026-03-15T00:00:00Z", 24.0),
        ("2026-03-15T02:00:00+02:00", 24.0),
        ("2026-03-15T12:00:00", 12.0),
        ("2026-03-16T06:00:00Z", -6.0),
        ("yesterday", None),
        (None, None),
    ],
)
def test_hours_count_from_the_capture_to_the_end_of_the_day(moment: str | None, hours: float | None) -> None:
    assert data_quality_daily.hours_to_end_of("2026-03-15", moment) == hours


def test_numbers_that_the_files_do_not_bear_out_are_found() -> None:
    table = data_quality_daily.TABLE.of_counts("2026-03-15", [some_counts()])
    agree = data_quality_daily.numbers_agree
    assert agree(table, {"popular_shows": 7}, {"popular_shows": 2}).passed
    assert not agree(table, {"popular_shows": 6}, {"popular_shows": 2}).passed
    assert not agree(table, {}, {}).passed
    refused = data_quality_daily.TABLE.of_counts("2026-03-15", [some_counts(published=False)])
    assert agree(refused, {}, {"popular_shows": 2}).passed
    assert not agree(refused, {"popular_shows": 7}, {"popular_shows": 2}).passed
    assert not agree(refused, {}, {"popular_shows": 3}).passed
