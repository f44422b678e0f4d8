"""One brand is many providers to TMDB: Netflix is 8, and with advertisements 1796."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Brands = Mapping[int, int]
"""A provider's id → the id of the provider that stands for its brand. One that is not in it is its own brand."""

NO_BRANDS: Brands = {}


def brand_of(provider: int, brands: Brands) -> int:
    """The id that stands for the provider's brand."""
    return brands.get(provider, provider)


def merged(providers: Iterable[int], brands: Brands) -> frozenset[int]:
    """The brands of these providers."""
    return frozenset(brand_of(provider, brands) for provider in providers)


def named_as_in(used: Iterable[int], brands: Brands) -> Brands:
    """The same brands, each under an id that is `used` (in the files that a person wrote), if one of its ids is."""
    known = set(used)
    members: dict[int, list[int]] = {}
    for provider, brand in brands.items():
        members.setdefault(brand, []).append(provider)
    found = dict(brands)
    for brand, providers in members.items():
        written = sorted(known.intersection(providers))
        if written and brand not in known:
            found |= dict.fromkeys(providers, written[0])
    return found
