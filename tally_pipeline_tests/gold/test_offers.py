"""Where shows can be watched, what arrived and what left, against the same made a second way."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tally_pipeline.days import days_after
from tally_pipeline.gold import availability, availability_changes
from tally_pipeline.gold.availability import TABLE as AVAILABILITY
from tally_pipeline.gold.availability_changes import TABLE as CHANGES
from tally_pipeline.gold.gaps import GAPS_ARE_TOLD
from tally_pipeline.lake import layout
from tally_pipeline_tests.gold import offers
from tally_pipeline_tests.gold.offers import FIRST, History, Known, Offer, OffersLake, Row, known

NETFLIX, WITH_ADS, PRIME = ("US", "flatrate", 8), ("US", "flatrate", 1796), ("US", "flatrate", 9)


def day(number: int) -> str:
    """The day so many days after the first."""
    return days_after(FIRST, number)


def told(root: Path, history: Mapping[int, Mapping[int, Known]]) -> tuple[list[Row], list[Row]]:
    """The intervals and the changes of the last day, made day after day. `history`: by the day's number, by show."""
    lake = OffersLake(root)
    intervals: list[Row] = []
    changes: list[Row] = []
    for number, shows in history.items():
        lake.write_day(day(number), shows)
        intervals, changes = (lake.publish(table, day(number)) for table in (AVAILABILITY, CHANGES))
    return intervals, changes


def hold(root: Path, history: History) -> None:
    """Makes every day, and holds it against the second way."""
    lake = OffersLake(root)
    for dt, shows in history.items():
        lake.write_day(dt, shows)
        assert lake.publish(AVAILABILITY, dt) == offers.intervals(history, dt)
        assert lake.publish(CHANGES, dt) == offers.changes(history, dt)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
