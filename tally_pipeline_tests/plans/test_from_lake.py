"""Offers and dates as rows of the lake's tables, and brands under the ids that a person wrote."""

from __future__ import annotations

from datetime import date

import pytest

from tally_pipeline.plans.brands import named_as_in
from tally_pipeline.plans.from_lake import LakesOffers, LakesSeasons
from tally_pipeline.plans.known import Complete, NotYet, Offered

SHOW = {"show_id": 1, "seen_on": "2026-11-20", "is_gone": False}


def offer(show_id: int, country: str, provider_id: int) -> dict[str, object]:
    return {"show_id": show_id, "country": country, "provider_id": provider_id, "seen_on": "2026-11-20"}


def test_a_shows_offers_are_those_of_the_country_with_the_day_of_the_reply() -> None:
    offers = LakesOffers([offer(1, "US", 8), offer(1, "US", 9), offer(1, "DE", 10)], [SHOW])
    assert offers.of(1, "US") == Offered(frozenset({8, 9}), date(2026, 11, 20))


def test_a_show_without_offers_is_known_to_have_none_only_if_it_was_asked_for() -> None:
    offers = LakesOffers([], [SHOW, SHOW | {"show_id": 3, "is_gone": True}])
    assert offers.of(1, "US") == Offered(frozenset(), date(2026, 11, 20))
    assert offers.of(2, "US") is None
    assert offers.of(3, "US") == Offered(frozenset(), date(2026, 11, 20), is_gone=True)


def test_a_season_is_complete_in_the_month_of_its_last_episode() -> None:
    row = {
        "show_id": 1,
        "season_number": 2,
        "season_complete_on": "2027-01-31",
        "seen_on": "2026-11-20",
    }
    seasons = LakesSeasons([row, {**row, "season_number": 3, "season_complete_on": None}], [])
    assert seasons.of(1, 2) == Complete(2027 * 12, date(2026, 11, 20))
    running = seasons.of(1, 3)
    assert isinstance(running, NotYet)
    assert running.why == "it is not complete, and nobody says when it will be"
    assert seasons.of(2, 1) is None


@pytest.mark.parametrize(
    ("season", "why"),
    [
        (1, None),
        (2, "it does not begin before 2027-01-26, and nobody says when it will be complete"),
        (3, "it does not begin, and nobody says when it will be complete"),
        (9, "TMDB has no season 9 of it, only up to 3"),
    ],
)
def test_a_season_that_has_not_begun_or_does_not_exist_cannot_be_planned(
    season: int, why: str | None
) -> None:
    dates = {1: "2025-01-01", 2: "2027-01-26", 3: None}
    rows = [
        {"show_id": 1, "season_number": number, "air_date": day, "seen_on": "2026-11-20"}
        for number, day in dates.items()
    ]
    found = LakesSeasons([], rows).of(1, season)
    assert found == (NotYet(why, date(2026, 11, 20)) if why else None)


def test_a_brand_is_called_by_the_id_that_the_files_have() -> None:
    brands = {8: 8, 1796: 8, 2303: 2303, 531: 2303}
    named = named_as_in({1796, 531, 15}, brands)
    assert named == {8: 1796, 1796: 1796, 2303: 531, 531: 531}
    assert named_as_in({8, 1796}, brands) == brands
