"""The page as a text: whole, harmless, the same each time, and honest about what is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tally_pipeline.report.figures import as_script
from tally_pipeline.report.inputs import Inputs
from tally_pipeline.report.page import render
from tally_pipeline.shows.lists import LISTS
from tally_pipeline_tests.report.world import DAY, EVIL, inputs, world

ATTRIBUTION = "This product uses TMDB and the TMDB APIs but is not endorsed by TMDB."
LOST = [(one.name, "2026-11-02") for one in LISTS] + [("trending_shows", "2026-10-12")]


class Read(HTMLParser):
    """What a browser would make of the page: its elements, attributes, text and scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: Counter[str] = Counter()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.scripts: list[str] = []
        self._in = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        self._in = tag
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in == "script":
            self.scripts[-1] += data
        elif self._in != "style":
            self.text += data


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
    assert "Nothing to compare with, or nothing moved." in read.text
    assert {one["first"] for one in figures_in(read)["lists"].values()} == {76}


def test_a_list_without_data_of_the_day_is_said_to_have_none() -> None:
    read = Read(render(inputs(world(lost=[("airing_today", DAY)])), ATTRIBUTION))
    assert "No data of this day." in read.text
    assert "3 of 4 lists published" in read.text
