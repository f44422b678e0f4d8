"""The sandbox's daily exports: 200,000 invented series a day, the world's own shows among them.

A pure function of the day, like the world. The series that are on no list are made as whole columns: each has
only an id, a name and a popularity, and they are many.
"""

from __future__ import annotations

import gzip
import re
import threading
from datetime import date, timedelta
from functools import cache, lru_cache
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tally_pipeline.tmdb.sandbox import world
from tally_pipeline.tmdb.sandbox.invented import FIRST_DAY, FIRST_ID, facts
from tally_pipeline.tmdb.sandbox.names import TITLE_PARTS

SERIES = 200_000
"""Series in every day's export."""

DAYS_KEPT = 90
"""The number of days before today of which the sandbox keeps exports, like TMDB."""

_Numbers: TypeAlias = npt.NDArray[np.uint64]
_Floats: TypeAlias = npt.NDArray[np.float64]

_PATH = re.compile(r"/p/exports/tv_series_ids_(\d\d)_(\d\d)_(\d{4})\.json\.gz")
_FIRST_UNLISTED_ID = FIRST_ID + 1_000_000
_CHANGES_A_DAY = 20
"""Series on no list that are added every day; as many are deleted."""
_UNSEEN = 0.08
"""The share of series without any views: their popularity is 0."""

_computing = threading.Lock()


def day_of(path: str) -> date | None:
    """The day whose export of series is at `path`; None if no export can be there."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    month, day, year = map(int, match.groups())
    try:
        return date(year, month, day)
    except ValueError:
        return None


def is_kept(day: date, today: date) -> bool:
    """True if on `today` the sandbox keeps the export of `day`: already, and still."""
    return today - timedelta(days=DAYS_KEPT) <= day <= today


def export(day: date) -> bytes:
    """The file of a day as TMDB writes it: gzip of JSON lines, by id."""
    with _computing:  # else every thread of a server would compute the same day
        return _export(day)


@lru_cache(maxsize=4)
def _export(day: date) -> bytes:
    popularities = world.popularity(day)
    shows = sorted(world.ranked(day))[:SERIES]
    listed = np.array([popularities[show] for show in shows])
    numbers = np.arange(SERIES - len(listed), dtype=np.uint64)
    numbers += np.uint64(max(0, day.toordinal() - FIRST_DAY) * _CHANGES_A_DAY)
    heads = pa.concat_arrays([pa.array(map(_listed_head, shows), pa.string()), _heads(numbers)])
    popularity = np.concatenate([listed, _popularity(numbers, day.toordinal())])
    tails = pa.array(np.round(popularity, 4)).cast(pa.string())
    return gzip.compress(
        _text(pc.binary_join_element_wise(heads, tails, "}\n", "")), compresslevel=1, mtime=0
    )


def _text(strings: pa.StringArray) -> bytes:
    """The strings one after the other, as they lie in Arrow's memory."""
    _, ends, text = strings.buffers()
    return bytes(text[: int(np.frombuffer(ends, dtype=np.int32)[len(strings)])])


@cache
def _listed_head(show: int) -> str:
    """A line of one of the world's shows, up to its popularity."""
    name = msgspec.json.encode(facts(show)["original_name"]).decode()
    return f'{{"id":{FIRST_ID + show},"original_name":{name},"popularity":'


def _heads(numbers: _Numbers) -> pa.StringArray:
    """The same of the series that are on no list."""
    words = [
        pa.array(part).take(pa.array((_draws(numbers, salt) * len(part)).astype(np.int64)))
        for salt, part in enumerate(TITLE_PARTS, start=10)
    ]
    ids = pa.array(numbers + np.uint64(_FIRST_UNLISTED_ID)).cast(pa.string())
    return pc.binary_join_element_wise('{"id":', ids, ',"original_name":"', *words, '","popularity":', "")


def _popularity(numbers: _Numbers, day: int) -> _Floats:
    """The popularity of series: great for a few, small for most, 0 for some; all drift in own waves, with noise."""
    fame = -np.log1p(-_draws(numbers, 1))
    pace = 2 * np.pi / (20 + 100 * _draws(numbers, 2))
    wave = 0.25 * np.sin(day * pace + 2 * np.pi * _draws(numbers, 3))
    noise = 0.05 * (_draws(numbers, 1000 + day) - 0.5)
    return np.where(_draws(numbers, 4) < _UNSEEN, 0.0, 0.4 * fame**1.5 * np.exp(wave + noise))


def _draws(numbers: _Numbers, salt: int) -> _Floats:
    """Each number's own draw, at least 0 and less than 1: SplitMix64, which is the same everywhere for ever."""
    x = numbers * np.uint64(0x9E3779B97F4A7C15) + np.uint64(salt * 0xD1342543DE82EF95 % 2**64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x = (x ^ (x >> np.uint64(31))) >> np.uint64(11)
    return x.astype(np.float64) * 2.0**-53
