"""The report is readable: titles as they are, dark and light, contrast, without JavaScript."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline_tests.browser.report.drawn_page import LINES, Keep, Open, shapes
from tally_pipeline_tests.report.world import EMOJI, EVIL, LONG, RTL

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_title_that_is_markup_or_written_otherwise_is_shown_as_it_is(opened: Open) -> None:
    page = opened(viewport={"width": 1280, "height": 900})
    for title in (EVIL, RTL, LONG, EMOJI):
        assert page.get_by_text(title).count() > 0
    ends = page.locator("#popularity-plot + .ends span")
    assert {EVIL, RTL, LONG, EMOJI} & set(ends.all_text_contents()) >= {EVIL, LONG, RTL}
    assert page.locator("img").count() == 0


def _channels(colour: str) -> list[float]:
    return [float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]


def lightness(colour: str) -> float:
    return sum(_channels(colour)) / 3


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [part / 255 for part in _channels(colour)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_page_follows_into_the_dark(opened: Open, keep: Keep) -> None:
    page = opened(viewport={"width": 1280, "height": 900}, color_scheme="dark")
    ground, ink = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    assert lightness(ground) < 40 < 200 < lightness(ink)
    assert len(shapes(page, LINES)) == 5
    in_the_dark = page.locator(LINES).first.evaluate("it => getComputedStyle(it).stroke")
    keep(page, "report-dark")
    page.emulate_media(color_scheme="light")
    assert page.locator(LINES).first.evaluate("it => getComputedStyle(it).stroke") != in_the_dark


def test_text_stands_out_from_its_ground(opened: Open) -> None:
    """WCAG AA: 4.5 to 1, in the light and in the dark."""
    for scheme in ("light", "dark"):
        page = opened(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
        for selector in ("h1", ".note", ".changes dt", "td.up", "td.down", "thead th", "summary", ".sandbox"):
            text, ground = page.locator(selector).first.evaluate(
                """it => { let at = it;
                    while (getComputedStyle(at).backgroundColor === "rgba(0, 0, 0, 0)") at = at.parentElement;
                    return [getComputedStyle(it).color, getComputedStyle(at).backgroundColor]; }"""
            )
            assert contrast(text, ground) >= 4.5, (scheme, selector, text, ground)


def test_without_javascript_the_tables_are_all_there(report: Path, browser: Browser) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(report.as_uri())
        for one in LISTS:
            expect(page.locator(f'[data-list="{one.name}"]').first).to_be_visible()
        expect(page.locator("nav")).to_be_hidden()
