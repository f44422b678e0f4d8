"""Silver of details a second way: plain Python over `json.loads`, with nothing of the pipeline's own reading."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

Row = dict[str, Any]
Offer = tuple[int, str, str, int]
"""Show, country, kind, provider."""

_KINDS = ("flatrate", "buy", "rent", "ads", "free")


def row(body: bytes | str, seen_on: str, age_days: int) -> Row:
    """The row of silver that a sound reply makes."""
    told = json.loads(body)
    ids = told.get("external_ids") or {}
    made: Row = {
        "show_id": told["id"],
        "title": _text(told, "name"),
        "original_title": _text(told, "original_name"),
        **{
            name: _text(told, name)
            for name in ("overview", "status", "type", "first_air_date", "last_air_date")
        },
        **{name: _text(told, name) for name in ("original_language", "poster_path", "homepage")},
        **{name: told.get(name) for name in ("in_production", "popularity", "vote_average", "vote_count")},
        "episodes": told.get("number_of_episodes"),
        "seasons": told.get("number_of_seasons"),
        "origin_country": _once(told.get("origin_country") or []),
        "genre_ids": _once(one["id"] for one in told.get("genres") or []),
        "networks": _once(_text(one, "name") for one in told.get("networks") or []),
        "keywords": _once(_text(one, "name") for one in (told.get("keywords") or {}).get("results", [])),
        "imdb_id": _text(ids, "imdb_id"),
        "wikidata_id": _text(ids, "wikidata_id"),
        "tvdb_id": ids.get("tvdb_id"),
        "ratings": _ratings((told.get("content_ratings") or {}).get("results", [])),
        "season_list": [
            {
                "season_number": one["season_number"],
                "name": _text(one, "name"),
                "air_date": _text(one, "air_date"),
                "episode_count": one.get("episode_count"),
                "vote_average": one.get("vote_average"),
            }
            for one in sorted(told.get("seasons") or [], key=lambda one: int(one["season_number"]))
        ],
        "running_episodes": [
            {
                "season_number": one["season_number"],
                "episode_number": one["episode_number"],
                "air_date": _text(one, "air_date"),
                "name": _text(one, "name"),
                "runtime": one.get("runtime") or None,
                "episode_type": _text(one, "episode_type"),
            }
            for name, season in told.items()
            if name.startswith("season/") and name[7:].isdigit()
            for one in season.get("episodes", [])
        ],
        "offers": _offers(told["watch/providers"]["results"]),
        "is_gone": False,
        "seen_on": seen_on,
        "age_days": age_days,
    }
    minutes = list(told.get("episode_run_time") or [])
    for which in ("last", "next"):
        episode = told.get(f"{which}_episode_to_air") or {}
        minutes.append(episode.get("runtime"))
        made[f"{which}_episode_date"] = _text(episode, "air_date")
        made[f"{which}_episode_season"] = episode.get("season_number")
        made[f"{which}_episode_number"] = episode.get("episode_number")
        made[f"{which}_episode_type"] = _text(episode, "episode_type")
    made["runtime"] = next((one for one in minutes if one), None)
    return made


def gone_row(show_id: int, seen_on: str) -> Row:
    """The row of silver of a show that TMDB has no more."""
    empty: Row = dict.fromkeys(
        row(json.dumps({"id": show_id, "watch/providers": {"results": {}}}), seen_on, 0)
    )
    lists = ("origin_country", "genre_ids", "networks", "keywords", "ratings", "season_list")
    return (
        empty
        | {name: [] for name in (*lists, "running_episodes", "offers")}
        | {
            "show_id": show_id,
            "is_gone": True,
            "seen_on": seen_on,
            "age_days": 0,
        }
    )


def offers_of(bodies: Iterable[bytes]) -> set[Offer]:
    """Every offer that stands in these replies."""
    found: set[Offer] = set()
    for body in bodies:
        told = json.loads(body)
        for country, by_kind in told["watch/providers"]["results"].items():
            for kind, offers in by_kind.items():
                if kind in _KINDS:
                    found |= {(told["id"], country, kind, one["provider_id"]) for one in offers}
    return found


def _offers(results: Mapping[str, Any]) -> list[Row]:
    found: dict[tuple[int, int, str], Row] = {}
    for country, by_kind in results.items():
        for order, kind in enumerate(_KINDS):
            for one in by_kind.get(kind, []):
                found[order, one["provider_id"], country] = {
                    "country": country,
                    "kind": kind,
                    "provider_id": one["provider_id"],
                    "provider_name": _text(one, "provider_name"),
                    "display_priority": one.get("display_priority"),
                }
    return [found[place] for place in sorted(found)]


def _ratings(results: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    first: dict[str, str] = {}
    for one in results:
        rating = _text(one, "rating")
        if rating and one["iso_3166_1"] not in first:
            first[one["iso_3166_1"]] = rating
    return sorted(first.items())


def _text(told: Mapping[str, Any], name: str) -> str | None:
    value = told.get(name)
    return value if value is not None and value.strip() else None


def _once(values: Iterable[Any]) -> list[Any]:
    kept: list[Any] = []
    for value in values:
        if value is not None and value not in kept:
            kept.append(value)
    return kept
