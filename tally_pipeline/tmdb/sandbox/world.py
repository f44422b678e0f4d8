"""The sandbox's world: the lists of invented shows on a day, as TMDB would serve them.

A pure function of the day. Nothing is simulated from a first day on: a show's popularity on a day is a sum of
its own slow waves, the rise and fall of its latest hit and a little noise, so any day costs the same.
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from tally_pipeline.tmdb.lists import MAX_PAGES, ROWS_PER_PAGE
from tally_pipeline.tmdb.sandbox.invented import (
    FIRST_DAY,
    NEW_SHOWS_A_DAY,
    Temper,
    facts,
    stable_hash,
    temper,
)

Row = dict[str, Any]
"""A show as it stands on a page of a list: TMDB's fields in TMDB's order."""

# The order of the fields differs between the lists and trending; both are read off replies of December 2025.
_LIST_FIELDS = tuple(
    "adult backdrop_path genre_ids id origin_country original_language original_name overview popularity "
    "poster_path first_air_date name vote_average vote_count".split()
)
_TRENDING_FIELDS = tuple(
    "adult backdrop_path id name original_name overview poster_path media_type original_language genre_ids "
    "popularity first_air_date vote_average vote_count origin_country".split()
)
_REACHABLE = MAX_PAGES * ROWS_PER_PAGE
_UNREACHABLE = 200_000  # popular's total, beyond the pages that may be requested: 211,431 in 2025
_VOTES_TO_BE_RATED = 200
_computing = threading.Lock()


@dataclass(frozen=True)
class Listing:
    """A list on a day: its shows in order, and the total that it states.

    `late` is a place, or None: the show there joins the list while it is being read, so that the pages up to
    its own are an older state of the list than the pages behind it, and it is on none of them.
    `restless`: the totals differ a little from page to page.
    """

    shows: tuple[int, ...]
    claimed: int
    late: int | None = None
    restless: bool = False


def listing(path: str, day: date) -> Listing:
    """The list at `path` (below `/3`) on `day`; an unknown path gets an order of its own."""
    with _computing:  # else every thread of a server would compute the same day
        return _listing(path, day.toordinal())


def row(show: int, day: date, *, trending: bool) -> Row:
    """The row of a show (out of `Listing.shows`) on a day, as on a list or as in trending."""
    ordinal = day.toordinal()
    votes = _votes(temper(show), ordinal)
    values = {
        **facts(show),
        "popularity": round(popularity(day)[show], 4),
        "vote_average": _vote_average(show, ordinal) if votes else 0.0,
        "vote_count": votes,
    }
    return {field: values[field] for field in (_TRENDING_FIELDS if trending else _LIST_FIELDS)}


def is_there(show: int, day: date) -> bool:
    """True if TMDB has a show of this number on `day`: it has it already, and still."""
    return 0 <= show < len(popularity(day)) and day.toordinal() < temper(show).vanishes


def popularity(day: date) -> Sequence[float]:
    """The popularity on `day` of every show that exists then or has vanished, by show."""
    with _computing:
        return _standing(day.toordinal()).popularity


def ranked(day: date) -> Sequence[int]:
    """The shows that the lists of `day` may have, the most popular first."""
    with _computing:
        return _standing(day.toordinal()).ranked


@lru_cache(maxsize=64)
def _listing(path: str, day: int) -> Listing:
    standing = _standing(day)
    ranked = standing.ranked
    match path:
        case "/tv/popular":
            return Listing(tuple(ranked[:_REACHABLE]), _UNREACHABLE + len(ranked))
        case "/trending/tv/day" | "/trending/tv/week":
            return _whole(_trending(standing, day, path)[:_REACHABLE])
        case "/tv/airing_today":
            airing = tuple(show for show in ranked if _airs(temper(show), day))
            return Listing(airing, len(airing), late=_late_place(len(airing), day), restless=True)
        case "/tv/on_the_air":
            airing = tuple(show for show in ranked if _airs_this_week(temper(show), day))
            return Listing(airing, len(airing), restless=True)
        case "/tv/top_rated":
            rated = (show for show in ranked if _votes(temper(show), day) >= _VOTES_TO_BE_RATED)
            return _whole(sorted(rated, key=lambda show: -_vote_average(show, day)))
        case _:
            places = {show: stable_hash(f"{path}#{show}") for show in ranked}
            return _whole(sorted((show for show in places if places[show] % 8 == 0), key=places.__getitem__))


def _whole(shows: Iterable[int]) -> Listing:
    listed = tuple(shows)
    return Listing(listed, len(listed))


@dataclass(frozen=True)
class _Standing:
    """All shows on one day: popularity by show, its transient part (a logarithm), the ranking of those left."""

    popularity: list[float]
    buzz: list[float]
    ranked: list[int]


@lru_cache(maxsize=8)
def _standing(day: int) -> _Standing:
    count = max(_REACHABLE, (day - FIRST_DAY) * NEW_SHOWS_A_DAY)
    draw = random.Random(day).random
    popularity, buzz = [], []
    for show in range(count):
        own = temper(show)
        passing = (
            own.slow_height * math.sin(day * own.slow_pace + own.slow_phase)
            + own.quick_height * math.sin(day * own.quick_pace + own.quick_phase)
            + _hit(own, day)
        )
        fading = 0.15 * math.log1p(max(0, day - own.start) / 200)
        popularity.append(math.exp(own.level - fading + passing + 0.04 * (draw() - 0.5)))
        buzz.append(passing)
    listed = (show for show in range(count) if day <= temper(show).vanishes)
    return _Standing(popularity, buzz, sorted(listed, key=popularity.__getitem__, reverse=True))


def _hit(own: Temper, day: int) -> float:
    """The popularity that a season's start adds: quickly up, slowly down again."""
    since = (day - own.start) % own.cycle / own.hit_days
    return own.hit * since * math.exp(1 - since) if since < 12 else 0.0


def _trending(standing: _Standing, day: int, path: str) -> list[int]:
    noise = 0.35 if path.endswith("/day") else 0.1
    draw = random.Random(stable_hash(f"{path}@{day}")).random
    score = [
        0.6 * math.log(popularity) + buzz + noise * draw()
        for popularity, buzz in zip(standing.popularity, standing.buzz, strict=True)
    ]
    return sorted(standing.ranked, key=score.__getitem__, reverse=True)


def _airs(own: Temper, day: int) -> bool:
    since = day - own.start
    on_screen = 0 <= since < own.seasons * own.cycle and since % own.cycle < own.season
    return on_screen and bool(own.weekdays >> day % 7 & 1)


def _airs_this_week(own: Temper, day: int) -> bool:
    if day + 6 < own.start or day >= own.start + own.seasons * own.cycle:
        return False
    return any(_airs(own, day + ahead) for ahead in range(7))


def _late_place(length: int, day: int) -> int | None:
    """A place on the first three pages: page 2 of 2025-12-24 repeated a show of page 1."""
    return stable_hash(f"late@{day}") % (3 * ROWS_PER_PAGE) if length > 5 * ROWS_PER_PAGE else None


def _votes(own: Temper, day: int) -> int:
    """Votes only ever grow: fast in the first year, then slowly."""
    age = max(0, day - own.premiere)
    return int(own.reach * (1 - math.exp(-age / 300) + age / 8000))


def _vote_average(show: int, day: int) -> float:
    own = temper(show)
    drift = 0.12 * math.sin(day * own.slow_pace / 5 + own.quick_phase)
    # TMDB gives most averages with three decimals, the others with one.
    return round(min(10.0, max(0.5, own.quality + drift)), 3 if show % 5 < 3 else 1)
