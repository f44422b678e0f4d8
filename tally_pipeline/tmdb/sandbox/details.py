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
from tally_pipeline.tmdb.sandbox.brands import NAMES, logo
from tally_pipeline.tmdb.sandbox.invented import FIRST_ID, GENRES, facts, stable_hash, temper
from tally_pipeline.tmdb.sandbox.names import heading, person, pick, sentence
from tally_pipeline.tmdb.sandbox.seasons import Course, Told, course

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
    last, following = (_details_episode(show, at, ordinal) for at in (told.last, told.next))
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
        "seasons": _seasons(show, told, ordinal),
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
        "created_by": [_creator(show, number, draw()) for number in range(int(draw() * 2.2))],
        "episode_run_time": [] if draw() < 0.55 else [_runtime(show)],
        "homepage": "" if draw() < 0.32 else f"https://show{show}.example/",
        "languages": languages,
        "networks": [_network(show)],
        "production_companies": [_company(draw, own) for _ in range(int(draw() * 2.5))],
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


def _creator(show: int, number: int, u: float) -> _Object:
    someone = _someone(f"creator/{show}/{number}")
    return {
        "id": someone["id"],
        "credit_id": _hex_id(f"credit/{show}/{number}"),
        "name": someone["name"],
        "original_name": someone["original_name"],
        "gender": someone["gender"],
        "profile_path": None if u < 0.3 else someone["profile_path"],
    }


def _someone(seed: str) -> _Object:
    number = stable_hash(seed)
    name = person(random.Random(number).random)
    return {
        "id": 90_000_001 + number % 5_000_000,
        "name": name,
        "original_name": name,
        "gender": number % 3,
        "profile_path": logo(number % 1_000_000),
    }


def _network(show: int) -> _Object:
    """Where a show runs: the brand that made it for itself, or a station of its country."""
    brand = offers.original_of(show)
    country = next(iter(facts(show)["origin_country"]), "")
    name = brand or f"{_STATIONS[show % len(_STATIONS)]} {country}".strip()
    number = 9_500_001 + stable_hash(f"network/{name}") % 100_000
    return {
        "id": number,
        "logo_path": logo(number),
        "name": name,
        "origin_country": "" if brand else country,
    }


_STATIONS = ("Canal Grommet", "Plock One", "Wum Broadcasting", "Radio Fizz TV")


def _company(draw: Callable[[], float], own: Mapping[str, Any]) -> _Object:
    name = f"{person(draw).split()[1]} Pictures"
    number = 9_600_001 + stable_hash(f"company/{name}") % 100_000
    return {
        "id": number,
        "logo_path": None if number % 3 == 0 else logo(number),
        "name": name,
        "origin_country": next(iter(own["origin_country"]), ""),
    }


def _runtime(show: int) -> int:
    return 22 + stable_hash(f"runtime/{show}") % 40


def _seasons(show: int, told: Course, day: int) -> list[_Object]:
    entries = [_season_entry(show, season, day) for season in told.seasons]
    specials = _specials(show, told, day)
    return [specials, *entries] if specials else entries


def _season_entry(show: int, season: Told, day: int) -> _Object:
    return {
        "air_date": _iso(season.days[0]) if season.days else None,
        "episode_count": len(season.days),
        "id": _season_id(show, season.number),
        "name": f"Season {season.number}",
        "overview": "",
        "poster_path": logo(_season_id(show, season.number)) if season.days else None,
        "season_number": season.number,
        "vote_average": _season_vote(show, season.number) if season.days and season.days[0] < day else 0.0,
    }


def _season_vote(show: int, number: int) -> float:
    around = stable_hash(f"season-vote/{show}/{number}") % 100 / 100
    return round(temper(show).quality + around - 0.5, 1)


def _specials(show: int, told: Course, day: int) -> _Object | None:
    """The entry of the specials, which some shows have after their first season."""
    draw = stable_hash(f"specials/{show}")
    aired = told.seasons[0].season.days[-1] + 20 if told.seasons else day
    if draw % 10 >= 3 or aired >= day:
        return None
    return {
        "air_date": _iso(aired),
        "episode_count": 1 + draw // 10 % 4,
        "id": _season_id(show, 0),
        "name": "Specials",
        "overview": "",
        "poster_path": None,
        "season_number": 0,
        "vote_average": 0.0,
    }


def _details_episode(show: int, at: tuple[Told, int] | None, day: int) -> _Object | None:
    if at is None:
        return None
    made = _episode(show, *at, day)
    return {field: made[field] for field in _DETAILS_EPISODE}


_DETAILS_EPISODE = tuple(
    "id name overview vote_average vote_count air_date episode_number episode_type production_code runtime "
    "season_number show_id still_path".split()
)


