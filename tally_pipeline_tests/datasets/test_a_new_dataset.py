"""A dataset more is one folder and one line: everything that knows datasets then knows it.

Tally does not have TMDB's daily export of TV networks. The folder `networks` here is put beside the others, in a copy
of the package, and looked at from a process of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tally_pipeline
from tally_pipeline import clock

pytestmark = pytest.mark.slow

PACKAGE = Path(tally_pipeline.__file__).parent
LAST_LINE = '    "genres",\n'


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of Tally with one dataset more."""
    house = tmp_path_factory.mktemp("house")
    copy = house / "tally_pipeline"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(Path(__file__).parent / "networks", copy / "datasets" / "networks")
    registry = copy / "datasets" / "__init__.py"
    text = registry.read_text()
    assert text.count(LAST_LINE) == 1
    registry.write_text(text.replace(LAST_LINE, f'{LAST_LINE}    "networks",\n'))
    return house


@pytest.fixture(scope="module")
def seen(house: Path) -> dict[str, Any]:
    """What `look_at_networks` sees of it."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("TALLY_", "TMDB_"))}
    environ |= {
        "TALLY_HOME": str(house / "home"),
        "TALLY_DOTENV": os.devnull,
        "PYTHONPATH": f"{house}{os.pathsep}{PACKAGE.parent}",
    }
    ended = subprocess.run(
        [sys.executable, "-m", "tally_pipeline_tests.datasets.look_at_networks"],
        env=environ,
        cwd=house,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    told: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return told


def test_it_is_captured_by_the_job_of_the_daily_exports(seen: dict[str, Any]) -> None:
    assert seen["captured"]
    assert seen["jobs"] == ["capture_export", "refine"]


def test_its_captures_are_sensed_and_refined(seen: dict[str, Any]) -> None:
    today = clock.today().isoformat()
    assert [name for name, _ in seen["arrived"]] == ["network_export", "network_export"]
    assert today in {day for _, day in seen["arrived"]}
    assert seen["the sensor asks for"] == [["silver_networks"]]
    assert seen["refined"]


def test_its_checks_run_by_day_and_its_past_is_known(seen: dict[str, Any]) -> None:
    # 39 networks after 2 are many more, which is no reason to hold them back.
    assert seen["checks"] == {"pass_rate": "SUCCEEDED", "volume": "FAILED"}
    assert "Fuji TV" not in seen["metadata"]["preview"]
    assert seen["metadata"]["dagster/uri"].endswith("data.parquet")
    assert "quarantine/networks" in seen["metadata"]["quarantine"]


def test_the_audit_proves_its_captures(seen: dict[str, Any]) -> None:
    assert seen["audited"] == [[2, [], False], [40, [], False]]
    assert "bronze/tmdb/network_export/dt=" in seen["chosen"]


def test_it_can_be_queried_and_so_can_what_was_rejected(seen: dict[str, Any]) -> None:
    assert seen["silver"] == [{"name": "Fuji TV"}, {"name": "TV Tokyo"}]
    assert seen["rejected"] == [{"line": 40, "raw": "rubbish"}]


def test_the_catalogue_and_the_data_dictionary_have_it(seen: dict[str, Any]) -> None:
    assert seen["in Glue"] == ["quarantine_networks", "silver_networks"]
    assert "## `silver_networks`" in seen["in the data dictionary"]
    assert (
        "| `network_id` | `bigint` | TMDB's id of the network; unique within a day. |"
        in (seen["in the data dictionary"])
    )
