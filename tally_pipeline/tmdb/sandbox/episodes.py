"""The seasons and episodes of the sandbox's shows as TMDB writes them, in the details and alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date
from typing import Any

from tally_pipeline.tmdb.sandbox.brands import logo
from tally_pipeline.tmdb.sandbox.invented import FIRST_ID, stable_hash, temper
from tally_pipeline.tmdb.sandbox.makers import hex_id, network, someone
from tally_pipeline.tmdb.sandbox.names import heading, person, sentence
from tally_pipeline.tmdb.sandbox.seasons import Course, Told, course

_Object = dict[str, Any]
_DETAILS_EPISODE = tuple(
    "id name overview vote_average vote_count air_date episode_number episode_type production_code runtime "
    "season_number show_id still_path".split()
)


def runtime(show: int) -> int:
    """The minutes that an episode of a show takes, about."""
    return 22 + stable_hash(f"runtime/{show}") % 40


def season_entries(show: int, told: Course, day: int) -> list[_Object]:
    """The seasons as the details list them, specials first."""
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


def short_episode(show: int, at: tuple[Told, int] | None, day: int) -> _Object | None:
    """An episode, the place in a season, as the details have it; None for none."""
    if at is None:
        return None
    made = _episode(show, *at, day)
    return {field: made[field] for field in _DETAILS_EPISODE}


def _episode(show: int, season: Told, place: int, day: int) -> _Object:
    """An episode as a season has it, without those who made it; it has no title before it is about to air."""
    air_day = season.days[place]
    draw = random.Random(stable_hash(f"episode/{show}/{season.number}/{place}")).random
    titled, told = draw() < 0.6, draw() < 0.5
    title, overview = heading(draw), sentence(draw)
    length, quality = runtime(show) + int(draw() * 7) - 3, temper(show).quality + draw() - 0.5
    votes = int(temper(show).reach * draw() / 20) if air_day < day else 0
    near = air_day <= day + 10
    return {
        "air_date": _iso(air_day),
        "episode_number": place + 1,
        "episode_type": season.kind(place),
        "id": 1_000_000_000 + show * 10_000 + season.number * 200 + place,
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


def season_reply(show: int, number: int, day: int) -> _Object | None:
    """A season with its episodes, 0 for the specials; None if it is not there on the day."""
    told = course(show, day)
    if number == 0:
        return _special_season(show, told, day)
    season = next((season for season in told.seasons if season.number == number), None)
    if season is None:
        return None
    entry = _season_entry(show, season, day)
    episodes = [_season_episode(show, season, place, day) for place in range(len(season.days))]
    return _reply(show, entry, episodes)


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
    return _reply(show, entry, [{**episode, "episode_type": "standard"} for episode in episodes])


def _reply(show: int, entry: _Object, episodes: Sequence[_Object]) -> _Object:
    return {
        "_id": hex_id(f"season/{entry['id']}"),
        "air_date": entry["air_date"],
        "episodes": episodes,
        "name": entry["name"],
        "networks": [network(show)],
        "overview": entry["overview"],
        "id": entry["id"],
        "poster_path": entry["poster_path"],
        "season_number": entry["season_number"],
        "vote_average": entry["vote_average"],
    }


def _season_episode(show: int, season: Told, place: int, day: int) -> _Object:
    made = _episode(show, season, place, day)
    # Who made an episode is known of few: every one that is would triple it.
    known = not season.season.daily and season.days[place] < day and place % 4 == 0
    return {
        **made,
        "crew": [_crew(show, place)] if known else [],
        "guest_stars": [_guest(show, place)] if known and place == 0 else [],
    }


def _crew(show: int, place: int) -> _Object:
    return {
        "department": "Directing",
        "job": "Director",
        "credit_id": hex_id(f"crew/{show}/{place}"),
        "adult": False,
        **_credited(f"crew/{show}/{place % 3}", "Directing"),
    }


def _guest(show: int, place: int) -> _Object:
    seed = f"guest/{show}/{place}"
    return {
        "character": person(random.Random(stable_hash(f"role/{seed}")).random),
        "credit_id": hex_id(seed),
        "order": 500,
        "adult": False,
        **_credited(seed, "Acting"),
    }


def _credited(seed: str, department: str) -> _Object:
    whoever = someone(seed)
    return {
        "gender": whoever["gender"],
        "id": whoever["id"],
        "known_for_department": department,
        "name": whoever["name"],
        "original_name": whoever["original_name"],
        "popularity": whoever["id"] % 40_000 / 10_000,
        "profile_path": whoever["profile_path"],
    }


def _season_id(show: int, number: int) -> int:
    return 100_000_000 + show * 50 + number


def _iso(day: int) -> str:
    return date.fromordinal(day).isoformat()
