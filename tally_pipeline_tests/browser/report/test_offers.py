"""What arrived and left, chosen by country and provider in a page without a server."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tally_pipeline_tests.browser.report.drawn_page import Keep, Open

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SECTION = 'section[aria-labelledby="offers"]'
PANELS = ("arrival", "departure")


def rows(page: Page, panel: str) -> list[str]:
    """The titles that stand open in a panel, in their order."""
    return page.locator(f".panel.{panel} > ol > li:visible b").all_text_contents()


def count(page: Page, panel: str) -> int:
    """The number beside the panel's heading."""
    return int(page.locator(f".panel.{panel} [data-count]").inner_text())


def fitting(page: Page, panel: str) -> int:
    """The rows of a panel that are not filtered out, folded ones too."""
    return page.locator(f".panel.{panel} li:not([hidden])").count()


def test_country_and_provider_are_chosen_by_keyboard_alone(opened: Open, keep: Keep) -> None:
    page = opened(viewport={"width": 1280, "height": 900})
    before = {panel: (count(page, panel), rows(page, panel)) for panel in PANELS}
    country, brand = (
        page.locator(f'{SECTION} select[data-filter="{name}"]') for name in ("country", "brand")
    )
    assert country.locator("option").nth(1).text_content() == "Argentina"
    country.focus()
    page.keyboard.type("Germany")
    page.keyboard.press("Tab")
    assert country.input_value() == "DE"
    in_country = {panel: count(page, panel) for panel in PANELS}
    for panel, (everywhere, _) in before.items():
        assert 0 < in_country[panel] == fitting(page, panel) < everywhere
    assert brand.evaluate("it => it === document.activeElement")
    page.keyboard.type("Noctiva")
    page.keyboard.press("Tab")
    assert brand.locator("option:checked").text_content() == "Noctiva"
    assert sum(count(page, panel) for panel in PANELS) < sum(in_country.values())
    keep(page, "offers-filtered")
    country.select_option("")
    brand.select_option("")
    assert {panel: (count(page, panel), rows(page, panel)) for panel in PANELS} == before


def test_a_choice_that_nothing_fits_says_none(opened: Open) -> None:
    page = opened(viewport={"width": 1280, "height": 900})
    brand = page.locator(f'{SECTION} select[data-filter="brand"]')
    page.locator(f'{SECTION} select[data-filter="country"]').select_option("US")
    said = []
    for place in range(1, brand.locator("option").count()):
        brand.select_option(index=place)
        for panel in PANELS:
            none = page.locator(f".panel.{panel} [data-none]").is_visible()
            assert none == (count(page, panel) == 0)
            said.append(none)
    assert any(said)


def test_without_scripts_everything_stands_there(report: Path, browser: Browser) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(report.as_uri())
    assert not page.locator(f"{SECTION} .filters").is_visible()
    assert page.locator(f"{SECTION} .arrival > ol > li").first.is_visible()
    page.locator(f"{SECTION} .arrival summary").click()
    assert page.locator(f"{SECTION} .arrival li").last.is_visible()
    assert "Offers: JustWatch, via TMDB" in page.locator(SECTION).inner_text()
    page.context.close()


@pytest.mark.parametrize("width", [1280, 500, 360])
def test_the_sections_fit(opened: Open, keep: Keep, width: int) -> None:
    page = opened(viewport={"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") == width
    for section in ("offers", "complete"):
        over = page.locator(f'section[aria-labelledby="{section}"] :is(li, label, select)').evaluate_all(
            "(all, width) => all.filter(it => it.getBoundingClientRect().right > width).length", width
        )
        assert over == 0
    keep(page, f"report-{width}")


def test_the_first_day_says_what_fills_the_section_and_when(
    opened: Open, first_day: Path, keep: Keep
) -> None:
    page = opened(first_day, viewport={"width": 500, "height": 900})
    said = page.locator(SECTION).inner_text()
    assert "is told from a show’s second reply on, 24 Nov at the earliest" in said
    keep(page, "first-day-500")
