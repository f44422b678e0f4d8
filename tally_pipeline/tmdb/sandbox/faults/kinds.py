"""Kinds of faults: pure functions from the reply that was due to the reply that is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tally_pipeline.tmdb.sandbox.replies import Reply

Options = Mapping[str, Any]
"""The options of a fault by name, in the types of their defaults."""


@dataclass(frozen=True)
class Request:
    """A request as a fault sees it: its page, and the reply that any other page would get."""

    page: int
    reply_for: Callable[[int], Reply]


@dataclass(frozen=True)
class FaultKind:
    """A row of `FAULTS`: a sentence that describes it, and its own options with their defaults.

    `make` gives the reply to send in place of the one that was due. `needs_page`: it must name the page that it
    hits. `of_exports`: it changes files of exports and never a page of a list.
    """

    description: str
    make: Callable[[Reply, Request, Options], Reply]
    options: Options = field(default_factory=dict)
    needs_page: bool = False
    of_exports: bool = False
