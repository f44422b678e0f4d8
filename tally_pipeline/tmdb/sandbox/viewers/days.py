"""A viewer's day: what happens, when, on which device."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from tally_pipeline.tmdb.sandbox.episodes import runtime
from tally_pipeline.tmdb.sandbox.invented import FIRST_ID
from tally_pipeline.tmdb.sandbox.viewers.people import Run, Viewer, catalogue, followed, uuid4, watches

_EVENINGS = (0, 0, 0, 0, 0, 0, 1, 2, 2, 1, 1, 1, 2, 2, 2, 2, 3, 5, 8, 12, 14, 12, 7, 3)
"""The weight of each hour of the local day for the beginning of a visit."""
MODELS = (("popular", "1", 0.06), ("taste", "2", 0.13))
"""Models of recommendations, their versions, and how often one is followed."""
SHOWN = 4
"""Recommendations on screen at a visit."""
_ODD = 0.001
"""The share of events that an old version of the app sends, under a name or with a field that the contract lacks."""
_PLACES_OF_SHOWS = ("home", "list", "search", "show")


@dataclass(frozen=True)
class Happening:
    """An event at its real moment (UTC), on the viewer's device of this number. `session_id` is of the visit."""

    moment: datetime
    device: int
    session_id: str
    name: str
    props: dict[str, Any]
    schema: int = 1


@lru_cache(maxsize=20_000)
def happenings(one: Viewer, day: int, heartbeat: int) -> tuple[Happening, ...]:
    """Everything that happens to a viewer on a day (ordinal), in order; `heartbeat` in seconds."""
    if not watches(one, day):
        return ()
    draw = random.Random(f"happens/{one.name}/{day}")
    runs = [run for run in followed(one) if run.seen_on(day)]
    found = [
        happening
        for place, hour in enumerate(sorted(draw.choices(range(24), _EVENINGS, k=1 + (draw.random() < 0.2))))
        for happening in _visit(one, day, hour, runs if place == 0 else [], draw, heartbeat)
    ]
    return tuple(_odd(happening, draw) for happening in found)


def _visit(
    one: Viewer, day: int, hour: int, runs: list[Run], draw: random.Random, heartbeat: int
) -> Iterator[Happening]:
    at = datetime.combine(date.fromordinal(day), time(hour, draw.randrange(60), draw.randrange(60)), UTC)
    now = at - timedelta(hours=one.zone)
    device, session = draw.randrange(len(one.devices)), uuid4(draw)

    def happens(name: str, **props: Any) -> Happening:
        return Happening(now, device, session, name, props)

    def later(least: float, most: float) -> datetime:
        return now + timedelta(milliseconds=round(1000 * draw.uniform(least, most)))

    yield happens("app_opened", source=draw.choice(("icon", "icon", "icon", "notification", "widget")))
    if day == one.joined:
        for provider in one.providers:
            now = later(2, 20)
            yield happens("subscription_started", provider_id=provider)
    now = later(1, 3)
    model, version, followed_at = draw.choice(MODELS)
    shown = _found(day, draw, SHOWN)
    suggested = {"model": model, "model_version": version, "surface": "home"}
    for rank, show in enumerate(shown, start=1):
        yield happens("recommendation_shown", show_id=FIRST_ID + show, rank=rank, **suggested)
    for rank, show in enumerate(shown, start=1):
        if draw.random() < followed_at:
            now = later(2, 15)
            yield happens("recommendation_clicked", show_id=FIRST_ID + show, rank=rank, **suggested)
            yield happens("show_viewed", show_id=FIRST_ID + show, surface="home")
            if draw.random() < 0.4:
                now = later(1, 20)
                yield happens("watchlist_added", show_id=FIRST_ID + show, surface="show")
    if draw.random() < 0.25:
        now = later(3, 30)
        yield happens("search_performed", words=draw.randint(1, 4), results=int(draw.expovariate(0.1)))
    for run in runs:
        now = later(5, 60)
        yield happens("show_viewed", show_id=run.show_id, surface=draw.choice(_PLACES_OF_SHOWS))
        if run.begins == day and draw.random() < 0.5:
            yield happens("watchlist_added", show_id=run.show_id, surface="show")
        for episode in run.seen_on(day):
            now = later(5, 40)
            for moment, name, props in _playback(run, episode, now, draw, heartbeat):
                now = moment
                yield Happening(now, device, session, name, props)
        if run.seen_on(day).stop == run.episodes and draw.random() < 0.4:
            now = later(5, 60)
            yield happens("rating_given", show_id=run.show_id, rating=draw.randint(4, 20) / 2)
            yield happens("watchlist_removed", show_id=run.show_id)
    if day == one.leaves:
        for provider in one.providers:
            now = later(2, 30)
            reason = draw.choice(("price", "content", "unused", "other", "not_said"))
            yield happens("subscription_cancelled", provider_id=provider, reason=reason)


def _playback(
    run: Run, episode: int, began: datetime, draw: random.Random, heartbeat: int
) -> Iterator[tuple[datetime, str, dict[str, Any]]]:
    """An episode played: perhaps not to its end, perhaps with a part that is seen again."""
    length = runtime(run.show) * 60.0
    ends = length if draw.random() < 0.88 else draw.uniform(60, length)
    again_at = draw.uniform(60, ends) if draw.random() < 0.1 else None
    props = {
        "playback_id": uuid4(draw),
        "show_id": run.show_id,
        "season": 1 + episode // 10,
        "episode": 1 + episode % 10,
        "provider_id": run.provider_id,
    }
    now, position = began, 0.0
    yield now, "playback_started", {**props, "position_s": 0.0, "duration_s": length}
    while position < ends:
        played = min(float(heartbeat), ends - position)
        position, now = position + played, now + timedelta(seconds=played)
        name = "playback_completed" if position >= length else "playback_progress"
        # More than a minute is more than one heartbeat may say.
        yield now, name, {**props, "position_s": round(position, 3), "played_s": round(min(played, 60.0), 3)}
        if again_at is not None and position >= again_at:
            position, again_at = max(0.0, position - 45), None


def _found(day: int, draw: random.Random, count: int) -> list[int]:
    return draw.sample(catalogue(day)[:200], count)


def _odd(happening: Happening, draw: random.Random) -> Happening:
    if draw.random() >= _ODD:
        return happening
    if draw.random() < 0.5:
        return Happening(
            happening.moment, happening.device, happening.session_id, "screen_shown", {"screen": 3}
        )
    wrong = {**happening.props, "show_id": "unknown"} if "show_id" in happening.props else {}
    return Happening(happening.moment, happening.device, happening.session_id, happening.name, wrong)
