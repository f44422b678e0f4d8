"""The page as a text: whole, harmless, the same each time, and honest about what is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tally_pipeline.orchestration.assets.report import lists_finding
from tally_pipeline.report import formatting
from tally_pipeline.report.figures import as_script
from tally_pipeline.report.inputs import Inputs
from tally_pipeline.report.page import render
from tally_pipeline_tests.report.world import DAY, EMOJI, EVIL, LISTS, LONG, RTL, inputs, movers_table, world
from testkit.html import Read

ATTRIBUTION = "This product uses TMDB and the TMDB APIs but is not endorsed by TMDB."
LOST = [(one.name, "2026-11-02") for one in LISTS] + [("trending_shows", "2026-10-12")]


@pytest.fixture(scope="module")
def made() -> Inputs:
    return inputs(world(lost=LOST, held=[("popular_shows", "2026-10-20")], begins=6))


@pytest.fixture(scope="module")
def html(made: Inputs) -> str:
    return render(made, ATTRIBUTION)


@pytest.fixture(scope="module")
def read(html: str) -> Read:
    return Read(html)


def figures_in(read: Read) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(read.scripts[0])
    return figures


def test_the_same_inputs_give_the_same_page(html: str) -> None:
    again = inputs(world(lost=LOST, held=[("popular_shows", "2026-10-20")], begins=6))
    assert render(again, ATTRIBUTION) == html


def test_the_page_is_under_three_megabytes(html: str) -> None:
    assert len(html.encode()) < 3_000_000


def test_the_charts_runtime_is_what_the_locked_package_makes() -> None:
    check = subprocess.run(
        [sys.executable, "scripts/vega.py", "--check"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.returncode == 0, check.stderr


def test_the_page_points_at_nothing_outside_itself(read: Read) -> None:
    assert {link for link in read.links if not link.startswith(("#", "data:"))} == set()


def test_a_title_that_is_markup_stays_text(read: Read) -> None:
    assert EVIL in read.text
    assert read.elements["img"] == 0
    # Two of data, two of code: none that a title brought.
    assert len(read.scripts) == 4


def test_a_title_in_the_charts_data_is_the_title(read: Read) -> None:
    names = {show["name"] for one in figures_in(read)["lists"].values() for show in one["shows"]}
    assert EVIL in names


@pytest.mark.parametrize("text", ["</script>", "<!--", "<script", "\u2028", "&lt;"])
def test_nothing_in_the_data_can_end_its_script(text: str) -> None:
    script = as_script({"title": text})
    assert not set(script) & set("<>&\u2028\u2029")
    assert json.loads(script) == {"title": text}


def test_no_id_is_given_twice(read: Read) -> None:
    assert [name for name, count in Counter(read.ids).items() if count > 1] == []


def test_the_attribution_is_on_the_page(read: Read) -> None:
    assert ATTRIBUTION in read.text


def test_only_a_sandboxs_page_says_that_its_shows_are_invented(made: Inputs, read: Read) -> None:
    assert "invented" not in read.text
    assert "Every show on this page is invented." in Read(render(replace(made, source="sandbox"), "")).text


def test_every_mover_is_on_the_page(made: Inputs, html: str) -> None:
    assert html.count('<span class="rank">') == made.movers.num_rows


def test_a_day_without_data_breaks_every_line(made: Inputs, read: Read) -> None:
    figures = figures_in(read)
    lost = figures["days"].index("2026-11-02")
    for one in figures["lists"].values():
        assert "2026-11-02" in one["missing"]
        for line in one["shows"]:
            assert line["popularity"][lost] is None
            assert line["rank"][lost] is None
        for line in one["genres"]:
            assert line["share"][lost] is None
            assert line["popularity"][lost] is None


def test_lines_hold_the_numbers_of_silver(made: Inputs, read: Read) -> None:
    days = figures_in(read)["days"]
    assert len(days) == 90
    leader = figures_in(read)["lists"]["popular_shows"]["shows"][0]
    by_day = {
        row["dt"]: row
        for row in made.places.to_pylist()
        if row["data_type"] == "popular_shows" and row["title"] == leader["name"]
    }
    assert leader["rank"][-1] == 1
    assert leader["popularity"][-1] == by_day[DAY]["popularity"]


def test_a_genre_that_no_show_has_on_a_day_with_data_has_a_share_of_nothing() -> None:
    made = inputs(world())
    history = made.genre_history.to_pylist()
    kept = [row for row in history if (row["genre_id"], row["dt"]) != (18, "2026-11-10")]
    changed = replace(made, genre_history=made.genre_history.from_pylist(kept, made.genre_history.schema))
    figures = figures_in(Read(render(changed, "")))
    at = figures["days"].index("2026-11-10")
    for one in figures["lists"].values():
        drama = next(line for line in one["genres"] if line["id"] == 18)
        assert drama["share"][at] == 0
        assert drama["popularity"][at] is None


def test_the_charts_begin_with_the_lake(made: Inputs, read: Read) -> None:
    assert {one["first"] for one in figures_in(read)["lists"].values()} == {6}


def test_a_lakes_first_day_makes_a_page() -> None:
    read = Read(render(inputs(world(begins=89)), ATTRIBUTION))
    assert {one["first"] for one in figures_in(read)["lists"].values()} == {83}


def test_what_a_first_day_leaves_empty_says_what_fills_it_and_when() -> None:
    read = Read(render(inputs(world(begins=89)), ATTRIBUTION))
    begins = "Nothing to compare with yet: the list begins on 23 Nov. Movers are told from the"
    assert read.text.count(f"{begins} second day on, 24 Nov at the earliest.") == len(LISTS)
    assert read.text.count(f"{begins} eighth day on, 30 Nov at the earliest.") == len(LISTS)
    changes = "changes are told over 1 day from 24 Nov on, 7 days from 30 Nov on and 28 days from 21 Dec on"
    assert f"The lake begins on 23 Nov: {changes}, at the earliest." in read.text
    notes = {one["note"] for one in figures_in(read)["lists"].values()}
    assert notes == {"Lines are drawn from the second day with data on, 24 Nov at the earliest."}


def test_a_week_ago_without_data_is_said_and_nothing_is_filled_in() -> None:
    read = Read(render(inputs(world(lost=[("on_the_air", "2026-11-16")])), ATTRIBUTION))
    assert read.text.count("the list has no data of 16 Nov, 7 days before.") == 1
    assert read.text.count("Compared with 16 Nov.") == len(LISTS) - 1


def test_a_riser_says_from_where_and_by_how_much(made: Inputs, read: Read) -> None:
    for kind, arrow in (("riser", "▲"), ("faller_7d", "▼")):
        row = made.movers_by_kind["popular_shows", kind][0]
        change = formatting.times(row["popularity_before"], row["popularity"])
        was = f"was {row['rank_before']}, popularity {row['popularity_before']:.1f} → {row['popularity']:.1f}"
        assert was in read.text
        assert f"{arrow} {change}" in read.text


def test_movers_that_are_not_shown_are_counted() -> None:
    made = inputs(world(shows=200))
    rows = [
        row | {"kind_shows": 416 if row["kind"] == "riser" else row["kind_shows"]}
        for row in made.movers.to_pylist()
    ]
    changed = replace(made, movers=movers_table(rows))
    kept = len(changed.movers_by_kind["popular_shows", "riser"])
    assert f"{kept} of 416" in Read(render(changed, "")).text


@pytest.mark.parametrize("title", [RTL, LONG, EMOJI])
def test_any_title_is_shown_as_it_is(read: Read, title: str) -> None:
    assert title in read.text
    assert title in {show["name"] for one in figures_in(read)["lists"].values() for show in one["shows"]}


def test_a_list_without_data_of_the_day_is_said_to_have_none() -> None:
    read = Read(render(inputs(world(lost=[("airing_today", DAY)])), ATTRIBUTION))
    assert "No data of this day." in read.text
    assert "3 of 4 lists published" in read.text


def test_a_list_that_began_later_is_not_missing_from_the_days_before() -> None:
    made = inputs(world(lost=[("airing_today", DAY)]))
    assert not lists_finding(made).passed
    younger = replace(made, first_days={**made.first_days, "airing_today": "2099-01-01"})
    finding = lists_finding(younger)
    assert finding.passed
    assert finding.summary == f"3 of 3 lists have data of {DAY}; 1 list began later"
