"""The sentences at the top of the page say what the tables say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tally_pipeline.report.changes import changes
from tally_pipeline.report.inputs import Inputs
from tally_pipeline_tests.report.world import (
    DAY,
    LISTS,
    RTL,
    Row,
    World,
    inputs,
    movers_table,
    quality_table,
    world,
)


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


def top_mover(made: Inputs, kind: str) -> Row:
    """The mover that counts most over all lists, on the first list that it moved most on."""
    rows = [row for row in made.movers.to_pylist() if (row["kind"], row["place"]) == (kind, 1)]
    rows.sort(key=lambda row: [one.name for one in LISTS].index(row["data_type"]))
    most = max(rows, key=lambda row: abs(row["score"]))
    return next(row for row in rows if row["show_id"] == most["show_id"])


def test_the_moves_that_count_most_are_told_of_the_day_and_of_the_week() -> None:
    made = inputs(world())
    day, week = said(made)["Moves"].split(" Over 7 days ")
    for text, suffix in ((day, ""), (week, "_7d")):
        for kind, verb in (("riser", "rises"), ("faller", "falls")):
            row = top_mover(made, kind + suffix)
            moved = f"from {row['rank_before']} to {row['rank']} on {made.title_of(row['data_type'])}"
            assert f"” {verb} most: {moved}" in text
            assert f"popularity {row['popularity_before']:.1f} → {row['popularity']:.1f}" in text


def test_a_planted_sixfold_rise_to_first_place_is_the_weeks_headline() -> None:
    made = world()
    for day in made.days[-7:]:
        made.popularity[40, day] = 6 * made.popularity[40, made.days[-8]]
        for ids in made.silver.values():
            ids[day] = [40, *(show for show in ids[day] if show != 40)]
    text = said(inputs(made))["Moves"]
    assert f"Over 7 days “{made.titles[40]}” rises most: from" in text
    assert "to 1 on Popular shows" in text
    assert "(×6.0)" in text


def test_a_week_without_its_first_day_is_said_not_to_be_compared() -> None:
    lost = [(one.name, "2026-11-16") for one in LISTS]
    text = said(inputs(world(lost=lost)))["Moves"]
    assert text.endswith("Over 7 days nothing is compared: no list has data of 16 Nov.")


def test_a_first_day_tells_what_is_popular_and_when_the_rest_comes() -> None:
    made = inputs(world(begins=89))
    text = said(made)
    rows = sorted(made.trends.to_pylist(), key=lambda row: -row["popularity"])
    first = rows[0]
    assert f"({first['popularity']:,.1f})" in text["Most popular"]
    assert f"of {len(rows)} shows on 4 lists" in text["Most popular"]
    assert "On Popular shows the largest are" in text["Genres"]
    assert "from the second day on, 24 Nov at the earliest, and over 7 days from 30 Nov" in text["Ahead"]
    assert {"Moves", "New and gone", "Gaps"}.isdisjoint(text)


def test_a_second_day_is_compared() -> None:
    text = said(inputs(world(begins=88)))
    assert {"Moves", "New and gone"} <= text.keys()
    assert {"Ahead", "Most popular"}.isdisjoint(text)


def test_a_title_is_set_apart_in_a_line_and_plain_in_the_text() -> None:
    made = led_by(world(), "popular_shows", {"2026-11-22": 9, DAY: 10})
    (sentence,) = [one for one in changes(inputs(made)) if one.topic == "First place"]
    title = RTL.removeprefix("\N{RIGHT-TO-LEFT OVERRIDE}")
    assert f"“\N{FIRST STRONG ISOLATE}{title}\N{POP DIRECTIONAL ISOLATE}” takes" in sentence.lines[0]
    assert f"“{title}” takes first place" in sentence.text


def test_moves_across_a_gap_say_since_when() -> None:
    lost = [(one.name, day) for one in LISTS for day in ("2026-11-21", "2026-11-22")]
    assert "since 20 Nov" in said(inputs(world(lost=lost)))["Moves"]


def test_entries_and_exits_are_counted_by_list() -> None:
    made = inputs(world())
    entries = [row for row in made.movers.to_pylist() if row["kind"] == "entry"]
    popular = sum(1 for row in entries if row["data_type"] == "popular_shows")
    assert f"Popular shows: {popular} new, the highest “" in said(made)["New and gone"]


def test_who_came_in_the_long_tail_is_counted_and_not_named() -> None:
    made = inputs(world())
    rows = [
        row
        | ({"rank": 481} if row["kind"] == "entry" else {"rank_before": 845} if row["kind"] == "exit" else {})
        for row in made.movers.to_pylist()
    ]
    text = said(replace(made, movers=movers_table(rows)))["New and gone"]
    assert " new; " in text
    assert "the highest" not in text


def forty_new() -> World:
    """A world in which forty shows of the popular list give way to others on the last day."""
    made = world(shows=200)
    before = made.silver["popular_shows"]["2026-11-22"]
    others = [show for show in range(1, 201) if show not in before]
    made.silver["popular_shows"][DAY] = [*before[:20], *others[:40]]
    return made


def test_more_shows_than_gold_keeps_are_counted_exactly() -> None:
    made = forty_new()
    text = said(inputs(made))["New and gone"]
    highest = made.titles[made.silver["popular_shows"][DAY][20]]
    assert f"Popular shows: 40 new, the highest “{highest}” at 21; 40 gone, the highest “" in text
    assert "at least" not in text


@pytest.mark.parametrize(
    ("partial", "expected"),
    [
        ({DAY}, ("at least 40 new", "at most 40 gone")),
        ({"2026-11-22"}, ("at most 40 new", "at least 40 gone")),
        ({DAY, "2026-11-22"}, ("about 40 new", "about 40 gone")),
    ],
)
def test_counts_beside_a_partial_capture_are_bounds(partial: set[str], expected: tuple[str, str]) -> None:
    made = inputs(forty_new())
    rows = [
        row | {"verdict": "partial" if row["dt"] in partial else row["verdict"]}
        for row in made.quality.to_pylist()
    ]
    text = said(replace(made, quality=quality_table(rows)))["New and gone"]
    assert all(words in text for words in expected)
    assert "(a capture was partial)" in text


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
