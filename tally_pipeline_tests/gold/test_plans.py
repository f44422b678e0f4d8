"""Watchlists and the plans for them: a person's, put into the lake, and those that the sandbox invents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tally_pipeline.gold import release_calendar, subscription_plans, watchlists
from tally_pipeline.gold.subscription_plans import budgets_hold, never_dearer, prices_fresh, proven
from tally_pipeline.lake import layout
from tally_pipeline.plans import invented
from tally_pipeline_tests.gold.offers import Known, OffersLake, detail, gone, known, offer_rows

DAY = "2026-11-27"
NETFLIX, PRIME = ("US", "flatrate", 8), ("US", "flatrate", 9)

WISHES = {
    "living-room": {
        "country": "US",
        "start": "2020-01",
        "months": 2,
        "hours_per_month": 20,
        "wishes": [
            {"show_id": 1, "season": 1, "hours": 8},
            {"show_id": 2, "season": 3, "hours": 8, "weight": 2},
        ],
    }
}

PRICES = """
[[plans]]
provider_id = 8
country = "US"
name = "Eight"
price = 7.99
currency = "USD"
valid_from = 2025-01-01
checked = 2026-11-01
source = "https://example.org"
[[plans]]
provider_id = 9
country = "US"
name = "Nine"
price = 8.99
currency = "USD"
valid_from = 2025-01-01
checked = 2026-01-01
source = "https://example.org"
"""


@pytest.fixture
def lake(tmp_path: Path) -> OffersLake:
    """A day on which one show is on Netflix and one on Netflix and Prime."""
    lake = OffersLake(tmp_path)
    lake.write_day(DAY, {1: known(DAY, NETFLIX), 2: known(DAY, NETFLIX, PRIME)})
    return lake


def put(lake: OffersLake, wishes: Any = WISHES, prices: str | None = PRICES) -> None:
    lake.lake.store.put(layout.WATCHLISTS, json.dumps(wishes).encode())
    if prices is not None:
        lake.lake.store.put(layout.PRICES, prices.encode())


def planned(lake: OffersLake) -> list[dict[str, Any]]:
    lake.publish(release_calendar.TABLE, DAY)
    lake.publish(watchlists.TABLE, DAY)
    made = lake.compute(subscription_plans.TABLE, DAY)
    return made.rows.to_pylist()


def test_a_watchlist_in_the_lake_is_planned_from_the_days_month_on(lake: OffersLake) -> None:
    put(lake)
    now, then = planned(lake)
    assert (now["month"], then["month"]) == ("2026-11", "2026-12")
    assert now["subscribed"] == now["starts"] == ["Eight (8)"]
    assert sorted(now["watch"]) == [
        f"Show 1 as of {DAY} season 1 (1) on Eight (8)",
        f"Show 2 as of {DAY} season 3 (2) on Eight (8)",
    ]
    assert (now["cost"], then["cost"], now["plan_cost"]) == (7.99, 0.0, 7.99)
    assert now["all_services_cost"] == pytest.approx(2 * (7.99 + 8.99))
    assert (now["status"], now["watched_weight"], now["wished_weight"]) == ("optimal", 3.0, 3.0)
    assert (now["oldest_price"], now["oldest_offer"]) == ("2026-11-01", DAY)


def test_a_wishs_own_providers_go_before_what_the_lake_knows(lake: OffersLake) -> None:
    own = [{"show_id": 2, "season": 3, "hours": 8, "providers": [9]}]
    put(lake, {"a": WISHES["living-room"] | {"wishes": own}})
    assert planned(lake)[0]["subscribed"] == ["Nine (9)"]


def test_a_show_that_tmdb_has_not_is_not_watched_and_says_so(lake: OffersLake) -> None:
    lake.write_day(DAY, {1: known(DAY, NETFLIX), 2: gone(DAY)})
    put(lake)
    why = dict(planned(lake)[0]["not_watched"])
    assert list(why.values()) == [f"TMDB had no such show on {DAY}; look its show_id up"]


def test_a_season_that_has_not_begun_is_not_planned(lake: OffersLake) -> None:
    """Nothing dates its end, so nobody can say in which month all of it can be watched."""
    season = {"show_id": 2, "season_number": 3, "air_date": "2027-01-26", "seen_on": DAY, "age_days": 0}
    lake.write_seasons(DAY, [season])
    put(lake)
    now, _ = planned(lake)
    assert [one.partition(" on ")[0] for one in now["watch"]] == [f"Show 1 as of {DAY} season 1 (1)"]
    ((name, why),) = now["not_watched"]
    assert name.endswith("season 3 (2)")
    assert why.startswith("it does not begin before 2027-01-26, and nobody says when it will be complete")


def test_without_a_price_a_wish_is_not_watched_and_says_why(lake: OffersLake) -> None:
    put(lake, prices="")
    rows = planned(lake)
    assert {row["plan_cost"] for row in rows} == {0.0}
    why = dict(rows[0]["not_watched"])
    assert len(why) == 2
    assert all("no price of" in one and "inputs/prices.toml" in one for one in why.values())


def test_a_list_with_anchors_above_its_budget_has_one_row_that_says_so(lake: OffersLake) -> None:
    put(lake, {"a": WISHES["living-room"] | {"anchors": [8], "budget_per_month": 5.0}})
    (row,) = planned(lake)
    assert (row["status"], row["cost"]) == ("impossible", 0.0)
    assert "anchors" in dict(row["not_watched"])["every wish"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense", "is no JSON"),
        ("[]", "is no object of watchlists by name"),
        ('{"a": {}, "a": {}}', "has 'a' twice in one object; leave one of them, or rename it"),
        ('{"\\ud800": {}}', "has a watchlist called '\\ud800'; give it a name of letters that can be shown"),
        ('{"a": {"country": "us"}}', "a: wishes is missing; give a list of tables"),
    ],
)
def test_watchlists_that_cannot_be_read_stop_the_day_with_one_sentence(
    lake: OffersLake, text: str, says: str
) -> None:
    lake.lake.store.put(layout.WATCHLISTS, text.encode())
    why = watchlists.TABLE.obstacle(lake.sources(), DAY)
    assert layout.WATCHLISTS in why
    assert says in why


def test_prices_that_cannot_be_read_stop_the_plans_with_one_sentence(lake: OffersLake) -> None:
    put(lake, prices="[[plans]]\nprovider_id = 8\n")
    lake.publish(release_calendar.TABLE, DAY)
    lake.publish(watchlists.TABLE, DAY)
    why = subscription_plans.TABLE.obstacle(lake.sources(), DAY)
    assert layout.PRICES in why
    assert "plans[0].country is missing" in why


def test_a_changed_watchlist_or_price_makes_the_plans_stale(lake: OffersLake) -> None:
    put(lake)
    lake.publish(release_calendar.TABLE, DAY)
    lake.publish(watchlists.TABLE, DAY)
    lake.publish(subscription_plans.TABLE, DAY)
    assert subscription_plans.TABLE.is_current(lake.sources(), DAY)
    lake.lake.store.put(layout.PRICES, PRICES.replace("7.99", "6.99").encode())
    assert not subscription_plans.TABLE.is_current(lake.sources(), DAY)
    assert watchlists.TABLE.is_current(lake.sources(), DAY)
    put(lake, {})
    assert not watchlists.TABLE.is_current(lake.sources(), DAY)


def test_only_the_newest_day_is_planned_by_itself(lake: OffersLake) -> None:
    lake.write_day("2026-11-28", {1: known("2026-11-28", NETFLIX)})
    assert subscription_plans.TABLE.days(lake.sources()) == {"2026-11-28"}


def shows(day: str) -> list[dict[str, Any]]:
    season = {"season_number": 2, "episode_count": 8}
    return [
        detail(show_id, day, season_list=[season], runtime=50, last_episode_season=2)
        for show_id in range(1, 400)
    ]


def test_invented_watchlists_say_so_and_stay_as_they_are_while_their_shows_are_known() -> None:
    first = list(invented.watchlists(shows(DAY), DAY))
    assert {row["watchlist_id"] for row in first} == {f"invented-{number:02}" for number in range(1, 13)}
    assert all(row["is_invented"] and row["hours"] == 6.7 for row in first)
    later = list(invented.watchlists(shows("2026-11-28")[:-1], "2026-11-28"))
    wished = [{(row["watchlist_id"], row["show_id"]) for row in rows} for rows in (first, later)]
    assert len(wished[0] ^ wished[1]) <= 4


def test_a_lake_of_tmdbs_invents_no_watchlist(tmp_path: Path) -> None:
    lake = OffersLake(tmp_path)
    lake.lake.source = "tmdb"
    lake.write_details(DAY, shows(DAY))
    assert lake.compute(watchlists.TABLE, DAY).rows.num_rows == 0


def test_the_sandboxes_prices_are_the_same_on_every_day_and_say_that_they_are_invented() -> None:
    providers = list(offer_rows(1, Known(DAY, frozenset({NETFLIX, PRIME}))))
    listed = [invented.prices(providers, day).prices for day in (DAY, "2026-11-28")]
    assert [one.price for one in listed[0]] == [one.price for one in listed[1]]
    assert {one.source for one in listed[0]} == {"invented by the sandbox"}


ROW = {
    "watchlist_id": "a",
    "month": "2026-11",
    "cost": 10.0,
    "plan_cost": 20.0,
    "all_services_cost": 60.0,
    "status": "optimal",
    "oldest_price": "2026-06-01",
}


def test_a_plan_that_lies_is_found() -> None:
    assert budgets_hold([ROW], {"a": 10.0}).passed
    assert not budgets_hold([ROW], {"a": 9.99}).passed
    assert never_dearer([ROW]).passed
    assert not never_dearer([ROW | {"plan_cost": 60.01}]).passed
    assert proven([ROW]).passed
    finding = proven([ROW, ROW | {"watchlist_id": "b", "status": "feasible"}])
    assert (finding.passed, finding.serious, finding.numbers) == (False, False, {"unproven": 1})
    assert prices_fresh([ROW], "2026-11-28").passed
    assert not prices_fresh([ROW], "2026-11-29").passed
