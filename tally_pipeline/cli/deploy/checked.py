"""The result of `tally deploy check` about one resource of the pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["good", "wrong", "unsure"]


@dataclass(frozen=True)
class Checked:
    """One resource: `told` is the result in words, `todo` the remedy (empty if it is good).

    "wrong" keeps the pipeline from working, or from being monitored. "unsure" is a warning: the resource is not
    readable with these credentials, or may be intended.
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
