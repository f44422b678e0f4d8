"""`tally logs`: the latest runs, and why those that failed did."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tally_pipeline.tmdb.sandbox import Sandbox, parse_fault
from tally_pipeline_tests.cli.conftest import Tally
from testkit.pipeline import day, environment
from testkit.running import TALLY


def test_a_history_without_runs_says_so(run_tally: Tally, tmp_path: Path) -> None:
    ran = run_tally("logs")
    assert (ran.code, ran.out) == (0, "")
    assert f"No run yet in {tmp_path}/sandbox/dagster" in ran.err


def test_runs_are_told_with_state_day_and_the_reason_of_a_failure(run_tally: Tally) -> None:
    assert run_tally("sync", "--list", "popular_shows").code == 0
    with Sandbox(faults=[parse_fault("unauthorized")]) as sandbox:
        secret = "secret-token-of-mine"
        failed = run_tally(
            "sync", "--list", "popular_shows", TMDB_BASE_URL=sandbox.base_url, TMDB_API_TOKEN=secret
        )
        assert failed.code == 1
        ran = run_tally("logs", TMDB_BASE_URL=sandbox.base_url, TMDB_API_TOKEN=secret)
    assert ran.code == 0
    first, second, *reason = ran.out.splitlines()
    assert "✓ success" in first
    assert "✗ failure" in second
    assert all(part in first for part in ("sync", day(), " s  "))
    assert reason[0].startswith("    popular_shows: ")
    assert "401" in "\n".join(reason)
    assert secret not in ran.out + ran.err
    (only,) = [line for line in run_tally("logs", "--runs", "1").out.splitlines() if not line.startswith(" ")]
    assert only == second


def test_a_number_of_runs_that_cannot_be_is_refused(run_tally: Tally) -> None:
    ran = run_tally("logs", "--runs", "0")
    assert ran.code == 2
    assert "'0' is not a number from 1 to 1000" in ran.err


def _heed_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
def test_follow_tells_of_a_run_that_begins_later_and_ends_with_ctrl_c(
    run_tally: Tally, tmp_path: Path, steady: Sandbox
) -> None:
    inherited = {name: text for name, text in os.environ.items() if not name.startswith(("TALLY_", "TMDB_"))}
    followed = tmp_path / "followed"
    with followed.open("w") as out:
        following = subprocess.Popen(
            [TALLY, "logs", "--follow"],
            cwd=tmp_path,
            env=inherited | environment(tmp_path, steady.base_url) | {"PYTHONUNBUFFERED": "1"},
            stdout=out,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            # Tests that run in the background ignore Ctrl-C, and their children would as well.
            preexec_fn=_heed_ctrl_c,
        )
    try:
        assert run_tally("sync", "--list", "popular_shows").code == 0
        until = time.monotonic() + 60
        while "✓ success" not in followed.read_text():
            assert time.monotonic() < until
            assert following.poll() is None
            time.sleep(0.2)
        following.send_signal(signal.SIGINT)
        assert following.wait(20) == 130
    finally:
        following.kill()
