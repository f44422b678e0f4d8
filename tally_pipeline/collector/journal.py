"""The journal: puts records on disk for good, many with one sync.

While the disk syncs, new records gather; the next write takes them all. So the rate of syncs is the disk's, and a
record waits for two of them at most.

After a write or a sync that failed, nobody knows what is on disk, and a later sync that succeeds proves nothing
(https://wiki.postgresql.org/wiki/Fsync_Errors). Such a file is left as it is, its waiting records are refused, and
the next record begins another.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from tally_pipeline import clock
from tally_pipeline.collector import segments
from tally_pipeline.collector.segments import SegmentName

SEGMENT_BYTES = 8 * 2**20
SEGMENT_SECONDS = 60.0
"""A file is closed, and moves to bronze, when it is so large or so old, and at the end of each hour."""
MOST_BYTES = 2**30
"""Bytes of all files together: beyond it nothing is taken in until some moved to bronze."""
MOST_WAITING = 32 * 2**20
"""Bytes of records that wait for the disk."""


class JournalError(Exception):
    """A record is not on disk for good: it was not taken in. The message says why."""


class Disk(Protocol):
    """The journal's needs of a file system. Each method raises `OSError`."""

    def create(self, path: Path) -> int: ...
    def write(self, file: int, body: bytes) -> None: ...
    def sync(self, file: int) -> None: ...
    def close(self, file: int) -> None: ...


class RealDisk:
    """The file system of this machine."""

    def create(self, path: Path) -> int:
        """Create a file whose name outlives a loss of power; returns its descriptor."""
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            sync_folder(path.parent)
        except OSError:
            os.close(file)
            path.unlink()
            raise
        return file

    def write(self, file: int, body: bytes) -> None:
        view = memoryview(body)
        while view:
            view = view[os.write(file, view) :]

    def sync(self, file: int) -> None:
        os.fdatasync(file)

    def close(self, file: int) -> None:
        os.close(file)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlive a loss of power. Raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass
class _Segment:
    """The file that is written now."""

    path: Path
    file: int
    hour: datetime
    closes_at: datetime
    size: int = 0


@dataclass(frozen=True)
class _Waiting:
    lines: bytes
    future: Future[None]


class Journal:
    """Appends records to files below a folder, in a thread of its own. Safe to use from several threads.

    `on_closed` is handed each file that is written no more, from that thread. The shard's name is new each time, so
    that no sequence ever comes twice, whatever the clock does.
    """

    def __init__(
        self,
        folder: Path,
        on_closed: Callable[[Path], None],
        *,
        segment_bytes: int = SEGMENT_BYTES,
        segment_seconds: float = SEGMENT_SECONDS,
        most_bytes: int = MOST_BYTES,
        disk: Disk | None = None,
    ) -> None:
        self.shard = f"collector-{secrets.token_hex(8)}"
        self._folder, self._on_closed, self._disk = folder, on_closed, disk or RealDisk()
        self._segment_bytes, self._age = segment_bytes, timedelta(seconds=segment_seconds)
        self._most_bytes = most_bytes
        self._sequence = 0
        self._segment: _Segment | None = None
        self._waiting: list[_Waiting] = []
        self._waiting_bytes = 0
        self._stored = 0
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def append(self, lines: bytes) -> Future[None]:
        """Take a record in. The future is done once it is on disk for good, or has a `JournalError`."""
        future: Future[None] = Future()
        with self._changed:
            if reason := self._refusal(len(lines)):
                future.set_exception(JournalError(reason))
                return future
            self._waiting.append(_Waiting(lines, future))
            self._waiting_bytes += len(lines)
            self._changed.notify()
        return future

    def _refusal(self, size: int) -> str | None:
        if self._closed:
            return "the collector stops"
        if self._waiting_bytes + size > MOST_WAITING:
            return "the disk does not keep up"
        if self._stored + self._waiting_bytes + size > self._most_bytes:
            return "the journal is full, for the lake takes nothing"
        return None

    @property
    def stored(self) -> int:
        """Bytes of all files that are not in bronze yet."""
        return self._stored

    def took_up(self, size: int) -> None:
        """Count a file of an earlier collector as one to be moved."""
        with self._changed:
            self._stored += size

    def moved(self, size: int) -> None:
        """Count a file no more: it is in bronze."""
        with self._changed:
            self._stored -= size

    def close(self) -> None:
        """Write what waits, close the last file, and take in nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    # --- in the journal's thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._write_until_closed()
        finally:
            # Whatever ended it: nobody waits for ever.
            with self._changed:
                self._closed = True
                left, self._waiting = self._waiting, []
            for waiting in left:
                if waiting.future.set_running_or_notify_cancel():
                    waiting.future.set_exception(JournalError("the collector stops"))

    def _write_until_closed(self) -> None:
        while True:
            with self._changed:
                while not (self._waiting or self._closed or self._is_due()):
                    self._changed.wait(self._patience())
                batch, self._waiting = self._waiting, []
                is_last = self._closed
            if self._is_due():
                self._close_segment()
            if batch:
                self._write(batch)
            if is_last:
                self._close_segment()
                return

    def _is_due(self) -> bool:
        segment, now = self._segment, clock.now()
        if segment is None:
            return False
        return segment.size >= self._segment_bytes or now >= segment.closes_at or _hour(now) != segment.hour

    def _patience(self) -> float | None:
        if self._segment is None:
            return None
        return max(0.01, (self._segment.closes_at - clock.now()).total_seconds())

    def _write(self, waited: list[_Waiting]) -> None:
        size = sum(len(waiting.lines) for waiting in waited)
        # From here on none can be cancelled; one that was has nobody who waits for it.
        batch = [waiting for waiting in waited if waiting.future.set_running_or_notify_cancel()]
        if not batch:
            self._settle(size, 0)
            return
        try:
            segment = self._segment or self._open_segment()
            arrived = clock.now()
            frames = b"".join(
                segments.framed(self._sequence + number, arrived, waiting.lines)
                for number, waiting in enumerate(batch)
            )
            self._sequence += len(batch)
            self._disk.write(segment.file, frames)
            self._disk.sync(segment.file)
        except BaseException as error:
            self._settle(size, 0)
            self._close_segment()
            why = error.strerror if isinstance(error, OSError) else type(error).__name__
            for waiting in batch:
                waiting.future.set_exception(JournalError(f"the disk took nothing: {why}"))
            if isinstance(error, OSError):
                return
            raise
        segment.size += len(frames)
        self._settle(size, len(frames))
        for waiting in batch:
            waiting.future.set_result(None)

    def _settle(self, waited: int, stored: int) -> None:
        with self._changed:
            self._waiting_bytes -= waited
            self._stored += stored

    def _open_segment(self) -> _Segment:
        now = clock.now()
        path = self._folder / str(SegmentName(self.shard, self._sequence))
        self._segment = _Segment(path, self._disk.create(path), _hour(now), now + self._age)
        return self._segment

    def _close_segment(self) -> None:
        segment, self._segment = self._segment, None
        if segment is None:
            return
        # What is acknowledged was synced before.
        with suppress(OSError):
            self._disk.close(segment.file)
        with suppress(OSError):
            # More than was counted, after a write that failed in the middle.
            self._settle(0, segment.path.stat().st_size - segment.size)
        self._on_closed(segment.path)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
