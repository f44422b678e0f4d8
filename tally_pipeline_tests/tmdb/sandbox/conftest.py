"""Fixtures of the sandbox's tests: a sandbox that closes itself and a connection to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from typing import Any

import pytest
import requests

from tally_pipeline.tmdb.sandbox import Sandbox, parse_fault

DAY = date(2026, 3, 14)


@pytest.fixture
def start() -> Iterator[Callable[..., Sandbox]]:
    """Starts sandboxes of `DAY` with the faults written as on the command line; closes them in the end."""
    with ExitStack() as running:

        def started(*faults: str, **options: Any) -> Sandbox:
            options.setdefault("day", DAY)
            return running.enter_context(Sandbox(faults=[parse_fault(text) for text in faults], **options))

        yield started


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """A session that keeps its connections, without the proxies of the environment."""
    with requests.Session() as session:
        session.trust_env = False
        yield session
