"""Moves the journal's closed files to bronze. A file is removed only once its object is there for good."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tally_pipeline.collector import segments
from tally_pipeline.collector.journal import sync_folder
from tally_pipeline.collector.segments import SegmentName
from tally_pipeline.events.batches import HEAD_BYTES, ForeignObjectError, deliver
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import AlreadyThereError, LakeError

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds until a delivery is tried again; each wait is twice the one before."""


@dataclass(frozen=True)
class Moved:
    """A file that is in bronze now: its bytes, and the keys of its objects (none if it had no whole record)."""

    size: int
    keys: Sequence[str]


def move(path: Path, lake: Lake) -> Moved:
    """Write a closed file's records to bronze, then remove it. Raises `LakeError`, `ForeignObjectError`, `OSError`.

    Done again after it was broken off anywhere, it ends the same.
    """
    name = SegmentName.parse(path.name)
    if name is None:
        raise ValueError(f"{path} is no file of the journal")
    body = path.read_bytes()
    records = list(segments.records(body))
    keys = list(deliver(name.shard, records, lambda key, packed: _put(lake, key, packed), _head_of(lake)))
    path.unlink()
    return Moved(len(body), keys)


def _put(lake: Lake, key: str, body: bytes) -> bool:
    try:
        lake.write_once(key, body)
    except AlreadyThereError:
        return False
    finally:
        _make_durable(lake, key)
    return True


def _make_durable(lake: Lake, key: str) -> None:
    """Make an object in a folder outlive a loss of power. S3 has that done when it answers."""
    if lake.store.is_shared:
        return
    root = Path(lake.store.root)
    with suppress(FileNotFoundError):
        descriptor = os.open(root / key, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        for folder in PurePosixPath(key).parents:
            sync_folder(root / folder)


def _head_of(lake: Lake) -> Callable[[str], bytes]:
    return lambda key: lake.store.head(key, HEAD_BYTES)


class Delivery:
    """Moves files, in a thread of its own, in the order in which they were handed over.

    One that cannot be moved comes last and is tried again; `trouble` says why meanwhile. `on_moved` is called with
    each that moved.
    """

    def __init__(self, lake: Lake, on_moved: Callable[[Moved], None]) -> None:
        self.trouble: str | None = None
        self._lake, self._on_moved = lake, on_moved
        self._paths: queue.SimpleQueue[Path | None] = queue.SimpleQueue()
        self._left = 0
        self._stops = threading.Event()
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)
        self._thread.start()

    def add(self, path: Path) -> None:
        """Hand a closed file over."""
        self._left += 1
        self._paths.put(path)

    def finish(self, seconds: float) -> int:
        """Move what was handed over, in so many seconds at most; returns the number of files that are left.

        The next collector takes them up, one in the middle of a request as well.
        """
        self._paths.put(None)
        self._thread.join(seconds)
        self._stops.set()
        return self._left

    def _run(self) -> None:
        wait = FIRST_WAIT
        while (path := self._paths.get()) is not None:
            if self._moves(path):
                wait = FIRST_WAIT
                continue
            self._paths.put(path)
            if self._stops.wait(wait):
                return
            wait = min(2 * wait, LONGEST_WAIT)

    def _moves(self, path: Path) -> bool:
        try:
            moved = move(path, self._lake)
        except (LakeError, ForeignObjectError) as error:
            self.trouble = str(error)
            return False
        except OSError as error:
            self.trouble = f"{path} could not be moved to bronze: {error.strerror}"
            return False
        self.trouble = None
        self._left -= 1
        self._on_moved(moved)
        return True
