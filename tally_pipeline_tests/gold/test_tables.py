"""Every gold table that SQL makes, against the same figures made a second way, and against the calendar."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlglot
from sqlglot.errors import ErrorLevel

from tally_pipeline import gold
from tally_pipeline.contracts.contract import athena_type
from tally_pipeline.datasets.shows import contract
from tally_pipeline.gold import genre_analytics, show_popularity_trends, top_movers
from tally_pipeline.query.duckdb_engine import DuckDbEngine
from tally_pipeline.query.tables import TABLES, athena_columns
from tally_pipeline.tables.table import OF_LISTS, SqlTable, Table
from tally_pipeline_tests.gold import second_way
from tally_pipeline_tests.gold.conftest import GENRE_NAMES, back, invent, write, write_genres
from tally_pipeline_tests.gold.second_way import History, Row
from tally_pipeline_tests.query.conftest import show

SEEDS = range(6)
BY_SQL = [table for table in gold.TABLES if isinstance(table, SqlTable)]
OF_SHOWS = [table for table in BY_SQL if table.follows == OF_LISTS]
COMPUTED_TWICE = [show_popularity_trends.TABLE, genre_analytics.TABLE, top_movers.TABLE]
"""Those that `second_way` makes too."""


def made(root: Path, table: SqlTable, day: str) -> list[Row]:
    return table.query(DuckDbEngine(root, TABLES), day).to_pylist()


@pytest.fixture(scope="module", params=SEEDS)
def invented(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, History]:
    """A lake of invented days, on the disk and in memory."""
    root, history = tmp_path_factory.mktemp("lake"), invent(request.param)
    write(root, history)
    write_genres(root, back(40), GENRE_NAMES)
    return root, history


def a_second_way(table: SqlTable, history: History, day: str) -> list[Row]:
    if table == show_popularity_trends.TABLE:
        return second_way.trends(history, day)
    if table == genre_analytics.TABLE:
        return second_way.genres(history, GENRE_NAMES, day)
    return second_way.movers(history, day)


def test_these_are_made_by_sql() -> None:
    assert {table.name for table in COMPUTED_TWICE} <= {table.name for table in BY_SQL}


@pytest.mark.parametrize("table", COMPUTED_TWICE, ids=lambda table: table.name)
def test_every_cell_is_what_plain_python_makes_of_silver(
    invented: tuple[Path, History], table: SqlTable
) -> None:
    root, history = invented
    for day in sorted(history)[-3:]:
        found, wanted = made(root, table, day), a_second_way(table, history, day)
        assert len(found) == len(wanted) > 0
        for row, should in zip(found, wanted, strict=True):
            assert row == should


@pytest.mark.parametrize("table", BY_SQL, ids=lambda table: table.name)
def test_what_is_never_null_by_the_contract_never_is_and_keys_are_unique(
    invented: tuple[Path, History], table: SqlTable
) -> None:
    root, history = invented
    rows = table.query(DuckDbEngine(root, TABLES), max(history))
    assert [c.name for c in table.columns if not c.nullable and rows[c.name].null_count] == []
    keys = list(zip(*(rows[name].to_pylist() for name in table.key), strict=True))
    assert len(set(keys)) == len(keys) == rows.num_rows


@pytest.mark.parametrize("table", BY_SQL, ids=lambda table: table.name)
def test_the_sql_is_athenas_and_translates_without_loss(table: SqlTable) -> None:
    statement = table.statement("2026-03-15")
    (tree,) = sqlglot.parse(statement, read="athena", error_level=ErrorLevel.RAISE)
    assert isinstance(tree, sqlglot.exp.Query)
    assert tree.find(sqlglot.exp.Placeholder, sqlglot.exp.Parameter) is None
    for dialect in ("athena", "trino", "duckdb"):
        assert tree.sql(dialect, unsupported_level=ErrorLevel.RAISE)
    assert tree.named_selects == table.schema.names


@pytest.mark.parametrize("table", BY_SQL, ids=lambda table: table.name)
def test_every_file_says_first_what_it_answers(table: SqlTable) -> None:
    first = table.statement("2026-03-15").splitlines()[0]
    assert first.startswith("-- ")
    assert first.endswith(".")


@pytest.mark.parametrize("day", ["2026-3-15", "2026-02-30", "' OR 1 = 1 --", ""])
def test_what_is_no_date_never_gets_into_the_sql(day: str) -> None:
    with pytest.raises(ValueError, match=r"(?i)iso|day|month"):
        top_movers.TABLE.statement(day)


@pytest.mark.parametrize("table", OF_SHOWS, ids=lambda table: table.name)
def test_later_days_change_nothing_and_a_second_time_gives_the_same(root: Path, table: SqlTable) -> None:
    history = invent(3)
    write_genres(root, back(40), GENRE_NAMES)
    past = {day: lists for day, lists in history.items() if day <= back(5)}
    write(root, past)
    day = max(past)
    before = table.query(DuckDbEngine(root, TABLES), day)
    write(root, history)
    after = table.query(DuckDbEngine(root, TABLES), day)
    assert before.num_rows
    assert after.equals(before, check_metadata=True)


@pytest.mark.parametrize("table", BY_SQL, ids=lambda table: table.name)
def test_an_empty_lake_gives_no_rows_in_the_tables_schema(root: Path, table: SqlTable) -> None:
    answer = table.query(DuckDbEngine(root, TABLES), "2026-03-15")
    assert answer.schema.equals(table.schema)
    assert answer.num_rows == 0


def a_month(*missing: int) -> dict[str, dict[str, list[Row]]]:
    """One show in one list for 40 days, one point more popular each day, but for the days that are missing."""
    return {
        back(ago): {"popular_shows": [show(1, popularity=100.0 - ago, rank=1)]}
        for ago in range(39, -1, -1)
        if ago not in missing
    }


def trend_of(root: Path, history: History, day: str = back(0)) -> dict[str, Any]:
    write(root, {then: {name: list(rows) for name, rows in lists.items()} for then, lists in history.items()})
    (row,) = made(root, show_popularity_trends.TABLE, day)
    return row


def test_without_a_gap_every_change_is_there(root: Path) -> None:
    row = trend_of(root, a_month())
    assert (row["change_1d"], row["change_7d"], row["change_28d"]) == (1.0, 7.0, 28.0)
    assert (row["gap_1d"], row["gap_7d"], row["gap_28d"]) == (False, False, False)
    assert (row["streak"], row["days_seen"], row["window_days_missing"]) == (40, 40, 0)


def test_a_day_missing_in_the_middle_is_told_and_not_filled_in(root: Path) -> None:
    row = trend_of(root, a_month(7))
    assert row["gap_7d"]
    assert (row["change_7d"], row["change_7d_pct"], row["rank_change_7d"]) == (None, None, None)
    assert (row["change_1d"], row["gap_1d"]) == (1.0, False)
    assert (row["streak"], row["streak_broken_by_gap"]) == (7, True)
    assert (row["days_seen"], row["window_days_missing"]) == (39, 1)


def test_what_lies_further_back_than_90_days_is_not_known_and_the_row_says_since_when_it_is(
    root: Path,
) -> None:
    history: History = {
        back(ago): {"popular_shows": [show(1, popularity=500.0 if ago == 91 else 100.0 + ago, rank=1)]}
        for ago in range(100, -1, -1)
    }
    row = trend_of(root, history)
    assert row["known_since"] == row["first_seen"] == row["peak_dt"] == back(90)
    assert (row["peak_popularity"], row["days_seen"]) == (190.0, 91)
    assert (row["streak"], row["streak_broken_by_gap"]) == (91, True)


def test_a_list_that_was_away_for_more_than_90_days_is_compared_with_nothing(root: Path) -> None:
    write(root, {back(ago): {"popular_shows": [show(1, rank=1)]} for ago in (91, 0)})
    assert made(root, top_movers.TABLE, back(0)) == []


def test_a_show_that_was_away_on_a_day_with_data_is_no_gap(root: Path) -> None:
    history = a_month()
    history[back(7)] = {"popular_shows": [show(2, rank=1)]}
    row = trend_of(root, history)
    assert (row["change_7d"], row["gap_7d"]) == (None, False)
    assert (row["streak"], row["streak_broken_by_gap"]) == (7, False)


def test_movers_reach_over_a_gap_and_say_how_wide_it_is(root: Path) -> None:
    before = [show(n, rank=n, popularity=100.0 - n) for n in range(1, 6)]
    now = [(2, 150.0), (3, 97.0), (4, 96.0), (1, 50.0), (9, 10.0)]
    after = [show(n, rank=rank, popularity=popularity) for rank, (n, popularity) in enumerate(now, start=1)]
    write(root, {back(5): {"popular_shows": before}, back(0): {"popular_shows": after}})
    rows = made(root, top_movers.TABLE, back(0))
    assert [(row["kind"], row["show_id"], row["rank_change"]) for row in rows] == [
        ("entry", 9, None),
        ("exit", 5, None),
        ("faller", 1, -3),
        ("riser", 2, 1),
    ]
    assert {(row["compared_dt"], row["gap_days"]) for row in rows} == {(back(5), 4)}


def test_a_list_without_a_day_of_its_own_has_no_movers(root: Path) -> None:
    write(
        root,
        {
            back(1): {"popular_shows": [show(1)], "on_the_air": [show(9, "on_the_air")]},
            back(0): {"popular_shows": [show(2)], "airing_today": [show(7, "airing_today")]},
        },
    )
    rows = made(root, top_movers.TABLE, back(0))
    assert {row["data_type"] for row in rows} == {"popular_shows"}


def test_at_most_25_of_each_kind_are_kept(root: Path) -> None:
    write(
        root,
        {
            back(1): {"popular_shows": [show(n, rank=n) for n in range(1, 41)]},
            back(0): {"popular_shows": [show(n, rank=n - 40) for n in range(41, 81)]},
        },
    )
    rows = made(root, top_movers.TABLE, back(0))
    assert [(row["kind"], row["place"]) for row in rows] == [
        (kind, place) for kind in ("entry", "exit") for place in range(1, 26)
    ]


def test_few_votes_cannot_top_the_bayesian_mean(root: Path) -> None:
    write(
        root,
        {
            back(0): {
                "popular_shows": [
                    show(1, genre_ids=[16], vote_average=10.0, vote_count=3),
                    show(2, genre_ids=[18], vote_average=8.5, vote_count=40_000),
                    show(3, genre_ids=[35], vote_average=5.0, vote_count=40_000),
                ]
            }
        },
    )
    rows = {row["genre_id"]: row for row in made(root, genre_analytics.TABLE, back(0))}
    assert rows[16]["vote_average_weighted"] == 10.0
    assert rows[35]["vote_average_bayes"] < rows[16]["vote_average_bayes"] < rows[18]["vote_average_bayes"]


def test_a_genre_is_spelt_as_on_the_newest_capture_up_to_the_day(root: Path) -> None:
    write(root, {back(ago): {"popular_shows": [show(1, genre_ids=[18])]} for ago in (20, 3)})
    write_genres(root, back(10), {18: "Drama"})
    write_genres(root, back(5), {18: "Serious"})
    write_genres(root, back(1), {18: "Later"})
    assert [row["genre"] for row in made(root, genre_analytics.TABLE, back(3))] == ["Serious"]
    assert [row["genre"] for row in made(root, genre_analytics.TABLE, back(20))] == ["Drama"]


@pytest.mark.parametrize("table", gold.TABLES, ids=lambda table: table.name)
def test_the_tables_types_are_ones_that_athena_has(table: Table) -> None:
    plain = {"bigint", "int", "double", "string", "boolean"}
    nested = {"array<string>", "array<bigint>", "map<string,int>", "map<string,string>"}
    assert {type_ for _, type_ in athena_columns(table.schema)} <= plain | nested
    assert athena_type(pa.map_(pa.string(), pa.int32())) == "map<string,int>"


@pytest.mark.parametrize("table", gold.TABLES, ids=lambda table: table.name)
def test_every_source_is_a_column_of_another_table(table: Table) -> None:
    columns = {
        (spec.name, name) for spec in TABLES for name in spec.presented.names if spec.name != table.sql_name
    }
    assert [c.name for c in table.columns if not set(c.sources) <= columns] == []


def test_the_names_in_the_genres_sql_are_the_contracts() -> None:
    sql = Path(genre_analytics.__file__).with_suffix(".sql").read_text(encoding="utf-8")
    named = {int(number): name for number, name in re.findall(r"\((\d+), '([^']+)'\)", sql)}
    assert named == contract.GENRES
