"""The catalogue of TMDB lists that Tally captures.

A new list is one new entry in `LISTS`: assets, checks, schedule, sensor, sandbox and CLI derive from it.
Paths, parameters and limits: https://developer.themoviedb.org/reference/tv-series-popular-list and siblings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from tally_pipeline.declaration import name_faults, require

MAX_PAGES = 500
"""TMDB answers page 501 with HTTP 400 and body code 22, even if `total_pages` is greater."""

ROWS_PER_PAGE = 20
"""Rows on every page of a TMDB list but the last."""


@dataclass(frozen=True)
class ShowList:
    """One TMDB list of TV shows.

    `name` is the `data_type` of its rows and the last part of its asset keys; `path` is below the API's base
    URL and may hold `{window}`, the trending window; `depth` is the number of pages captured by default
    (None: to the end, at most `MAX_PAGES`); `sends_timezone` is true if TMDB takes `timezone` for it.
    """

    name: str
    path: str
    depth: int | None
    title: str
    description: str
    sends_timezone: bool = False

    def path_for(self, window: str) -> str:
        """The list's path with the trending window filled in; lists without one ignore it."""
        return self.path.format(window=window)


LISTS: tuple[ShowList, ...] = (
    ShowList(
        name="popular_shows",
        path="/tv/popular",
        depth=50,
        title="Popular shows",
        description="TMDB's ranking by current popularity, most popular first.",
    ),
    ShowList(
        name="trending_shows",
        path="/trending/tv/{window}",
        depth=25,
        title="Trending shows",
        description="What TMDB's users look at most over the last day (or week, by setting).",
    ),
    ShowList(
        name="airing_today",
        path="/tv/airing_today",
        depth=None,
        title="Airing today",
        description="Shows with an episode airing today in the configured timezone.",
        sends_timezone=True,
    ),
    ShowList(
        name="on_the_air",
        path="/tv/on_the_air",
        depth=None,
        title="On the air",
        description="Shows with an episode airing in the next seven days in the configured timezone.",
        sends_timezone=True,
    ),
)


def list_faults(lists: Sequence[ShowList]) -> Iterable[str]:
    """The faults of a catalogue, each with its remedy."""
    yield from name_faults("list", (one.name for one in lists))
    paths = [one.path for one in lists]
    for one in lists:
        if not one.path.startswith("/") or _bare(one.path) != quote(_bare(one.path)):
            yield (
                f"the path {one.path!r} of {one.name!r} is no path below the API's address: write it as TMDB's"
                " reference does, from the first slash, with {window} as its only placeholder"
            )
        if paths.count(one.path) > 1:
            yield f"the path {one.path!r} of {one.name!r} is another list's too: each list has its own"
        if one.depth is not None and not 1 <= one.depth <= MAX_PAGES:
            yield f"the depth {one.depth} of {one.name!r} is not from 1 to {MAX_PAGES}; None is all pages"
        if not (one.title.strip() and one.description.strip()):
            yield f"{one.name!r} needs a title and a description: people read them in the UI"


def _bare(path: str) -> str:
    return path.replace("{window}", "day")


require("tally_pipeline/tmdb/lists.py", list_faults(LISTS))


class UnknownListError(LookupError):
    """The catalogue has no list of this name; the message lists the names."""


def list_named(name: str) -> ShowList:
    """The catalogue's entry of this name; raises `UnknownListError` otherwise."""
    for show_list in LISTS:
        if show_list.name == name:
            return show_list
    names = ", ".join(show_list.name for show_list in LISTS)
    raise UnknownListError(f"there is no list {name!r}; the lists are: {names}")
