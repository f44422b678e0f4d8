"""The journal's files: frames of records, each with its length and checksum.

A file may end anywhere, for a machine may stop anywhere: what is read is every whole frame before the first that is
not. A frame is only acknowledged after the file was synced behind it, so nothing acknowledged is behind a broken one.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tally_pipeline.events.batches import Record

SUFFIX = ".journal"

_HEAD = struct.Struct("<II")
"""The length of what follows, and its CRC-32."""
_RECORD = struct.Struct("<QQ")
"""The record's sequence, and its arrival in microseconds since 1970."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NAME = re.compile(rf"(?P<shard>collector-[0-9a-f]{{16}})-(?P<first>\d+){re.escape(SUFFIX)}")


@dataclass(frozen=True)
class SegmentName:
    """The name of a file: the shard that its records are of, and the first one's sequence."""

    shard: str
    first: int

    def __str__(self) -> str:
        return f"{self.shard}-{self.first:012}{SUFFIX}"

    @classmethod
    def parse(cls, name: str) -> SegmentName | None:
        """Parse a file's name; None if it is none."""
        match = _NAME.fullmatch(name)
        return cls(match["shard"], int(match["first"])) if match else None


def framed(sequence: int, arrived: datetime, lines: bytes) -> bytes:
    """A record as it stands in the file."""
    body = _RECORD.pack(sequence, (arrived - _EPOCH) // _MICROSECOND) + lines
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


def records(segment: bytes) -> Iterator[Record]:
    """The records of a file's bytes, up to the first that is not whole."""
    at = 0
    while at + _HEAD.size <= len(segment):
        length, checksum = _HEAD.unpack_from(segment, at)
        body = segment[at + _HEAD.size : at + _HEAD.size + length]
        # Zeros, which file systems may leave behind a crash, have the checksum of an empty frame.
        if length < _RECORD.size or len(body) < length or zlib.crc32(body) != checksum:
            return
        sequence, arrived = _RECORD.unpack_from(body)
        yield Record(str(sequence), _EPOCH + arrived * _MICROSECOND, body[_RECORD.size :])
        at += _HEAD.size + length


def found(folder: Path) -> list[Path]:
    """The files of earlier collectors, the oldest first."""
    paths = [path for path in folder.iterdir() if SegmentName.parse(path.name)]
    return sorted(paths, key=lambda path: (path.stat().st_mtime_ns, path.name))
