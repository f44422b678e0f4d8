"""The invented people and their devices, and what there is for them to watch."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from typing import NamedTuple

LIFE_DAYS = 84
"""Days after which somebody new is at a person's place, so that installs go on for ever."""
_LATEST_INSTALL = 56

_OFFSETS = (-8, -6, -5, -5, -3, 0, 0, 1, 1, 1, 1, 2, 3, 5, 8, 9, 9, 10)
"""Hours from UTC of where people live."""
_SYSTEMS = ("iOS 18.6", "iOS 19.0", "iOS 19.1", "Android 15", "Android 16")
_VERSIONS = ("1.3.0", "1.4.0", "1.4.2", "1.4.2", "1.4.2")
MODEL = "taste"
MODEL_VERSIONS = ("1.0", "2.0")


class Title(NamedTuple):
    """A show that can be watched. `episodes` are the numbers of each season's, of so many `minutes` each."""

    show_id: int
    genres: Sequence[int]
    popularity: float
    episodes: Sequence[int]
    minutes: int
    providers: Sequence[int]


class Shelf:
    """Titles in a form from which one is drawn quickly, by popularity, of a genre or of all."""

    def __init__(self, titles: Sequence[Title]) -> None:
        if not titles:
            raise ValueError("there is nothing to watch: give the invented viewers some titles")
        self.by_id = {title.show_id: title for title in titles}
        self.genres = sorted({genre for title in titles for genre in title.genres})
        self._all = _weighed(titles)
        self._of = {
            genre: _weighed([title for title in titles if genre in title.genres]) for genre in self.genres
        }

    def draw(self, genre: int | None, u: float) -> Title:
        """The title at `u`, from 0 to 1, of a genre; of all if it has none or the genre is None."""
        titles, ends = self._of.get(genre, self._all) if genre is not None else self._all
        return titles[min(bisect_right(ends, u * ends[-1]), len(titles) - 1)]


def _weighed(titles: Sequence[Title]) -> tuple[Sequence[Title], list[float]]:
    return titles, list(accumulate(max(title.popularity, 0.01) for title in titles))


@dataclass
class Device:
    """An install. `error_ms` is what its clock is ahead of the time; `seq` the number of its next event."""

    device_id: str
    os: str
    version: str
    error_ms: int
    seq: int = 0
    busy_until: int = 0


@dataclass
class Person:
    """One person from the day of install on: what never changes, and the state that days leave.

    Days are ordinals. `devices_from` are the days from which each device is used. `following` has the place in each
    series: season and episode from 0, position in seconds, and the episodes left until it is dropped.
    """

    key: str
    user_id: str | None
    consent: str
    installed: int
    devices: Sequence[Device]
    devices_from: Sequence[int]
    offset: int
    tastes: Sequence[float]
    keenness: float
    fading: float
    bingeing: float
    model_version: str
    following: dict[int, list[int]] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    watchlist: list[int] = field(default_factory=list)
    services: list[int] = field(default_factory=list)
    use: float = 0.5


def rng(*parts: object) -> Random:
    """Random numbers that are the same for the same parts."""
    text = "/".join(map(str, parts)).encode()
    return Random(int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "big"))


def uuid4(random: Random) -> str:
    """A random UUID."""
    text = f"{random.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[int(text[16], 16) & 3]}{text[17:20]}-{text[20:]}"


def life_of(place: int, day: int) -> int:
    """The one on a day of the people who have a place one after the other."""
    return (day + place * 37 % LIFE_DAYS) // LIFE_DAYS


def first_of(place: int, life: int) -> int:
    """The first day of that person's time at the place."""
    return life * LIFE_DAYS - place * 37 % LIFE_DAYS


def born(seed: int, place: int, life: int) -> Person:
    """The person of this place and life, on the day before the install."""
    key = f"{seed}/{place}/{life}"
    random = rng("person", key)
    draw = random.random
    user_id, devices = uuid4(random), [_device(random), _device(random)]
    installed = first_of(place, life) + int(draw() ** 2 * _LATEST_INSTALL)
    analytics, personalisation = draw() < 0.82, draw() < 0.7
    consent = ["necessary"] + ["analytics"] * analytics + ["personalisation"] * personalisation
    has_account, has_two = draw() < 0.9, draw() < 0.22
    return Person(
        key=key,
        user_id=user_id if has_account else None,
        consent="[" + ",".join(f'"{purpose}"' for purpose in consent) + "]",
        installed=installed,
        devices=devices[: 1 + has_two],
        devices_from=[installed, installed + int(draw() * 20)],
        offset=_OFFSETS[int(draw() * len(_OFFSETS))],
        tastes=(draw(), draw(), draw()),
        keenness=0.25 + 0.65 * draw(),
        fading=0.06 * draw() ** 3,
        bingeing=0.8 * draw() ** 2,
        model_version=MODEL_VERSIONS[draw() < 0.5],
    )


def _device(random: Random) -> Device:
    draw = random.random
    return Device(
        device_id=uuid4(random),
        os=_SYSTEMS[int(draw() * len(_SYSTEMS))],
        version=_VERSIONS[int(draw() * len(_VERSIONS))],
        error_ms=_error_ms(draw(), draw()),
    )


def _error_ms(kind: float, size: float) -> int:
    """The error of a clock: most by nothing, some by minutes or hours, a few by about a year."""
    sign = 1 if size < 0.5 else -1
    amount = 2 * size % 1
    if kind < 0.90:
        return int((amount - 0.5) * 4_000)
    if kind < 0.96:
        return sign * int((5 + 50 * amount) * 60_000)
    if kind < 0.99:
        return sign * int((1 + 13 * amount) * 3_600_000)
    return sign * int((350 + 30 * amount) * 86_400_000)
