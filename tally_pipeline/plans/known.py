"""What is known of shows beside the wishes: who offers them, and when a season is whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol


@dataclass(frozen=True)
class Offered:
    """The providers on which a show can be streamed in a country, as known on a day."""

    providers: frozenset[int]
    as_of: date


@dataclass(frozen=True)
class Complete:
    """The first month in which all of a season can be watched (as `months.number` counts), as known on a day."""

    month: int
    as_of: date


class Offers(Protocol):
    """Who offers which show."""

    @property
    def remedy(self) -> str:
        """What to do so that a show's offers are known; empty if nothing can be done."""

    def of(self, show_id: int, country: str) -> Offered | None:
        """What is known of a show in a country; None if nothing is."""


class Seasons(Protocol):
    """When seasons are whole."""

    def of(self, show_id: int, season: int) -> Complete | None:
        """What is known of a season; None if nothing is."""


class NoOffers:
    """No show's offers are known."""

    remedy = ""

    def of(self, show_id: int, country: str) -> Offered | None:
        return None


class NoSeasons:
    """No season's dates are known."""

    def of(self, show_id: int, season: int) -> Complete | None:
        return None
