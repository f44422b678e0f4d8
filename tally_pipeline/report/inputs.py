"""The inputs of a report: one day's gold, and the past for its charts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import pyarrow as pa

from tally_pipeline.days import days_through
from tally_pipeline.gold.top_movers import KINDS
from tally_pipeline.tmdb.lists import ShowList

WINDOW_DAYS = 90
"""Days in the charts, the report's own included."""

OFFER_DAYS = 7
"""Days of which arrivals and departures are told, the report's own included."""

TOP = 10
"""Shows of a list whose popularity is charted."""

Row = dict[str, Any]
DayState = Literal["published", "held back", "missing", "before"]
"""The state of a list on a day. "held back": captured but not published. "before": the lake had not begun yet, so
nothing is missing."""


class Place(NamedTuple):
    """A show's place on a list on one day."""

    rank: int
    popularity: float


@dataclass(frozen=True)
class Inputs:
    """A day and its past, as Arrow tables.

    Gold of the day, with gold's columns: `movers` (gold_top_movers), `trends` (gold_show_popularity_trends),
    `genres` (gold_genre_analytics). Of the window's days (`dt`, `data_type` and):
    `quality` gold_data_quality_daily's columns; `published` shows; `places` show_id, title, rank, popularity of
    at least the shows of `shows_to_follow` and of every leader; `genre_history` genre_id, shows, mean_popularity.
    `rejected`: examples of the day's quarantined rows (data_type, page, place, reasons, raw).
    `first_days`: the oldest day of each list in the whole lake; None without any.
    `offer_changes`: gold_availability_changes of `OFFER_DAYS` days, those of a brand, with `dt`; `calendar`:
    gold_release_calendar of the day; each None if the day has none. `details_days`: the lake's days with details.
    """

    day: str
    source: str
    lists: Sequence[ShowList]
    first_days: Mapping[str, str | None]
    movers: pa.Table
    trends: pa.Table
    genres: pa.Table
    quality: pa.Table
    published: pa.Table
    places: pa.Table
    genre_history: pa.Table
    rejected: pa.Table
    offer_changes: pa.Table | None = None
    calendar: pa.Table | None = None
    details_days: Collection[str] = ()

    @cached_property
    def days(self) -> tuple[str, ...]:
        return window(self.day)

    @cached_property
    def shows_by_day(self) -> dict[tuple[str, str], int]:
        """Number of published shows by list and day; a pair without data is absent."""
        return {(row["data_type"], row["dt"]): row["shows"] for row in self.published.to_pylist()}

    @cached_property
    def quality_by_day(self) -> dict[tuple[str, str], Row]:
        return {(row["data_type"], row["dt"]): row for row in self.quality.to_pylist()}

    @cached_property
    def places_by_list(self) -> dict[tuple[str, int], dict[str, Place]]:
        """The places of a show by day, by list and show."""
        places: dict[tuple[str, int], dict[str, Place]] = {}
        for row in self.places.to_pylist():
            by_day = places.setdefault((row["data_type"], row["show_id"]), {})
            by_day[row["dt"]] = Place(row["rank"], row["popularity"])
        return places

    @cached_property
    def movers_by_kind(self) -> dict[tuple[str, str], list[Row]]:
        """The day's movers in their order, by list and kind."""
        movers: dict[tuple[str, str], list[Row]] = {}
        for row in sorted(self.movers.to_pylist(), key=lambda row: int(row["place"])):
            movers.setdefault((row["data_type"], row["kind"]), []).append(row)
        return movers

    def kind_count(self, data_type: str, kind: str) -> int:
        """The number of the list's movers of a kind, including those that gold did not keep."""
        rows = self.movers_by_kind.get((data_type, kind))
        return rows[0]["kind_shows"] if rows else 0

    def day_before(self, data_type: str) -> str | None:
        """The list's last day with data before the report's; None without one."""
        kinds = (kind for kind in KINDS if not kind.endswith("_7d"))
        days = [
            rows[0]["compared_dt"] for kind in kinds if (rows := self.movers_by_kind.get((data_type, kind)))
        ]
        past = [day for name, day in self.shows_by_day if name == data_type and day < self.day]
        return max([*days, *past], default=None)

    def whole(self, data_type: str, day: str) -> bool:
        """True if the list's capture on a day of the window is whole."""
        quality = self.quality_by_day.get((data_type, day))
        return quality is not None and quality["verdict"] == "complete"

    @cached_property
    def lake_begins(self) -> str | None:
        """The lake's first day."""
        return min(filter(None, self.first_days.values()), default=None)

    @property
    def is_first_day(self) -> bool:
        """True if the lake has no earlier day than the report's."""
        return self.lake_begins == self.day

    @cached_property
    def leaders(self) -> dict[tuple[str, str], tuple[int, str]]:
        """Id and title of the show in first place, by list and day."""
        return {
            (row["data_type"], row["dt"]): (row["show_id"], row["title"])
            for row in self.places.to_pylist()
            if row["rank"] == 1
        }

    def title_of(self, data_type: str) -> str:
        return next((one.title for one in self.lists if one.name == data_type), data_type)

    def state(self, data_type: str, day: str) -> DayState:
        if (data_type, day) in self.shows_by_day:
            return "published"
        quality = self.quality_by_day.get((data_type, day))
        if quality is not None and quality["bronze_objects"]:
            return "held back"
        first = self.first_days.get(data_type)
        return "before" if first is None or day < first else "missing"

    def days_without_data(self, data_type: str) -> list[str]:
        """The window's days, since the lake began, without data of the list, in order."""
        return [day for day in self.days if self.state(data_type, day) in ("missing", "held back")]

    def top(self, data_type: str) -> list[Row]:
        """The day's first shows of a list: rows of `trends` with the list's `rank`, in its order."""
        return top(self.trends, data_type)


def window(day: str) -> tuple[str, ...]:
    """The report's days, oldest first."""
    return tuple(days_through(day, WINDOW_DAYS))


def top(trends: pa.Table, data_type: str) -> list[Row]:
    """The first shows of a list, by rank."""
    ranks = [dict(of_show or ()).get(data_type) for of_show in trends["ranks"].to_pylist()]
    first = sorted((rank, place) for place, rank in enumerate(ranks) if rank is not None)[:TOP]
    rows = trends.take(pa.array([place for _, place in first], pa.int64())).to_pylist()
    return [row | {"rank": rank} for row, (rank, _) in zip(rows, first, strict=True)]


def shows_to_follow(movers: pa.Table, trends: pa.Table, lists: Sequence[ShowList]) -> list[int]:
    """The ids of the shows whose past the report shows, in order."""
    charted = {row["show_id"] for one in lists for row in top(trends, one.name)}
    return sorted(charted | set(movers["show_id"].to_pylist()))
