"""What counts as a move: stories planted in a list of a thousand shows, whose moves are known beforehand."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tally_pipeline.gold import top_movers
from tally_pipeline.query.duckdb_engine import DuckDbEngine
from tally_pipeline.query.tables import TABLES
from tally_pipeline_tests.gold.conftest import back, write
from tally_pipeline_tests.gold.second_way import Row
from tally_pipeline_tests.query.conftest import show

LIST = "popular_shows"
STEADY = {number: round(2000.0 / number, 3) for number in range(1, 1001)}
"""A thousand shows: the first has 2,000 points, the last 2, and most of them around 4."""

DROPPED, NEWCOMER, SIXFOLD, SHUFFLED = 5, 5000, 10, range(600, 640)


def movers(root: Path, scores: Mapping[int, Mapping[int, float]]) -> list[Row]:
    """Movers of the last day. `scores`: popularity by show, by days ago; ranks follow from it, ties by id."""
    shutil.rmtree(root / "silver", ignore_errors=True)
    lists = {}
    for ago, popularity in scores.items():
        order = sorted(popularity, key=lambda number: (-popularity[number], number))
        rows = [
            show(number, LIST, title=f"Show {number}", rank=rank, popularity=popularity[number])
            for rank, number in enumerate(order, start=1)
        ]
        lists[back(ago)] = {LIST: rows}
    write(root, lists)
    table = top_movers.TABLE.query(DuckDbEngine(root, TABLES), back(0))
    finding = top_movers.movers_moved(table)
    assert finding.passed, finding.offenders
    moved: list[Row] = table.to_pylist()
    return moved


def of_kind(rows: list[Row], kind: str) -> list[int]:
    return [row["show_id"] for row in rows if row["kind"] == kind]


def test_sixfold_to_first_place_in_a_week_is_the_weeks_first_riser(root: Path) -> None:
    week_ago = STEADY | {SIXFOLD: 400.0}
    yesterday, today = STEADY | {SIXFOLD: 2350.0}, STEADY | {SIXFOLD: 2400.0}
    (first, *_) = [
        row for row in movers(root, {7: week_ago, 1: yesterday, 0: today}) if row["kind"] == "riser_7d"
    ]
    assert (first["show_id"], first["rank"], first["popularity"]) == (SIXFOLD, 1, 2400.0)
    assert first["doublings"] == pytest.approx(2.585, abs=0.001)


def test_hundreds_of_places_in_the_long_tail_count_less_than_two_at_the_top(root: Path) -> None:
    tail = {number: STEADY[number] + 1.8 for number in SHUFFLED}
    rows = movers(root, {1: STEADY, 0: STEADY | tail | {3: 1200.0}})
    assert of_kind(rows, "riser")[0] == 3
    climbed = {row["show_id"]: row["rank_change"] for row in rows if row["kind"] == "riser"}
    assert climbed[3] == 1
    assert max(climbed.values()) > 200


def test_a_drift_of_the_scale_for_all_moves_nobody(root: Path) -> None:
    for ago, factor in ((1, 1.3), (2, 0.6)):
        drifted = {number: value * factor for number, value in STEADY.items() if value > 10}
        rows = movers(root, {ago: {n: STEADY[n] for n in drifted}, 0: drifted})
        assert rows == []


def test_who_gained_less_than_the_scale_is_no_riser_and_who_gained_at_all_is_no_faller(root: Path) -> None:
    doubled = {number: 2 * value for number, value in STEADY.items()}
    rows = movers(root, {1: STEADY, 0: doubled | {20: 1.5 * STEADY[20], 30: 0.9 * STEADY[30]}})
    assert of_kind(rows, "riser") == []
    assert of_kind(rows, "faller") == [30]
    assert {row["list_drift_pct"] for row in rows} == {100.0}


def test_a_show_that_loses_places_while_it_gains_is_neither(root: Path) -> None:
    """Show 6 gains a little, and is overtaken by show 7, which gains more."""
    rows = movers(root, {1: STEADY, 0: STEADY | {6: STEADY[6] + 1, 7: STEADY[6] + 50}})
    assert of_kind(rows, "riser") == [7]
    assert of_kind(rows, "faller") == []


def test_a_newcomer_near_the_top_and_a_show_that_dropped_out_come_first_of_their_kinds(root: Path) -> None:
    today = {number: value for number, value in STEADY.items() if number not in (DROPPED, 900)}
    rows = movers(root, {1: STEADY, 0: today | {NEWCOMER: 700.0, NEWCOMER + 1: 2.5}})
    assert of_kind(rows, "entry") == [NEWCOMER, NEWCOMER + 1]
    assert of_kind(rows, "exit") == [DROPPED, 900]
    (entry,) = [row for row in rows if row["show_id"] == NEWCOMER]
    assert (entry["rank"], entry["rank_before"], entry["score"]) == (3, None, None)


def test_of_two_that_doubled_the_one_nearer_to_first_place_comes_first(root: Path) -> None:
    base = dict.fromkeys(range(1, 31), 50.0)
    rows = movers(root, {1: base, 0: base | {4: 100.0, 9: 100.0}})
    assert of_kind(rows, "riser") == [4, 9]
    assert movers(root, {1: base, 0: base}) == []


def test_nothing_of_popularity_is_infinitely_far_from_something(root: Path) -> None:
    scores = STEADY | {900: 0.0, 901: 0.0, 902: 0.004}
    rows = movers(root, {1: scores, 0: scores | {900: 2.5, 901: 0.3, 902: 0.0}})
    assert of_kind(rows, "riser") == [900]
    assert of_kind(rows, "faller") == []


def test_more_than_are_kept_are_counted_all(root: Path) -> None:
    today = {number + (10_000 if number > 960 else 0): value for number, value in STEADY.items()}
    rows = movers(root, {1: STEADY, 0: today})
    assert len(of_kind(rows, "entry")) == len(of_kind(rows, "exit")) == top_movers.MOVERS_KEPT
    assert {row["kind_shows"] for row in rows} == {40}


def test_a_week_is_seven_days_or_it_is_not_told(root: Path) -> None:
    risen = STEADY | {SIXFOLD: 2400.0}
    assert of_kind(movers(root, {8: STEADY, 6: STEADY, 1: STEADY, 0: risen}), "riser_7d") == []
    rows = movers(root, {7: STEADY, 5: STEADY, 1: STEADY, 0: risen})
    (week,) = [row for row in rows if row["kind"] == "riser_7d"]
    assert (week["show_id"], week["compared_dt"], week["gap_days"]) == (SIXFOLD, back(7), 4)


def test_who_came_and_went_within_the_week_is_told_by_day_only(root: Path) -> None:
    rows = movers(root, {7: STEADY, 1: STEADY, 0: STEADY | {NEWCOMER: 700.0}})
    assert {row["kind"] for row in rows} == {"entry"}
