"""Keeps replies on this machine until their part is in the lake, so that a killed capture asks for nothing twice.

A reply is one line of a file, written by the thread that received it before it takes up another show. A line that a
kill cut off is dropped: its show is asked for again.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tally_pipeline.bronze.details_capture import (
    Head,
    Reply,
    UnreadableDetailsError,
    decode_line,
    encode_reply,
)


@dataclass(frozen=True)
class Kept:
    """A reply that is kept: what was recorded about it, and its line."""

    head: Head
    line: bytes


class Journal:
    """The replies of a day that are in no part yet, in files of a folder; use it in a `with`.

    May be used from several threads. One process at a time may have a day's journal open.
    """

    def __init__(self, folder: Path, day: str) -> None:
        self._folder = folder
        self._day = day
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        left = self._left()
        self._number = max(left, default=0) + 1
        self._kept: list[Kept] = []
        self._paths = [left[number] for number in sorted(left)]
        for path in self._paths:
            self._kept += _read(path)
        self._file = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    @property
    def kept(self) -> Sequence[Kept]:
        """The replies that no part holds yet, those that an earlier process left first."""
        return self._kept

    def add(self, reply: Reply) -> None:
        """Keep a reply: it is in the file when this returns."""
        line = encode_reply(reply)
        with self._lock:
            written = 0
            while written < len(line):
                written += os.write(self._file, line[written:])
            self._kept.append(Kept(reply.head, line))

    def cut(self) -> tuple[list[Kept], list[Path]]:
        """The replies kept so far, for a part, and the files to remove once it is in the lake; others come anew."""
        with self._lock:
            os.close(self._file)
            kept, paths = self._kept, self._paths
            self._kept, self._paths = [], []
            self._number += 1
            self._file = self._open()
        return kept, paths

    def remove(self) -> None:
        """Remove what is left of the files: the capture is over."""
        for path in self._left().values():
            path.unlink(missing_ok=True)

    def _open(self) -> int:
        path = self._folder / f"details-{self._day}.{self._number}.jsonl"
        self._paths.append(path)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def _left(self) -> dict[int, Path]:
        """The files of the day, by number."""
        name = re.compile(rf"details-{re.escape(self._day)}\.(\d+)\.jsonl")
        found = ((name.fullmatch(path.name), path) for path in self._folder.iterdir())
        return {int(match[1]): path for match, path in found if match}


def _read(path: Path) -> Iterator[Kept]:
    """The whole replies of a file, up to the first that is not whole, or not the bytes that were received."""
    for line in path.read_bytes().splitlines(keepends=True):
        if not line.endswith(b"\n"):
            return
        try:
            reply = decode_line(line[:-1])
        except UnreadableDetailsError:
            return
        if not reply.is_proven:
            return
        yield Kept(reply.head, line)
