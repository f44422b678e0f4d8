"""The report under a pointer and a keyboard: tooltips, and everything that can be reached."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tally_pipeline_tests.browser.report.drawn_page import LINES, Keep, Open, bounds, shapes

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_pointer_on_a_line_says_which_show_and_how_much(opened: Open, keep: Keep) -> None:
    page = opened(viewport={"width": 1280, "height": 900})
    plot = page.locator("#popularity-plot")
    plot.scroll_into_view_if_needed()
    rectangle = bounds(plot)
    tip = page.locator("#tip")
    # A machine that is busy may lose a single move.
    for step in range(50):
        page.mouse.move(
            rectangle["x"] + rectangle["width"] * 0.55 + step % 2, rectangle["y"] + rectangle["height"] * 0.5
        )
        page.wait_for_timeout(100)
        if tip.is_visible():
            break
    expect(tip).to_be_visible()
    expect(tip).to_contain_text("2026: popularity ")
    titles = page.locator(
        '[data-list="popular_shows"] table[data-chart="popularity"] label'
    ).all_inner_texts()
    assert tip.locator("b").inner_text() in {title.strip() for title in titles}
    expect(page.locator('table[data-chart="popularity"] tr.lit')).to_have_count(1)
    opacities = page.locator(LINES).evaluate_all("paths => paths.map(path => path.getAttribute('opacity'))")
    assert len([opacity for opacity in opacities if opacity not in (None, "1")]) == 4
    keep(page, "report-tooltip")
    page.mouse.move(5, 5)
    expect(tip).to_be_hidden()


def test_a_day_of_the_calendar_says_what_became_of_it(opened: Open) -> None:
    page = opened(viewport={"width": 1280, "height": 900})
    page.locator(".calendars rect.held").first.hover()
    expect(page.locator("#tip")).to_contain_text("Tuesday 20 October 2026: captured, not published")
    page.locator(".calendars rect.missing").first.hover()
    expect(page.locator("#tip")).to_contain_text("no data")


def test_the_keyboard_reaches_lists_lines_and_days(opened: Open) -> None:
    page = opened(viewport={"width": 1280, "height": 900})
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator('input[value="popular_shows"]')).to_be_focused()
    assert (
        page.locator('input[value="popular_shows"] + span').evaluate(
            "it => getComputedStyle(it).outlineStyle"
        )
        == "solid"
    )
    before = shapes(page, LINES)
    page.keyboard.press("ArrowRight")
    expect(page.locator('input[value="trending_shows"]')).to_be_checked()
    assert set(shapes(page, LINES)).isdisjoint(before)
    box = page.locator('[data-list="trending_shows"] table[data-chart="popularity"] input').first
    box.focus()
    page.keyboard.press("Space")
    expect(box).not_to_be_checked()
    expect(page.locator(LINES)).to_have_count(4)
    page.locator(".calendars rect.last").first.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#tip")).to_contain_text("Monday 16 November 2026")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#tip")).to_contain_text("Sunday 15 November 2026")
