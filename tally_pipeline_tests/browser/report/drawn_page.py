"""The page of the report as it is drawn in a browser: its lines, its controls, the sizes of its parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

Open = Callable[..., Page]
"""Opens the report, or the page of another path, with the settings of a browser context."""

Keep = Callable[[Page, str], None]
"""Keeps a screenshot of a page under a name."""

LINES = "#popularity-plot .mark-line path"
GENRES = "#genres-plot .mark-line path"


def shapes(page: Page, selector: str) -> list[str]:
    """The lines as they are drawn; each must have a size and a colour that can be told from the page."""
    drawn: list[dict[str, Any]] = page.locator(selector).evaluate_all(
        """paths => paths.map(path => {
            const box = path.getBBox();
            return { d: path.getAttribute("d"), width: box.width, height: box.height,
                     stroke: getComputedStyle(path).stroke };
        })"""
    )
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    for line in drawn:
        assert line["width"] > 100
        assert line["height"] > 5
        assert line["stroke"].startswith("rgb(")
        assert line["stroke"] != ground
    return [line["d"] for line in drawn]


def choose(page: Page, name: str, value: str) -> None:
    """Ticks a control of the page, such as `list` `airing_today`."""
    page.locator(f'input[name="{name}"][value="{value}"]').check(force=True)


def bounds(locator: Any) -> dict[str, float]:
    """`x`, `y`, `width` and `height` of an element, in CSS pixels."""
    rectangle: dict[str, float] | None = locator.bounding_box()
    assert rectangle is not None
    return rectangle
