"""A sync that is killed leaves a whole lake, and does not stand in the way of the next."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import dagster as dg
import pytest

from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import Store
from tally_pipeline.orchestration.assets import common
from tally_pipeline.tmdb.sandbox import Sandbox
from tally_pipeline_tests.cli.own_process import TALLY, WAIT_SECONDS, history
from testkit import tally
from testkit.pipeline import assert_sound, contents, environment
from testkit.running import Halting, bare


@pytest.mark.slow
def test_after_a_kill_the_run_is_marked_failed_its_place_is_freed_and_the_next_sync_works(
    tmp_path: Path, steady: Sandbox
) -> None:
    lake = Lake(Store.in_folder(tmp_path / "sandbox" / "lake"), "sandbox")
    good = tally.run(tmp_path, environment(tmp_path, steady.base_url), "sync", "--list", "popular_shows")
    assert good.code == 0
    before = contents(lake)

    with Sandbox(latency_ms=300) as slow:
        environ = bare(environment(tmp_path, slow.base_url, TMDB_REQUESTS_PER_SECOND="4"))
        command = [*TALLY, "sync", "--list", "popular_shows", "--pages", "500"]
        with subprocess.Popen(command, env=environ, cwd=tmp_path, stderr=subprocess.DEVNULL) as killed:
            deadline = time.monotonic() + WAIT_SECONDS
            while len(slow.requests) < 4 and killed.poll() is None and time.monotonic() < deadline:
                time.sleep(0.05)
            killed.kill()
        assert len(slow.requests) >= 4

    with history(tmp_path) as instance:
        (run,) = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        held = instance.event_log_storage.get_concurrency_info(common.TMDB_POOL)
        assert held.active_run_ids == {run.run_id}
    assert contents(lake) == before

    # In a process of its own: it would wait for ever for a place that nobody frees.
    environ = bare(environment(tmp_path, steady.base_url))
    again = subprocess.run(
        [*TALLY, "sync", "--list", "popular_shows"],
        env=environ,
        cwd=tmp_path,
        timeout=WAIT_SECONDS,
        check=False,
    )

    assert again.returncode == 0
    with history(tmp_path) as instance:
        ended = instance.get_run_by_id(run.run_id)
        assert ended is not None
        assert ended.status == dg.DagsterRunStatus.FAILURE
        messages = [entry.message for entry in instance.all_logs(run.run_id)]
        assert any("was killed" in message for message in messages)
        assert instance.event_log_storage.get_concurrency_info(common.TMDB_POOL).active_slot_count == 0
    assert len(lake.bronze_keys("popular_shows")) == 2
    assert_sound(lake)


@pytest.mark.slow
def test_a_sync_that_still_runs_is_left_alone(tmp_path: Path) -> None:
    with Halting(lambda target: "page=3" in target) as sandbox:
        environ = environment(tmp_path, sandbox.base_url, TMDB_TIMEOUT_SECONDS=str(WAIT_SECONDS))
        command = [*TALLY, "sync", "--list", "popular_shows", "--pages", "5"]
        with subprocess.Popen(command, env=bare(environ), cwd=tmp_path, stderr=subprocess.DEVNULL) as running:
            assert sandbox.halted.wait(WAIT_SECONDS)
            # Opening the history is what marks dead runs.
            status = tally.run(tmp_path, environ, "status", "--json")
            still = running.poll() is None
            sandbox.go.set()
            assert running.wait(WAIT_SECONDS) == 0
    assert still
    assert status.code == 0
    with history(tmp_path) as instance:
        (run,) = instance.get_runs()
        assert run.status == dg.DagsterRunStatus.SUCCESS
