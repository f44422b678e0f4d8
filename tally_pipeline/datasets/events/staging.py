"""Stages an object of bronze: each of its lines as a typed row, sound or with every reason why it is not.

Purely per line, so that objects are staged in any order, by any number of machines. Lines that name a forgotten user
are dropped here, and so come no further.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import zlib
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Any

import pyarrow as pa

from tally_pipeline.datasets.events.contract import LINES, ROW
from tally_pipeline.events.reading import Broken, read

BATCH = 50_000
"""Lines in memory at a time: about 100 MB as Python's objects."""

_UUID = re.compile(rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_DAY_MS = 24 * 60 * 60 * 1000
_OF_ROW = len(ROW.names)
_RECEIVED = ROW.get_field_index("received_at")
_NAME, _USER = ROW.get_field_index("name"), ROW.get_field_index("user_id")


class DamagedObjectError(ValueError):
    """An object of bronze that is no gzip, or is cut off. The message names it."""


@dataclass(frozen=True)
class Staged:
    """Lines of one object and one arrival day. `lines` counts those read, `forgotten` those dropped; `rows` has all
    others, in `contract.LINES`."""

    day: str
    rows: pa.RecordBatch
    lines: int
    forgotten: int


def hash_of(user_id: str) -> str:
    """The SHA-256 of a user's id, in hexadecimal: the name of a forgotten user's tombstone."""
    return hashlib.sha256(user_id.lower().encode("utf-8", "surrogatepass")).hexdigest()


def staged(key: str, body: bytes, forgotten: Collection[str] = frozenset()) -> Iterator[Staged]:
    """Stage an object, at most `BATCH` lines at a time. `forgotten` are the hashes of users' ids.

    A line's arrival day is that of its `received_at`, for a batch may span midnight or be delivered late; of a line
    that tells none it is the object's. Raises `DamagedObjectError`, and `ValueError` for a key without a day.
    """
    day = _day_of(key)
    number = 0
    with gzip.GzipFile(fileobj=io.BytesIO(body)) as lines:
        while batch := _next(lines, key):
            kept: dict[str, list[tuple[Any, ...]]] = {}
            dropped: Counter[str] = Counter()
            for at, line in enumerate(batch, number):
                row = _row(key, at, line)
                arrived = day if row[_RECEIVED] is None else _day(row[_RECEIVED] // _DAY_MS)
                rows = kept.setdefault(arrived, [])
                if forgotten and _names(line, row[_USER], forgotten):
                    dropped[arrived] += 1
                else:
                    rows.append(row)
            for arrived, rows in sorted(kept.items()):
                yield Staged(arrived, _batch(rows), len(rows) + dropped[arrived], dropped[arrived])
            number += len(batch)


def _day_of(key: str) -> str:
    found = re.search(r"/dt=([0-9]{4}-[0-9]{2}-[0-9]{2})/", key)
    if found is None:
        raise ValueError(f"{key} is no object of events: its key has no day (dt=YYYY-MM-DD)")
    return found[1]


def _next(lines: gzip.GzipFile, key: str) -> list[bytes]:
    try:
        return list(islice(lines, BATCH))
    except (OSError, EOFError, zlib.error) as error:
        raise DamagedObjectError(
            f"{key} is no whole gzip file ({type(error).__name__}): restore it from the bucket's versions or a copy"
        ) from error


def _names(line: bytes, user_id: str | None, forgotten: Collection[str]) -> bool:
    """True if the line names a forgotten user: anywhere as text, or as its user however that is escaped."""
    ids = {found.decode() for found in _UUID.findall(line)}
    if user_id is not None:
        ids.add(user_id)
    return any(_hash(one) in forgotten for one in ids)


_hash = lru_cache(8192)(hash_of)


def _row(key: str, number: int, line: bytes) -> tuple[Any, ...]:
    found = read(line)
    if isinstance(found, Broken):
        own: list[Any] = [None] * _OF_ROW
        own[_NAME], own[_USER] = found.name, found.user_id
        reasons = [f"{reason.field} {reason.rule}" for reason in found.reasons]
        raw = line.rstrip(b"\n").decode("utf-8", "backslashreplace")
        return (*own, None, None, key, number, reasons, raw)
    return (*found, found.received_at, _day(found.event_at // _DAY_MS), key, number, None, None)


@lru_cache(256)
def _day(number: int) -> str:
    """The day of this number since 1970, YYYY-MM-DD."""
    return datetime.fromtimestamp(number * _DAY_MS // 1000, UTC).strftime("%Y-%m-%d")


def _batch(rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    if not rows:
        return pa.RecordBatch.from_pylist([], LINES)
    columns = zip(*rows, strict=True)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, LINES, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=LINES)
