"""Watchlists and prices that the sandbox invents. All of it follows from numbers, none of it is a person's."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from fractions import Fraction
from typing import Any

from tally_pipeline.plans.prices import Price, PriceList

Row = Mapping[str, Any]

LISTS = 12
"""The number of invented watchlists."""

MONTHS = 6
"""The months that each of them plans ahead."""

SOURCE = "invented by the sandbox"

_CURRENCIES = {"US": "USD", "GB": "GBP", "DE": "EUR"}
_COUNTRIES = tuple(_CURRENCIES)
_PRICES = (499, 599, 799, 999, 1199, 1399, 1599, 1799)


def watchlists(shows: Iterable[Row], day: str) -> Iterator[dict[str, Any]]:
    """The invented wishes on a day, from rows of silver's details: each list likes the shows that its number says.

    A list changes only as shows come and go: a wish stays while its show is known.
    """
    known = [show for show in shows if _season(show)]
    for number in range(1, LISTS + 1):
        name = f"invented-{number:02}"
        liked = sorted(known, key=lambda show: _number(f"{name}/{show['show_id']}"))[: 4 + number % 7]
        for show in sorted(liked, key=lambda show: show["show_id"]):
            season = _season(show)
            yield {
                "watchlist_id": name,
                "country": _COUNTRIES[number % len(_COUNTRIES)],
                "months": MONTHS,
                "anchors": [],
                "budget_per_month": (None, 12.0, 18.0, 25.0)[number % 4],
                "hours_per_month": (20.0, 40.0, None)[number % 3],
                "show_id": show["show_id"],
                "title": show["title"],
                "season": season,
                "hours": _hours(show, season),
                "weight": 1.0 + _number(f"weight/{name}/{show['show_id']}") % 3,
                "earliest": None,
                "latest": None,
                "providers": None,
                "is_invented": True,
            }


def prices(providers: Iterable[Row], day: str) -> PriceList:
    """The invented prices of providers (rows with `provider_id`, `provider_name`, `country`) as of a day."""
    checked = date.fromisoformat(day)
    listed = [
        Price(
            place=f"plans[{place}]",
            provider_id=row["provider_id"],
            country=row["country"],
            name=row["provider_name"] or str(row["provider_id"]),
            price=Fraction(_PRICES[_number(f"price/{row['provider_id']}") % len(_PRICES)], 100),
            currency=_CURRENCIES[row["country"]],
            valid_from=date(checked.year - 1, 1, 1),
            checked=checked,
            source=SOURCE,
        )
        for place, row in enumerate(providers)
        if row["country"] in _CURRENCIES
    ]
    return PriceList("the sandbox's prices", tuple(listed))


def _season(show: Row) -> int:
    """The season that one would wish for: the one that comes or runs, or else the last; 0 without any."""
    last = max((season["season_number"] for season in show["season_list"]), default=0)
    return show["next_episode_season"] or show["last_episode_season"] or last


def _hours(show: Row, season: int) -> float | None:
    episodes = [one["episode_count"] for one in show["season_list"] if one["season_number"] == season]
    if not episodes or not episodes[0] or not show["runtime"]:
        return None
    return round(float(min(episodes[0], 24) * show["runtime"]) / 60, 1)


def _number(text: str) -> int:
    """A number that is the same for the same text everywhere."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
