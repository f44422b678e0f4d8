"""Finds bronze objects that arrived since the last poll, from any writer and under any day."""

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
from tally_pipeline.lake.layout import Places

WINDOW_SECONDS = 600
"""Seconds for which a changed folder is listed again: a slow copy is visible long before it is whole."""


@dataclass(frozen=True)
class ObjectEvent:
    """A dataset and day whose captures changed: the names of all its captures in the lake, the last to arrive last,
    and a digest of their versions."""

    data_type: str
    dt: str
    names: tuple[str, ...]
    digest: str


class ObjectEvents(Protocol):
    """A source of object events. `cursor` is the one that the last call returned, None at first."""

    def poll(self, cursor: str | None) -> tuple[list[ObjectEvent], str]:
        """The datasets and days with captures that are new since `cursor`, and the next cursor."""
        ...


class _Cursor(msgspec.Struct, frozen=True):
    """The state between polls; times in ns since the epoch.

    The start of the last poll by this machine's clock; the newest change of a day's folder by the lake's file
    server's clock, and its first sighting by this machine's; the change from which on the next poll lists folders;
    the inodes of the lists' folders; and the digests of the days' folders that the next poll lists in any case.
    """

    looked_ns: int = 0
    newest_ns: int = 0
    newest_seen_ns: int = 0
    fresh_ns: int = 0
    lists: dict[str, int] = {}
    seen: dict[str, str] = {}


class FolderObjectEvents:
    """Object events of a lake in a folder.

    A folder's own times change when an entry is added, independent of the entry's times: so only fresh folders are
    listed, and a poll costs one `stat` for a dataset and day, for any number of objects. The files of a fresh
    folder are distinguished by name, size and time, not by the clock: no file that arrives in the same second as a
    poll is missed or reported twice. Times of folders are compared with each other, never with this machine's clock:
    a file server's clock may be hours behind, and may have been wrong.
    """

    def __init__(self, root: Path, places: Places, window_seconds: float = WINDOW_SECONDS) -> None:
        self._root = root
        self._places = places
        self._window_ns = int(window_seconds * 10**9)

    def poll(self, cursor: str | None) -> tuple[list[ObjectEvent], str]:
        looked_ns = time.time_ns()
        last = _read_cursor(cursor)
        if looked_ns < last.looked_ns:
            last = _Cursor()  # The clock was set back: list everything; refined captures are passed over.
        lists = [*_folders(self._root / layout.BRONZE), *self._others()]
        events: list[ObjectEvent] = []
        entries: list[tuple[int, str, str]] = []
        newest_ns, newest_seen_ns = last.newest_ns, last.newest_seen_ns
        for of_list in lists:
            # A list's folder that was moved here as a whole has a new inode, but its days keep their times.
            is_known = last.lists.get(of_list.name) == of_list.inode()
            for folder, changed_ns in _day_folders(of_list, last.fresh_ns if is_known else 0):
                if changed_ns > newest_ns:
                    newest_ns, newest_seen_ns = changed_ns, looked_ns
                arrival = _arrival(self._root, self._places, folder)
                if arrival is None:
                    continue
                name = f"{arrival.data_type}/{arrival.dt}"
                entries.append((changed_ns, name, arrival.digest))
                if last.seen.get(name) != arrival.digest:
                    events.append(arrival)
        is_quiet = looked_ns - newest_seen_ns > self._window_ns
        fresh_ns = newest_ns + 1 if is_quiet else newest_ns - self._window_ns
        seen = {name: digest for changed_ns, name, digest in entries if changed_ns >= fresh_ns}
        inodes = {of_list.name: of_list.inode() for of_list in lists}
        cursor_now = _Cursor(looked_ns, newest_ns, newest_seen_ns, fresh_ns, inodes, seen)
        return events, msgspec.json.encode(cursor_now).decode()

    def _others(self) -> list[os.DirEntry[str]]:
        names = {place.data_type for place in self._places if place.root == layout.STREAMS}
        return [folder for folder in _folders(self._root / layout.STREAMS) if folder.name in names]


def _day_folders(of_list: os.DirEntry[str], fresh_since: int) -> Iterator[tuple[Path, int]]:
    """The folders of a list's days that changed since `fresh_since`, with their times (ns since the epoch)."""
    for of_day in _folders(of_list):
        # The one time that cannot be set; it changes with every change of a folder.
        changed_ns = of_day.stat().st_ctime_ns
        if changed_ns >= fresh_since:
            yield Path(of_day), changed_ns


def _folders(path: Path | os.DirEntry[str]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return sorted((entry for entry in entries if entry.is_dir()), key=lambda entry: entry.name)
    except FileNotFoundError:
        return []


def _arrival(root: Path, places: Places, folder: Path) -> ObjectEvent | None:
    # Of a million objects only the names are kept: Python's garbage collector does not track strings.
    within = folder.relative_to(root).as_posix()
    digest = hashlib.sha256()
    names_by_time: list[tuple[int, str]] = []
    try:
        with os.scandir(folder) as entries:
            in_order = sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:  # moved away meanwhile
        return None
    for entry in in_order:
        name = f"{within}/{entry.name}"
        if places.parse(name) is None:
            continue
        try:
            state = entry.stat()
        except FileNotFoundError:  # gone meanwhile, or a link to nowhere
            continue
        digest.update(f"{entry.name}:{state.st_size}:{state.st_mtime_ns};".encode())
        names_by_time.append((state.st_ctime_ns, name))
    if not names_by_time:
        return None
    names = tuple(name for _, name in sorted(names_by_time))
    newest = places.parse(names[-1])
    return ObjectEvent(newest.data_type, newest.dt, names, digest.hexdigest()[:16]) if newest else None


def _read_cursor(cursor: str | None) -> _Cursor:
    try:
        return msgspec.json.decode(cursor, type=_Cursor) if cursor else _Cursor()
    except (msgspec.DecodeError, UnicodeEncodeError):
        # Another version's cursor: list everything once more; refined captures are passed over.
        return _Cursor()
