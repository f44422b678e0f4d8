"""Every command and snippet of the pages runs where Tally ran, in the order in which it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tally_pipeline.query import samples
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline_tests.docs.commands import project, run, shell
from tally_pipeline_tests.docs.pages import NEWCOMERS, PAGES, Block, Page, page
from tally_pipeline_tests.query.conftest import OF_DETAILS
from testkit import tally
from testkit.pipeline import environment
from testkit.running import bare

pytestmark = pytest.mark.slow

OPERATING = page("docs/operating.md")
RUN = [
    one
    for one in PAGES
    if one.name not in (*NEWCOMERS, OPERATING.name)
    and any(block.language == "sh" and block.not_run is None for block in one.blocks)
]
SNIPPETS = [block for block in page("docs/using.md").blocks if block.language == "python"]


@pytest.fixture(scope="module")
def three_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `tally` was run: invented shows of the last three days, refined."""
    # By processes of their own, as all that runs here afterwards: the tests' clock may be of another day.
    folder = project(tmp_path_factory.mktemp("three-days"))
    shell(folder, ".venv/bin/tally sandbox fill --days 3", ".venv/bin/tally rebuild")
    return folder


def asked(folder: Path, *argv: str) -> tally.Ran:
    return tally.run(folder, environment(folder / ".tally"), "query", *argv)


def test_the_first_query_answers_each_show_once_from_the_newest_day(three_days: Path) -> None:
    readme = page("README.md").text.replace("\\\n", "")
    (sql, *_) = re.findall(r'tally query "([^"…]+)"', readme)
    rows = asked(three_days, sql, "--format", "json").json
    assert [row["rank"] for row in rows] == [1, 2, 3, 4, 5]
    assert len({row["title"] for row in rows}) == 5
    newest = asked(three_days, "SELECT max(dt) AS dt FROM silver_shows", "--format", "json").json[0]["dt"]
    best = (
        f"SELECT title FROM silver_shows WHERE data_type = 'popular_shows' AND dt = '{newest}' AND rank = 1"
    )
    assert rows[0]["title"] == asked(three_days, best, "--format", "json").json[0]["title"]


@pytest.mark.parametrize("name", samples.names())
def test_every_sample_answers_by_command(three_days: Path, name: str) -> None:
    ran = asked(three_days, "--sample", name, "--format", "json")
    assert ran.code == 0, ran.err
    shows = [row["show_id"] for row in ran.json if "show_id" in row]
    # One list's newcomer may be another's; these days have no details.
    if name not in {"new_today", *OF_DETAILS}:
        assert len(shows) == len(set(shows))
        assert ran.json


QUERIES = sorted({sql for one in PAGES for sql in re.findall(r'`tally query "([^"…]+)"`', one.prose)})


@pytest.mark.parametrize("sql", QUERIES)
def test_every_query_in_a_sentence_is_answered(three_days: Path, sql: str) -> None:
    ran = asked(three_days, sql)
    assert ran.code == 0, ran.err


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda block: block.name)
def test_every_snippet_runs_where_tally_ran(three_days: Path, snippet: Block) -> None:
    if "polars" in snippet.text:
        pytest.importorskip("polars")
    *lines, last = snippet.text.strip().splitlines()
    ran = subprocess.run(
        # A notebook prints what its last line says.
        [sys.executable, "-c", "\n".join([*lines, last if last.startswith("print(") else f"print({last})"])],
        cwd=three_days,
        env=bare({"TALLY_DOTENV": os.devnull}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert len(ran.stdout.splitlines()) >= 10
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_every_command_runs(three_days: Path, page: Page) -> None:
    run(three_days, page)


def test_what_an_operator_does_runs_and_a_restored_backup_holds_what_was_backed_up(three_days: Path) -> None:
    # Whoever looks has today's data already.
    shell(three_days, ".venv/bin/tally sync")
    run(three_days, OPERATING)
    backup, restored = three_days / "backup", three_days / "restored" / "sandbox" / "lake"
    kept = [path.relative_to(backup) for path in (backup / "bronze").rglob("*") if path.is_file()]
    assert len(kept) > 3 * len(LISTS)
    assert all((restored / path).read_bytes() == (backup / path).read_bytes() for path in kept)
