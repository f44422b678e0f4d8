"""Where the time of a `tally sync` goes: fetch, refine, Dagster, and starting up."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from benchmarks.processes import TALLY, announced_url, environment, run, running, until
from benchmarks.report import Measure, Report, Target
from tally_pipeline.lake import parquet
from tally_pipeline.lake.lake import Capture, Lake
from tally_pipeline.lake.store import Store
from tally_pipeline.shows.lists import LISTS
from tally_pipeline.shows.refine import Refined, refine
from tally_pipeline.tmdb.settings import TmdbSettings

LATENCY_MS = 50
RATE = TmdbSettings.requests_per_second
OVER_FLOOR = 1.15


@dataclass(frozen=True)
class _Sync:
    """One `tally sync`, in seconds: `start` to the run's first event, `run` from there, `close` after it."""

    imports: float
    total: float
    start: float
    run: float
    close: float
    fetch: float
    refine: float
    below: float
    requests: int
    pages: int
    rows: int

    @property
    def dagster(self) -> float:
        return self.run - self.fetch - self.refine - self.below

    @property
    def floor(self) -> float:
        return self.requests / RATE


def measure(runs: int) -> Report:
    """Sync at default depth against a sandbox in another process that takes `LATENCY_MS` for each reply."""
    with tempfile.TemporaryDirectory(prefix="tally-bench-") as name:
        folder = Path(name)
        sandbox = [TALLY, "sandbox", "--port", "0", "--latency-ms", str(LATENCY_MS)]
        with running(sandbox, environment(folder), folder) as log:
            url = until("the sandbox", lambda: announced_url(log), seconds=60)
            # The first makes bytecode and the sandbox's day, and is not counted.
            syncs = [_sync(folder / f"home-{number}", url) for number in range(runs + 1)][1:]
    return _report(syncs)


def _sync(home: Path, url: str) -> _Sync:
    home.mkdir()
    environ = environment(home, TMDB_BASE_URL=url)
    began = time.monotonic()
    run([sys.executable, "-c", "import tally_pipeline.cli.sync"], environ, home)
    imports = time.monotonic() - began

    began_at = time.time()
    run([TALLY, "sync"], environ, home)
    ended_at = time.time()

    with dg.DagsterInstance.from_config(str(home / "sandbox" / "dagster")) as instance:
        [record] = instance.get_run_records()
        # The first events plan the run; Dagster's own start time comes after them.
        events = instance.all_logs(record.dagster_run.run_id)
    moments = [event.timestamp for event in events]
    lake = Lake(Store.in_folder(home / "sandbox" / "lake"), "sandbox")
    captures = [_only_capture(lake, show_list.name) for show_list in LISTS]
    stated = [capture.bronze.metadata for capture in captures]
    return _Sync(
        imports=imports,
        total=ended_at - began_at,
        start=min(moments) - began_at,
        run=max(moments) - min(moments),
        close=ended_at - max(moments),
        fetch=sum(metadata.duration_seconds or 0 for metadata in stated),
        refine=_refine_again(lake, captures),
        below=_below(events),
        requests=sum(metadata.requests or 0 for metadata in stated),
        pages=sum(len(metadata.pages) for metadata in stated),
        rows=sum(record.rows for metadata in stated for record in metadata.pages),
    )


def _below(events: Sequence[dg.EventLogEntry]) -> float:
    """How long the steps below silver took together; in one process they come one after the other."""
    at = {
        (event.step_key, event.dagster_event.event_type): event.timestamp
        for event in events
        if event.dagster_event and event.step_key
    }
    steps = {step for step, _ in at if not step.startswith(("bronze_", "silver_"))}
    start, success = dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_SUCCESS
    return sum(at[step, success] - at[step, start] for step in steps)


def _only_capture(lake: Lake, data_type: str) -> Capture:
    [key] = lake.bronze_keys(data_type)
    return Capture(key, lake.read_bronze(key))


def _refine_again(lake: Lake, captures: list[Capture]) -> float:
    """What refining took within the sync: the same work done again, without Dagster around it."""
    began = time.monotonic()
    for capture in captures:
        _refined(lake, capture)  # for bronze's preview
        refined = _refined(lake, capture)  # for silver
        footer = parquet.footer_for((capture.ref,), "complete", lake.source, refined.counts)
        parquet.encode(refined.silver, footer)
        parquet.encode(refined.quarantine, footer)
    return time.monotonic() - began


def _refined(lake: Lake, capture: Capture) -> Refined:
    key = capture.key
    return refine(lake.read_bronze(key), data_type=key.data_type, dt=key.dt, key=str(key))


def _report(syncs: list[_Sync]) -> Report:
    def seconds(name: str, part: str, indent: bool = True) -> Measure:
        return Measure(name, [getattr(sync, part) for sync in syncs], "s", indent=indent)

    last = syncs[-1]
    return Report(
        name="sync",
        title=f"`tally sync` at default depth, {LATENCY_MS} ms a reply",
        runs=len(syncs),
        measures=[
            seconds("wall time", "total", indent=False),
            seconds("start: imports, settings, history", "start"),
            seconds("fetch", "fetch"),
            seconds("refine", "refine"),
            seconds("the steps below silver", "below"),
            seconds("Dagster: the run less all these", "dagster"),
            seconds("close: summary, table, exit", "close"),
            seconds("imports of `tally sync` alone", "imports", indent=False),
            seconds(f"the rate limit's floor: requests / {RATE:g}", "floor", indent=False),
            Measure(
                "fetch / floor",
                [sync.fetch / sync.floor for sync in syncs],
                "",
                Target("at most", OVER_FLOOR),
            ),
        ],
        notes=[
            f"{last.requests} requests, {last.pages} pages, {last.rows:,} rows of {len(LISTS)} lists in the last run."
            " The sandbox is a process of its own on the same cores.",
            "Every run is a new process with a new history, so making the history is in *start*."
            " One run before, which makes bytecode and the sandbox's day, is not counted.",
            "*fetch* is the sum of `duration_seconds` in the captures' `_metadata`. *start*, *close* and the run"
            " are told apart by the run's first and last event.",
            "*refine* is the same work done again on the captured bronze after the sync: each capture refined"
            " twice (for bronze's preview, for silver), and written as Parquet. The steps below silver are counted"
            " with the events that they write into Dagster's history.",
        ],
    )
