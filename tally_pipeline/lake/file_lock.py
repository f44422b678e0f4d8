"""Locks on open files. They are the kernel's: each ends with the process that holds it, however that ends."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO


def acquire(file: IO[str], *, shared: bool = False) -> None:
    """Lock an open file, exclusively or shared with others; waits as long as that takes."""
    fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)


def try_to_acquire(file: IO[str], *, shared: bool = False) -> bool:
    """Lock an open file without waiting; returns True if it is locked now."""
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(path: Path, *, exclusively: bool = False) -> bool:
    """True if a process has the file locked (`exclusively`: not shared); an absent file is not locked."""
    try:
        with path.open("r") as file:
            return not try_to_acquire(file, shared=exclusively)
    except FileNotFoundError:
        return False
