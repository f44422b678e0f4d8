"""The brands of providers: Netflix is 8, and with advertisements 1796. The map is `brands.toml` beside it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from tally_pipeline.declaration import DeclarationError

_FILE = "brands.toml"

FIRST_INVENTED = 9_000_001
"""The first id of a provider of the sandbox's."""

# The ends of names by which TMDB tells a brand's plans and channels apart, in 682 providers of December 2025.
_PLAN = re.compile(
    r"( (Amazon|Apple TV|Roku Premium|The Roku) Channel| (Standard |Basic )?with Ads| Kids| Essential| Premium)+\s*$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Brand:
    """A brand: its name, and the provider's id that stands for it."""

    id: int
    name: str


@cache
def brands() -> Mapping[int, Brand]:
    """The brand of each provider in the map. Raises `DeclarationError`."""
    text = (files(__package__) / _FILE).read_text(encoding="utf-8")
    return parse(text)


def parse(text: str) -> Mapping[int, Brand]:
    """The brand of each provider, from the map's text. Raises `DeclarationError`."""
    where = f"tally_pipeline/datasets/details/{_FILE}"
    try:
        entries: list[dict[str, Any]] = tomllib.loads(text).get("brand", [])
        found: dict[int, Brand] = {}
        for entry in entries:
            brand = Brand(int(entry["id"]), str(entry["name"]))
            if brand.id not in entry["providers"]:
                raise DeclarationError(f"{where}: {brand.name}: `id` must be one of `providers`")
            for provider in entry["providers"]:
                if provider in found:
                    raise DeclarationError(
                        f"{where}: the provider {provider} is in {found[provider].name} and in {brand.name}: leave it"
                        " in one of them"
                    )
                found[provider] = brand
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise DeclarationError(
            f"{where}: each [[brand]] has `name`, `id` and `providers` ({type(error).__name__}: {error})"
        ) from error
    return found


def mapped(provider_id: int) -> Brand | None:
    """The provider's brand by the map, or by what the sandbox invented it as; None if it is in none."""
    found = brands().get(provider_id)
    return found if found or provider_id < FIRST_INVENTED else _invented().get(provider_id)


def brand_of(provider_id: int, name: str | None) -> Brand:
    """The provider's brand; one that is in none stands for itself."""
    return mapped(provider_id) or Brand(provider_id, name or str(provider_id))


@cache
def _invented() -> Mapping[int, Brand]:
    # Imported here, so that only the sandbox's data pays for it.
    from tally_pipeline.tmdb.sandbox.brands import PROVIDERS

    first: dict[str, int] = {}
    for provider in PROVIDERS:
        first.setdefault(provider.brand, provider.id)
    return {provider.id: Brand(first[provider.brand], provider.brand) for provider in PROVIDERS}


def brand_ids() -> Mapping[int, int]:
    """The id of each mapped provider's brand, the sandbox's included."""
    return {provider: brand.id for provider, brand in {**brands(), **_invented()}.items()}


def look_alikes(providers: Iterable[tuple[int, str]]) -> list[tuple[int, str, str]]:
    """The providers outside the map whose name, without its plan or channel, is that of another provider: id, name
    and that other's name."""
    named = dict(providers)
    by_stem: dict[str, list[int]] = {}
    for provider_id, name in named.items():
        by_stem.setdefault(_stem(name), []).append(provider_id)
    alike = []
    for same in by_stem.values():
        for provider_id in same:
            others = [other for other in same if other != provider_id]
            if others and mapped(provider_id) is None:
                alike.append((provider_id, named[provider_id], named[min(others)]))
    return sorted(alike)


def _stem(name: str) -> str:
    return _PLAN.sub("", name).strip().casefold()
