"""A sandbox of details made by hand: small replies, scripted by show, and a log of what was asked for."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Self

import msgspec

from tally_pipeline.tmdb.sandbox import ReceivedRequest, Sandbox
from tally_pipeline.tmdb.sandbox.replies import JSON, Reply, error, show_of
from testkit.details import show

Script = Callable[[int, int], Reply | None]
"""From a show and the number of requests before, of all shows, to the reply; None: the good one."""


class ShowServer(Sandbox):
    """Answers `/tv/{id}` for every id with `testkit.details.show`, or as `script` says."""

    def __init__(self, script: Script | None = None, **options: Any) -> None:
        self._script = script
        self._numbers = itertools.count()
        super().__init__(**options)

    def __enter__(self) -> Self:
        return self

    @property
    def of_shows(self) -> list[tuple[int, ReceivedRequest]]:
        """The requests for details, with their shows, in order."""
        return [(found[0], one) for one in list(self.requests) if (found := show_of(one.path))]

    @property
    def asked(self) -> Counter[int]:
        """The number of requests for each show."""
        return Counter(show_id for show_id, _ in self.of_shows)

    def _respond(self, path: str, query: Mapping[str, str]) -> Reply:
        found = show_of(path)
        if found is None:
            return super()._respond(path, query)
        show_id, before = found[0], next(self._numbers)
        return (self._script(show_id, before) if self._script else None) or good(show_id)


def good(show_id: int) -> Reply:
    """A sound reply about a show."""
    return Reply(200, {"Content-Type": JSON, "ETag": f'W/"{show_id}"'}, msgspec.json.encode(show(show_id)))


def gone() -> Reply:
    """TMDB's reply about a show that is not there."""
    return error(34)
