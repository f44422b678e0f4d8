"""A backfill of the daily exports as the UI launches it: 90 past days, 18 million rows, one of the days missing.

The missing day must fail alone and name itself; the sensor must refine all the others by itself. The sandbox makes
the files beforehand, and a plain file server hands them out: its time is told apart from the backfill's.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import dagster as dg

from benchmarks.processes import TALLY, BenchmarkError, environment, run, running, until
from benchmarks.report import Measure, Report, Target
from benchmarks.ui import Graphql, free_port
from tally_pipeline import clock
from tally_pipeline.datasets import SERIES
from tally_pipeline.datasets.series import SeriesFooter
from tally_pipeline.deployment import deploy, load_settings
from tally_pipeline.lake.lake import Lake
from tally_pipeline.orchestration.assets import common

DAYS = 90
SECONDS_TARGET = 300.0
GIGABYTES_TARGET = 2.0

_FOLDER = "p/exports"
_NEVER = "0 0 1 1 *"  # a schedule that does not come in between


@dataclass(frozen=True)
class _Backfill:
    """In seconds: from the launch until every day is refined, of it until the backfill ended; `gigabytes` is the
    peak of the largest process; `runs` are those that the sensor asked for."""

    rows: int
    making: float
    seconds: float
    fetching: float
    gigabytes: float
    runs: int
    missing: date


def measure(days: int = DAYS) -> Report:
    """Backfill `days` past days of exports, once: it takes minutes."""
    found = _backfill(days)
    return Report(
        name="exports",
        title=f"a backfill of {days} days of daily exports over GraphQL, one of them missing: {found.rows:,} rows",
        runs=1,
        measures=[
            Measure(
                "wall time, until the last day is refined",
                [found.seconds],
                "s",
                Target("at most", SECONDS_TARGET),
            ),
            Measure(
                "bronze_series_export, until Dagster says it is done", [found.fetching], "s", indent=True
            ),
            Measure("silver_series after that", [found.seconds - found.fetching], "s", indent=True),
            Measure("runs that the sensor asked for", [float(found.runs)], ""),
            Measure("speed", [found.rows / found.seconds], "rows/s"),
            Measure(
                "peak memory of the largest process",
                [found.gigabytes],
                "GB",
                Target("at most", GIGABYTES_TARGET),
            ),
        ],
        notes=[
            "Verified: the missing day alone failed, and the run's error names it; every other day is in bronze, and"
            " the sensor refined it.",
            "Dagster's daemon looks at backfills every 30 s and at the sensor every 15 s: the times hold both.",
            f"Not counted: the sandbox made the files beforehand, in {found.making:.0f} s; a plain file server"
            " hands them out.",
        ],
    )


def _backfill(days: int) -> _Backfill:
    past = [clock.today() - timedelta(days=ago) for ago in range(days, 0, -1)]
    missing = past[days // 2]
    there = [day for day in past if day != missing]
    with tempfile.TemporaryDirectory(prefix="tally-bench-") as name:
        folder = Path(name)
        started = time.monotonic()
        # A process of its own, so that its memory is not ours.
        run([sys.executable, "-m", "benchmarks.exports", folder, *there], environment(folder), Path.cwd())
        making = time.monotonic() - started
        home, port = folder / "home", free_port()
        home.mkdir()
        with _file_server(folder) as url:
            told = {
                "TMDB_BASE_URL": f"{url}/3",
                "TALLY_FIRST_DAY": past[0].isoformat(),
                "TALLY_SCHEDULE": _NEVER,
                "TALLY_EXPORTS_SCHEDULE": _NEVER,
                "TALLY_GENRES_SCHEDULE": _NEVER,
            }
            settings = load_settings({"TALLY_HOME": str(home), **told}, dotenv=None)
            command = [TALLY, "up", "--no-sync", "--port", port]
            with running(command, environment(home, **told), folder), _memory(home) as peak:
                graphql = Graphql(port)
                until("Dagster's UI", graphql.answers, seconds=180)
                began = time.monotonic()
                wanted = [day.isoformat() for day in past]
                ended = graphql.backfill([common.bronze_key(SERIES)], wanted, seconds=10 * SECONDS_TARGET)
                fetching = time.monotonic() - began
                lake = deploy(settings).lake
                until("silver", lambda: _all_refined(lake, there), seconds=10 * SECONDS_TARGET, every=1)
                seconds = time.monotonic() - began
            if ended["status"] != "COMPLETED_FAILED":
                raise BenchmarkError(f"the backfill ended as {ended['status']}: {ended['error']}")
            with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
                _require_one_failure(instance, past, missing, {one["runId"] for one in ended["runs"]})
                asked = instance.get_runs_count() - len(ended["runs"])
        return _Backfill(_rows(lake, there), making, seconds, fetching, max(peak), asked, missing)


def _footer(lake: Lake, day: date) -> SeriesFooter | None:
    return lake.footer_if_ours(SERIES.silver_key(day.isoformat()), SeriesFooter)


def _all_refined(lake: Lake, days: list[date]) -> bool | None:
    return (
        True
        if all(lake.footer_if_ours(SERIES.silver_key(day.isoformat()), SeriesFooter) for day in days)
        else None
    )


def _rows(lake: Lake, days: list[date]) -> int:
    footers = [_footer(lake, day) for day in days]
    return sum(footer.counts.silver_rows for footer in footers if footer)


def _require_one_failure(
    instance: dg.DagsterInstance, past: list[date], missing: date, runs: set[str]
) -> None:
    """The missing day failed and is named in the run's error; every other is materialized."""
    names = [day.isoformat() for day in past]
    partitions = common.daily(past[0])
    statuses = instance.get_status_by_partition(common.bronze_key(SERIES), names, partitions) or {}
    found = Counter(
        status.value for day in names if (status := statuses.get(day)) and day != missing.isoformat()
    )
    if found != {"MATERIALIZED": len(past) - 1}:
        raise BenchmarkError(f"of the days that are there: {dict(found)}")
    own = statuses.get(missing.isoformat())
    if own is not None and own.value == "MATERIALIZED":
        raise BenchmarkError(f"{missing} is missing, and looks as if it were there")
    errors = [
        str(event.dagster_event.event_specific_data)
        for run_id in runs
        for event in instance.all_logs(run_id)
        if event.dagster_event and event.dagster_event.is_step_failure
    ]
    if not errors or any(missing.isoformat() not in error for error in errors):
        raise BenchmarkError(f"no error names {missing}: {errors}")


