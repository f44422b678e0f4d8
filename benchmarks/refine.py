"""How fast one core refines, in how much memory, beside what else one might load the same bytes with."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import environment, run
from benchmarks.report import Measure, Report, Target

SIZES = (10_000, 200_000)
BAD_EVERY = 100
ROWS_A_SECOND = 100_000
MB = 1e6

_WARM_UP_ROWS = 100


@dataclass(frozen=True)
class _Case:
    """A road over an input. `bad` is every how manieth of its rows is bad, 0 for none."""

    title: str
    road: str
    bad: int
    target: Target | None = None


CASES = (
    _Case("Tally: validated", "tally", 0, Target("at least", ROWS_A_SECOND)),
    _Case(f"Tally: validated, 1 row in {BAD_EVERY} bad", "tally", BAD_EVERY),
    _Case("pandas: json.loads, DataFrame, to_parquet; nothing checked", "pandas", 0),
    _Case("DuckDB: read_json, COPY; nothing checked", "duckdb", 0),
)


@dataclass(frozen=True)
class _Passes:
    """What one road did: rows a second of each pass, MB that the first pass added, rows rejected."""

    speeds: list[float]
    megabytes: float
    rejected: int


def measure(runs: int) -> Report:
    """Every road over every size, each in a process of its own on one core."""
    measures: list[Measure] = []
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="tally-bench-") as name:
        folder = Path(name)
        warm_up = _input(folder, _WARM_UP_ROWS, 0)
        for rows in SIZES:
            found: dict[_Case, _Passes] = {}
            for case in CASES:
                source = _input(folder, rows, case.bad)
                found[case] = _passes(folder, case.road, source, warm_up, rows, runs)
            measures += [
                Measure(f"{rows:,} rows · {case.title}", passes.speeds, "rows/s", case.target)
                for case, passes in found.items()
            ]
            measures += [
                Measure(
                    f"{rows:,} rows · memory at the peak · {case.title.split(':')[0]}",
                    [passes.megabytes],
                    "MB",
                )
                for case, passes in found.items()
                if not case.bad
            ]
            notes.append(_comparison(rows, found, _input(folder, rows, 0).stat().st_size))
    cores = (
        "on one core" if hasattr(os, "sched_setaffinity") else "with one thread (cores cannot be pinned here)"
    )
    notes += [
        f"Each road runs in a process of its own {cores}: from a file in bronze's format (in the page cache) to a"
        " Parquet file (Snappy). Imports and one pass over a small file come before the first pass. A second is"
        " one of processor time over all threads: what a core can do, however busy the machine.",
        "*memory at the peak* is what the first pass added to the process, the input's bytes included.",
        "Rows come from the sandbox's world, every id once. A chunk with a bad row goes row by row, so here each"
        " does: the slow road at its worst.",
    ]
    return Report("refine", "bronze bytes to Parquet, validated", runs, measures, notes)


def _input(folder: Path, rows: int, bad: int) -> Path:
    """The bronze file of so many rows, made when it is first asked for."""
    path = folder / f"{rows}-{bad}.json"
    if not path.exists():
        # A process of its own: 200,000 rows in this one would weigh on all that follows.
        command = [sys.executable, "-m", "benchmarks.many_rows", path, str(rows), str(bad)]
        run(command, _environment(folder), folder)
    return path


def _passes(folder: Path, road: str, source: Path, warm_up: Path, rows: int, runs: int) -> _Passes:
    target = folder / "out.parquet"
    command = [sys.executable, "-m", "benchmarks.refine_roads", road, source, target, warm_up, str(runs)]
    told = json.loads(run(command, _environment(folder), folder))
    if told["passed"] + told["rejected"] != rows:
        raise ValueError(f"{road} made {told['passed']} rows and rejected {told['rejected']} of {rows}")
    return _Passes([rows / seconds for seconds in told["seconds"]], told["bytes"] / MB, told["rejected"])


def _comparison(rows: int, found: dict[_Case, _Passes], size: int) -> str:
    speeds = {case: Measure("", passes.speeds, "").median for case, passes in found.items()}
    ours, bad, *others = CASES
    ratios = ", ".join(
        f"{speeds[ours] / speeds[other]:.1f} times as fast as {other.title.split(':')[0]}" for other in others
    )
    return (
        f"{rows:,} rows, {size / MB:.1f} MB of JSON: Tally is {ratios}; with bad rows it rejected"
        f" {found[bad].rejected:,}."
    )


def _environment(folder: Path) -> dict[str, str]:
    root = Path(__file__).parents[1]
    return environment(folder, PYTHONPATH=str(root), OMP_NUM_THREADS="1")
