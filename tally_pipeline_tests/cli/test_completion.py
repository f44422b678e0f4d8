"""A shell completes what somebody types; what it is told is in test_help.py."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tally_pipeline.deployment import load_settings
from tally_pipeline_tests.cli.conftest import Tally
from testkit.running import TALLY, bare

SECONDS = 60
BASH = shutil.which("bash")

needs_bash = pytest.mark.skipif(
    BASH is None
    or subprocess.run([BASH, "-c", "((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404))"]).returncode == 0,
    reason="needs bash 4.4 or later",
)


def asked_by_bash(typed: str, **settings: str) -> dict[str, str]:
    """The environment in which bash asks what may follow `typed`, whose last word is yet to be completed."""
    place = str(len(typed.split(" ")) - 1)
    return bare(settings | {"_TALLY_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": place})


def completions(folder: Path, typed: str, **settings: str) -> list[str]:
    """What bash is told may follow `typed`, each with its kind."""
    ran = subprocess.run(
        [TALLY], cwd=folder, env=asked_by_bash(typed, **settings), capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout.split()


def plain(*words: str) -> list[str]:
    return [f"plain,{word}" for word in words]


def test_files_are_completed(tmp_path: Path) -> None:
    assert completions(tmp_path, "tally query --output ") == ["file,"]
    assert completions(tmp_path, "tally export ") == ["file,"]


def test_completing_heeds_no_setting_and_makes_no_home(tmp_path: Path) -> None:
    wrong = {"TALLY_PORT": "0", "TMDB_API_TOKE": "secret", "TALLY_HOME": str(tmp_path / "home")}
    assert completions(tmp_path, "tally sync --list o", **wrong) == plain("on_the_air")
    assert list(tmp_path.iterdir()) == []


@needs_bash
def test_bash_completes_what_somebody_types(tmp_path: Path) -> None:
    assert BASH is not None
    ours, theirs = pty.openpty()
    environ = bare({"PATH": f"{TALLY.parent}:{os.environ['PATH']}", "TERM": "dumb", "PS1": "$ "})
    with subprocess.Popen(
        [BASH, "--norc", "--noprofile", "-i"],
        cwd=tmp_path,
        env=environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ):
        os.close(theirs)
        try:
            os.write(ours, b"eval \"$(tally completion bash)\"; echo LO''ADED\n")
            read_until(ours, "LOADED")
            # Only what is completed is a command that has this help, and a sample that there is.
            os.write(ours, b"tally rebui\t--help\n")
            read_until(ours, "Usage: tally rebuild")
            os.write(ours, b"tally query --sample top_\t--format xml\n")
            said = read_until(ours, "'xml' is not one of")
        finally:
            # With its terminal gone the shell ends, whatever it was at.
            os.close(ours)
    assert "top_10_by_popularity --format xml" in said


def read_until(terminal: int, wanted: str) -> str:
    """What comes from a terminal until it holds what is wanted."""
    said, until = "", time.monotonic() + SECONDS
    while wanted not in said:
        ready, _, _ = select.select([terminal], [], [], max(0.0, until - time.monotonic()))
        assert ready, f"{wanted!r} did not come: {said!r}"
        said += os.read(terminal, 65536).decode(errors="replace")
    return said


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_is_one_that_it_reads(run_tally: Tally, tmp_path: Path, shell: str) -> None:
    ran = run_tally("completion", shell)
    assert (ran.code, ran.err) == (0, "")
    assert f"_TALLY_COMPLETE={shell}_complete" in ran.out
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here to read it")
    (tmp_path / "script").write_text(ran.out)
    assert subprocess.run([shell, "-n", "script"], cwd=tmp_path, check=False).returncode == 0


def test_what_a_shell_asks_with_is_taken_for_no_setting(tmp_path: Path) -> None:
    environ = {"_TALLY_COMPLETE": "bash_complete", "TALLY_HOME": str(tmp_path)}
    assert load_settings(environ, dotenv=None).notices == ()
