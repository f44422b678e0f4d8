"""Who does what the pages for newcomers say, and nothing else, has a list, a dataset or a gold table more."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tally_pipeline_tests.docs.commands import project, run
from tally_pipeline_tests.docs.pages import ROOT, Block, Page, page
from testkit.running import bare

pytestmark = pytest.mark.slow

COPIED = (
    "tally_pipeline",
    "scripts",
    "docs",
    "deploy/contract.json",
    "Makefile",
    "README.md",
    ".env.example",
)
LOCKS = ("requirements.lock", "pyproject.toml")


def house(folder: Path, page: Page) -> Path:
    """A copy of the project to which the pieces of a page were added."""
    for name in COPIED:
        (folder / name).parent.mkdir(exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    for name in LOCKS:
        (folder / name).touch()
    project(folder)
    # The environment is there: `make docs` makes none.
    (folder / ".venv" / ".ready").touch()
    for block in page.blocks:
        if block.note and block.not_run is None:
            add(folder, block)
    return folder


def add(folder: Path, block: Block) -> None:
    """Put a piece where the comment above it says."""
    if new := re.fullmatch(r"(new file|more of it): (\S+)", block.note):
        path = folder / new[2]
        assert path.exists() == (new[1] == "more of it")
        path.parent.mkdir(exist_ok=True)
        before = f"{path.read_text()}\n" if path.exists() else ""
        path.write_text(before + block.text)
    elif change := re.fullmatch(r"in (\S+)", block.note):
        path = folder / change[1]
        lines = block.text.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line.startswith(" "))
        whole = path.read_text()
        assert whole.count(old) == 1, f"{block.name}: the lines around it are not those of {change[1]}"
        path.write_text(whole.replace(old, "".join(line[1:] for line in lines)))
    else:
        pytest.fail(f"{block.name}: nobody knows what {block.note!r} means")


def said_by(folder: Path, page: Page) -> list[str]:
    """What the page's commands say, run in the copy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        return run(folder, page)


def looked_at(folder: Path, module: str, *arguments: str) -> dict[str, Any]:
    """What a module of the tests sees of the copy, from a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env=bare(
            {
                "TALLY_HOME": str(folder / "home"),
                "TALLY_DOTENV": os.devnull,
                "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
            }
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    seen: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return seen


def assert_tests_pass(folder: Path, *places: str) -> None:
    """The fast tests that counted lists and tables most, run on the copy."""
    ended = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                "-m",
                "not slow and not browser",
            ),
            # The tests' folder goes behind the copy, which is where the code comes from.
            *("--import-mode", "append", "--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml")),
            *(str(ROOT / "tally_pipeline_tests" / place) for place in places),
        ],
        cwd=folder,
        env=bare({"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-4000:]
    assert " passed" in ended.stdout


def test_a_list_is_added(tmp_path: Path) -> None:
    adding = page("docs/adding-a-list.md")
    folder = house(tmp_path, adding)
    synced, _ = said_by(folder, adding)
    assert "top_rated" in synced
    assert (folder / ".tally/sandbox/lake/silver/shows/top_rated").is_dir()
    assert "top_rated" in (folder / "deploy/contract.json").read_text()
    assert "| `top_rated` |" in (folder / "README.md").read_text()
    assert "#TALLY_PAGES_TOP_RATED=50" in (folder / ".env.example").read_text()
    assert_tests_pass(
        folder, "report", "cost", "gold/test_tables.py", "orchestration/automation/test_definitions.py"
    )


def test_a_gold_table_is_added(tmp_path: Path) -> None:
    adding = page("docs/adding-a-gold-table.md")
    folder = house(tmp_path, adding)
    synced, _ = said_by(folder, adding)
    assert "airing_today" in synced
    assert "## `gold_list_lengths`" in (folder / "docs/data-dictionary.md").read_text()
    seen = looked_at(folder, "tally_pipeline_tests.gold.look_at_table", "list_lengths")
    assert seen["in Dagster"]
    assert seen["checks"] == {f"as_long_as_silver {day}": True for day in seen["days"]}
    assert "length by list" in seen["metadata"]
    assert all(row["shows"] > 0 for row in seen["queried"])
    assert_tests_pass(
        folder, "gold/test_tables.py", "gold/test_checks.py", "orchestration/automation/test_new_objects.py"
    )


def test_a_dataset_is_added(tmp_path: Path) -> None:
    adding = page("docs/adding-a-dataset.md")
    folder = house(tmp_path, adding)
    said_by(folder, adding)
    assert "## `silver_networks`" in (folder / "docs/data-dictionary.md").read_text()
    assert "silver_networks" in (folder / "deploy/contract.json").read_text()
    seen = looked_at(folder, "tally_pipeline_tests.datasets.look_at_networks")
    assert seen["captured"]
    assert seen["the sensor asks for"] == [["silver_networks"]]
    assert seen["refined"]
    assert seen["silver"] == [{"name": "Fuji TV"}, {"name": "TV Tokyo"}]
    assert seen["rejected"] == [{"line": 40, "raw": "rubbish"}]
