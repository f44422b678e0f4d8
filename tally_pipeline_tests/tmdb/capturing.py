"""Captures a list from a scripted server, with next to no waiting."""

from __future__ import annotations

from typing import Any, Literal

from tally_pipeline.tmdb.client import Capture, TmdbClient, TmdbSettings
from tally_pipeline.tmdb.lists import ShowList, list_named
from testkit.tmdb.scripted_server import ScriptedServer

POPULAR = list_named("popular_shows")
AIRING_TODAY = list_named("airing_today")


def settings(server: ScriptedServer, **changes: Any) -> TmdbSettings:
    """Settings for a scripted server: three attempts, next to no waiting."""
    quick = {"base_url": server.url, "backoff_seconds": 0.001, "requests_per_second": 1000, "attempts": 3}
    return TmdbSettings(**{**quick, **changes})


def capture(
    server: ScriptedServer,
    show_list: ShowList = POPULAR,
    depth: int | Literal["default"] | None = "default",
    **changes: Any,
) -> Capture:
    """One capture by a client of its own; `changes` are settings."""
    with TmdbClient(settings(server, **changes)) as client:
        return client.capture(show_list, depth=depth)
