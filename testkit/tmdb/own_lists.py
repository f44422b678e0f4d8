"""Tally's own lists, for tests with data (recordings, quirks, a history) of only these, not of lists added since."""

from __future__ import annotations

from tally_pipeline.tmdb.lists import list_named

LISTS = tuple(map(list_named, ("popular_shows", "trending_shows", "airing_today", "on_the_air")))
