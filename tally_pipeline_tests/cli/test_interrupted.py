"""Ctrl-C in a command that runs in the terminal: it says what is there and what to do, and its run is over."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from tally_pipeline import clock
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.locks import TableLocks
from tally_pipeline.lake.store import Store
from tally_pipeline.orchestration import automation
from tally_pipeline.orchestration.assets import common, report
from tally_pipeline.tmdb import sandbox
from tally_pipeline_tests.cli.own_process import TALLY, WAIT_SECONDS, history
from testkit.pipeline import POPULAR, assert_sound, day, environment
from testkit.running import Halting, bare

pytestmark = pytest.mark.slow


def ago(days: int) -> date:
    return clock.today() - timedelta(days=days)


def interrupted(
    home: Path,
    environ: dict[str, str],
    until: str,
    *argv: str,
    file: Path | None = None,
    sent: Callable[[], None] = lambda: None,
) -> tuple[int, str]:
    """The exit code of a command that gets a Ctrl-C once it has said something, and all that it said.

    With `file` only once that is there as well. As in a terminal all processes of the command get it; then `sent` is
    called.
    """
    with subprocess.Popen(
        [*TALLY, *argv],
        env=bare(environ),
        cwd=home,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
    ) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if until in line:
                deadline = time.monotonic() + WAIT_SECONDS
                while file is not None and not file.exists() and time.monotonic() < deadline:
                    time.sleep(0.02)
                os.killpg(process.pid, signal.SIGINT)
                sent()
                break
        said += process.stdout.read()
        return process.wait(WAIT_SECONDS), said


def test_in_a_sync_it_says_what_was_published_and_captured_and_the_run_is_canceled(tmp_path: Path) -> None:
    with Halting(lambda target: "/trending/" in target) as sandbox:
        environ = environment(tmp_path, sandbox.base_url, TMDB_TIMEOUT_SECONDS=str(WAIT_SECONDS))

        def go_on() -> None:
            # Once the Ctrl-C has arrived the command waits for replies that are still to come.
            time.sleep(1)
            sandbox.go.set()

        code, said = interrupted(tmp_path, environ, "popular_shows: ", "sync", sent=go_on)
    assert code == 130
    assert "Interrupted. Published before that: nothing." in said
    assert f"airing_today, on_the_air; `tally rebuild --first {day()} --last {day()}` refines it." in said
    assert "`tally sync` starts anew" in said
    assert "Traceback" not in said
    assert "DagsterExecutionInterruptedError" not in said
    assert_sound(Lake(Store.in_folder(tmp_path / "sandbox" / "lake"), "sandbox"))
    with history(tmp_path) as instance:
        (run,) = instance.get_runs()
        assert run.status == dg.DagsterRunStatus.CANCELED
        assert run.tags["dagster/max_retries"] == "0", "else the daemon starts it again"
        assert instance.event_log_storage.get_concurrency_info(common.TMDB_POOL).active_slot_count == 0


def test_in_a_rebuild_it_says_how_to_go_on_and_the_run_is_canceled(tmp_path: Path) -> None:
    lake_folder = tmp_path / "sandbox" / "lake"
    lake = Lake(Store.in_folder(lake_folder), "sandbox")
    first = sandbox.filled_key(POPULAR.name, ago(40))
    for key, body in sandbox.captures([ago(days) for days in range(40, 0, -1)], lists=[POPULAR]):
        lake.write_bronze(key, body)
    made = Path(lake.store.root, layout.silver_key(POPULAR.name, day(30)))
    # The report waits for this: so the rebuild is not over.
    with TableLocks.beside(lake_folder).hold(report.KEY.to_python_identifier(), (), print):
        environ = environment(tmp_path)
        code, said = interrupted(tmp_path, environ, "rebuilding 40 days", "rebuild", file=made)
    assert code == 130
    assert made.exists()
    assert f"`tally rebuild --first {first.dt} --last {day(1)}` makes the rest" in said
    assert "Traceback" not in said
    with history(tmp_path) as instance:
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.CANCELED]


def test_before_anything_is_done_it_says_so_too(tmp_path: Path) -> None:
    slow = environment(tmp_path, TMDB_REQUESTS_PER_SECOND="0.1")
    code, said = interrupted(tmp_path, slow, "from the SANDBOX", "sync")
    assert code == 130
    assert "Interrupted. Published before that: nothing. `tally sync` starts anew" in said
    assert "Traceback" not in said


def test_in_a_fill_it_says_how_to_go_on(tmp_path: Path) -> None:
    lake = tmp_path / "sandbox" / "lake"
    lake.mkdir(parents=True)
    # It waits, and says so, where it would be too quick to be interrupted.
    with TableLocks.beside(lake).hold(automation.FILLING, (), print):
        code, said = interrupted(
            tmp_path, environment(tmp_path), "waits for it", "sandbox", "fill", "--days", "9"
        )
    assert code == 130
    assert "Interrupted. The captures written before that stay" in said
    assert "`tally sandbox fill --days 9` writes the rest" in said
    assert "Traceback" not in said
