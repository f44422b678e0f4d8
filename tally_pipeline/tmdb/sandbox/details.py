"""The details of the sandbox's shows on a day, and the parts that can be appended to them.

Pure functions of show and day, in TMDB's fields and order, and what the lists of that day say of a show holds here.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import msgspec

from tally_pipeline.tmdb.sandbox import offers, world
from tally_pipeline.tmdb.sandbox.brands import NAMES
from tally_pipeline.tmdb.sandbox.episodes import runtime, season_entries, season_reply, short_episode
from tally_pipeline.tmdb.sandbox.invented import FIRST_ID, GENRES, facts, stable_hash
from tally_pipeline.tmdb.sandbox.makers import company, creator, network
from tally_pipeline.tmdb.sandbox.names import pick
from tally_pipeline.tmdb.sandbox.seasons import course

MOST_PARTS = 20
"""The number of parts that TMDB appends to a reply at most."""

RECOMMENDED = 8

_Object = dict[str, Any]
_SEASON = re.compile(r"season/(\d{1,4})")
# The order of the fields is read off a reply of December 2025.
_FIELDS = tuple(
    "adult backdrop_path created_by episode_run_time first_air_date genres homepage id in_production languages "
    "last_air_date last_episode_to_air name next_episode_to_air networks number_of_episodes number_of_seasons "
    "origin_country original_language original_name overview popularity poster_path production_companies "
    "production_countries seasons spoken_languages status tagline type vote_average vote_count".split()
)
_LANGUAGES: Mapping[str, tuple[str, str]] = MappingProxyType({
    "en": ("English", "English"), "ja": ("Japanese", "日本語"), "ko": ("Korean", "한국어/조선말"),
    "zh": ("Mandarin", "普通话"), "es": ("Spanish", "Español"), "pt": ("Portuguese", "Português"),
    "fr": ("French", "Français"), "de": ("German", "Deutsch"), "tr": ("Turkish", "Türkçe"),
    "ru": ("Russian", "Pусский"), "cn": ("Cantonese", "广州话 / 廣州話"), "ar": ("Arabic", "العربية"),
    "hi": ("Hindi", "हिन्दी"), "tl": ("Tagalog", "Tagalog"),
})  # fmt: skip
_TYPES = ("Scripted", "Scripted", "Scripted", "Scripted", "Miniseries", "Documentary", "Reality", "Talk Show")
_TAGLINES = (
    "Nobody knocks twice.",
    "It was Tuesday.",
    "Bring a spoon.",
    "They came for the soup.",
    "Look down.",
)
_KEYWORDS = (
    "teapot", "small town", "borrowed time", "rivalry", "postman", "lighthouse", "family feud", "lost umbrella",
    "time loop", "village choir", "forbidden pancake", "secret cellar", "marching band", "winter", "inheritance",
)  # fmt: skip
_RATINGS: Mapping[str, Sequence[str]] = MappingProxyType({
    "AU": ("PG", "M", "MA 15+"), "BR": ("L", "12", "16"), "DE": ("6", "12", "16"), "ES": ("7", "12", "16"),
    "FR": ("10", "12", "16"), "GB": ("U", "12", "15"), "KR": ("ALL", "15", "19"), "US": ("TV-PG", "TV-14", "TV-MA"),
})  # fmt: skip


def details_body(show_id: int, parts: Sequence[str], day: date) -> bytes | None:
    """The reply to `/tv/{show_id}` on `day` with these parts appended; None if TMDB has no such show then.

    A part that TMDB does not know, and a season that is not there, are left out. Raises `ValueError` for more parts
    than TMDB appends.
    """
    if len(parts) > MOST_PARTS:
        raise ValueError(f"{len(parts)} parts of show {show_id} asked for: TMDB appends {MOST_PARTS} at most")
    show = show_id - FIRST_ID
    if not world.is_there(show, day):
        return None
    body = _details(show, day)
    for part in dict.fromkeys(parts):
        content = _part(show, part, day)
        if content is not None:
            body[part] = content
    return msgspec.json.encode(body)


def part_body(show_id: int, part: str, day: date) -> bytes | None:
    """The reply to `/tv/{show_id}/{part}` on `day`; None if TMDB has no such show or season then, or no such part."""
    show = show_id - FIRST_ID
    content = _part(show, part, day) if world.is_there(show, day) else None
    if content is None:
        return None
    if part in _ENDING_WITH_ID:
        content = {**content, "id": show_id}
    elif part in _BEGINNING_WITH_ID:
        content = {"id": show_id, **content}
    return msgspec.json.encode(content)


def shows_on_air(day: date) -> Sequence[int]:
    """The ids of the shows that `/tv/on_the_air` has on `day`."""
    return tuple(FIRST_ID + show for show in world.listing("/tv/on_the_air", day).shows)


def _details(show: int, day: date) -> _Object:
    ordinal = day.toordinal()
    told = course(show, ordinal)
    listed = world.row(show, day, trending=False)
    last, following = (short_episode(show, at, ordinal) for at in (told.last, told.next))
    values = {
        **listed,
        **_fixed(show),
        "genres": [{"id": genre, "name": GENRES[genre]} for genre in dict.fromkeys(listed["genre_ids"])],
        "in_production": told.status in ("Returning Series", "In Production"),
        "last_air_date": last["air_date"] if last else None,
        "last_episode_to_air": last,
        "next_episode_to_air": following,
        "number_of_episodes": sum(len(season.days) for season in told.seasons),
        "number_of_seasons": len(told.seasons),
        "seasons": season_entries(show, told, ordinal),
        "status": told.status,
    }
    return {field: values[field] for field in _FIELDS}


@lru_cache(maxsize=8192)
def _fixed(show: int) -> _Object:
    """The fields of the details that are on no list and never change."""
    draw = random.Random(stable_hash(f"details/{show}")).random
    own = facts(show)
    languages = [own["original_language"]]
    if draw() < 0.1:
        languages = list(dict.fromkeys([*languages, pick(draw, tuple(_LANGUAGES))]))
    return {
        "created_by": [creator(show, number, draw()) for number in range(int(draw() * 2.2))],
        "episode_run_time": [] if draw() < 0.55 else [runtime(show)],
        "homepage": "" if draw() < 0.32 else f"https://show{show}.example/",
        "languages": languages,
        "networks": [network(show)],
        "production_companies": [company(draw, own) for _ in range(int(draw() * 2.5))],
        "production_countries": [
            {"iso_3166_1": country, "name": NAMES[country][0]} for country in own["origin_country"]
        ],
        "spoken_languages": [
            {"english_name": _LANGUAGES[code][0], "iso_639_1": code, "name": _LANGUAGES[code][1]}
            for code in languages
        ],
        "tagline": "" if draw() < 0.6 else pick(draw, _TAGLINES),
        "type": pick(draw, _TYPES),
    }


def _part(show: int, part: str, day: date) -> _Object | None:
    """A part of a show's details as it is appended; None for a part that is not there."""
    season = _SEASON.fullmatch(part)
    if season:
        return season_reply(show, int(season[1]), day.toordinal())
    make = _PARTS.get(part)
    return make(show, day) if make else None


