from __future__ import annotations

from collections.abc import Iterator

import pytest

from testkit.tmdb.scripted_server import ScriptedServer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server of a list of three pages of three shows each, to be scripted."""
    with ScriptedServer() as server:
        yield server
