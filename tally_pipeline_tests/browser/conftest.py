"""A real `tally up` after its first sync, and a real Chromium to look at it with."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tally_pipeline.tmdb.lists import LISTS
from testkit.chromium import ARGUMENTS, executable
from testkit.running import Up, running

WAIT_MS = 30_000
"""How long anything may take to show: a busy machine draws slowly."""


Shot = Callable[[str], None]


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """`tally up` in an empty home, two pages a list, after the first sync."""
    settings = {f"TALLY_PAGES_{show_list.name.upper()}": "2" for show_list in LISTS}
    with running(tmp_path_factory.mktemp("browser"), settings=settings) as up:
        up.until("Up: ")
        yield up


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable(), args=ARGUMENTS.split())
        yield chromium
        chromium.close()


@pytest.fixture
def page(up: Up, browser: Browser) -> Iterator[Page]:
    """A page of a person who is here for the first time; it may talk to the UI and to nobody else."""
    asked: set[str] = set()
    with browser.new_context(base_url=up.url, viewport={"width": 1600, "height": 900}) as context:
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
        yield page
    assert asked - {""} == {f"127.0.0.1:{up.port}"}


@pytest.fixture
def shot(page: Page, request: pytest.FixtureRequest, tmp_path: Path) -> Shot:
    """Takes a screenshot, into the folder that TALLY_TEST_OUTPUT names."""
    folder = Path(os.environ.get("TALLY_TEST_OUTPUT") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)

    def take(name: str) -> None:
        page.screenshot(path=folder / f"{name}.png", animations="disabled")

    return take
