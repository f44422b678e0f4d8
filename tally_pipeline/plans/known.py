"""Knowledge of shows beside the wishes: their offers, and the months in which seasons are complete."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol


@dataclass(frozen=True)
class Offered:
    """The providers on which a show can be streamed in a country, as known on a day."""

    providers: frozenset[int]
    as_of: date
    is_gone: bool = False
    """True if TMDB says that there is no such show."""


@dataclass(frozen=True)
class Complete:
    """The first month in which all of a season can be watched (as `months.number` counts), as known on a day."""

    month: int
    as_of: date


@dataclass(frozen=True)
class NotYet:
    """A season that cannot be watched whole, and nobody says when it can: the reason, as known on a day."""

    why: str
    as_of: date


class Offers(Protocol):
    """The offers of shows."""

    @property
    def remedy(self) -> str:
        """The way to have a show's offers known; empty if there is none."""

    def of(self, show_id: int, country: str) -> Offered | None:
        """The offers of a show in a country; None if none are known."""


class Seasons(Protocol):
    """The months in which seasons are complete."""

    def of(self, show_id: int, season: int) -> Complete | NotYet | None:
        """The month of a season; None if nothing speaks against having it now."""


class NoOffers:
    """No show's offers are known."""

    remedy = ""

    def of(self, show_id: int, country: str) -> Offered | None:
        return None


class NoSeasons:
    """No season's dates are known."""

    def of(self, show_id: int, season: int) -> Complete | None:
        return None