def test_day_after_day_gives_what_the_whole_window_gives_at_once(root: Path, seed: int) -> None:
    hold(root, offers.invent(seed))


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Three shows over up to nine days with details: each replies, is carried, or is gone; days are missing."""
    replies = st.frozensets(st.sampled_from([NETFLIX, WITH_ADS, ("DE", "buy", 9)]))
    events = st.lists(st.one_of(st.just("carried"), st.just("gone"), replies), min_size=3, max_size=3)
    history: dict[str, dict[int, Known]] = {}
    shows: dict[int, Known] = {}
    number = 0
    for _ in range(draw(st.integers(2, 9))):
        vanished: set[int] = set()
        for show_id, event in enumerate(draw(events)):
            if event == "gone":
                shows.pop(show_id, None)
                vanished.add(show_id)
            elif isinstance(event, frozenset):
                shows[show_id] = Known(day(number), event)
        history[day(number)] = offers.carried(shows, day(number)) | {
            show_id: offers.gone(day(number)) for show_id in vanished
        }
        number += draw(st.sampled_from([1, 1, 2, 7, 13, 14, 15, 44, 45, 46, 89, 90, 91]))
    return history


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(histories())
def test_so_it_does_for_any_small_history(history: History) -> None:
    with tempfile.TemporaryDirectory() as folder:
        hold(Path(folder), history)


def test_a_show_that_is_first_looked_at_changes_nothing_and_does_not_know_since_when(root: Path) -> None:
    intervals, changes = told(root, {0: {1: known(day(0))}, 1: {1: known(day(0)), 2: known(day(1), NETFLIX)}})
    assert changes == []
    assert [(row["since"], row["since_is_known"], row["is_open"]) for row in intervals] == [
        (day(1), False, True)
    ]


def test_a_show_without_a_reply_changes_nothing_and_a_change_says_how_many_days_it_may_be_old(
    root: Path,
) -> None:
    weekly = {number: {1: known(day(0), NETFLIX)} for number in range(7)}
    assert told(root, weekly)[1] == []
    intervals, changes = told(root, weekly | {7: {1: known(day(7), PRIME)}})
    assert [
        (row["change"], row["provider_id"], row["compared_seen_on"], row["gap_days"]) for row in changes
    ] == [
        ("arrival", 9, day(0), 6),
        ("departure", 8, day(0), 6),
    ]
    left, came = intervals
    assert (left["until"], left["closed_on"], left["closed_reason"]) == (day(0), day(7), "offer")
    assert (came["since"], came["lacked_on"], came["since_is_known"]) == (day(7), day(0), True)


def test_a_missing_day_is_neither_an_arrival_nor_a_departure(root: Path) -> None:
    intervals, changes = told(root, {0: {1: known(day(0), NETFLIX)}, 9: {1: known(day(9), NETFLIX)}})
    assert changes == []
    (row,) = intervals
    assert (row["since"], row["until"], row["times_seen"], row["gap_days"]) == (day(0), day(9), 2, 8)
    assert row["replies"] == "1000000001"


def test_a_move_within_a_brand_is_no_change_of_the_brand(root: Path) -> None:
    _, changes = told(root, {0: {1: known(day(0), NETFLIX, PRIME)}, 1: {1: known(day(1), WITH_ADS)}})
    assert {(row["change"], row["provider_id"]): row["is_brand_change"] for row in changes} == {
        ("departure", 8): False,
        ("arrival", 1796): False,
        ("departure", 9): True,
    }


def test_a_show_that_is_gone_leaves_for_that_reason_and_begins_anew_when_it_comes_back(root: Path) -> None:
    gone: dict[int, dict[int, Known]] = {0: {1: known(day(0), NETFLIX)}, 3: {1: offers.gone(day(3))}}
    intervals, changes = told(root, gone)
    assert [(row["change"], row["reason"], row["seen_on"]) for row in changes] == [
        ("departure", "show_gone", day(3))
    ]
    assert [(row["closed_on"], row["closed_reason"]) for row in intervals] == [(day(3), "show_gone")]
    intervals, changes = told(root, gone | {4: {}, 5: {1: known(day(5), NETFLIX)}})
    assert changes == []
    assert [(row["since"], row["is_open"], row["since_is_known"]) for row in intervals] == [
        (day(0), False, False),
        (day(5), True, False),
    ]


def test_a_show_that_silver_lost_has_not_left(root: Path) -> None:
    """Captures of days before, brought in late, are not in the manifest of the day: nobody said the show is gone."""
    lost: dict[int, dict[int, Known]] = {0: {1: known(day(0), NETFLIX)}, 1: {}}
    intervals, changes = told(root, lost)
    assert changes == []
    assert [(row["closed_on"], row["closed_reason"]) for row in intervals] == [(day(1), "out_of_sight")]


def test_a_show_without_a_reply_for_two_weeks_is_out_of_sight_and_has_not_left(root: Path) -> None:
    seen: dict[int, dict[int, Known]] = {
        0: {1: known(day(0), NETFLIX)},
        14: {1: known(day(0), NETFLIX)},
        15: {},
    }
    intervals, changes = told(root, seen)
    assert changes == []
    assert [(row["is_open"], row["closed_on"], row["closed_reason"]) for row in intervals] == [
        (False, day(15), "out_of_sight")
    ]
    intervals, changes = told(root, seen | {20: {1: known(day(20), PRIME)}})
    assert changes == []
    assert [(row["provider_id"], row["is_open"], row["since_is_known"]) for row in intervals] == [
        (8, False, False),
        (9, True, False),
    ]


def test_what_lies_further_back_than_90_days_is_not_told(root: Path) -> None:
    steady = {number: {1: known(day(number), NETFLIX)} for number in (1, 40, 80)}
    intervals, _ = told(root, {0: {1: known(day(0))}} | steady)
    assert [(row["since"], row["since_is_known"], row["times_seen"]) for row in intervals] == [
        (day(1), True, 3)
    ]
    intervals, _ = told(root, {0: {1: known(day(0))}} | steady | {110: {1: known(day(110), NETFLIX)}})
    assert [(row["since"], row["since_is_known"], row["times_seen"]) for row in intervals] == [
        (day(40), False, 3)
    ]


def test_a_day_names_what_it_is_made_from_and_cannot_do_without_its_own_day_before(root: Path) -> None:
    lake = OffersLake(root)
    for number, state in enumerate((known(day(0), NETFLIX), known(day(1), NETFLIX), known(day(2), NETFLIX))):
        lake.write_day(day(number), {1: state})
    assert "gold/availability goes on from its own day before" in AVAILABILITY.obstacle(
        lake.sources(), day(1)
    )
    assert "no silver_details and no silver_offers of" in AVAILABILITY.obstacle(lake.sources(), day(9))
    for number in range(3):
        assert AVAILABILITY.obstacle(lake.sources(), day(number)) == ""
        lake.publish(AVAILABILITY, day(number))
    made = lake.compute(AVAILABILITY, day(2))
    assert [file.key for file in made.inputs.named] == [
        layout.gold_key("availability", day(1)),
        f"silver/details/dt={day(1)}/data.parquet",
        f"silver/details/dt={day(2)}/data.parquet",
        f"silver/offers/dt={day(2)}/data.parquet",
    ]


def test_a_changed_day_makes_the_days_after_it_stale_and_all_made_again_are_byte_for_byte_as_before(
    root: Path,
) -> None:
    lake = OffersLake(root)
    history = {day(number): {1: known(day(number), NETFLIX)} for number in range(3)}

    def make_all() -> list[bytes]:
        for dt, shows in history.items():
            lake.write_day(dt, shows)
        for dt in history:
            lake.publish(AVAILABILITY, dt)
        return [lake.lake.store.get(layout.gold_key("availability", dt)) for dt in history]

    def current() -> list[bool]:
        return [AVAILABILITY.is_current(lake.sources(), dt) for dt in history]

    first = make_all()
    assert current() == [True, True, True]
    lake.write_day(day(0), {1: known(day(0), PRIME)})
    assert current() == [False, True, True]
    lake.publish(AVAILABILITY, day(0))
    assert current() == [True, False, True]
    assert make_all() == first


def test_a_show_that_left_as_gone_although_tmdb_did_not_say_so_is_found(lake: OffersLake) -> None:
    rows = lake.compute(CHANGES, day(3)).rows
    gone = changed(rows, "reason", "show_gone")
    assert availability_changes.gone_as_told(gone, {1}).passed
    finding = availability_changes.gone_as_told(gone, set())
    assert (finding.passed, finding.numbers) == (False, {"gone": 1})


def changed(table: pa.Table, column: str, value: Any) -> pa.Table:
    """The table with another value in a column of its first row."""
    place = table.schema.get_field_index(column)
    values = [value, *table[column].to_pylist()[1:]]
    return table.set_column(
        place, table.schema.field(place), pa.array(values, table.schema.field(place).type)
    )


@pytest.fixture
def lake(root: Path) -> OffersLake:
    """Two days, on the second of which one offer of four is gone and one has come."""
    lake = OffersLake(root)
    before: list[Offer] = [NETFLIX, PRIME, ("DE", "buy", 9), ("DE", "buy", 337)]
    lake.write_day(day(0), {1: known(day(0), *before)})
    lake.publish(AVAILABILITY, day(0))
    lake.write_day(day(3), {1: known(day(3), *before[1:], WITH_ADS)})
    return lake


@pytest.mark.parametrize(
    ("column", "value", "check"),
    [
        ("country", "XX", availability.OPEN_AS_OFFERED),
        ("is_open", False, availability.OPEN_AS_OFFERED),
        ("since", day(4), availability.INTERVALS_HOLD),
        ("since", day(-100), availability.INTERVALS_HOLD),
        ("closed_on", day(3), availability.INTERVALS_HOLD),
        ("lacked_on", day(1), availability.INTERVALS_HOLD),
        ("gap_days", 0, GAPS_ARE_TOLD),
        ("times_seen", 3, GAPS_ARE_TOLD),
        ("replies", "1111", GAPS_ARE_TOLD),
    ],
)
def test_an_interval_that_lies_is_found(lake: OffersLake, column: str, value: Any, check: Any) -> None:
    rows = lake.compute(AVAILABILITY, day(3)).rows.sort_by([("country", "ascending"), ("kind", "ascending")])
    assert rows["is_open"][0].as_py()
    lying = AVAILABILITY.findings(lake.sources(), lake.engine, day(3), changed(rows, column, value))
    assert not dict(lying)[check].passed


def test_intervals_of_one_offer_that_overlap_are_found(lake: OffersLake) -> None:
    rows = lake.compute(AVAILABILITY, day(3)).rows
    twice = pa.concat_tables([rows, rows.slice(0, 1)])
    finding = availability.intervals_hold(twice, FIRST, day(3))
    assert not finding.passed
    assert finding.numbers["overlapping"] == 1


@pytest.mark.parametrize(
    ("column", "value", "check"),
    [
        ("change", "departure", availability_changes.CHANGES_ADD_UP),
        ("show_id", 2, availability_changes.CHANGES_ADD_UP),
        ("gap_days", 0, GAPS_ARE_TOLD),
        ("compared_seen_on", day(1), GAPS_ARE_TOLD),
        ("reason", "show_gone", GAPS_ARE_TOLD),
    ],
)
def test_a_change_that_lies_is_found(lake: OffersLake, column: str, value: Any, check: Any) -> None:
    rows = lake.compute(CHANGES, day(3)).rows
    lying = CHANGES.findings(lake.sources(), lake.engine, day(3), changed(rows, column, value))
    assert not dict(lying)[check].passed