def _external_ids(show: int, day: date) -> _Object:
    """The show's ids elsewhere, each far beyond any that was given there."""
    draw = random.Random(stable_hash(f"external/{show}")).random
    slug = f"tally_sandbox_{show}"
    return {
        "imdb_id": None if draw() < 0.2 else f"tt9{show:09d}",
        "freebase_mid": None,
        "freebase_id": None,
        "tvdb_id": None if draw() < 0.2 else 70_000_001 + show,
        "tvrage_id": None,
        "wikidata_id": None if draw() < 0.5 else f"Q9{show:09d}",
        "facebook_id": slug if draw() < 0.1 else None,
        "instagram_id": slug if draw() < 0.2 else None,
        "twitter_id": slug if draw() < 0.1 else None,
    }


def _content_ratings(show: int, day: date) -> _Object:
    draw = random.Random(stable_hash(f"ratings/{show}")).random
    severity = int(draw() * 3)
    rows = [
        {"descriptors": [], "iso_3166_1": country, "rating": ratings[severity]}
        for country, ratings in _RATINGS.items()
        if draw() < 0.4
    ]
    return {"results": rows}


def _keywords(show: int, day: date) -> _Object:
    draw = random.Random(stable_hash(f"keywords/{show}")).random
    places = dict.fromkeys(int(draw() * len(_KEYWORDS)) for _ in range(int(draw() * 6)))
    return {"results": [{"name": _KEYWORDS[place], "id": 9_700_001 + place} for place in places]}


def _recommendations(show: int, day: date) -> _Object:
    """Shows that are listed on this day; which, hardly changes."""
    count = len(world.popularity(day))
    others = dict.fromkeys(stable_hash(f"like/{show}/{turn}") % 10_000 for turn in range(RECOMMENDED + 4))
    shows = [other for other in others if other < count and other != show and world.is_there(other, day)]
    rows = [world.row(other, day, trending=True) for other in shows[:RECOMMENDED]]
    return {"page": 1, "results": rows, "total_pages": 1, "total_results": len(rows)}


def _watch_providers(show: int, day: date) -> _Object:
    return {"results": offers.results(show, day.toordinal())}


_PARTS: Mapping[str, Callable[[int, date], _Object]] = MappingProxyType({
    "watch/providers": _watch_providers,
    "external_ids": _external_ids,
    "content_ratings": _content_ratings,
    "keywords": _keywords,
    "recommendations": _recommendations,
})  # fmt: skip
# A part that is asked for alone also says whose it is; where, differs.
_BEGINNING_WITH_ID = {"watch/providers", "external_ids", "keywords"}
_ENDING_WITH_ID = {"content_ratings"}
