"""Finds bronze objects that arrived since the last look, whoever wrote them and under whatever day."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from tally_pipeline.lake import layout
from tally_pipeline.lake.layout import BronzeKey, StreamKey

WINDOW_SECONDS = 600
"""How long a folder that changed is looked at again: a slow copy is there long before it is whole."""


@dataclass(frozen=True)
class Arrival:
    """A list (or stream) and day whose captures changed: all there are now, the last to arrive last, and a
    digest of their versions."""

    data_type: str
    dt: str
    keys: tuple[BronzeKey | StreamKey, ...]
    digest: str


class Arrivals(Protocol):
    """A source of arrivals. `cursor` is what the last call returned, None at first."""

    def since(self, cursor: str | None) -> tuple[list[Arrival], str]:
        """The lists, streams and days with captures that are new since `cursor`, and the next cursor."""
        ...


class _Cursor(msgspec.Struct, frozen=True):
    """When the last look began (ns since the epoch), and the digests of the folders fresh enough to look again."""

    looked_ns: int = 0
    seen: dict[str, str] = {}


class FolderArrivals:
    """Arrivals in a folder.

    A folder's own times change when an entry is put into it, whatever times that entry carries: so only fresh
    folders are listed, and a look costs one `stat` for a list (or stream) and day, however many objects there are.
    What is in a fresh folder is told apart by name, size and time of each file, not by the clock: nothing that
    arrives in the same second as a look is missed or seen twice.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def since(self, cursor: str | None) -> tuple[list[Arrival], str]:
        last = _read_cursor(cursor)
        looked_ns = time.time_ns()
        fresh_since = last.looked_ns - WINDOW_SECONDS * 10**9
        found: list[Arrival] = []
        seen: dict[str, str] = {}
        for folder, changed_ns in self._day_folders(fresh_since):
            arrival = _arrival(self._root, folder)
            if arrival is None:
                continue
            name = f"{arrival.data_type}/{arrival.dt}"
            if changed_ns >= looked_ns - WINDOW_SECONDS * 10**9:
                seen[name] = arrival.digest
            if last.seen.get(name) != arrival.digest:
                found.append(arrival)
        return found, msgspec.json.encode(_Cursor(looked_ns, seen)).decode()

    def _day_folders(self, fresh_since: int) -> Iterator[tuple[Path, int]]:
        lists = [Path(of_list) for of_list in _folders(self._root / layout.BRONZE)]
        streams = [self._root / layout.stream_prefix(name) for name in (layout.SERIES_EXPORT, layout.GENRES)]
        for of_one in (*lists, *streams):
            for of_day in _folders(of_one):
                state = of_day.stat()
                changed_ns = max(state.st_mtime_ns, state.st_ctime_ns)
                if changed_ns >= fresh_since:
                    yield Path(of_day), changed_ns


def _folders(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return sorted((entry for entry in entries if entry.is_dir()), key=lambda entry: entry.name)
    except FileNotFoundError:
        return []


def _arrival(root: Path, folder: Path) -> Arrival | None:
    digest = hashlib.sha256()
    arrived: list[tuple[int, BronzeKey | StreamKey]] = []
    for path in sorted(folder.iterdir()):
        key = layout.parse_capture(path.relative_to(root).as_posix())
        if key is None:
            continue
        state = path.stat()
        digest.update(f"{path.name}:{state.st_size}:{state.st_mtime_ns};".encode())
        arrived.append((state.st_ctime_ns, key))
    if not arrived:
        return None
    keys = tuple(key for _, key in sorted(arrived, key=lambda at: (at[0], str(at[1]))))
    return Arrival(keys[0].data_type, keys[0].dt, keys, digest.hexdigest()[:16])


def _read_cursor(cursor: str | None) -> _Cursor:
    try:
        return msgspec.json.decode(cursor, type=_Cursor) if cursor else _Cursor()
    except msgspec.DecodeError:
        # Another version's cursor: look at everything once more; what is refined already is passed over.
        return _Cursor()
