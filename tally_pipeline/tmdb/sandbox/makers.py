"""The people, networks and companies behind the sandbox's shows, none of which exists."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from tally_pipeline.tmdb.sandbox import offers
from tally_pipeline.tmdb.sandbox.brands import logo
from tally_pipeline.tmdb.sandbox.invented import facts, stable_hash
from tally_pipeline.tmdb.sandbox.names import Draw, person

_Object = dict[str, Any]
_STATIONS = ("Canal Grommet", "Plock One", "Wum Broadcasting", "Radio Fizz TV")


def creator(show: int, number: int, u: float) -> _Object:
    """One of those who made a show up; has no picture where `u`, from 0 to 1, is small."""
    whoever = someone(f"creator/{show}/{number}")
    return {
        "id": whoever["id"],
        "credit_id": hex_id(f"credit/{show}/{number}"),
        "name": whoever["name"],
        "original_name": whoever["original_name"],
        "gender": whoever["gender"],
        "profile_path": None if u < 0.3 else whoever["profile_path"],
    }


def someone(seed: str) -> _Object:
    """A person: always the same for the same seed."""
    number = stable_hash(seed)
    name = person(random.Random(number).random)
    return {
        "id": 90_000_001 + number % 5_000_000,
        "name": name,
        "original_name": name,
        "gender": number % 3,
        "profile_path": logo(number % 1_000_000),
    }


def network(show: int) -> _Object:
    """The network of a show: the brand that made it for itself, or a station of its country."""
    brand = offers.original_of(show)
    country = next(iter(facts(show)["origin_country"]), "")
    name = brand or f"{_STATIONS[show % len(_STATIONS)]} {country}".strip()
    number = 9_500_001 + stable_hash(f"network/{name}") % 100_000
    return {
        "id": number,
        "logo_path": logo(number),
        "name": name,
        "origin_country": "" if brand else country,
    }


def company(draw: Draw, own: Mapping[str, Any]) -> _Object:
    """A company of the country of a show with these facts."""
    name = f"{person(draw).split()[1]} Pictures"
    number = 9_600_001 + stable_hash(f"company/{name}") % 100_000
    return {
        "id": number,
        "logo_path": None if number % 3 == 0 else logo(number),
        "name": name,
        "origin_country": next(iter(own["origin_country"]), ""),
    }


def hex_id(seed: str) -> str:
    """An id as TMDB gives to credits and seasons: 24 hex digits."""
    return f"{stable_hash(seed):016x}{stable_hash(seed + '/'):016x}"[:24]
