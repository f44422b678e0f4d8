"""Days of the drifting sandbox, with a gap between, from its replies through bronze and silver to gold of offers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tally_pipeline.datasets.details import DETAILS
from tally_pipeline.datasets.details.filled import FilledDetails
from tally_pipeline.datasets.details.offers import OFFERS
from tally_pipeline.days import days_between
from tally_pipeline.gold import availability, availability_changes
from tally_pipeline.lake import parquet
from tally_pipeline.tmdb import sandbox
from tally_pipeline.tmdb.sandbox.invented import FIRST_ID
from tally_pipeline_tests.gold.offers import OffersLake

DAYS = [date(2026, 3, 28) + timedelta(days=ago) for ago in (0, 1, 5, 6)]
"""Four captures over the end of a month, at which licences end, and three days without one."""

SHOWS = [FIRST_ID + number for number in range(0, 4000, 40)]

Offer = tuple[int, str, str, int]


def offered(day: date) -> dict[int, set[Offer]]:
    """The second way: the offers of each show that stand in the sandbox's replies, by plain JSON."""
    found: dict[int, set[Offer]] = {}
    for show_id in SHOWS:
        body = sandbox.details_body(show_id, ["watch/providers"], day)
        if body is not None:
            countries = json.loads(body)["watch/providers"]["results"].items()
            found[show_id] = {
                (show_id, country, kind, one["provider_id"])
                for country, kinds in countries
                for kind, ones in kinds.items()
                if kind != "link"
                for one in ones
            }
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[list[Any], list[Any]]]:
    """The intervals and changes of each day."""
    lake = OffersLake(tmp_path_factory.mktemp("lake"))
    filled = FilledDetails(DETAILS.place, "en-US")
    made = {}
    for day in DAYS:
        for name, body in filled.capture(day, SHOWS):
            lake.lake.write_once(name, body)
        dt = day.isoformat()
        key = DETAILS.place.key(dt, sandbox.filled_key(DETAILS.name, day).execution_id)
        capture = DETAILS.read(lake.lake.store, key)
        refined = DETAILS.refine(capture)
        footer = DETAILS.footer(capture, refined, "sandbox")
        lake.lake.store.put(DETAILS.silver_key(dt), parquet.encode(refined.silver, footer))
        lake.lake.store.put(OFFERS.file_key(dt), parquet.encode_table(OFFERS.made_from(refined.silver)))
        made[dt] = lake.publish(availability.TABLE, dt), lake.publish(availability_changes.TABLE, dt)
    return made


def key_of(row: dict[str, Any]) -> Offer:
    return row["show_id"], row["country"], row["kind"], row["provider_id"]


def pairs() -> Iterator[tuple[date, date]]:
    yield from pairwise(DAYS)


def test_changes_are_the_differences_between_the_replies_and_say_the_gap(made: Any) -> None:
    assert made[DAYS[0].isoformat()][1] == []
    moved = 0
    for before, day in pairs():
        was, now = offered(before), offered(day)
        should = {
            (change, offer)
            for show_id in was.keys() & now.keys()
            for change, offers in (
                ("arrival", now[show_id] - was[show_id]),
                ("departure", was[show_id] - now[show_id]),
            )
            for offer in offers
        }
        should |= {("departure", offer) for show_id in was.keys() - now.keys() for offer in was[show_id]}
        changes = made[day.isoformat()][1]
        assert {(row["change"], key_of(row)) for row in changes} == should
        gap = days_between(before.isoformat(), day.isoformat()) - 1
        assert {row["gap_days"] for row in changes} <= {gap}
        moved += len(should)
    assert moved > 20


def test_intervals_are_the_stretches_of_replies_that_have_the_offer(made: Any) -> None:
    days = [day.isoformat() for day in DAYS]
    by_day = {day.isoformat(): set().union(*offered(day).values()) for day in DAYS}
    should = set()
    for offer in set().union(*by_day.values()):
        has = [offer in by_day[dt] for dt in days]
        for start, on in enumerate(has):
            if on and not (start and has[start - 1]):
                end = next((at for at in range(start, len(has)) if not has[at]), len(has)) - 1
                should.add((offer, days[start], days[end], end == len(days) - 1, end - start + 1))
    intervals = made[days[-1]][0]
    told = {(key_of(row), row["since"], row["until"], row["is_open"], row["times_seen"]) for row in intervals}
    assert told == should
    across = [row for row in intervals if row["since"] <= days[1] and row["until"] >= days[2]]
    assert across
    assert {row["gap_days"] for row in across} == {3}