def _episode(show: int, season: Told, place: int, day: int) -> _Object:
    """An episode as a season has it, without those who made it; it has no title before it is about to air."""
    air_day = season.days[place]
    draw = random.Random(stable_hash(f"episode/{show}/{season.number}/{place}")).random
    titled, told = draw() < 0.6, draw() < 0.5
    title, overview = heading(draw), sentence(draw)
    length, quality = _runtime(show) + int(draw() * 7) - 3, temper(show).quality + draw() - 0.5
    votes = int(temper(show).reach * draw() / 20) if air_day < day else 0
    near = air_day <= day + 10
    return {
        "air_date": _iso(air_day),
        "episode_number": place + 1,
        "episode_type": season.kind(place),
        "id": 1_000_000_000 + show * 10_000 + season.number * 500 + place,
        "name": title if titled and near else f"Episode {place + 1}",
        "overview": overview if told and near else "",
        "production_code": "",
        "runtime": length if near else None,
        "season_number": season.number,
        "show_id": FIRST_ID + show,
        "still_path": logo(show * 10_000 + place) if air_day < day else None,
        "vote_average": round(quality, 1) if votes else 0.0,
        "vote_count": votes,
    }


def _part(show: int, part: str, day: date) -> _Object | None:
    """A part of a show's details as it is appended; None for a part that is not there."""
    season = _SEASON.fullmatch(part)
    if season:
        return _season(show, int(season[1]), day.toordinal())
    make = _PARTS.get(part)
    return make(show, day) if make else None


def _season(show: int, number: int, day: int) -> _Object | None:
    told = course(show, day)
    if number == 0:
        return _special_season(show, told, day)
    season = next((season for season in told.seasons if season.number == number), None)
    if season is None:
        return None
    entry = _season_entry(show, season, day)
    episodes = [_season_episode(show, season, place, day) for place in range(len(season.days))]
    return _season_reply(show, entry, episodes)


def _special_season(show: int, told: Course, day: int) -> _Object | None:
    entry = _specials(show, told, day)
    if entry is None:
        return None
    first = told.seasons[0].season
    aired = first.days[-1] + 20
    season = Told(
        first._replace(number=0, days=(aired,) * entry["episode_count"]), (aired,) * entry["episode_count"]
    )
    episodes = [_season_episode(show, season, place, day) for place in range(entry["episode_count"])]
    return _season_reply(show, entry, [{**episode, "episode_type": "standard"} for episode in episodes])


def _season_reply(show: int, entry: _Object, episodes: Sequence[_Object]) -> _Object:
    return {
        "_id": _hex_id(f"season/{entry['id']}"),
        "air_date": entry["air_date"],
        "episodes": episodes,
        "name": entry["name"],
        "networks": [_network(show)],
        "overview": entry["overview"],
        "id": entry["id"],
        "poster_path": entry["poster_path"],
        "season_number": entry["season_number"],
        "vote_average": entry["vote_average"],
    }


def _season_episode(show: int, season: Told, place: int, day: int) -> _Object:
    made = _episode(show, season, place, day)
    # Who made the episodes of a daily show is known to nobody: there are hundreds of them.
    known = not season.season.daily and season.days[place] < day
    return {
        **made,
        "crew": [_crew(show, place)] if known else [],
        "guest_stars": [_guest(show, place)] if known and place % 3 == 0 else [],
    }


def _crew(show: int, place: int) -> _Object:
    return {
        "department": "Directing",
        "job": "Director",
        "credit_id": _hex_id(f"crew/{show}/{place}"),
        "adult": False,
        **_credited(f"crew/{show}/{place % 3}", "Directing"),
    }


def _guest(show: int, place: int) -> _Object:
    seed = f"guest/{show}/{place}"
    return {
        "character": person(random.Random(stable_hash(f"role/{seed}")).random),
        "credit_id": _hex_id(seed),
        "order": 500,
        "adult": False,
        **_credited(seed, "Acting"),
    }


def _credited(seed: str, department: str) -> _Object:
    someone = _someone(seed)
    return {
        "gender": someone["gender"],
        "id": someone["id"],
        "known_for_department": department,
        "name": someone["name"],
        "original_name": someone["original_name"],
        "popularity": someone["id"] % 40_000 / 10_000,
        "profile_path": someone["profile_path"],
    }


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


def _season_id(show: int, number: int) -> int:
    return 100_000_000 + show * 20 + number


def _hex_id(seed: str) -> str:
    return f"{stable_hash(seed):016x}{stable_hash(seed + '/'):016x}"[:24]


def _iso(day: int) -> str:
    return date.fromordinal(day).isoformat()
