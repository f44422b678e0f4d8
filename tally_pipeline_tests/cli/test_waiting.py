"""Syncs that wait for one another go on when the one before them is killed."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from tally_pipeline.deployment import load_settings
from tally_pipeline.orchestration.runs import dagster_home
from tally_pipeline.tmdb.sandbox import Sandbox
from tally_pipeline_tests.cli.own_process import TALLY, WAIT_SECONDS
from testkit.pipeline import environment
from testkit.running import bare


@pytest.mark.slow
def test_a_sync_that_waits_for_a_killed_one_gets_its_place_without_another_command(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        environ = bare(environment(tmp_path, sandbox.base_url))
        slow = environ | {"TMDB_REQUESTS_PER_SECOND": "1"}
        command = [*TALLY, "sync", "--list", "airing_today"]
        with subprocess.Popen([*command, "--pages", "500"], env=slow, cwd=tmp_path) as killed:
            deadline = time.monotonic() + WAIT_SECONDS
            while not sandbox.requests and time.monotonic() < deadline:
                time.sleep(0.05)
            with subprocess.Popen(command, env=environ, cwd=tmp_path) as waiting:
                # Its run is there once its lock is; then it waits for the place in the pool.
                alive = tmp_path / "sandbox" / "dagster" / "alive"
                while len(list(alive.iterdir())) < 2 and time.monotonic() < deadline:
                    time.sleep(0.05)
                time.sleep(2)
                killed.kill()
                assert waiting.wait(WAIT_SECONDS) == 0


def test_a_lock_that_belongs_to_no_run_goes_when_it_is_old(tmp_path: Path) -> None:
    settings = load_settings({"TALLY_HOME": str(tmp_path)}, dotenv=None)
    lock = settings.dagster_home / "alive" / "nobodys.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text("")
    with dagster_home.opened(settings):
        assert lock.exists()
    long_ago = lock.stat().st_mtime - 2 * dagster_home.STALE_SECONDS
    os.utime(lock, (long_ago, long_ago))
    with dagster_home.opened(settings):
        assert not lock.exists()
