"""The report in a real Chromium, as a file: drawn, filtered, by keyboard, on a phone, in the dark, offline."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tally_pipeline.orchestration.assets.common import ATTRIBUTION
from tally_pipeline.report.figures import as_script
from tally_pipeline.report.page import render
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline_tests.browser.report.drawn_page import Keep, Open
from tally_pipeline_tests.report.world import inputs, world


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of ninety days with gaps, a day held back, and titles that are markup."""
    missing_days = [
        (show_list.name, day) for show_list in LISTS for day in ("2026-11-02", "2026-11-03", "2026-09-20")
    ]
    held_back = [("airing_today", "2026-11-15"), ("popular_shows", "2026-10-20")]
    ninety_days = world(lost=[*missing_days, ("trending_shows", "2026-10-12")], held=held_back, begins=6)
    path = tmp_path_factory.mktemp("report") / "index.html"
    path.write_text(render(inputs(ninety_days, source="sandbox"), ATTRIBUTION), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def long_labels(report: Path) -> Path:
    """The same page with axes whose labels are as long as "12.5 %" and "1,500,000"."""
    html = report.read_text(encoding="utf-8")
    start = html.index('id="figures">') + len('id="figures">')
    end = html.index("</script>", start)
    figures = json.loads(html[start:end])
    for shown_list in figures["lists"].values():
        for line in shown_list["genres"]:
            line["share"] = [None if value is None else 12 + value / 40 for value in line["share"]]
        for line in shown_list["shows"]:
            line["popularity"] = [value and 1000 * value for value in line["popularity"]]
    path = report.with_name("long_labels.html")
    path.write_text(html[:start] + as_script(figures) + html[end:], encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def first_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a lake's first day."""
    path = tmp_path_factory.mktemp("first_day") / "index.html"
    path.write_text(render(inputs(world(begins=89)), ATTRIBUTION), encoding="utf-8")
    return path


@pytest.fixture
def opened(report: Path, browser: Browser) -> Iterator[Open]:
    """Opens the report, or another page; at the end it must have requested nothing and complained of nothing."""
    requested: list[str] = []
    complaints: list[str] = []
    pages: list[Page] = []

    opened_: set[str] = set()

    def open_(path: Path = report, **settings: Any) -> Page:
        page = browser.new_context(**settings).new_page()
        page.on("request", lambda request: requested.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path.as_uri())
        opened_.add(path.as_uri())
        page.wait_for_selector("html[data-drawn]", state="attached")
        pages.append(page)
        return page

    yield open_
    alerts = [page.evaluate("window.hurt") for page in pages]
    for page in pages:
        page.context.close()
    assert {url for url in requested if not url.startswith("data:")} == opened_
    assert complaints == []
    assert alerts == [None] * len(pages)


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    """Keeps a screenshot of the whole page in the folder that TALLY_TEST_OUTPUT names."""
    folder = Path(os.environ.get("TALLY_TEST_OUTPUT") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> None:
        page.screenshot(path=folder / f"{name}.png", full_page=True, animations="disabled")

    return take
