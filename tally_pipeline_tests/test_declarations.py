"""A declaration that cannot be used is named when it is read, with its remedy, and not in a run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from pathlib import Path

import pytest

import tally_pipeline
from tally_pipeline.datasets import named
from tally_pipeline.declaration import DeclarationError, require
from tally_pipeline.gold import genre_analytics, top_movers
from tally_pipeline.tmdb.lists import LISTS, ShowList, list_faults, list_named

POPULAR = list_named("popular_shows")


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (replace(POPULAR, name="top-rated", path="/tv/x"), "'top-rated' needs a name of lower-case letters"),
        (replace(POPULAR, name="Top", path="/tv/x"), "'Top' needs a name of lower-case letters"),
        (replace(POPULAR, name="", path="/tv/x"), "'' needs a name"),
        (replace(POPULAR, path="/tv/x"), "two lists are called 'popular_shows'"),
        (replace(POPULAR, name="more"), "the path '/tv/popular' of 'more' is another list's too"),
        (replace(POPULAR, name="more", path="tv/x"), "the path 'tv/x' of 'more' is no path"),
        (replace(POPULAR, name="more", path="/tv/{day}"), "is no path"),
        (replace(POPULAR, name="more", path="/tv/x?page=2"), "is no path"),
        (
            replace(POPULAR, name="more", path="/tv/x", depth=501),
            "the depth 501 of 'more' is not from 1 to 500",
        ),
        (replace(POPULAR, name="more", path="/tv/x", title=" "), "'more' needs a title and a description"),
    ],
)
def test_a_list_that_cannot_be_captured_is_named(entry: ShowList, says: str) -> None:
    faults = list(list_faults([*LISTS, entry]))
    assert any(says in fault for fault in faults), faults
    with pytest.raises(DeclarationError, match=r"^tally_pipeline/tmdb/lists\.py: "):
        require("tally_pipeline/tmdb/lists.py", faults)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"key": ("nope",)}, "`key` names nope, which `columns` does not declare"),
        ({"previewed": ("title", "nope")}, "`previewed` names nope"),
        ({"key": ()}, "`key` is empty"),
        ({"checks": ()}, "`checks` is empty"),
        ({"name": "nowhere"}, "there is no nowhere.sql beside the module"),
    ],
)
def test_a_gold_table_that_cannot_be_made_is_named(changes: dict[str, object], says: str) -> None:
    broken = type("Broken", (top_movers.TopMovers,), {**changes, "__module__": top_movers.__name__})()
    assert any(says in fault for fault in broken.faults()), list(broken.faults())
    assert list(top_movers.TABLE.faults()) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"unique": "nope"}, "`unique` names nope, which is no column of silver_series"),
        ({"nullable": frozenset({"nope"})}, "`nullable` names nope"),
        ({"lineage": {"nope": ("id",)}}, "`lineage` names nope"),
        (
            {"cadence": "hourly"},
            "`cadence` is 'hourly', and must be one of capture, capture_export, capture_genres",
        ),
    ],
)
def test_a_dataset_that_contradicts_itself_is_named(change: dict[str, object], says: str) -> None:
    broken = copy(named("series_export"))
    vars(broken).update(change)
    assert any(says in fault for fault in broken.faults()), list(broken.faults())


def _registered(line: str, more: str) -> Callable[[str], str]:
    return lambda text: text.replace(line, f"{line}{more}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "change", "says"),
    [
        (
            "gold/__init__.py",
            _registered('    "data_quality_daily",\n', '    "absent",\n'),
            "tally: tally_pipeline/gold/absent.py: the list in gold/__init__.py names it",
        ),
        (
            "datasets/__init__.py",
            _registered('    "genres",\n', '    "absent",\n'),
            "tally: tally_pipeline/datasets/absent: `_FOLDERS` names it",
        ),
        (
            "datasets/series/__init__.py",
            lambda text: text.replace("    footer_type = SeriesFooter\n", ""),
            "tally: tally_pipeline/datasets/series: it does not say its footer_type",
        ),
    ],
)
def test_a_command_says_it_in_one_sentence(
    tmp_path: Path, file: str, change: Callable[[str], str], says: str
) -> None:
    copy = tmp_path / "tally_pipeline"
    package = Path(tally_pipeline.__file__).parent
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    before = (copy / file).read_text()
    assert change(before) != before
    (copy / file).write_text(change(before))
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("TALLY_", "TMDB_"))}
    ended = subprocess.run(
        [sys.executable, "-c", "import sys; from tally_pipeline.cli import main; sys.exit(main())", "status"],
        env={**environ, "PYTHONPATH": str(tmp_path), "TALLY_HOME": str(tmp_path / "home")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.startswith(says)
    assert ended.stderr.count("\n") == 1


def test_a_parameter_that_the_sql_may_not_use_is_named_with_those_that_it_may() -> None:
    lacking = type(
        "Broken", (type(genre_analytics.TABLE),), {"values": {}, "__module__": genre_analytics.__name__}
    )()
    (fault,) = lacking.faults()
    assert fault.startswith(
        "genre_analytics.sql uses :prior_votes; it may use :day, :day_1, :day_7, :day_28, :earliest, :before."
    )
