"""Gold of offers goes on from its own day before: a changed day is followed to the last that hangs on it."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from tally_pipeline.datasets import DERIVED
from tally_pipeline.days import days_after
from tally_pipeline.gold import ALL_TABLES, availability, availability_changes, release_calendar
from tally_pipeline.orchestration.automation.stale import stale
from tally_pipeline_tests.gold.offers import FIRST, OffersLake, known

OF_OFFERS = (*DERIVED, availability.TABLE, availability_changes.TABLE, release_calendar.TABLE)
DAYS = [days_after(FIRST, number) for number in (0, 1, 3, 4)]
NETFLIX, PRIME = ("US", "flatrate", 8), ("US", "flatrate", 9)


def stale_tables(lake: OffersLake) -> dict[str, set[str]]:
    """The tables of offers to remake, by day, as the sensor's daily look finds them."""
    with dg.DagsterInstance.ephemeral() as instance:
        found, rest = stale(instance, lake.lake, DAYS[0], 100, lambda: True)
    assert rest is None
    made_here = {table.asset for table in OF_OFFERS}
    names = {
        day: {"/".join(key.path) for key in keys if tuple(key.path) in made_here}
        for day, keys in found.items()
    }
    return {day: tables for day, tables in names.items() if tables}


def test_one_look_finds_all_that_hangs_on_a_changed_day_and_nothing_else(tmp_path: Path) -> None:
    lake = OffersLake(tmp_path)
    assert set(OF_OFFERS) <= set(ALL_TABLES)
    for day in DAYS:
        lake.write_whole_day(day, {1: known(day, NETFLIX)})
        for table in OF_OFFERS:
            lake.publish(table, day)
    assert stale_tables(lake) == {}
    lake.write_whole_day(DAYS[1], {1: known(DAYS[1], PRIME)})
    of_silver = {"silver_offers", "silver_providers", "silver_seasons"}
    of_gold = {"gold/availability", "gold/availability_changes", "gold/release_calendar"}
    assert stale_tables(lake) == {
        DAYS[1]: of_silver | of_gold,
        DAYS[2]: of_gold,
        DAYS[3]: {"gold/availability"},
    }
    for day in DAYS[1:]:
        for table in OF_OFFERS:
            lake.publish(table, day)
    assert stale_tables(lake) == {}
