"""README says what the code says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tally_pipeline.shows.contract import COLUMNS, RULES
from tally_pipeline.shows.lists import LISTS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_data_dictionary_is_the_contracts() -> None:
    check = subprocess.run(
        [sys.executable, "scripts/readme.py", "--check"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.returncode == 0, check.stderr


def test_every_column_and_rule_is_in_the_dictionary() -> None:
    for column in COLUMNS:
        assert f"| `{column.name}` | `{column.athena_type}` |" in README
    for rule in RULES:
        assert f"| `{rule}` |" in README


@pytest.mark.parametrize("file", ["README.md", ".env.example"])
def test_every_setting_that_is_read_is_documented(file: str) -> None:
    source = (ROOT / "tally_pipeline/deployment/settings.py").read_text(encoding="utf-8")
    settings = set(re.findall(r'"((?:TMDB|TALLY)_[A-Z_]+)"', source))
    assert "TALLY_HOME" in settings
    text = (ROOT / file).read_text(encoding="utf-8")
    assert [name for name in sorted(settings) if name not in text] == []


def test_every_list_and_its_depth_is_named() -> None:
    for show_list in LISTS:
        assert f"`{show_list.name}`" in README


def test_files_that_readme_links_to_are_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
