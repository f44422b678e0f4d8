"""What a newcomer sees and clicks in the Dagster UI."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline_tests.browser.conftest import Shot
from testkit.running import Up

pytestmark = [pytest.mark.slow, pytest.mark.browser]

ASSET = "/assets/silver_shows/popular_shows"
FILLED = 3


def test_the_lineage_shows_the_whole_pipeline(page: Page, shot: Shot) -> None:
    page.goto("/asset-groups")
    for group in ("bronze", "silver", "catalog", "gold", "report"):
        expect(page.get_by_text(group, exact=True).last).to_be_visible()
    # "7 assets" and "10 assets" until their states are loaded, then "7" and "10" in a colour.
    # The export and the details come after the sync, and their silver with a look of the sensor.
    expect(page.get_by_text(re.compile("^(7|10)( assets)?$"))).to_have_count(2, timeout=180_000)
    # No welcome, no question about telemetry.
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Alt+E")
    page.wait_for_timeout(2_000)  # The graph glides into place, too small then for its words.
    shot("lineage")


@pytest.mark.parametrize(("group", "passed"), [("bronze", "5 / 5 Passed"), ("silver", "7 / 7 Passed")])
def test_in_a_layer_the_lists_have_passed_every_check(
    page: Page, shot: Shot, group: str, passed: str
) -> None:
    # The graph draws only what is in sight.
    page.set_viewport_size({"width": 1600, "height": 2000})
    page.goto(f"/locations/__repository__@tally_pipeline.definitions/asset-groups/{group}/lineage")
    expect(page.get_by_text(passed)).to_have_count(len(LISTS))
    expect(page.get_by_text("Failed")).to_have_count(0)
    shot(group)


def test_an_assets_checks_show_what_was_counted_and_a_status_for_each_day(
    up: Up, page: Page, shot: Shot
) -> None:
    page.goto(f"{ASSET}?view=checks")
    expect(page.get_by_text("Checks (7)")).to_be_visible()
    expect(page.get_by_text("Succeeded")).to_have_count(7)
    expect(page.get_by_text("40 in bronze; 40 in silver + 0 repeats + 0 in quarantine").first).to_be_visible()
    shot("checks")
    # The first tab of this name is the asset's, the second the check's.
    page.get_by_text("Partitions", exact=True).last.click()
    expect(page.get_by_text("Passed (1)")).to_be_visible()
    page.get_by_title(up.today).click()
    expect(page.get_by_text("Target materialization")).to_be_visible()
    expect(page.get_by_text("Passed", exact=True)).to_be_visible()
    shot("checks-by-day")


def test_a_materialization_shows_its_counts_and_its_first_shows(page: Page, shot: Shot) -> None:
    page.goto(f"{ASSET}?view=events")
    expect(page.get_by_text("bronze sha256")).to_be_visible()
    preview = page.get_by_role("table").filter(has_text="vote_average").last
    preview.scroll_into_view_if_needed()
    ranks = preview.locator("tbody tr td:first-child")
    expect(ranks).to_have_text([str(rank) for rank in range(1, 11)])
    shot("materialization")


def test_one_day_is_materialized_by_clicking(up: Up, page: Page, shot: Shot) -> None:
    page.goto(f"{ASSET}?view=partitions&partition={up.today}")
    expect(page.get_by_text("Materialized", exact=True).first).to_be_visible()
    page.get_by_role("button", name="Materialize").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("1 partition")
    shot("materialize")
    page.get_by_role("button", name="Launch 1 run").click()
    page.get_by_text("Launched run").wait_for()
    page.get_by_text("View", exact=True).click()
    page.wait_for_url(re.compile("/runs/[0-9a-f-]{36}"))
    expect(page.get_by_text("Success", exact=True).first).to_be_visible()
    shot("run")


def test_a_past_that_was_filled_is_backfilled_without_a_warning(page: Page, shot: Shot, up: Up) -> None:
    """To Dagster a day without a materialization of bronze would be missing, and it would warn of that here."""
    up.tally("sandbox", "fill", "--days", str(FILLED))
    up.until("its days are partitions now")
    page.goto("/assets/bronze_shows/popular_shows?view=partitions")
    expect(page.get_by_text(f"Materialized ({FILLED + 1})")).to_be_visible()
    page.goto(f"{ASSET}?view=partitions")
    page.get_by_role("button", name="Materialize").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="All", exact=True).click()
    expect(dialog).to_contain_text(f"{FILLED + 1} partitions")
    page.wait_for_timeout(2_000)  # The warning comes when the days above have been asked for.
    expect(dialog).not_to_contain_text("upstream")
    shot("backfill")
    dialog.get_by_role("button", name="Launch backfill").click()
    expect(dialog).to_have_count(0)
    page.goto(f"{ASSET}?view=partitions")
    expect(page.get_by_text(f"Materialized ({FILLED + 1})")).to_be_visible(timeout=240_000)
    shot("backfilled")
    # The sensor does the other lists. Then no day of gold lacks anything above it, genres of that day included.
    page.goto("/assets/gold/genre_analytics?view=partitions")
    expect(page.get_by_text(f"Materialized ({FILLED + 1})")).to_be_visible(timeout=240_000)
    page.get_by_role("button", name="Materialize").first.click()
    dialog.get_by_role("button", name="All", exact=True).click()
    expect(dialog).to_contain_text(f"{FILLED + 1} partitions")
    page.wait_for_timeout(2_000)
    expect(dialog).not_to_contain_text("upstream")


def test_the_runs_page_shows_the_first_sync_as_a_success(up: Up, page: Page, shot: Shot) -> None:
    page.goto("/runs")
    expect(page.get_by_role("link", name="sync", exact=True)).to_have_count(1)
    expect(page.get_by_text("Success", exact=True).first).to_be_visible()
    expect(page.get_by_text(f"partition: {up.today}").first).to_be_visible()
    expect(page.get_by_text("Failure", exact=True)).to_have_count(0)
    shot("runs")


def test_schedule_and_sensor_are_switched_on(page: Page, shot: Shot) -> None:
    page.goto("/automation")
    names = (
        "daily_capture",
        "daily_export",
        "weekly_genres",
        "daily_details",
        "new_bronze_objects",
        "standing_checks",
        "daily_checks",
    )
    for name in names:
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    switches = page.get_by_role("checkbox", checked=True)
    expect(switches).to_have_count(len(names))
    shot("automation")
