"""Where the sandbox's shows can be watched: brands, licences that come and go, and how many."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tally_pipeline.tmdb.sandbox import offers, world
from tally_pipeline.tmdb.sandbox.brands import FIRST_PROVIDER_ID, PROVIDERS, REGIONS

DAY = date(2026, 3, 14)
SHOWS = 700


class Offer(NamedTuple):
    show: int
    country: str
    kind: str
    provider: int


BRANDS = {provider.id: provider.brand for provider in PROVIDERS}


def of_show(show: int, day: date) -> list[Offer]:
    results = msgspec.json.decode(msgspec.json.encode(offers.results(show, day.toordinal())))
    return [
        Offer(show, country, kind, offer["provider_id"])
        for country, entry in results.items()
        for kind, listed in entry.items()
        if kind != "link"
        for offer in listed
    ]


@cache
def on(day: date) -> frozenset[Offer]:
    return frozenset(offer for show in world.ranked(DAY)[:SHOWS] for offer in of_show(show, day))


@given(st.integers(0, 14_000), st.dates(date(2018, 1, 1), date(2028, 12, 31)))
def test_no_offer_stands_twice_and_lists_are_by_priority(show: int, day: date) -> None:
    assert len(of_show(show, day)) == len(set(of_show(show, day)))
    results = msgspec.json.decode(msgspec.json.encode(offers.results(show, day.toordinal())))
    assert list(results) == sorted(results)
    for entry in results.values():
        for kind in entry.keys() - {"link"}:
            priorities = [offer["display_priority"] for offer in entry[kind]]
            assert priorities
            assert priorities == sorted(priorities)


def test_kinds_have_tmdbs_proportions() -> None:
    count = Counter(offer.kind for offer in on(DAY))
    share = {kind: count[kind] / len(on(DAY)) for kind in count}
    # Of 6,436 real offers: 84, 11, 2.4, 1.8 and 0.9 %.
    assert 0.78 < share["flatrate"] < 0.9
    assert 0.07 < share["buy"] < 0.15
    assert all(0.005 < share[kind] < 0.05 for kind in ("free", "ads", "rent"))


def test_offers_are_spread_over_countries_and_providers() -> None:
    assert {offer.country for offer in on(DAY)} == set(REGIONS)
    assert {offer.provider for offer in on(DAY)} == {provider.id for provider in PROVIDERS}
    with_offers = {offer.show for offer in on(DAY)}
    assert 0.85 < len(with_offers) / SHOWS < 0.98
    countries = defaultdict(set)
    for offer in on(DAY):
        countries[offer.show].add(offer.country)
    assert sum(len(where) == 1 for where in countries.values()) > 25


def test_a_day_changes_few_offers_and_months_ends_many() -> None:
    days = [DAY + timedelta(days=number) for number in range(31)]
    gone = [len(on(one) - on(other)) / len(on(one)) for one, other in pairwise(days)]
    come = [len(on(other) - on(one)) / len(on(one)) for one, other in pairwise(days)]
    for moved in (gone, come):
        assert all(share > 0 for share in moved)
        assert 0.002 < sum(moved) / 30 < 0.005
        assert moved.index(max(moved)) == (date(2026, 3, 31) - DAY).days
        assert sorted(moved)[-2] < 0.01 < 0.02 < max(moved) < 0.1


def test_a_brand_has_several_ids_and_two_ids_may_have_one_name() -> None:
    assert min(BRANDS) == FIRST_PROVIDER_ID
    assert max(Counter(BRANDS.values()).values()) >= 3
    names = Counter(provider.name for provider in PROVIDERS)
    assert {name for name, count in names.items() if count == 2} == {"Velvetine", "Pandoril TV"}
    lumora = [offer for offer in on(DAY) if BRANDS[offer.provider] == "Lumora" and offer.country == "US"]
    tiers = Counter(offer.provider for offer in lumora)
    assert 0.7 < tiers[9_000_002] / tiers[9_000_001] < 1


def test_an_original_is_its_brands_alone_and_stays() -> None:
    originals = [show for show in world.ranked(DAY)[:SHOWS] if offers.original_of(show)]
    assert 0.15 < len(originals) / SHOWS < 0.25
    for show in originals:
        for day in (DAY, DAY + timedelta(days=400)):
            assert {BRANDS[offer.provider] for offer in of_show(show, day)} <= {offers.original_of(show)}
        assert set(of_show(show, DAY)) <= set(of_show(show, DAY + timedelta(days=400)))


def test_some_shows_move_from_one_brand_to_another_everywhere_on_one_day() -> None:
    before, after = (brands_by_show(day) for day in (date(2026, 3, 31), date(2026, 4, 1)))
    moved = [
        show
        for show in before.keys() & after.keys()
        if len(before[show]) == len(after[show]) == 1 and before[show] != after[show]
    ]
    everywhere = [show for show in moved if len({offer.country for offer in of_show(show, DAY)}) > 4]
    assert len(everywhere) >= 2


def brands_by_show(day: date) -> dict[int, set[str]]:
    brands: dict[int, set[str]] = defaultdict(set)
    for offer in on(day):
        brands[offer.show].add(BRANDS[offer.provider])
    return brands
