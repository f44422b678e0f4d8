"""Knowledge of shows from tables of the lake: `silver_offers` and `gold_release_calendar`, as rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from tally_pipeline.plans import months
from tally_pipeline.plans.known import Complete, NotYet, Offered

STREAMED = ("flatrate", "ads", "free")
"""The kinds of offers that a subscription, or none, gives; not what is bought or rented."""

SHOW_COLUMNS = ("show_id", "seen_on", "is_gone")
OFFER_COLUMNS = ("show_id", "country", "provider_id", "seen_on")
CALENDAR_COLUMNS = ("show_id", "season_number", "season_complete_on", "seen_on")
SEASON_COLUMNS = ("show_id", "season_number", "air_date", "seen_on")

Row = Mapping[str, Any]


class LakesOffers:
    """The offers in rows of `silver_offers` with `OFFER_COLUMNS`, of the kinds `STREAMED`.

    `shows` are rows of `silver_details` with `SHOW_COLUMNS`: one that is there and has no offer is offered nowhere.
    """

    remedy = "capture the shows' details (`tally sync --details`)"

    def __init__(self, rows: Iterable[Row], shows: Iterable[Row]) -> None:
        self._providers: dict[tuple[int, str], set[int]] = defaultdict(set)
        for row in rows:
            self._providers[row["show_id"], row["country"]].add(row["provider_id"])
        self._shows = {row["show_id"]: row for row in shows}

    def of(self, show_id: int, country: str) -> Offered | None:
        show = self._shows.get(show_id)
        if show is None:
            return None
        providers = frozenset(self._providers.get((show_id, country), ()))
        return Offered(providers, date.fromisoformat(show["seen_on"]), is_gone=show["is_gone"])


class LakesSeasons:
    """The months in which seasons are whole: from rows of `gold_release_calendar` with `CALENDAR_COLUMNS`, which has
    what is to come, and of `silver_seasons` with `SEASON_COLUMNS`, which has every season of known shows."""

    def __init__(self, calendar: Iterable[Row], seasons: Iterable[Row]) -> None:
        self._to_come: dict[tuple[int, int], Row] = {}
        for row in calendar:
            place = row["show_id"], row["season_number"]
            before = self._to_come.get(place)
            if before is None or (row["season_complete_on"] and not before["season_complete_on"]):
                self._to_come[place] = row
        self._seasons: dict[int, dict[int, Row]] = defaultdict(dict)
        for row in seasons:
            self._seasons[row["show_id"]][row["season_number"]] = row

    def of(self, show_id: int, season: int) -> Complete | NotYet | None:
        to_come = self._to_come.get((show_id, season))
        if to_come is not None:
            as_of = date.fromisoformat(to_come["seen_on"])
            if to_come["season_complete_on"]:
                return Complete(_month(to_come["season_complete_on"]), as_of)
            return NotYet("it is not complete, and nobody says when it will be", as_of)
        known = self._seasons.get(show_id)
        if not known:
            return None
        row = known.get(season)
        as_of = date.fromisoformat(next(iter(known.values()))["seen_on"])
        if row is None:
            return NotYet(f"TMDB has no season {season} of it, only up to {max(known)}", as_of)
        if row["air_date"] is None or row["air_date"] > row["seen_on"]:
            begins = f" before {row['air_date']}" if row["air_date"] else ""
            return NotYet(f"it does not begin{begins}, and nobody says when it will be complete", as_of)
        return None


def _month(day: str) -> int:
    """The month's number, as `months.number` counts."""
    return months.number(day[:7])
