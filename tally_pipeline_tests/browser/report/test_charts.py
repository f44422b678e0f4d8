"""The report's charts: lines and their gaps, the chosen list, genres and measures, the movers."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline_tests.browser.report.drawn_page import GENRES, LINES, Keep, Open, bounds, choose, shapes

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_the_charts_are_drawn_with_their_gaps(opened: Open, keep: Keep) -> None:
    page = opened(viewport={"width": 1280, "height": 900})
    lines = shapes(page, LINES)
    assert len(lines) == 5
    assert len(shapes(page, GENRES)) == 6
    # Two gaps of every list and a day held back: four pieces at least.
    assert all(line.count("M") >= 4 for line in lines)
    bands = page.locator("#popularity-plot .mark-rect path")
    assert bands.count() == 4
    assert all(box["width"] > 3 and box["height"] > 100 for box in map(bounds, bands.all()))
    assert page.locator("#popularity-plot .role-axis text").count() > 8
    expect(page.locator("figure:has(#popularity-plot) figcaption")).to_have_text(
        "Hatched: 4 days without data."
    )
    keep(page, "report-light")


def test_a_list_is_chosen_for_the_whole_page(opened: Open) -> None:
    page = opened(viewport={"width": 1280, "height": 900})
    before = shapes(page, LINES), shapes(page, GENRES)
    choose(page, "list", "airing_today")
    expect(page.locator('[data-list="popular_shows"]:visible')).to_have_count(0)
    expect(page.locator('[data-list="airing_today"]:visible')).to_have_count(3)
    assert set(shapes(page, LINES)).isdisjoint(before[0])
    assert set(shapes(page, GENRES)).isdisjoint(before[1])


def test_a_genre_that_is_unticked_goes_from_the_chart(opened: Open) -> None:
    page = opened(viewport={"width": 1280, "height": 900})
    before = shapes(page, GENRES)
    row = page.locator('[data-list="popular_shows"] table[data-chart="genres"] tbody tr').first
    row.get_by_role("checkbox").uncheck()
    expect(page.locator(GENRES)).to_have_count(len(before) - 1)
    row.get_by_role("checkbox").check()
    expect(page.locator(GENRES)).to_have_count(len(before))


def test_another_measure_draws_other_lines(opened: Open) -> None:
    page = opened(viewport={"width": 1280, "height": 900})
    before = shapes(page, GENRES)
    expect(page.locator("#genres-plot .role-axis")).to_contain_text(["%"])
    choose(page, "genres-measure", "popularity")
    expect(page.locator("#genres-plot .role-axis", has_text="%")).to_have_count(0)
    assert set(shapes(page, GENRES)).isdisjoint(before)


def test_ranks_have_the_first_place_on_top(opened: Open) -> None:
    page = opened(viewport={"width": 1280, "height": 900})
    choose(page, "popularity-measure", "rank")
    labels = [
        (bounds(label)["y"], float(label.inner_html()))
        for label in page.locator("#popularity-plot .role-axis text").all()
        if label.inner_html().isdecimal()
    ]
    assert len(labels) > 2
    assert [rank for _, rank in sorted(labels)] == sorted(rank for _, rank in labels)


def test_the_movers_of_a_week_are_a_click_away(opened: Open) -> None:
    page = opened(viewport={"width": 1280, "height": 900})
    shown = page.locator(f'[data-list="{LISTS[0].name}"] .panel:visible')
    expect(shown).to_have_count(4)
    choose(page, "span", "7d")
    expect(shown).to_have_count(2)
    expect(page.locator(".note:visible", has_text="Compared with 16 Nov")).to_have_count(1)


@pytest.mark.parametrize("width", [1280, 360])
def test_a_first_day_has_no_empty_charts_but_says_when_they_fill(
    opened: Open, first_day: Path, keep: Keep, width: int
) -> None:
    page = opened(first_day, viewport={"width": width, "height": 900})
    for one in LISTS:
        choose(page, "list", one.name)
        expect(page.locator(".plot:visible")).to_have_count(0)
        captions = page.locator("[data-gaps]:visible")
        expect(captions).to_have_text(
            ["Lines are drawn from the second day with data on, 24 Nov at the earliest."] * 2
        )
        rows = page.locator(f'[data-list="{one.name}"] table[data-chart="popularity"] tbody tr')
        expect(rows).to_have_count(10)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    keep(page, f"report-first-day-{width}")
