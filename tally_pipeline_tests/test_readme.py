"""What README and the reference say is what the code says. `tally_pipeline_tests/docs` tries the rest of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tally_pipeline.contracts.contract import RULES
from tally_pipeline.datasets.shows.contract import COLUMNS
from tally_pipeline.tmdb.lists import LISTS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DICTIONARY = (ROOT / "docs" / "data-dictionary.md").read_text(encoding="utf-8")


def test_what_is_generated_is_what_the_code_says() -> None:
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
        assert f"| `{column.name}` | `{column.athena_type}` |" in DICTIONARY
    for rule in RULES:
        assert f"| `{rule}` |" in DICTIONARY


def test_every_list_is_named() -> None:
    for show_list in LISTS:
        assert f"| `{show_list.name}` |" in README