@contextmanager
def _memory(home: Path) -> Iterator[list[float]]:
    """Watches the processes whose environment names `home`; the largest peaks (GB) are in the list at the end."""
    peaks = [0.0]
    over = threading.Event()

    def watch() -> None:
        mark = f"TALLY_HOME={home}".encode()
        while not over.wait(0.5):
            for process in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):
                    if mark in (process / "environ").read_bytes():
                        peaks.append(_peak(process))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peaks
    finally:
        over.set()
        watcher.join()


def _peak(process: Path) -> float:
    """The most memory (GB) that a process ever had; 0 for one that is over."""
    for line in (process / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 2**20
    return 0.0


def make_files(folder: Path, days: list[date]) -> None:
    """The sandbox's exports of `days` as files, where a file server would have them."""
    from tally_pipeline.tmdb.sandbox import exports

    (folder / _FOLDER).mkdir(parents=True)
    for day in days:
        (folder / _FOLDER / f"tv_series_ids_{day:%m_%d_%Y}.json.gz").write_bytes(exports.export(day))


@contextmanager
def _file_server(folder: Path) -> Iterator[str]:
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "http.server",
        str(port),
        "--bind",
        "127.0.0.1",
        "--directory",
        str(folder),
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()  # not terminate: who started the benchmark may have had SIGTERM ignored
        server.wait()


if __name__ == "__main__":
    make_files(Path(sys.argv[1]), [date.fromisoformat(text) for text in sys.argv[2:]])
