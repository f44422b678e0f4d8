"""A home may have any path: it works there, or says in one sentence why it cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tally_pipeline.tmdb.sandbox import Sandbox
from testkit import tally
from testkit.pipeline import environment

ODD = "a%20b %41#c&d;é日😀 {x,y} '\"$HOME ~+:"
ROOT = Path(__file__).parents[2]
COMMANDS = (
    "sync",
    "status",
    "rebuild",
    "report",
    "audit",
    "logs",
    "sandbox fill --days 1",
    "deploy check",
    "up --no-sync",
    "query --sample total_shows",
)


@pytest.mark.slow
def test_every_command_works_in_a_home_with_an_odd_name(tmp_path: Path, steady: Sandbox) -> None:
    home = tmp_path / ODD
    environ = environment(home, steady.base_url)
    assert tally.run(tmp_path, environ, "sync", "--pages", "1").code == 0
    asked = tally.run(tmp_path, environ, "query", "SELECT count(*) AS n FROM silver_shows", "--format", "csv")
    assert asked.out.split() == ["n", "80"]
    assert tally.run(tmp_path, environ, "rebuild").code == 0
    for command in ("status", "report", "audit", "logs", "deploy check"):
        ran = tally.run(tmp_path, environ, *command.split())
        assert ran.code == 0, (command, ran.err)
    assert "sync" in tally.run(tmp_path, environ, "logs").out
    # Nothing was put beside it, under a name that was read in another way.
    assert [path.name for path in tmp_path.iterdir()] == [ODD]
    assert [path.name for path in home.iterdir()] == ["sandbox"]


@pytest.mark.parametrize(
    "name", ["a*b", "a?b", "[x]", "dt=5", "a\\b", "a\udcffb", "x" * 200 + "/" + "y" * 200]
)
@pytest.mark.parametrize("command", ["sync", "query --sample total_shows", "up"])
def test_a_home_that_cannot_be_is_refused_at_once(
    tmp_path: Path, steady: Sandbox, name: str, command: str
) -> None:
    ran = tally.run(tmp_path, environment(tmp_path / name, steady.base_url), *command.split())
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("tally: TALLY_HOME is ")
    assert ran.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_home_on_a_file_is_refused_by_every_command(tmp_path: Path, steady: Sandbox, command: str) -> None:
    (tmp_path / "file").touch()
    for home in (tmp_path / "file", tmp_path / "file" / "below"):
        ran = tally.run(tmp_path, environment(home, steady.base_url), *command.split())
        assert (ran.code, ran.out) == (2, "")
        assert (
            ran.err
            == f"tally: TALLY_HOME is {str(home)!r}, and {tmp_path / 'file'} is no folder: give another\n"
        )


def test_a_working_folder_that_is_not_utf8_is_no_home(tmp_path: Path) -> None:
    folder = tmp_path / "a\udcffb"
    folder.mkdir()
    ran = _process(folder, _installed(tmp_path), "status")
    assert ran.returncode == 2
    assert ran.stderr.startswith("tally: TALLY_HOME is ")
    assert "is not text in UTF-8" in ran.stderr


@pytest.mark.slow
def test_a_home_that_may_not_be_written_to_is_named(tmp_path: Path, steady: Sandbox) -> None:
    environ = environment(tmp_path, steady.base_url)
    assert tally.run(tmp_path, environ, "status").code == 0
    for lock in ("opening.lock", "up.lock"):
        # Root may write anywhere, but not below a folder that is not there.
        place = tmp_path / "sandbox" / "dagster" / lock
        place.unlink(missing_ok=True)
        place.symlink_to(tmp_path / "gone" / lock)
    for command in ("sync", "status", "logs", "up --no-sync"):
        ran = tally.run(tmp_path, environ, *command.split())
        assert ran.code == 2
        assert ran.err.splitlines()[-1].startswith(f"tally: TALLY_HOME cannot be {tmp_path}: "), command


def _installed(folder: Path, *, as_checkout: bool = False) -> Path:
    """The package as it lies in a checkout, or in a folder of packages."""
    place = folder / ("checkout" if as_checkout else "site-packages")
    shutil.copytree(
        ROOT / "tally_pipeline", place / "tally_pipeline", ignore=shutil.ignore_patterns("__pycache__")
    )
    if as_checkout:
        (place / "pyproject.toml").touch()
    return place


def _process(folder: Path, code: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """`tally ARGV…` run in the folder, from the code there, with nobody's settings."""
    plain = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("TALLY_", "TMDB_", "DAGSTER_"))
    }
    program = f"import sys; sys.path.insert(0, {str(code)!r}); from tally_pipeline.cli import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", program, *argv],
        cwd=folder,
        env=plain,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_cron_finds_the_settings_and_the_lake_of_the_checkout(tmp_path: Path) -> None:
    checkout, elsewhere = _installed(tmp_path, as_checkout=True), tmp_path / "elsewhere"
    elsewhere.mkdir()
    (checkout / ".env").write_text("TMDB_API_TOKEN=a-token\nTMDB_LANGUAGE=fr-FR\n")
    seen = _process(elsewhere, checkout, "status", "--json")
    assert seen.returncode == 0, seen.stderr
    assert f"settings from {checkout / '.env'} and the environment" in seen.stderr
    assert f'"lake": "{checkout / ".tally/tmdb/lake"}"' in seen.stdout
    # The key is lost, the lake stays: from no folder is it taken for a place to try the sandbox in.
    (checkout / ".env").unlink()
    (checkout / ".tally/tmdb/lake").mkdir(parents=True, exist_ok=True)
    (checkout / ".tally/tmdb/lake/lake.json").write_text('{"source": "tmdb"}')
    ran = _process(elsewhere, checkout, "sync")
    assert ran.returncode == 2
    assert ran.stderr.startswith("tally: nothing is captured, for ")
    assert f"no .env in {elsewhere} or {checkout}" in ran.stderr
    assert list(elsewhere.iterdir()) == []
