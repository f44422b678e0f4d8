"""The sink: a batch of a shard's records becomes one object of bronze, its lines as they came.

Nothing is parsed, so no record can stop a shard. The key is a function of the batch, and is only created: a batch
that is delivered again meets itself. A batch that begins like an earlier one and ends later (streams cut them as they
like) leaves that object as it is and writes its other records under the key of the first of them. What a stream
delivers twice in batches that begin otherwise is in bronze twice; refining counts such lines as duplicates.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

FOLDER = "bronze/events"
SUFFIX = ".jsonl.gz"

_HEAD = struct.pack("<BBBBLBB", 0x1F, 0x8B, 8, 8, 0, 0, 255)
"""RFC 1952: a deflated file with its original name (flag 8), no time, by no known system."""
_LEVEL = 6

_KEY = re.compile(
    rf"{FOLDER}/dt=\d{{4}}-\d{{2}}-\d{{2}}/hour=[0-2]\d/[A-Za-z0-9_-]+-(?P<first>\d+){re.escape(SUFFIX)}"
)

HEAD_BYTES = 200
"""Bytes of an object that hold its name for sure."""


@dataclass(frozen=True)
class Record:
    """A record of a stream: the lines of one request. `sequence` is a number in decimal, rising within a shard."""

    sequence: str
    arrived: datetime
    lines: bytes


Put = Callable[[str, bytes], bool]
"""Create an object of this key and body. False, and nothing happens, if the key is taken."""
Head = Callable[[str], bytes]
"""The first `HEAD_BYTES` of an object."""


class ForeignObjectError(Exception):
    """The object at a batch's key is none that the sink wrote. The message names it."""


def deliver(shard: str, records: Sequence[Record], put: Put, head: Head) -> Iterator[str]:
    """Write the records, in their sequence's order, and give the key of each object that holds some of them.

    Raises `ForeignObjectError`, and what `put` and `head` raise.
    """
    while records:
        key = key_of(shard, records[0])
        yield key
        if put(key, packed(records)):
            return
        last = last_of(head(key), key)
        records = [record for record in records if int(record.sequence) > last]


def key_of(shard: str, first: Record) -> str:
    """The key of a batch with this first record, by the UTC hour in which that arrived."""
    hour = first.arrived.astimezone(UTC)
    return f"{FOLDER}/dt={hour:%Y-%m-%d}/hour={hour:%H}/{shard}-{first.sequence}{SUFFIX}"


def is_key(key: str) -> bool:
    """True if the key is that of a batch."""
    return _KEY.fullmatch(key) is not None


def fault_in(key: str, body: bytes) -> str | None:
    """The reason why an object at a batch's key is not as the sink wrote it; None if it is."""
    match = _KEY.fullmatch(key)
    if match is None:
        return "its key is none of a batch"
    try:
        last = last_of(body[:HEAD_BYTES], key)
        lines = gzip.decompress(body)
    except (ForeignObjectError, EOFError, OSError, zlib.error):
        return "its gzip is broken, or was not written by the sink"
    if last < int(match["first"]):
        return "its last sequence is before its first"
    return None if lines.endswith(b"\n") else "its last line is cut off"


def packed(records: Sequence[Record]) -> bytes:
    """The records' lines, gzipped: the same records are the same bytes. The name in gzip's head tells first and
    last sequence, which every reader of gzip ignores."""
    body = b"".join(record.lines for record in records)
    name = f"{records[0].sequence}-{records[-1].sequence}.jsonl".encode()
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    tail = struct.pack("<LL", zlib.crc32(body), len(body) & 0xFFFFFFFF)
    return _HEAD + name + b"\0" + deflate.compress(body) + deflate.flush() + tail


def last_of(head: bytes, key: str) -> int:
    """The last sequence of an object, from its first bytes. Raises `ForeignObjectError`."""
    name = head[len(_HEAD) :].partition(b"\0")[0].decode("ascii", "replace")
    first, _, last = name.removesuffix(".jsonl").partition("-")
    if head[: len(_HEAD)] != _HEAD or not (first.isdecimal() and last.isdecimal()):
        raise ForeignObjectError(
            f"the object {key} was not written by the sink, and stands where a batch belongs."
            " Move it elsewhere; the batch is then delivered again."
        )
    return int(last)
