"""Turns: whoever makes a table of a lake makes it alone, and what it is made from stays as it is meanwhile.

Without them a run that was overtaken writes over the newer run's table with what it had read before.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


class Turns:
    """Locks in a folder beside the lake, one for each table, over all processes of this machine.

    A lock is the kernel's: it goes with the process that holds it, however that ends. Without a folder nobody
    waits for anybody.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @classmethod
    def beside(cls, lake: Path) -> Turns:
        """The turns of a lake in a folder: the same for everybody who uses it, by whatever path."""
        return cls(lake.resolve().parent / "turns")

    def is_taken(self, name: str) -> bool:
        """Whether somebody makes a table of that name just now."""
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
    def take(self, makes: str, reads: Iterable[str], say: Callable[[str], None]) -> Iterator[None]:
        """Wait for one's turn to make a table from others; `say` is told when that takes a while.

        Nobody else makes or reads the table meanwhile; those it is made from may be read by others, not made.
        """
        wanted = {**dict.fromkeys(reads, fcntl.LOCK_SH), makes: fcntl.LOCK_EX}
        with ExitStack() as held:
            if self._folder is not None:
                self._folder.mkdir(parents=True, exist_ok=True)
                # In one order for all: two that wait for each other would wait for ever.
                for name, mode in sorted(wanted.items()):
                    lock = held.enter_context((self._folder / f"{name}.lock").open("w"))
                    try:
                        fcntl.flock(lock, mode | fcntl.LOCK_NB)
                    except BlockingIOError:
                        say(f"Another run is at work on {name}; this one waits for it.")
                        fcntl.flock(lock, mode)
            yield
