"""The offers of the sandbox's shows on a day: a pure function of show and day.

A show's rights are slots, each for some countries at once. In a slot one licence follows another, every one a brand's
for some months; half of the slots have licences that end with a month. Another brand may be next, the same again, or
none for a while. An original is its brand's for ever; a show dealt with as a whole moves from brand to brand
everywhere on one day.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from tally_pipeline.tmdb.sandbox.brands import REGIONS, TERRITORIES, Provider, brands, offer, ways
from tally_pipeline.tmdb.sandbox.invented import FIRST_ID, facts, stable_hash, temper
from tally_pipeline.tmdb.sandbox.names import Draw, pick

_WORLDWIDE = ("Lumora", "Velvetine", "Noctiva", "Brindle+", "Pandoril TV")
_ORIGINAL, _DEAL, _LOCAL, _NOWHERE = 0.2, 0.12, 0.1, 0.07
_SHORTEST, _LONGEST = 90, 270
_FREE_FOR_A_WHILE = 0.12
_OTHER_KINDS = (("buy", 0.45), ("rent", 0.05), ("ads", 0.12), ("free", 0.15))
"""Kinds other than flatrate, and the share of the territories where a show is sold at all that have them."""


class Slot(NamedTuple):
    """Rights of a show in some countries, for one kind of offer, held by one of `brands` after the other.

    Licences of `length` days follow each other from `start` on (0: one for ever). `by_month`: each ends with a month.
    """

    kind: str
    countries: tuple[str, ...]
    brands: Sequence[str]
    start: int
    length: int
    by_month: bool


def results(show: int, day: int) -> dict[str, dict[str, Any]]:
    """The offers of a show on a day, as TMDB's `results`: by country, then by kind."""
    found: dict[str, dict[str, dict[int, Provider]]] = {}
    for number, slot in enumerate(_slots(show)):
        brand = _holder(show, number, slot, day)
        if brand is None:
            continue
        for country in slot.countries:
            for way in ways(brand, slot.kind, country):
                if _carries(show, way):
                    found.setdefault(country, {}).setdefault(slot.kind, {})[way.id] = way
    return {country: _entry(show, country, found[country]) for country in sorted(found)}


@lru_cache(maxsize=8192)
def original_of(show: int) -> str | None:
    """The brand that made a show for itself; None if none did."""
    draw = random.Random(stable_hash(f"original/{show}")).random
    return pick(draw, _WORLDWIDE) if draw() < _ORIGINAL else None


@lru_cache(maxsize=8192)
def _slots(show: int) -> tuple[Slot, ...]:
    draw = random.Random(stable_hash(f"slots/{show}")).random
    own = original_of(show)
    begun = temper(show).premiere
    if own:
        return (Slot("flatrate", REGIONS, (own,), begun, 0, False),)
    chance = draw()
    if chance < _NOWHERE:
        return ()
    if chance < _NOWHERE + _DEAL:
        return (_slot(draw, "flatrate", REGIONS, _WORLDWIDE, begun),)
    home = next((country for country in facts(show)["origin_country"] if country in REGIONS), "US")
    if chance < _NOWHERE + _DEAL + _LOCAL:
        return (_slot(draw, "flatrate", (home,), brands("flatrate", (home,)), begun),)
    slots = []
    for countries in TERRITORIES:
        if home not in countries and draw() < 0.5:
            continue
        holders = brands("flatrate", countries)
        slots += [_slot(draw, "flatrate", countries, holders, begun) for _ in range(1 + (draw() < 0.35))]
        for kind, share in _OTHER_KINDS:
            sellers = brands(kind, countries)
            if draw() < share and sellers:
                slots.append(_slot(draw, kind, countries, sellers, begun))
    return tuple(slots)


def _slot(draw: Draw, kind: str, countries: tuple[str, ...], holders: Sequence[str], begun: int) -> Slot:
    length = _SHORTEST + int(draw() * (_LONGEST - _SHORTEST))
    return Slot(kind, countries, holders, begun + int(draw() * 60), length, draw() < 0.5)


def _holder(show: int, number: int, slot: Slot, day: int) -> str | None:
    """The brand that has the rights of a slot on a day."""
    if day < slot.start:
        return None
    if not slot.length:
        return slot.brands[0]
    term = (day - slot.start) // slot.length
    if slot.by_month and _first_of_month(slot.start + (term + 1) * slot.length) <= day:
        term += 1
    chance = stable_hash(f"term/{show}/{number}/{term}")
    if chance % 1000 < 1000 * _FREE_FOR_A_WHILE:
        return None
    return slot.brands[chance // 1000 % len(slot.brands)]


@lru_cache(maxsize=4096)
def _first_of_month(day: int) -> int:
    return date.fromordinal(day).replace(day=1).toordinal()


def _carries(show: int, way: Provider) -> bool:
    return way.share == 1.0 or stable_hash(f"carries/{show}/{way.id}") % 1000 < 1000 * way.share


def _entry(show: int, country: str, kinds: dict[str, dict[int, Provider]]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "link": f"https://www.themoviedb.org/tv/{FIRST_ID + show}/watch?locale={country}"
    }
    # TMDB's kinds come in no fixed order.
    mixed = stable_hash(f"order/{show}/{country}") % 2 == 1
    for kind in sorted(kinds, reverse=mixed):
        entry[kind] = list(_by_priority(kinds[kind], country))
    return entry


def _by_priority(found: dict[int, Provider], country: str) -> Iterator[Any]:
    ranked = sorted((offer(way, country)[0], number) for number, way in found.items())
    return (offer(found[number], country)[1] for _, number in ranked)
