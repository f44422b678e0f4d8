"""A backfill of the daily exports: download and refine 90 past days, 18 million rows, in one run in one process.

Targets on 2 cores: under 5 minutes, under 2 GB. The sandbox makes the files beforehand, in a process of its own,
and a plain file server hands them out: its time is told apart from the backfill's.
"""

from __future__ import annotations

import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import dagster as dg

from benchmarks.report import Measure, Report, Target
from tally_pipeline.assets import common
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import deploy, load_settings, today
from tally_pipeline.lake import streams
from tally_pipeline.lake.lake import Lake

DAYS = 90
SECONDS_TARGET = 300.0
GIGABYTES_TARGET = 2.0

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_FOLDER = "p/exports"


@dataclass(frozen=True)
class _Backfill:
    """`seconds` for the whole run, of which `bronze` and `silver` for each asset's step; `processor` are those in
    which the process worked itself, which a busy machine does not stretch; `gigabytes` at the peak."""

    rows: int
    making: float
    seconds: float
    processor: float
    bronze: float
    silver: float
    gigabytes: float


def measure(days: int = DAYS) -> Report:
    """Backfill `days` past days of exports, once: it takes minutes."""
    found = _backfill(days)
    return Report(
        name="exports",
        title=f"a backfill of {days} days of daily exports, {found.rows:,} rows, in one run",
        runs=1,
        measures=[
            Measure("wall time", [found.seconds], "s", Target("at most", SECONDS_TARGET)),
            Measure("bronze_series_export", [found.bronze], "s", indent=True),
            Measure("silver_series", [found.silver], "s", indent=True),
            Measure("of it on the processor", [found.processor], "s", indent=True),
            Measure("speed", [found.rows / found.seconds], "rows/s"),
            Measure("peak memory", [found.gigabytes], "GB", Target("at most", GIGABYTES_TARGET)),
        ],
        notes=[
            f"Not counted: the sandbox made the files beforehand, in {found.making:.0f} s; a plain file server"
            " hands them out."
        ],
    )


def _backfill(days: int) -> _Backfill:
    """Backfill `days` past days into a fresh lake and a fresh history on disk; every day must end published."""
    past = [today() - timedelta(days=ago) for ago in range(days, 0, -1)]
    with tempfile.TemporaryDirectory(prefix="tally-bench-") as name:
        folder = Path(name)
        making = _made(folder, past)
        (folder / "dagster").mkdir()
        with _file_server(folder) as url, dg.DagsterInstance.local_temp(str(folder / "dagster")) as instance:
            environ = {"TALLY_HOME": str(folder / "home"), "TMDB_BASE_URL": f"{url}/3"}
            settings = load_settings(environ | {"TALLY_FIRST_DAY": past[0].isoformat()}, dotenv=None)
            deployment = deploy(settings)
            started, worked = time.monotonic(), time.process_time()
            result = dg.materialize(
                _assets(build_definitions(deployment)),
                instance=instance,
                resources={"lake": deployment.lake, "tmdb": deployment.tmdb, "settings": settings},
                tags={
                    "dagster/asset_partition_range_start": past[0].isoformat(),
                    "dagster/asset_partition_range_end": past[-1].isoformat(),
                },
                run_config=_QUIET,
            )
            seconds, worked = time.monotonic() - started, time.process_time() - worked
            if not result.success:
                raise SystemExit("the backfill failed; run it by hand to see why")
            steps = {
                stats.step_key: (stats.end_time or 0.0) - (stats.start_time or 0.0)
                for stats in instance.get_run_step_stats(result.run_id)
            }
        return _Backfill(
            _published_rows(deployment.lake, past),
            making,
            seconds,
            worked,
            steps["bronze_series_export"],
            steps["silver_series"],
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        )


def make_files(folder: Path, days: list[date]) -> None:
    """The sandbox's exports of `days` as files, where a file server would have them."""
    from tally_pipeline.tmdb.sandbox import exports

    (folder / _FOLDER).mkdir(parents=True)
    for day in days:
        (folder / _FOLDER / f"tv_series_ids_{day:%m_%d_%Y}.json.gz").write_bytes(exports.export(day))


def _made(folder: Path, days: list[date]) -> float:
    """Make the files in a process of its own, so that its memory is not the backfill's; returns the seconds."""
    started = time.monotonic()
    command = [sys.executable, "-m", "benchmarks.exports", str(folder), *map(date.isoformat, days)]
    subprocess.run(command, check=True)
    return time.monotonic() - started


@contextmanager
def _file_server(folder: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
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
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the file server did not start within 30 s")


def _assets(definitions: dg.Definitions) -> list[dg.AssetsDefinition]:
    wanted = {common.SERIES_EXPORT, common.SERIES}
    return [
        asset
        for asset in definitions.assets or ()
        if isinstance(asset, dg.AssetsDefinition) and wanted & set(asset.keys)
    ]


def _published_rows(lake: Lake, days: list[date]) -> int:
    rows = 0
    for day in days:
        footer = streams.series_footer(lake, day.isoformat())
        if footer is None:
            raise SystemExit(f"{day} was not published")
        rows += footer.counts.silver_rows
    return rows


if __name__ == "__main__":
    make_files(Path(sys.argv[1]), [date.fromisoformat(text) for text in sys.argv[2:]])
