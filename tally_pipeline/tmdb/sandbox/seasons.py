"""The seasons of the sandbox's shows: which episodes a show has, and what is told of them on a day.

The days on which episodes air are those of the lists (`world`), and never move. What moves is what is told before:
a season is announced without a date, then with dates, and now and then a date is put off by a week.
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from tally_pipeline.tmdb.sandbox.invented import Temper, stable_hash, temper

TOLD_AHEAD = 14
"""The number of days ahead for which the episodes of a show that airs daily are known."""

_MOST_EARLIER = 4
_MOST_EPISODES = 80
_WEEK = 7
_YEAR = 364
_UNDATED_AT_FIRST = 0.7
_PUT_OFF = 0.25
_FORGOTTEN = 700


class Season(NamedTuple):
    """A season: the day of each of its episodes, and the days on which something is told of it.

    From the day `announced` on it is known that it will come, from `dated` on when. The episodes from the place
    `put_off` on are told to come a week before they do, until the day `corrected`.
    """

    number: int
    days: tuple[int, ...]
    announced: int
    dated: int
    put_off: int
    corrected: int
    daily: bool


class Told(NamedTuple):
    """A season as it is told on a day: the days of the episodes that are known, none while it has no date."""

    season: Season
    days: tuple[int, ...]

    @property
    def number(self) -> int:
        """Its number: 1 for the first."""
        return self.season.number

    def kind(self, episode: int) -> str:
        """TMDB's `episode_type` of the episode at this place."""
        count = len(self.season.days)
        if episode == count - 1:
            return "finale"
        halved = not self.season.daily and count >= 10 and self.season.days[0] % 4 == 0
        return "mid_season" if halved and episode == count // 2 - 1 else "standard"


class Course(NamedTuple):
    """A show on a day: its seasons, the last episode that aired before, the next one, and TMDB's status.

    An episode is a season and the place in it. One that airs on the day itself is the next.
    """

    seasons: tuple[Told, ...]
    last: tuple[Told, int] | None
    next: tuple[Told, int] | None
    status: str


@lru_cache(maxsize=4096)
def seasons(show: int) -> tuple[Season, ...]:
    """All seasons of a show: those before the sandbox's time, which classics have, and those of the lists."""
    own = temper(show)
    draw = random.Random(stable_hash(f"seasons/{show}")).random
    daily = own.season == own.cycle
    airing = [_airing(own, own.start + number * own.cycle) for number in range(own.seasons)]
    every = [*_earlier(own), *(part for days in airing for part in (_parted(days) if daily else [days]))]
    made: list[Season] = []
    for number, days in enumerate(every, start=1):
        known = made[-1].announced if made else 0
        made.append(_season(number, days, daily, known, [draw() for _ in range(6)]))
    return tuple(made)


def course(show: int, day: int) -> Course:
    """The show as it is told of on a day."""
    told = tuple(Told(season, _days(season, day)) for season in seasons(show) if season.announced <= day)
    last, following = None, None
    for season in told:
        aired = bisect_left(season.days, day)
        if aired:
            last = season, aired - 1
        if aired < len(season.days):
            following = season, aired
            break
    return Course(told, last, following, _status(show, told, day))


def _season(number: int, days: Sequence[int], daily: bool, known: int, u: Sequence[float]) -> Season:
    """A season, announced no earlier than `known`: the day when the one before it was."""
    dated = max(known, days[0] - 14 - int(50 * u[0]))
    announced = max(known, dated - (int(100 * u[1]) if u[2] < _UNDATED_AT_FIRST else 0))
    place, corrected = len(days), 0
    place_of_delay = 0 if u[4] < 0.6 else int(u[5] * len(days))
    # The first day of all is the show's own on every list, and does not move.
    if u[3] < _PUT_OFF and not daily and (number, place_of_delay) != (1, 0):
        place = place_of_delay
        # Told after the first dates were, and before the day that was told is reached.
        latest = days[place] - _WEEK - 1
        corrected = max(dated + 1, latest - int(20 * u[5]))
    return Season(number, tuple(days), announced, dated, place, corrected, daily)


def _earlier(own: Temper) -> list[list[int]]:
    """The seasons of a classic: one a year from its first day on, long before those of the lists."""
    gap = own.start - own.premiere
    if gap <= 0:
        return []
    count = min(_MOST_EARLIER, 1 + gap // _YEAR)
    apart = min(_YEAR, gap // count)
    episodes = min(6 + own.premiere % 8, (apart - 1) // _WEEK + 1)
    begins = (own.premiere + number * apart for number in range(count))
    return [[begin + week * _WEEK for week in range(episodes)] for begin in begins]


def _airing(own: Temper, begin: int) -> list[int]:
    """The days of the season that begins on a day, as the lists have them."""
    return [day for day in range(begin, begin + own.season) if own.weekdays >> day % 7 & 1]


def _parted(days: list[int]) -> list[list[int]]:
    """The days of a year of a show that airs daily, as seasons of a size that a reply may have."""
    return [days[first : first + _MOST_EPISODES] for first in range(0, len(days), _MOST_EPISODES)]


def _days(season: Season, day: int) -> tuple[int, ...]:
    if day < season.dated:
        return ()
    if season.daily:
        return season.days[: bisect_right(season.days, day + TOLD_AHEAD)]
    if day >= season.corrected:
        return season.days
    place = season.put_off
    return season.days[:place] + tuple(aired - _WEEK for aired in season.days[place:])


def _status(show: int, told: Sequence[Told], day: int) -> str:
    every = seasons(show)
    if day < every[0].days[0]:
        return "In Production" if day >= every[0].dated else "Planned"
    begun = [season for season in every if season.days[0] <= day]
    ended = begun[-1].days[-1]
    if day <= ended or told[-1].number > begun[-1].number:
        return "Returning Series"
    draw = stable_hash(f"end/{show}") % 1000
    if len(begun) < len(every):
        return "Ended" if day > ended + _FORGOTTEN else "Returning Series"
    # Half of the ends are known with the last episode, the others become so within four months.
    known = ended + 1 + (0 if draw < 500 else (draw - 500) // 4)
    if day < known:
        return "Returning Series"
    return "Canceled" if draw % 4 == 0 else "Ended"
