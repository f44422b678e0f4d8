"""README says what the code says, and its examples are true on any day."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tally_pipeline.cli import _parser
from tally_pipeline.contracts.contract import RULES
from tally_pipeline.datasets.shows.contract import COLUMNS
from tally_pipeline.query import samples
from tally_pipeline.tmdb.lists import LISTS, ShowList
from testkit import tally
from testkit.pipeline import environment
from testkit.running import bare

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
    source = (ROOT / "tally_pipeline/settings/settings.py").read_text(encoding="utf-8")
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


# --- the examples ------------------------------------------------------------------------------------------

QUERIES = [
    (match[1].replace("\\\n", ""), match[2])
    for match in re.finditer(r'tally query "([^"…]+)"([^\n`#]*)', README)
]
COMMANDS = sorted(
    set(re.findall(r"`tally ([^`]+)`", README))
    | {
        found.strip()
        for found in re.findall(r"(?:^|[|=] |3 )\.venv/bin/tally ([^|>#\n]+)", README, re.MULTILINE)
    }
)


def python_of(heading: str) -> list[str]:
    """The Python snippets below a heading, down to the next of its depth."""
    section = README.split(f"\n{heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


@pytest.fixture(scope="module")
def three_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `tally` was run: invented shows of the last three days, refined."""
    folder = tmp_path_factory.mktemp("three-days")
    told = environment(folder / ".tally", **{f"TALLY_PAGES_{one.name.upper()}": "1" for one in LISTS})
    assert tally.run(folder, told, "sandbox", "fill", "--days", "3").code == 0
    assert tally.run(folder, told, "rebuild").code == 0
    return folder


def asked(folder: Path, *argv: str) -> tally.Ran:
    return tally.run(folder, environment(folder / ".tally"), "query", *argv)


@pytest.mark.slow
def test_the_first_query_answers_each_show_once_from_the_newest_day(three_days: Path) -> None:
    sql, _ = QUERIES[0]
    rows = asked(three_days, sql, "--format", "json").json
    assert [row["rank"] for row in rows] == [1, 2, 3, 4, 5]
    assert len({row["title"] for row in rows}) == 5
    newest = asked(three_days, "SELECT max(dt) AS dt FROM silver_shows", "--format", "json").json[0]["dt"]
    best = (
        f"SELECT title FROM silver_shows WHERE data_type = 'popular_shows' AND dt = '{newest}' AND rank = 1"
    )
    assert rows[0]["title"] == asked(three_days, best, "--format", "json").json[0]["title"]


@pytest.mark.slow
@pytest.mark.parametrize(("sql", "more"), QUERIES)
def test_every_query_is_answered(three_days: Path, sql: str, more: str) -> None:
    ran = asked(three_days, sql, *shlex.split(more))
    assert ran.code == 0, ran.err
    if "--output" in more:
        assert (three_days / shlex.split(more)[-1]).stat().st_size > 1000


@pytest.mark.slow
@pytest.mark.parametrize("name", samples.names())
def test_every_sample_answers_by_command(three_days: Path, name: str) -> None:
    ran = asked(three_days, "--sample", name, "--format", "json")
    assert ran.code == 0, ran.err
    shows = [row["show_id"] for row in ran.json if "show_id" in row]
    if name != "new_today":  # one list's newcomer may be another's
        assert len(shows) == len(set(shows))
        assert ran.json


@pytest.mark.slow
@pytest.mark.parametrize("snippet", python_of("## Explore it"))
def test_every_snippet_runs_where_tally_ran(three_days: Path, snippet: str) -> None:
    if "polars" in snippet:
        pytest.importorskip("polars")
    *lines, last = snippet.strip().splitlines()
    ran = subprocess.run(
        # A notebook prints what its last line says.
        [sys.executable, "-c", "\n".join([*lines, last if last.startswith("print(") else f"print({last})"])],
        cwd=three_days,
        env=bare({}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert len(ran.stdout.splitlines()) >= 10
    assert "Traceback" not in ran.stderr


def test_a_list_is_added_as_it_says() -> None:
    (snippet,) = python_of("## Settings")
    (added,) = eval(snippet, {"ShowList": ShowList})
    assert isinstance(added, ShowList)


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.count('"') != 1])
def test_every_command_it_names_is_one(command: str) -> None:
    argv = shlex.split(command)
    if len(argv) == 1:
        with pytest.raises(SystemExit) as ended:
            _parser().parse_args([*argv, "--help"])
        assert ended.value.code == 0
    else:
        assert callable(_parser().parse_args(argv).command)
