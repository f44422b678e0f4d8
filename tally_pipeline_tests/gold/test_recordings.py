"""Gold over what TMDB really sent, on two days with none between."""

from __future__ import annotations

from pathlib import Path

import pytest

from tally_pipeline.gold import data_quality_daily, genre_analytics, show_popularity_trends, top_movers
from tally_pipeline.lake.lake import Lake
from tally_pipeline.query.duckdb_engine import DuckDbEngine
from tally_pipeline.query.tables import TABLES
from tally_pipeline.tables.sources import Sources
from tally_pipeline.tables.table import SqlTable
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline_tests.gold import second_way
from tally_pipeline_tests.gold.recorded import GAP_DAYS, NOW, THEN, recorded_lake
from tally_pipeline_tests.gold.second_way import Row


@pytest.fixture(scope="module")
def lake(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return recorded_lake(recordings, tmp_path_factory.mktemp("recorded"))


@pytest.fixture(scope="module")
def history(lake: Lake) -> dict[str, dict[str, list[Row]]]:
    files = Sources.of(lake, [show_list.name for show_list in LISTS])
    return {
        day: {name: lake.read_silver(name, day).to_pylist() for name in files.lists_of(day)}
        for day in (THEN, NOW)
    }


def made(lake: Lake, table: SqlTable, day: str) -> list[Row]:
    return table.query(DuckDbEngine(Path(lake.store.root), TABLES), day).to_pylist()


@pytest.mark.parametrize("day", [THEN, NOW])
def test_every_cell_is_what_plain_python_makes_of_the_recordings(
    lake: Lake, history: dict[str, dict[str, list[Row]]], day: str
) -> None:
    assert made(lake, show_popularity_trends.TABLE, day) == second_way.trends(history, day)
    assert made(lake, top_movers.TABLE, day) == second_way.movers(history, day)
    found = made(lake, genre_analytics.TABLE, day)
    names = {row["genre_id"]: row["genre"] for row in found}
    assert None not in names.values()
    assert found == second_way.genres(history, names, day)


def test_the_days_between_are_shown_as_missing(lake: Lake) -> None:
    trends = made(lake, show_popularity_trends.TABLE, NOW)
    assert trends
    for row in trends:
        assert (row["gap_1d"], row["gap_7d"], row["gap_28d"]) == (True, True, True)
        assert (row["change_1d"], row["change_7d"], row["change_28d"]) == (None, None, None)
        assert (row["streak"], row["streak_broken_by_gap"], row["window_days_missing"]) == (1, True, 28)
    assert {row["first_seen"] for row in trends} == {THEN, NOW}


def test_movers_say_how_long_ago_they_compare(lake: Lake) -> None:
    movers = made(lake, top_movers.TABLE, NOW)
    assert movers
    assert {(row["compared_dt"], row["gap_days"]) for row in movers} == {(THEN, GAP_DAYS)}
    assert "trending_shows" not in {row["data_type"] for row in movers}


def test_popularity_a_tenth_of_what_it_was_makes_nobody_a_riser(lake: Lake) -> None:
    """TMDB's scale fell by nine tenths from 2022 to 2025: Grey's Anatomy is eight places up, with 153 for 1,045."""
    moved = [row for row in made(lake, top_movers.TABLE, NOW) if row["kind"] in ("riser", "faller")]
    assert [(row["kind"], row["title"], row["rank_before"], row["rank"]) for row in moved] == [
        ("faller", "The Walking Dead", 3, 26)
    ]
    assert moved[0]["list_drift_pct"] == pytest.approx(-91.07, abs=0.01)


def test_the_checks_hold_on_real_rows(lake: Lake) -> None:
    files = Sources.of(lake, [show_list.name for show_list in LISTS])
    engine = DuckDbEngine(Path(lake.store.root), TABLES)
    silver = {name: lake.read_silver(name, NOW) for name in files.lists_of(NOW)}
    by_list = {name: files.days(name) for name in files.by_list}
    trends, genres, movers = (
        table.query(engine, NOW)
        for table in (show_popularity_trends.TABLE, genre_analytics.TABLE, top_movers.TABLE)
    )
    for finding in (
        show_popularity_trends.every_show_once(trends, silver),
        show_popularity_trends.trends_tell_gaps(trends, NOW, files.days()),
        genre_analytics.totals_agree(genres, silver),
        genre_analytics.genres_tell_gaps(genres, NOW, by_list),
        genre_analytics.genres_known(genres),
        top_movers.movers_moved(movers),
        top_movers.movers_tell_gaps(movers, NOW, by_list),
    ):
        assert finding.passed, finding.summary


def test_the_books_of_both_days_are_there(lake: Lake) -> None:
    files = Sources.of(lake, ["popular_shows"])
    for day in (THEN, NOW):
        told = data_quality_daily.reconcile(lake, "popular_shows", day)
        assert told.published
        assert told.counts is not None
        assert told.counts.balanced
        assert told.captured_at == f"{day}T12:00:00Z"
        assert len(data_quality_daily.TABLE.inputs(files, day).named) == 2
