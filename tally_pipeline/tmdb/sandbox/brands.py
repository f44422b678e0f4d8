"""The sandbox's countries, and the invented services by which its shows can be watched there.

As in life one brand has several ids: a cheaper tier with ads, a channel within another brand's service, a shop; and
two ids may have one name. No brand here exists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from tally_pipeline.tmdb.sandbox.invented import stable_hash

FIRST_PROVIDER_ID = 9_000_001
"""Far above the ids of TMDB's providers (under 3,000 in December 2025)."""

NAMES: Mapping[str, tuple[str, str]] = MappingProxyType({
    "AR": ("Argentina", "Argentina"), "AT": ("Austria", "Österreich"), "AU": ("Australia", "Australia"),
    "BE": ("Belgium", "Belgique"), "BR": ("Brazil", "Brasil"), "CA": ("Canada", "Canada"),
    "CH": ("Switzerland", "Schweiz"), "CN": ("China", "中国"), "CO": ("Colombia", "Colombia"),
    "DE": ("Germany", "Deutschland"), "DK": ("Denmark", "Danmark"), "EG": ("Egypt", "مصر"),
    "ES": ("Spain", "España"), "FR": ("France", "France"), "GB": ("United Kingdom", "United Kingdom"),
    "HK": ("Hong Kong", "香港"), "IE": ("Ireland", "Ireland"), "IN": ("India", "भारत"), "IT": ("Italy", "Italia"),
    "JP": ("Japan", "日本"), "KR": ("South Korea", "대한민국"), "MX": ("Mexico", "México"),
    "NL": ("Netherlands", "Nederland"), "NO": ("Norway", "Norge"), "PH": ("Philippines", "Philippines"),
    "PL": ("Poland", "Polska"),
    "PT": ("Portugal", "Portugal"), "RU": ("Russia", "Россия"), "SA": ("Saudi Arabia", "السعودية"),
    "SE": ("Sweden", "Sverige"), "TR": ("Turkey", "Türkiye"), "TW": ("Taiwan", "台灣"),
    "US": ("United States of America", "United States"),
})  # fmt: skip
"""Countries by their ISO 3166-1 code: the name in English, and their own."""

TERRITORIES: tuple[tuple[str, ...], ...] = tuple(
    tuple(countries.split())
    for countries in (
        "US", "CA", "MX AR CO", "BR", "GB IE", "DE AT CH", "FR BE", "NL", "ES PT", "IT", "SE NO DK", "PL",
        "TR EG", "IN", "JP", "KR TW", "AU",
    )
)  # fmt: skip
"""The countries for which a licence is sold as one."""

REGIONS = tuple(sorted(country for countries in TERRITORIES for country in countries))
"""The countries in which something can be watched."""


class Provider(NamedTuple):
    """A way to watch, with an id of its own: a brand's service, tier, channel or shop.

    `kinds` are TMDB's: flatrate, buy, rent, ads, free. Of its brand's shows it has a `share`.
    """

    id: int
    brand: str
    name: str
    kinds: tuple[str, ...]
    countries: frozenset[str]
    share: float


