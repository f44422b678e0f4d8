"""The viewers: who they are, what they like, how long they stay, which series they follow."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from tally_pipeline.events.contract import Consent
from tally_pipeline.tmdb.sandbox import world
from tally_pipeline.tmdb.sandbox.brands import PROVIDERS
from tally_pipeline.tmdb.sandbox.invented import FIRST_ID, GENRES, facts

_ANCHOR = date(2024, 1, 1).toordinal()
"""By this day every number has its first viewer."""
_CATALOGUE = 400
"""Series that people find: those that stood highest when the year began."""
_SERVICES = tuple(one.id for one in PROVIDERS if "flatrate" in one.kinds and "US" in one.countries)
FADING_DAYS = 30
"""Days before leaving in which a viewer watches less and less."""

CLOCKS = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 40.0, -95.0, 7 * 60.0, -3600.0, 3600.0, 365 * 86_400.0)
"""Seconds by which devices' clocks are ahead."""
SYSTEMS = ("iOS 19.1", "iOS 18.6", "Android 16", "Android 15", "tvOS 19.0", "web")


@dataclass(frozen=True)
class Device:
    """An install: `ahead` is its clock's error in seconds."""

    device_id: str
    os: str
    ahead: float


@dataclass(frozen=True, eq=False)
class Viewer:
    """A person from the day `joined` through the day `leaves` (ordinals). `user_id` is None for one without account.

    `eagerness` is the chance to watch on a weekday; `zone` the hours by which the local clock is ahead of UTC.
    """

    name: str
    user_id: str | None
    joined: int
    leaves: int
    eagerness: float
    binges: bool
    zone: int
    genres: frozenset[int]
    consent: tuple[Consent, ...]
    providers: tuple[int, ...]
    devices: tuple[Device, ...]


@dataclass(frozen=True)
class Run:
    """A series that a viewer follows from the day `begins` (ordinal): `episodes` of it, `a_day` at a time."""

    show: int
    begins: int
    episodes: int
    a_day: int
    provider_id: int

    @property
    def show_id(self) -> int:
        return FIRST_ID + self.show

    def seen_on(self, day: int) -> range:
        """The episodes watched on a day, counted from 0; empty on others."""
        first = (day - self.begins) * self.a_day
        return range(max(first, 0), min(first + self.a_day, self.episodes)) if first >= 0 else range(0)


def uuid4(draw: random.Random) -> str:
    """A random UUID."""
    return str(uuid.UUID(int=draw.getrandbits(128), version=4))


@lru_cache(maxsize=20_000)
def viewer(seed: int, number: int, day: int) -> Viewer | None:
    """The viewer of this number on a day; None between two."""
    draw = random.Random(f"viewers/{seed}/{number}")
    begins, life = _ANCHOR - draw.randrange(400), 0
    while True:
        ends = begins + 5 + int(draw.expovariate(1 / 240))
        if day < begins:
            return None
        if day <= ends:
            return _invented(f"{seed}/{number}/{life}", begins, ends)
        begins, life = ends + 1 + draw.randrange(10), life + 1


@lru_cache(maxsize=20_000)
def _invented(name: str, joined: int, leaves: int) -> Viewer:
    draw = random.Random(f"viewer/{name}")
    refuses = draw.random()
    consent: tuple[Consent, ...] = ("necessary", "analytics", "personalisation")
    if refuses < 0.2:
        consent = ("necessary",) if refuses < 0.08 else ("necessary", "analytics")
    devices = tuple(
        Device(uuid4(draw), draw.choice(SYSTEMS), draw.choice(CLOCKS))
        for _ in range(1 + (draw.random() < 0.25))
    )
    user_id = uuid4(draw)
    return Viewer(
        name=name,
        user_id=None if draw.random() < 0.08 else user_id,
        joined=joined,
        leaves=leaves,
        eagerness=draw.betavariate(2, 3),
        binges=draw.random() < 0.3,
        zone=draw.choice((-8, -5, -5, 0, 1, 1, 2, 9)),
        genres=frozenset(draw.sample(sorted(GENRES), 3)),
        consent=consent,
        providers=tuple(draw.sample(_SERVICES, draw.choice((1, 1, 2, 3)))),
        devices=devices,
    )


@lru_cache(maxsize=20_000)
def followed(one: Viewer) -> Sequence[Run]:
    """The series that a viewer follows, one after the other; a third are dropped early."""
    return tuple(_runs(one))


def _runs(one: Viewer) -> Iterator[Run]:
    draw = random.Random(f"series/{one.name}")
    day = one.joined
    while day <= one.leaves:
        show = _choice(draw, one, day)
        episodes = draw.randint(6, 24)
        if draw.random() < 0.35:
            episodes = draw.randint(1, 3)
        a_day = draw.randint(2, 5) if one.binges else draw.choice((1, 1, 1, 2))
        yield Run(show, day, episodes, a_day, draw.choice(one.providers))
        # Some days later than the last episode, or beside it.
        day += max(1, -(-episodes // a_day) + draw.randint(-3, 9))


def catalogue(day: int) -> Sequence[int]:
    """The series that people find on a day, the best known first."""
    return _catalogue(date.fromordinal(day).year)


@lru_cache(maxsize=8)
def _catalogue(year: int) -> Sequence[int]:
    return tuple(world.ranked(date(year, 1, 1))[:_CATALOGUE])


def _choice(draw: random.Random, one: Viewer, day: int) -> int:
    ranking = catalogue(day)
    for _ in range(6):
        show = ranking[min(int(draw.expovariate(1 / 60)), len(ranking) - 1)]
        if one.genres.intersection(facts(show)["genre_ids"]):
            return show
    return show


def watches(one: Viewer, day: int) -> bool:
    """True if the viewer opens the app on a day: at weekends more often, and ever less before leaving."""
    chance = one.eagerness * (1.5 if date.fromordinal(day).weekday() >= 5 else 1.0)
    chance *= min(1.0, (one.leaves - day + 1) / FADING_DAYS)
    return day in (one.joined, one.leaves) or random.Random(f"day/{one.name}/{day}").random() < chance


def is_offline(one: Viewer, day: int) -> bool:
    """True if the viewer's phone has no network in the week of a day."""
    week = (date.fromordinal(day) - timedelta(days=date.fromordinal(day).weekday())).toordinal()
    return random.Random(f"offline/{one.name}/{week}").random() < 0.02
