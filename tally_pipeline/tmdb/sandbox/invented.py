"""The sandbox's shows, one by one: the facts about each that never change.

A show is a number from 0 on; everything about it follows from that number. Four new ones appear every day.
"""

from __future__ import annotations

import hashlib
import math
import random
import struct
from collections.abc import Mapping
from datetime import date
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

from tally_pipeline.tmdb.sandbox.names import Draw, invent, pick

FIRST_ID = 7_000_001
"""Far above the ids TMDB has given (313,609 in December 2025): no id of the sandbox is a real show's."""

NEW_SHOWS_A_DAY = 4

FIRST_DAY = date(2017, 1, 6).toordinal()
"""The day show 0 was added. By 2024 there are more shows than TMDB lets anyone page through."""

GENRES: Mapping[int, str] = MappingProxyType({
    10759: "Action & Adventure", 16: "Animation", 35: "Comedy", 80: "Crime", 99: "Documentary", 18: "Drama",
    10751: "Family", 10762: "Kids", 9648: "Mystery", 10763: "News", 10764: "Reality",
    10765: "Sci-Fi & Fantasy", 10766: "Soap", 10767: "Talk", 10768: "War & Politics", 37: "Western",
})  # fmt: skip
"""TMDB's TV genres, unchanged from 2022 to 2026."""

NEVER = date.max.toordinal()

_EARLIEST = date(1947, 1, 1).toordinal()
_FIRST_VANISHED = date(2024, 6, 1).toordinal()
"""Before this day no show vanishes: the lists, as long as TMDB lets one page through, need all there are."""
_VANISHING = 0.1
_GENRE_IDS = tuple(GENRES)
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_TURN = 2 * math.pi


class Temper(NamedTuple):
    """The numbers that drive a show.

    Days are ordinals (`date.toordinal`), lengths of time days; heights, `level` and `hit` are natural
    logarithms of popularity; paces are radians a day. Seasons begin at `start` and every `cycle` days after
    it, and air on `weekdays`: bits, bit 0 for days whose ordinal divides by 7, which are Sundays. A hit rises
    for `hit_days` from each season's start. `premiere` is the day of the first episode. `reach` is the approximate
    number of the show's votes, `quality` their average. On the day `vanishes` TMDB deletes the show or merges it
    with another; the lists, which are cached, have it for the last time.
    """

    level: float
    slow_height: float
    slow_pace: float
    slow_phase: float
    quick_height: float
    quick_pace: float
    quick_phase: float
    start: int
    cycle: int
    season: int
    seasons: int
    weekdays: int
    hit: float
    hit_days: float
    premiere: int
    reach: float
    quality: float
    vanishes: int


@cache
def temper(show: int) -> Temper:
    """The numbers that drive a show."""
    u = _uniform(show)
    fame = -math.log(1 - u[0])
    daily = u[1] < 0.037
    cycle = 280 + int(u[2] * 140)
    start = FIRST_DAY + show // NEW_SHOWS_A_DAY - 20 + int(u[3] * 40)
    classic = u[4] < 0.3
    weekdays = _weekdays(daily, u[13])
    first = next(day for day in range(start, start + 7) if weekdays >> day % 7 & 1)
    vanishes = start + 30 + int(u[22] * 3000) if u[21] < _VANISHING else NEVER
    return Temper(
        level=1.1 + 0.55 * fame,
        slow_height=0.05 + 0.2 * u[5],
        slow_pace=_TURN / (45 + 120 * u[6]),
        slow_phase=_TURN * u[7],
        quick_height=0.02 + 0.08 * u[8],
        quick_pace=_TURN / (14 + 16 * u[9]),
        quick_phase=_TURN * u[10],
        start=start,
        cycle=cycle,
        season=cycle if daily else 44 + int(u[11] * 52),
        seasons=1 + int(u[12] * 5),
        weekdays=weekdays,
        hit=0.3 + 1.8 * u[14] ** 3,
        hit_days=3 + 9 * u[15],
        premiere=_EARLIEST + int((start - _EARLIEST) * u[16] ** 0.3) if classic else first,
        reach=0.0 if u[17] < 0.06 else 12 * math.exp(0.68 * fame + 3 * (u[18] - 0.5)),
        quality=4.6 + 4.6 * (u[19] + u[20]) / 2,
        vanishes=vanishes if vanishes >= _FIRST_VANISHED else NEVER,
    )


@cache
def facts(show: int) -> Mapping[str, Any]:
    """The fields of a show's row that never change, with TMDB's habits: nulls, blanks, repeated genres."""
    draw = random.Random(show).random
    premiere = date.fromordinal(temper(show).premiere).isoformat()
    return {
        **invent(draw)._asdict(),
        "id": FIRST_ID + show,
        "adult": False,
        "media_type": "tv",
        "genre_ids": _genre_ids(draw),
        "poster_path": _image(draw, missing=0.015),
        "backdrop_path": _image(draw, missing=0.03),
        "first_air_date": "" if draw() < 0.015 else premiere,
    }


def stable_hash(text: str) -> int:
    """A number of 64 bits that is the same for the same text in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _weekdays(daily: bool, u: float) -> int:
    if daily:
        return 0b1111111 if u < 0.8 else 0b0111110
    return 1 << int(u * 7)


def _genre_ids(draw: Draw) -> list[int]:
    if draw() < 0.04:
        return []
    ids = list(dict.fromkeys(pick(draw, _GENRE_IDS) for _ in range(1 + int(draw() * 3))))
    return ids + ids[:1] if draw() < 0.006 else ids


def _image(draw: Draw, *, missing: float) -> str | None:
    if draw() < missing:
        return None
    return "/" + "".join(pick(draw, _ALPHABET) for _ in range(27)) + ".jpg"


def _uniform(show: int) -> tuple[float, ...]:
    """24 numbers of a show's own, at least 0 and less than 1."""
    digest = b"".join(hashlib.blake2b(b"%d/%d" % (show, part)).digest() for part in range(2))
    return tuple(number / 2**32 for number in struct.unpack_from("<24I", digest))
