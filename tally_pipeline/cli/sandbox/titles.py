"""The titles for the sandbox's viewers: its most popular shows, with the ids and genres that the lake has."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import msgspec

from tally_pipeline.events.invented import Shelf, Title
from tally_pipeline.tmdb.sandbox import offers, world
from tally_pipeline.tmdb.sandbox.episodes import runtime
from tally_pipeline.tmdb.sandbox.invented import FIRST_ID, facts, temper
from tally_pipeline.tmdb.sandbox.seasons import course

TITLES = 200
_PERIOD = 28
"""Days with the same titles: a day's popularity costs a tenth of a second."""


def shelf_of(day: int) -> Shelf:
    """The titles of a day (an ordinal): those that were popular as its period began, less what has vanished since."""
    begin = day // _PERIOD * _PERIOD
    titles = _titles(begin)
    gone = frozenset(title.show_id for title in titles if temper(title.show_id - FIRST_ID).vanishes <= day)
    return _shelf(begin, gone)


@lru_cache(maxsize=4)
def _shelf(begin: int, gone: frozenset[int]) -> Shelf:
    return Shelf([title for title in _titles(begin) if title.show_id not in gone])


@lru_cache(maxsize=16)
def _titles(day: int) -> tuple[Title, ...]:
    on = date.fromordinal(day)
    popularity = world.popularity(on)
    titles: list[Title] = []
    for show in world.ranked(on):
        aired = [sum(air < day for air in season.days) for season in course(show, day).seasons]
        by_country = offers.results(show, day)
        ways = {
            way["provider_id"]: None
            for country in sorted(by_country)
            for way in map(msgspec.json.decode, by_country[country].get("flatrate", ()))
        }
        if any(aired) and ways:
            titles.append(
                Title(
                    FIRST_ID + show,
                    tuple(dict.fromkeys(facts(show)["genre_ids"])),
                    popularity[show],
                    tuple(count for count in aired if count),
                    runtime(show),
                    tuple(sorted(ways))[:4],
                )
            )
        if len(titles) == TITLES:
            break
    return tuple(titles)
