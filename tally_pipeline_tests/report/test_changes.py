"""The sentences at the top of the page say what the tables say."""

from __future__ import annotations

from tally_pipeline.report.changes import changes
from tally_pipeline.report.inputs import Inputs
from tally_pipeline.shows.lists import LISTS
from tally_pipeline_tests.report.world import DAY, World, inputs, world


def said(made: Inputs) -> dict[str, str]:
    return {sentence.topic: sentence.text for sentence in changes(made)}


def led_by(made: World, data_type: str, leaders: dict[str, int]) -> World:
    """The same world, in which these shows lead the list on these days."""
    for day, show in leaders.items():
        ids = [other for other in made.silver[data_type][day] if other != show]
        made.silver[data_type][day] = [show, *ids]
    return made


def test_a_new_leader_is_named_with_the_one_before() -> None:
    made = led_by(world(), "popular_shows", {"2026-11-22": 9, DAY: 8})
    text = said(inputs(made))["First place"]
    assert f"“{made.titles[8]}” takes first place of Popular shows from “{made.titles[9]}”." in text


def test_a_leaders_days_are_counted() -> None:
    days = ["2026-11-21", "2026-11-22", DAY]
    made = led_by(world(), "popular_shows", {"2026-11-20": 9} | dict.fromkeys(days, 8))
    assert (
        f"“{made.titles[8]}” leads Popular shows for the 3rd day running."
        in said(inputs(made))["First place"]
    )


def test_a_leaders_days_are_not_counted_across_a_day_without_data() -> None:
    made = world(lost=[("popular_shows", "2026-11-21")])
    made = led_by(made, "popular_shows", dict.fromkeys(["2026-11-19", "2026-11-20", "2026-11-22", DAY], 8))
    expected = "for the 2nd day running, counted from 22 Nov: the day before has no data."
    assert expected in said(inputs(made))["First place"]


def test_the_biggest_climb_is_the_biggest() -> None:
    made = inputs(world())
    climb = max(row["rank_change"] for row in made.movers.to_pylist() if row["kind"] == "riser")
    best = next(row for row in made.movers.to_pylist() if row["rank_change"] == climb)
    assert f"from {best['rank_before']} to {best['rank']}" in said(made)["Moves"]


def test_moves_across_a_gap_say_since_when() -> None:
    lost = [(one.name, day) for one in LISTS for day in ("2026-11-21", "2026-11-22")]
    assert "since 20 Nov" in said(inputs(world(lost=lost)))["Moves"]


def test_entries_and_exits_are_counted_by_list() -> None:
    made = inputs(world())
    entries = [row for row in made.movers.to_pylist() if row["kind"] == "entry"]
    popular = sum(1 for row in entries if row["data_type"] == "popular_shows")
    assert f"Popular shows: {popular} new" in said(made)["New and gone"]


def test_quarantined_rows_are_counted() -> None:
    made = inputs(world())
    bad = sum(row["quarantined"] for row in made.quality.to_pylist() if row["dt"] == DAY)
    assert bad > 1
    assert f"{bad} rows quarantined" in said(made)["Quality"]


def test_a_day_held_back_is_not_called_missing() -> None:
    made = inputs(world(held=[("popular_shows", "2026-10-20")], lost=[("on_the_air", "2026-10-21")]))
    assert said(made)["Gaps"] == "No data: On the air 21 Oct. Held back: Popular shows 20 Oct."


def test_a_gap_of_every_list_is_said_once() -> None:
    lost = [(one.name, day) for one in LISTS for day in ("2026-11-02", "2026-11-03")]
    assert said(inputs(world(lost=lost)))["Gaps"] == "No data: every list 2–3 Nov."


def test_without_gaps_nothing_is_said_of_them() -> None:
    assert "Gaps" not in said(inputs(world()))


def test_days_before_the_lake_are_no_gap() -> None:
    assert "Gaps" not in said(inputs(world(begins=40)))


def test_a_page_without_any_data_says_so() -> None:
    made = world(lost=[(one.name, DAY) for one in LISTS])
    assert said(inputs(made))["Quality"] == "0 of 4 lists published."
