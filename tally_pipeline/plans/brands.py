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
