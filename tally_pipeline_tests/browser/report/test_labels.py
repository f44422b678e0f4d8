"""Labels of the report's charts and names of their lines: none is cut, none lies over another."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline_tests.browser.report.drawn_page import GENRES, Open, choose
from tally_pipeline_tests.report.world import EVIL, LONG

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def cut_labels(page: Page) -> list[str]:
    """The texts of charts and calendars that stick out of their drawing, names of lines included."""
    cut: list[str] = page.evaluate(
        """() => {
            const inside = (box, frame) => box.left >= frame.left - 0.5 && box.right <= frame.right + 0.5
                && box.top >= frame.top - 0.5 && box.bottom <= frame.bottom + 0.5;
            const shown = (it) => it.checkVisibility() && it.textContent.trim();
            const texts = [...document.querySelectorAll(".plot svg text, .calendars svg text")].filter(shown)
                .map((text) => [text, text.closest("svg")]);
            const names = [...document.querySelectorAll(".ends span")].filter(shown)
                .map((name) => [name, name.closest(".drawing")]);
            return [...texts, ...names]
                .filter(([it, frame]) => !inside(it.getBoundingClientRect(), frame.getBoundingClientRect()))
                .map(([it]) => it.textContent);
        }"""
    )
    return cut


def line_names(page: Page, name: str) -> list[dict[str, Any]]:
    """The names at the ends of a chart's lines, from top to bottom."""
    names: list[dict[str, Any]] = page.locator(f"#{name}-plot + .ends span").evaluate_all(
        """names => names.map((name) => {
            const box = name.getBoundingClientRect();
            return { text: name.textContent, top: box.top, bottom: box.bottom,
                     whole: name.scrollHeight <= name.clientHeight + 1 };
        })"""
    )
    return sorted(names, key=lambda name: float(name["top"]))


@pytest.mark.parametrize("width", [1280, 768, 360])
def test_no_label_of_a_chart_is_cut(opened: Open, long_labels: Path, width: int) -> None:
    page = opened(long_labels, viewport={"width": width, "height": 900})
    fractions = 0
    for one in LISTS:
        choose(page, "list", one.name)
        for measures in (("popularity", "share"), ("rank", "popularity")):
            for chart, measure in zip(("popularity", "genres"), measures, strict=True):
                choose(page, f"{chart}-measure", measure)
            page.wait_for_timeout(150)
            assert page.locator(".plot svg text:visible").count() > 8
            assert cut_labels(page) == []
            fractions += page.locator("#genres-plot svg text", has_text=re.compile(r"\d\.\d %$")).count()
    assert fractions > 2


def test_a_label_that_is_cut_would_be_found(opened: Open) -> None:
    page = opened(viewport={"width": 1280, "height": 900})
    page.evaluate(
        "document.querySelectorAll('.plot svg text').forEach((it) => { it.textContent = '1,000,000.5 %'; })"
    )
    assert "1,000,000.5 %" in cut_labels(page)


@pytest.mark.parametrize("width", [1280, 768, 360])
def test_lines_are_named_where_they_end(opened: Open, width: int) -> None:
    page = opened(viewport={"width": width, "height": 900})
    for chart in ("popularity", "genres"):
        table = page.locator(f'[data-list="{LISTS[0].name}"] table[data-chart="{chart}"]')
        ticked = [
            row.locator("label span").inner_text()
            for row in table.locator("tbody tr").all()
            if row.get_by_role("checkbox").is_checked()
        ]
        names = line_names(page, chart)
        assert sorted(name["text"] for name in names) == sorted(ticked)
        for upper, lower in pairwise(names):
            assert upper["bottom"] <= lower["top"] + 1
        # Only what is longer than any name should be is shortened.
        assert {name["text"] for name in names if not name["whole"]} <= {LONG, EVIL}


def test_many_lines_are_named_without_one_name_over_another(opened: Open) -> None:
    page = opened(viewport={"width": 360, "height": 900})
    for box in page.locator(f'[data-list="{LISTS[0].name}"] table[data-chart="genres"] input').all():
        box.check()
    expect(page.locator("#genres-plot + .ends span")).to_have_count(page.locator(GENRES).count())
    names = line_names(page, "genres")
    assert len(names) > 12
    for upper, lower in pairwise(names):
        assert upper["bottom"] <= lower["top"] + 1
    assert cut_labels(page) == []


@pytest.mark.parametrize("width", [768, 500, 360])
def test_no_name_of_a_line_breaks_inside_a_word_and_the_whole_one_is_its_title(
    opened: Open, width: int
) -> None:
    page = opened(viewport={"width": width, "height": 900})
    for chart in ("popularity", "genres"):
        broken = page.locator(f"#{chart}-plot + .ends span").evaluate_all(
            """names => names.flatMap((name) => [...name.textContent.matchAll(/\\S+/g)].filter((word) => {
                const range = document.createRange();
                range.setStart(name.firstChild, word.index);
                range.setEnd(name.firstChild, word.index + word[0].length);
                return new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size > 1;
            }).map((word) => word[0]))"""
        )
        assert broken == []
        for name in page.locator(f"#{chart}-plot + .ends span").all():
            assert name.get_attribute("title") == name.text_content()
