"""Per-table reader/writer locks: one writer, and its inputs do not change while it runs.

Without them a run that was overtaken writes over the newer run's table with what it had read before.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

_FOLDER = "turns"
"""Beside the lake. The name of old stays, so that two versions that run at once lock the same files."""


class TableLocks:
    """Locks in a folder beside the lake, one for each table, over all processes of this machine.

    A lock is the kernel's: it goes with the process that holds it, however that ends. Without a folder nobody
    waits for anybody.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @classmethod
    def beside(cls, lake: Path) -> TableLocks:
        """The locks of a lake in a folder: the same for everybody who uses it, by whatever path."""
        return cls(lake.resolve().parent / _FOLDER)

    def is_locked(self, name: str) -> bool:
        """Whether a writer of this table holds its lock now."""
        if self._folder is None:
            return False
        try:
            with (self._folder / f"{name}.lock").open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    @contextmanager
    def hold(self, writes: str, reads: Iterable[str], say: Callable[[str], None]) -> Iterator[None]:
        """Hold the write lock of one table and the read locks of others; `say` is called when that takes a while."""
        modes = {**dict.fromkeys(reads, fcntl.LOCK_SH), writes: fcntl.LOCK_EX}
        with ExitStack() as stack:
            if self._folder is not None:
                self._folder.mkdir(parents=True, exist_ok=True)
                # In one order for all: two that wait for each other would wait for ever.
                for name, mode in sorted(modes.items()):
                    lock = stack.enter_context((self._folder / f"{name}.lock").open("w"))
                    try:
                        fcntl.flock(lock, mode | fcntl.LOCK_NB)
                    except BlockingIOError:
                        say(f"Another run is at work on {name}; this one waits for it.")
                        fcntl.flock(lock, mode)
            yield
