"""What somebody sees in the Dagster UI when a day was refused: what to do first, and no stack trace."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import dagster as dg
import pytest
from playwright.sync_api import Browser, Page, expect

from tally_pipeline.tmdb.sandbox import Sandbox, parse_fault
from tally_pipeline_tests.browser.conftest import WAIT_MS, Shot
from testkit.pipeline import environment
from testkit.running import TALLY, Up, bare, running

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """`tally up` over a lake whose only sync brought too many bad rows."""
    home = tmp_path_factory.mktemp("refused")
    with Sandbox(faults=[parse_fault("bad-rows:list=popular_shows")]) as sandbox:
        # A process of its own: Playwright's loop runs in this one.
        environ = bare(environment(home, sandbox.base_url))
        ran = subprocess.run(
            [TALLY, "sync", "--list", "popular_shows"],
            cwd=home,
            env=environ,
            capture_output=True,
            check=False,
        )
    assert ran.returncode == 1
    with running(home, "--no-sync", settings={"TALLY_SENSOR_SECONDS": "3600"}) as up:
        up.until("Up: ")
        yield up


@pytest.fixture
def page(up: Up, browser: Browser) -> Iterator[Page]:
    with browser.new_context(base_url=up.url, viewport={"width": 1600, "height": 900}) as context:
        context.set_default_timeout(WAIT_MS)
        yield context.new_page()


def test_a_failed_check_says_first_what_to_do_and_then_the_sql(page: Page, shot: Shot) -> None:
    page.goto("/assets/silver_shows/popular_shows?view=checks&checkDetail=pass_rate")
    metadata = page.get_by_role("table").filter(has_text="What to do").last
    lines = metadata.locator("tr")
    expect(lines.nth(0)).to_contain_text("Below the bar nothing is published")
    expect(lines.nth(1)).to_contain_text("FROM quarantine_shows WHERE data_type = 'popular_shows' AND dt = ")
    shot("failed-check")


def test_a_failed_step_shows_its_message_and_no_stack_trace(up: Up, page: Page, shot: Shot) -> None:
    with dg.DagsterInstance.from_config(str(up.dagster_home)) as instance:
        (run,) = instance.get_runs(dg.RunsFilter(job_name="sync"))
    page.goto(f"/runs/{run.run_id}?logs=step%3Asilver_popular_shows")
    expect(page.get_by_text("was not published: 90.00 % of 40 rows keep every rule").last).to_be_visible()
    for trace in ("Stack Trace", "Traceback", "dagster/_core"):
        expect(page.get_by_text(trace)).to_have_count(0)
    shot("failed-step")
