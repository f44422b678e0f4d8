"""What needs a process of its own: a fifth list, Dagster's own commands from the repository's root."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import tally_pipeline
from tally_pipeline.tmdb.sandbox import Sandbox
from testkit.pipeline import day, environment
from testkit.running import bare

REPOSITORY = Path(tally_pipeline.__file__).parents[1]

WITH_TOP_RATED = """
import sys
from tally_pipeline.tmdb import lists

lists.LISTS += (
    lists.ShowList(
        name="top_rated", path="/tv/top_rated", depth=2, title="Top rated", description="By average of votes."
    ),
)

from tally_pipeline.cli import main

sys.exit(main())
"""


def with_top_rated(home: Path, base_url: str, *argv: str) -> subprocess.CompletedProcess[str]:
    environ = environment(home, base_url)
    return subprocess.run(
        [sys.executable, "-c", WITH_TOP_RATED, *argv],
        env=bare(environ),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
def test_a_fifth_list_is_one_entry_in_the_catalogue(tmp_path: Path, steady: Sandbox) -> None:
    ran = with_top_rated(tmp_path, steady.base_url, "sync", "--list", "top_rated", "--json")
    assert ran.returncode == 0, ran.stderr
    (told,) = json.loads(ran.stdout).values()
    assert (told["published"], told["pages"], told["silver_rows"]) == (True, 2, 40)
    assert told["keys"][-1] == f"silver/shows/top_rated/dt={day()}/data.parquet"
    assert (tmp_path / "sandbox" / "lake" / told["keys"][-1]).is_file()

    ran = with_top_rated(tmp_path, steady.base_url, "status", "--json")
    state = json.loads(ran.stdout)
    assert state["lists"]["top_rated"]["newest_silver_day"] == day()
    assert {check["status"] for check in state["checks"] if "top_rated" in check["asset"]} == {"passed"}


@pytest.mark.slow
def test_dagster_validates_the_definitions_from_the_repositorys_root(tmp_path: Path) -> None:
    home = tmp_path / "dagster"
    home.mkdir()
    ran = subprocess.run(
        [sys.executable, "-m", "dagster", "definitions", "validate"],
        env=bare({"TALLY_HOME": str(tmp_path), "DAGSTER_HOME": str(home)}),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = ran.stdout + ran.stderr
    assert ran.returncode == 0, said
    assert "Validation successful for code location tally_pipeline.definitions" in said
    assert "All code locations passed validation" in said


@pytest.mark.slow
def test_loading_the_definitions_writes_nothing_and_contacts_nobody(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "from tally_pipeline.definitions import defs; defs.get_repository_def()"],
        env=bare({"TALLY_HOME": "home", "TMDB_BASE_URL": "http://127.0.0.1:1/3"}),
        cwd=tmp_path,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0
    assert list(tmp_path.iterdir()) == []
