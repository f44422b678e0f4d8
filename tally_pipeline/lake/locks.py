"""Per-table reader/writer locks: one writer, and its inputs do not change while it runs.

Without them an overtaken run overwrites the newer run's table with results from outdated inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tally_pipeline.lake import file_lock

_FOLDER = "turns"
"""The folder's name, beside the lake. It stays, so that two versions running at once lock the same files."""


class TableLocks:
    """Locks in a folder beside the lake, one for each table, over all processes of this machine.

    A lock is the kernel's: it ends with the process that holds it, however that ends. Without a folder no process
    waits.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @classmethod
    def beside(cls, lake: Path) -> TableLocks:
        """The locks of a lake in a folder: the same for all its users, by any path to it."""
        return cls(lake.resolve().parent / _FOLDER)

    def is_locked(self, name: str) -> bool:
        """True if a writer of this table holds its lock now."""
        return self._folder is not None and file_lock.is_held(self._folder / f"{name}.lock", exclusively=True)

    @contextmanager
    def share(self, name: str) -> Iterator[None]:
        """Hold a lock that any number of processes may share, and that `is_shared` sees."""
        if self._folder is None:
            yield
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / f"{name}.lock").open("w") as lock:
            file_lock.acquire(lock, shared=True)
            yield

    def is_shared(self, name: str) -> bool:
        """True if a process holds this lock now, shared or not."""
        return self._folder is not None and file_lock.is_held(self._folder / f"{name}.lock")

    @contextmanager
    def hold(self, writes: str, reads: Iterable[str], say: Callable[[str], None]) -> Iterator[None]:
        """Hold the write lock of one table and the read locks of others; `say` is called if the wait is long."""
        is_shared = {**dict.fromkeys(reads, True), writes: False}
        with ExitStack() as stack:
            if self._folder is not None:
                self._folder.mkdir(parents=True, exist_ok=True)
                # All processes lock in the same order, against deadlocks.
                for name, shared in sorted(is_shared.items()):
                    lock = stack.enter_context((self._folder / f"{name}.lock").open("w"))
                    if not file_lock.try_to_acquire(lock, shared=shared):
                        say(f"Another run is at work on {name}; this one waits for it.")
                        file_lock.acquire(lock, shared=shared)
            yield
