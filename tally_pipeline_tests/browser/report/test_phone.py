"""The report on a phone: nothing sticks out, no number is cut."""

from __future__ import annotations

from typing import Any

import pytest

from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline_tests.browser.report.drawn_page import LINES, Keep, Open, choose, shapes

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("data_type", [one.name for one in LISTS])
def test_on_a_phone_the_change_is_never_what_is_cut(opened: Open, data_type: str) -> None:
    page = opened(viewport={"width": 360, "height": 780}, has_touch=True)
    choose(page, "list", data_type)
    for span in ("1d", "7d"):
        choose(page, "span", span)
        changes: list[dict[str, Any]] = page.locator(
            ".panel .change:visible, .lines td.up:visible, .lines td.down:visible, .lines td.flat:visible"
        ).evaluate_all(
            """all => all.map((it) => {
                const text = document.createRange();
                text.selectNodeContents(it);
                const box = text.getBoundingClientRect(), frame = it.getBoundingClientRect();
                it.scrollIntoView({ block: "center" });
                const seen = it.getBoundingClientRect();
                const on = document.elementFromPoint(seen.right - 2, seen.top + seen.height / 2);
                return { text: it.textContent, left: box.left, right: box.right, frame: frame.right,
                         lines: Math.round(box.height / parseFloat(getComputedStyle(it).lineHeight)),
                         on_top: on === it };
            })"""
        )
        assert len(changes) > 20
        for change in changes:
            assert 0 < change["left"] < change["right"] <= min(360, change["frame"] + 1), change
            assert change["lines"] == 1, change
            assert change["on_top"], change
    assert page.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize("data_type", [one.name for one in LISTS])
def test_nothing_sticks_out_of_a_phone(opened: Open, keep: Keep, data_type: str) -> None:
    page = opened(viewport={"width": 390, "height": 844}, has_touch=True)
    choose(page, "list", data_type)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert len(shapes(page, LINES)) == 5
    tables = page.locator(".scroll:visible").evaluate_all(
        "all => all.map(it => it.scrollWidth - it.clientWidth)"
    )
    assert max(tables) <= 0
    if data_type == LISTS[0].name:
        keep(page, "report-phone")
