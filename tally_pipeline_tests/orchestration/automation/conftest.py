from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import deploy, load_settings
from tally_pipeline_tests.orchestration.automation.folder_pipeline import Pipeline


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """A pipeline in an empty folder, with partitions from 2020-01-01 on."""
    settings = load_settings({"TALLY_HOME": str(tmp_path), "TALLY_FIRST_DAY": "2020-01-01"}, dotenv=None)
    deployment = deploy(settings)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Pipeline(deployment, build_definitions(deployment), instance)
