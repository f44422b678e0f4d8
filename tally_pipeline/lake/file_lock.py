"""Locks on open files. They are the kernel's: each goes with the process that holds it, however that ends."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO


def acquire(file: IO[str], *, shared: bool = False) -> None:
    """Lock an open file, for this process alone or with others that share it; waits as long as that takes."""
    fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)


def try_to_acquire(file: IO[str], *, shared: bool = False) -> bool:
    """Lock an open file if nobody has to be waited for; returns whether it is locked now."""
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(path: Path, *, exclusively: bool = False) -> bool:
    """Whether somebody has a file locked (`exclusively`: not shared with others); a file that is absent is not."""
    try:
        with path.open("r") as file:
            return not try_to_acquire(file, shared=exclusively)
    except FileNotFoundError:
        return False
