from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tally_pipeline.tmdb.sandbox import Sandbox, parse_fault
from testkit.pipeline import Pipeline


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A history in memory."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture(scope="session")
def steady() -> Iterator[Sandbox]:
    """A sandbox without faults."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def pipeline(tmp_path: Path, instance: dg.DagsterInstance, steady: Sandbox) -> Pipeline:
    """A pipeline over an empty lake that reads the steady sandbox."""
    return Pipeline.at(tmp_path, instance, steady.base_url)


@pytest.fixture
def faulty(tmp_path: Path, instance: dg.DagsterInstance) -> Iterator[Callable[..., Pipeline]]:
    """Makes pipelines over the same lake and history that read a sandbox with these faults."""
    running: list[Sandbox] = []

    def made(*faults: str, **changes: Any) -> Pipeline:
        running.append(Sandbox(faults=[parse_fault(text) for text in faults]))
        return Pipeline.at(tmp_path, instance, running[-1].base_url, **changes)

    yield made
    for sandbox in running:
        sandbox.close()
