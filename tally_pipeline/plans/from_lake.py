"""Knowledge of shows from tables of the lake: `silver_offers` and `gold_release_calendar`, as rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from tally_pipeline.plans import months
from tally_pipeline.plans.known import Complete, Offered

STREAMED = ("flatrate", "ads", "free")
"""The kinds of offers that a subscription, or none, gives; not what is bought or rented."""

OFFER_COLUMNS = ("show_id", "country", "provider_id", "seen_on")
SEASON_COLUMNS = ("show_id", "season_number", "season_complete_on", "seen_on")

Row = Mapping[str, Any]


class LakesOffers:
    """The offers in rows of `silver_offers` with `OFFER_COLUMNS`, of the kinds `STREAMED`.

    A show of which there is no row is known only if it is in `asked_for`, the days of its last replies by id: then it
    is offered nowhere.
    """

    remedy = "capture the shows' details (`tally sync --details`)"

    def __init__(self, rows: Iterable[Row], asked_for: Mapping[int, str]) -> None:
        self._providers: dict[tuple[int, str], set[int]] = defaultdict(set)
        for row in rows:
            self._providers[row["show_id"], row["country"]].add(row["provider_id"])
        self._asked_for = asked_for

    def of(self, show_id: int, country: str) -> Offered | None:
        as_of = self._asked_for.get(show_id)
        if as_of is None:
            return None
        providers = self._providers.get((show_id, country), set())
        return Offered(frozenset(providers), date.fromisoformat(as_of))


class LakesSeasons:
    """The months in which seasons are complete, from rows of `gold_release_calendar` with `SEASON_COLUMNS`."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._complete = {
            (row["show_id"], row["season_number"]): Complete(
                _month(row["season_complete_on"]), date.fromisoformat(row["seen_on"])
            )
            for row in rows
            if row["season_complete_on"]
        }

    def of(self, show_id: int, season: int) -> Complete | None:
        return self._complete.get((show_id, season))


def _month(day: str) -> int:
    """The month's number, as `months.number` counts."""
    return months.number(day[:7])
