"""A trial of `tally deploy prove`: what it tries, and what was seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

State = Literal["holds", "fails", "known difference", "not tried"]


@dataclass(frozen=True)
class Seen:
    """The result, in words; `todo` is the remedy if it does not hold. `scanned`: bytes that Athena read."""

    holds: bool
    told: str
    todo: str = ""
    scanned: int | None = None


class NotTriedError(Exception):
    """A trial could not be made; the message says why, and what would let it be made."""


@dataclass(frozen=True)
class Trial:
    """One trial: `says` should hold. `look` raises `NotTriedError`, or an error of AWS's clients."""

    name: str
    says: str
    look: Callable[[], Seen]


@dataclass(frozen=True)
class Tried:
    """A trial's outcome. `note` says why it differs on an emulator, or that it was known to and does not."""

    name: str
    says: str
    state: State
    seen: str
    todo: str = ""
    note: str = ""
    scanned: int | None = None
    seconds: float = 0.0
