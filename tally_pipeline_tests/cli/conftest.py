from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tally_pipeline.tmdb.sandbox import Sandbox
from testkit import tally
from testkit.pipeline import environment

Tally = Callable[..., tally.Ran]


@pytest.fixture(scope="package")
def steady() -> Iterator[Sandbox]:
    """A sandbox without faults."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def run_tally(tmp_path: Path, steady: Sandbox) -> Tally:
    """Runs `tally` in an empty folder that is also its home, against the steady sandbox."""

    def run(*argv: str, **changes: str) -> tally.Ran:
        return tally.run(tmp_path, environment(tmp_path, steady.base_url, **changes), *argv)

    return run
