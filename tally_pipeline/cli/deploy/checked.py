"""What `tally deploy check` found out about one thing that the pipeline runs on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["good", "wrong", "unsure"]


@dataclass(frozen=True)
class Checked:
    """One thing: `told` is what was found, `todo` what to do about it (empty when it is good).

    "wrong" keeps the pipeline from working, or from being watched. "unsure" is worth a look: it could not be
    seen with these credentials, or it may be meant so.
    """

    resource: str
    state: State
    told: str
    todo: str = ""


def good(resource: str, told: str) -> Checked:
    return Checked(resource, "good", told)


def wrong(resource: str, told: str, todo: str) -> Checked:
    return Checked(resource, "wrong", told, todo)


def unsure(resource: str, told: str, todo: str) -> Checked:
    return Checked(resource, "unsure", told, todo)
