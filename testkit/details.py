"""Details made by hand: replies about shows, captures of them in a lake or in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tally_pipeline.bronze import details_capture
from tally_pipeline.bronze.details_capture import Carried, Head, LostPartError, Manifest, PartRef, Reply
from tally_pipeline.datasets.details import DETAILS

OFFERS = "watch/providers"


def offer(provider_id: int, name: str | None = None, priority: int | None = 1) -> dict[str, Any]:
    """An offer as TMDB writes it."""
    return {
        "logo_path": f"/logo{provider_id}.jpg",
        "provider_id": provider_id,
        "provider_name": name or f"Provider {provider_id}",
        "display_priority": priority,
    }


def show(show_id: int, **changes: Any) -> dict[str, Any]:
    """The reply about a show as TMDB writes it; a change to `...` takes the field away."""
    episode = {"season_number": 1, "episode_number": 2, "air_date": "2024-03-07", "episode_type": "finale"}
    whole: dict[str, Any] = {
        "adult": False,
        "id": show_id,
        "name": f"Show {show_id}",
        "original_name": f"Show {show_id}",
        "overview": "What happens.",
        "status": "Returning Series",
        "type": "Scripted",
        "in_production": True,
        "first_air_date": "2024-02-29",
        "last_air_date": "",
        "episode_run_time": [],
        "origin_country": ["GB", "GB"],
        "genres": [{"id": 18, "name": "Drama"}],
        "networks": [{"id": 4, "name": "BBC One"}],
        "number_of_episodes": 2,
        "number_of_seasons": 1,
        "popularity": 12.5,
        "vote_average": 7.5,
        "vote_count": 100,
        "last_episode_to_air": {**episode, "runtime": 50},
        "next_episode_to_air": None,
        "seasons": [
            {"season_number": 1, "name": "Season 1", "air_date": "2024-02-29", "episode_count": 2},
            {"season_number": 0, "name": "Specials", "air_date": None, "episode_count": 1},
        ],
        "external_ids": {"imdb_id": f"tt{show_id:07}", "tvdb_id": show_id, "wikidata_id": ""},
        "content_ratings": {"results": [{"iso_3166_1": "GB", "rating": "15"}]},
        "keywords": {"results": [{"id": 1, "name": "spy"}]},
        OFFERS: {"results": {"GB": {"link": "https://example.org", "flatrate": [offer(8), offer(9)]}}},
    }
    return {name: value for name, value in {**whole, **changes}.items() if value is not ...}


def reply(
    show_id: int,
    body: bytes | Mapping[str, Any] | None = None,
    *,
    status: int = 200,
    at: str = "2026-01-07T03:20:00Z",
) -> Reply:
    """A reply with what is recorded about it."""
    text = body if isinstance(body, bytes) else msgspec.json.encode(show(show_id) if body is None else body)
    digest = hashlib.sha256(text).hexdigest()
    return Reply(Head(show_id=show_id, status=status, received_at=at, sha256=digest, bytes=len(text)), text)


def gone(show_id: int) -> Reply:
    """TMDB's reply about a show that it does not have any more."""
    return reply(show_id, {"success": False, "status_code": 34, "status_message": "…"}, status=404)


@dataclass
class Parts:
    """The parts of captures in memory, by key."""

    bodies: dict[str, bytes] = field(default_factory=dict)

    def put(self, day: str, name: str, replies: Sequence[Reply], number: int = 0) -> PartRef:
        """Keep a part; returns what a manifest says of it."""
        key = DETAILS.place.part_key(day, name, number)
        body = details_capture.encode_part(map(details_capture.encode_reply, replies))
        self.bodies[key] = body
        shows = tuple(one.head.show_id for one in replies)
        return PartRef(key=key, sha256=hashlib.sha256(body).hexdigest(), shows=shows)

    def read(self, part: PartRef) -> Iterator[Reply]:
        """The replies that are meant of a part; raises `LostPartError`."""
        if part.key not in self.bodies:
            raise LostPartError(f"{part.key} is lost")
        replies = {one.head.show_id: one for one in details_capture.decode_part(self.bodies[part.key])}
        return iter([replies[show_id] for show_id in part.shows])


def manifest(
    day: str,
    parts: Iterable[PartRef] = (),
    *,
    carried: Iterable[Carried] = (),
    gone: Iterable[int] = (),
    missing: Iterable[int] = (),
    name: str = "a",
    at: str = "03:20:00",
    **changes: Any,
) -> Manifest:
    """The manifest of a capture that holds these parts."""
    refs, lost = tuple(parts), tuple(missing)
    came = sum(len(ref.shows) for ref in refs)
    fields: dict[str, Any] = {
        "ingestion_timestamp": f"{day}T{at}.000Z",
        "execution_id": name,
        "dt": day,
        "source": "sandbox",
        "client": "tally/1",
        "language": "en-US",
        "verdict": details_capture.verdict(asked=came + len(lost), answered=came),
        "chosen": {"in a list": came + len(lost)},
        "asked": came + len(lost),
        "gone": tuple(sorted(gone)),
        "missing": tuple(details_capture.MissingShow(show_id=one, error="it stayed broken") for one in lost),
        "parts": refs,
        "carried": tuple(carried),
    }
    return Manifest(**{**fields, **changes})
