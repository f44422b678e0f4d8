"""The sandbox's `/tv/changes`: which shows were edited, and which were deleted, on some days.

As at TMDB it says nothing of offers: where a show can be watched changes without an edit.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from tally_pipeline.tmdb.lists import MAX_PAGES
from tally_pipeline.tmdb.sandbox import world
from tally_pipeline.tmdb.sandbox.invented import FIRST_ID, stable_hash, temper

IDS_A_PAGE = 100
MOST_DAYS = 14
_EDITED = 0.16
"""The share of the shows that are edited on a day although none of their episodes aired."""


class RangeError(ValueError):
    """The days asked for are more than TMDB answers for; `code` is that of its error."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def changes(query: Mapping[str, str], page: int, day: date) -> dict[str, Any]:
    """The reply of `day` to `/tv/changes` with this query. Raises `RangeError`."""
    first, last = _range(query, day)
    rows = _rows(first, last, day)
    start = (page - 1) * IDS_A_PAGE
    return {
        "results": rows[start : start + IDS_A_PAGE],
        "page": page,
        "total_pages": min(MAX_PAGES, max(1, -(-len(rows) // IDS_A_PAGE))),
        "total_results": len(rows),
    }


def _range(query: Mapping[str, str], day: date) -> tuple[date, date]:
    """The first and the last day asked for: without them the last 24 hours, here yesterday and today."""
    last = _day(query, "end_date") or day
    first = _day(query, "start_date") or last - timedelta(days=1)
    if "start_date" in query and "end_date" not in query:
        last = min(day, first + timedelta(days=MOST_DAYS))
    if not timedelta(0) <= last - first <= timedelta(days=MOST_DAYS):
        raise RangeError(f"{first} to {last} is no range of 0 to {MOST_DAYS} days", 20)
    return first, min(last, day)


def _day(query: Mapping[str, str], name: str) -> date | None:
    if not query.get(name):
        return None
    try:
        return date.fromisoformat(query[name])
    except ValueError:
        raise RangeError(f"{name}={query[name]} is no day", 23) from None


@lru_cache(maxsize=16)
def _rows(first: date, last: date, day: date) -> list[dict[str, Any]]:
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    ids = dict.fromkeys(show for on in days for show in _edited(on))
    return [
        {"id": FIRST_ID + show, "adult": False if day.toordinal() < temper(show).vanishes else None}
        for show in ids
    ]


@lru_cache(maxsize=16)
def _edited(day: date) -> tuple[int, ...]:
    """The shows edited on a day: what aired, what vanished, and many others; in no order."""
    ordinal = day.toordinal()
    airing = set(world.listing("/tv/airing_today", day).shows)
    draws = {show: stable_hash(f"edit/{day}/{show}") for show in range(len(world.popularity(day)))}
    edited = (
        show
        for show, draw in draws.items()
        if ordinal == temper(show).vanishes
        or (ordinal < temper(show).vanishes and (show in airing or draw % 1000 < 1000 * _EDITED))
    )
    return tuple(sorted(edited, key=draws.__getitem__))