# Brand, name, kinds, countries, share. The blank at the end of a name is TMDB's habit.
_WORLD = "US CA GB DE FR ES IT BR MX AU JP IN SE NL"
_PROVIDERS = (
    ("Lumora", "Lumora", "flatrate", _WORLD, 1.0),
    ("Lumora", "Lumora Standard with Ads", "flatrate", "US GB DE FR BR JP", 0.9),
    ("Velvetine", "Velvetine", "flatrate", "US", 1.0),
    ("Velvetine", "Velvetine", "flatrate", "CA GB IE DE AT FR IT ES IN AU", 1.0),
    ("Velvetine", "Velvetine with Ads", "flatrate", "US GB DE IN AU", 0.8),
    ("Quibble", "Quibble", "flatrate", "US GB DE AT JP IN", 1.0),
    ("Quibble", "Quibble Store", "buy rent", "US GB DE FR CA AU IT ES JP", 1.0),
    ("Quibble", "Quibble Free with Ads", "ads", "US GB DE", 1.0),
    ("Noctiva", "Noctiva", "flatrate", "US CA MX AR CO BR ES PT PL SE NO DK", 1.0),
    ("Noctiva", "Noctiva Quibble Channel", "flatrate", "US GB DE", 0.7),
    ("Noctiva", "Noctiva Basic with Ads", "flatrate", "US BR MX", 0.9),
    ("Brindle+", "Brindle+", "flatrate", "US CA AU GB IE IT DE CH FR BE KR", 1.0),
    ("Brindle+", "Brindle+ Quibble Channel", "flatrate", "US GB DE", 0.8),
    ("Brindle+", "Brindle+ Pandoril TV Channel ", "flatrate", "US GB", 0.4),
    ("Pandoril TV", "Pandoril TV", "flatrate", "US GB CA FR IE NL CH AT TR", 1.0),
    ("Pandoril TV", "Pandoril TV", "buy rent", "US GB DE FR IT ES MX BR AU CA JP SE NL", 1.0),
    ("Zephyrine", "Zephyrine", "flatrate", "FR BE CH", 1.0),
    ("Zephyrine", "Zephyrine Ciné Quibble Channel", "flatrate", "FR", 0.5),
    ("Fernlicht", "Fernlicht+", "flatrate", "DE AT CH", 1.0),
    ("Fernlicht", "Fernlicht Mediathek", "free", "DE AT CH", 1.0),
    ("Torreluz", "Torreluz", "flatrate", "ES MX AR CO", 1.0),
    ("Torreluz", "Torreluz Gratis", "ads", "ES MX", 1.0),
    ("Sambrina", "Sambrina Play", "flatrate", "BR PT", 1.0),
    ("Kumodori", "クモドリ", "flatrate", "JP TW", 1.0),
    ("Byeolssi", "Byeolssi TV", "flatrate", "KR TW US", 1.0),
    ("Nordhval", "Nordhval", "flatrate", "SE NO DK", 1.0),
    ("Nordhval", "Nordhval Basic with Ads", "flatrate", "SE NO", 0.8),
    ("Rangmela", "Rangmela", "flatrate", "IN", 1.0),
    ("Rangmela", "Rangmela Free", "ads", "IN", 1.0),
    ("Maplewick", "Maplewick", "flatrate", "CA", 1.0),
    ("Maplewick", "Maplewick Quibble Channel", "flatrate", "CA", 0.6),
    ("Kookabox", "Kookabox", "flatrate", "AU", 1.0),
    ("Tulpkast", "Tulpkast", "flatrate", "NL BE", 1.0),
    ("Vistalago", "Vistalago", "flatrate", "IT CH", 1.0),
    ("Vistalago", "Vistalago Gratuito", "free", "IT", 1.0),
    ("Zorzka", "Zorzka", "flatrate", "PL", 1.0),
    ("Lalebahar", "Lalebahar", "flatrate", "TR EG", 1.0),
    ("Glimstream", "Glimstream", "ads", "US CA GB AU", 1.0),
    ("Commonhouse", "Commonhouse", "free", "GB IE US CA", 1.0),
    ("Orchard Lane", "Orchard Lane Video", "buy rent", "US CA GB AU", 1.0),
)

PROVIDERS: tuple[Provider, ...] = tuple(
    Provider(number, brand, name, tuple(kinds.split()), frozenset(countries.split()), share)
    for number, (brand, name, kinds, countries, share) in enumerate(_PROVIDERS, start=FIRST_PROVIDER_ID)
)


@cache
def brands(kind: str, countries: tuple[str, ...]) -> Sequence[str]:
    """The brands with offers of a kind in at least one of these countries."""
    found = (way.brand for way in PROVIDERS if kind in way.kinds and not way.countries.isdisjoint(countries))
    return tuple(dict.fromkeys(found))


@cache
def ways(brand: str, kind: str, country: str) -> Sequence[Provider]:
    """A brand's providers of a kind in a country."""
    return tuple(
        way for way in PROVIDERS if way.brand == brand and kind in way.kinds and country in way.countries
    )


@cache
def offer(provider: Provider, country: str) -> tuple[int, msgspec.Raw]:
    """The place of a provider among those of a country, and an offer of it as TMDB writes it."""
    priority = _priority(provider.id, country)
    body = msgspec.json.encode(
        {
            "logo_path": logo(provider.id),
            "provider_id": provider.id,
            "provider_name": provider.name,
            "display_priority": priority,
        }
    )
    return priority, msgspec.Raw(body)


@cache
def providers_body(country: str | None) -> bytes:
    """The reply to `/watch/providers/tv`: all providers, or those of a country."""
    there = [way for way in PROVIDERS if country is None or country in way.countries]
    rows = [
        {
            "display_priorities": {where: _priority(way.id, where) for where in sorted(way.countries)},
            "display_priority": _priority(way.id, ""),
            "logo_path": logo(way.id),
            "provider_name": way.name,
            "provider_id": way.id,
        }
        for way in there
    ]
    return msgspec.json.encode({"results": rows})


@cache
def regions_body() -> bytes:
    """The reply to `/watch/providers/regions`."""
    rows = [
        {"iso_3166_1": country, "english_name": NAMES[country][0], "native_name": NAMES[country][1]}
        for country in REGIONS
    ]
    return msgspec.json.encode({"results": rows})


def logo(number: int) -> str:
    """The path of a logo that is nowhere."""
    return f"/{stable_hash(f'logo/{number}'):016x}{number:011d}.jpg"


def _priority(provider: int, country: str) -> int:
    return stable_hash(f"priority/{provider}/{country}") % 120
