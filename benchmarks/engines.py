"""Bronze to silver on one core: Tally, which validates, beside what else one might load the same bytes with."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.engine_roads import ENOUGH_SECONDS
from benchmarks.processes import BenchmarkError, environment, run
from benchmarks.report import Measure, Report, Target

SIZES = (10_000, 200_000, 1_000_000)
BAD_EVERY = 100
ROWS_A_SECOND = 100_000
BESIDE_THE_FASTEST = 1.5
MEMORY_TO_JSON = 3.0
MEMORY_COUNTS_FROM = 200_000
"""Rows. Below, memory is what engines take whatever the input: 30 to 70 MB each."""

MB = 1e6

_WARM_UP_ROWS = 100


@dataclass(frozen=True)
class _Case:
    """A road over an input. `bad` is every how manieth of its rows is bad, 0 for none."""

    title: str
    road: str
    bad: int = 0


TALLY = _Case("Tally", "tally")
BAD = _Case(f"Tally, 1 row in {BAD_EVERY} bad", "tally", BAD_EVERY)
OTHERS = (
    _Case("pandas", "pandas"),
    _Case("polars", "polars"),
    _Case("DuckDB", "duckdb"),
    _Case("awswrangler", "awswrangler"),
    _Case("dlt: extract and normalize", "dlt"),
)
CASES = (TALLY, BAD, *OTHERS)


@dataclass(frozen=True)
class _Passes:
    """The results of one road: rows a second of each pass, bytes that the first pass added at its peak, bytes of
    Parquet, rows rejected."""

    speeds: Sequence[float]
    peak: int
    written: int
    rejected: int

    @property
    def speed(self) -> float:
        return Measure("", self.speeds, "").median


def measure(runs: int, sizes: Sequence[int] = SIZES) -> Report:
    """Every road over every size, each in a process of its own on one core."""
    measures: list[Measure] = []
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="tally-bench-") as name:
        folder = Path(name)
        warm_up = _input(folder, _WARM_UP_ROWS, 0)
        for rows in sizes:
            found = {
                case: _passes(folder, case.road, _input(folder, rows, case.bad), warm_up, rows, runs)
                for case in CASES
            }
            size = _input(folder, rows, 0).stat().st_size
            measures += _measures(rows, size, found)
            notes.append(
                f"{rows:,} rows are {size / MB:,.1f} MB of JSON; of the bad ones Tally rejected all"
                f" {found[BAD].rejected:,}."
            )
            for used in folder.glob(f"{rows}-*.json"):
                used.unlink()
    pinned = "pinned to one core (sched_setaffinity)" if hasattr(os, "sched_setaffinity") else "on one thread"
    notes += [
        f"Each road runs in a process of its own, {pinned}, with its thread pools set to one: from a file in bronze's"
        " format (in the page cache) to Parquet (Snappy). Imports and one pass over a small file come before the"
        f" first pass; what took {ENOUGH_SECONDS:.0f} s is not done again. A second is one of processor time over all"
        " threads: what a core can do, however busy the machine.",
        "Only Tally checks anything: every row against the contract, rejected rows into quarantine with every"
        " reason, repeats removed, books kept.",
        "polars alone comes near, with three times the memory. Where Tally's time goes at 200,000 rows: a fifth"
        " msgspec reading rows into the contract's types, a third Python's objects into Arrow's columns, a seventh"
        " each the capture's SHA-256 and its cut into rows, Parquet, and looking for blanks, dates and repeats.",
        "Tried: Arrow's JSON parser over whole chunks in place of msgspec's structs (a fifth slower, and one bad row"
        " in a chunk sent all 10,000 row by row: five times slower; it was so until this was measured). Blocks of"
        " 256 rows in place of 200 (a quarter slower: Python's collector wakes in each). UTF-8 checked by Arrow"
        " (twice as slow as Python). Cutting the capture in two passes in place of one (a tenth slower).",
        "*memory* is what the first pass added to the process at its peak, the input's bytes included. Below"
        f" {MEMORY_COUNTS_FROM:,} rows it is what an engine takes whatever the input.",
        "pandas: json.loads, DataFrame, to_parquet. polars: read_json, explode, write_parquet. DuckDB: read_json,"
        " COPY. awswrangler: as pandas, then s3.to_parquet to an S3 emulated by another process. dlt: pages of"
        " 10,000, lists kept in their row; its load, which moves the file, is not counted.",
    ]
    return Report("engines", "bronze to silver, beside engines that check nothing", runs, measures, notes)


def _measures(rows: int, size: int, found: Mapping[_Case, _Passes]) -> list[Measure]:
    fastest = max(OTHERS, key=lambda case: found[case].speed)
    ratio = found[TALLY].speed / found[fastest].speed
    speed = Target("at least", ROWS_A_SECOND)
    memory = Target("at most", MEMORY_TO_JSON) if rows >= MEMORY_COUNTS_FROM else None
    return [
        *(
            Measure(
                f"{rows:,} rows · {case.title}",
                found[case].speeds,
                "rows/s",
                speed if case is TALLY else None,
            )
            for case in CASES
        ),
        Measure(
            f"Tally / the fastest other, {fastest.title}", [ratio], "", Target("at least", BESIDE_THE_FASTEST)
        ),
        *(Measure(f"memory · {case.title}", [found[case].peak / MB], "MB", indent=True) for case in CASES),
        Measure("memory · Tally / raw JSON", [found[TALLY].peak / size], "", memory),
        *(
            Measure(f"written · {case.title}", [found[case].written / MB], "MB", indent=True)
            for case in (TALLY, *OTHERS)
        ),
    ]


def _input(folder: Path, rows: int, bad: int) -> Path:
    """The bronze file of so many rows, made when it is first asked for."""
    path = folder / f"{rows}-{bad}.json"
    if not path.exists():
        # A process of its own: so many rows in this one would weigh on all that follows.
        command = [sys.executable, "-m", "benchmarks.many_rows", path, str(rows), str(bad)]
        run(command, _environment(folder), folder)
    return path


def _passes(folder: Path, road: str, source: Path, warm_up: Path, rows: int, runs: int) -> _Passes:
    target = folder / "out.parquet"
    command = [sys.executable, "-m", "benchmarks.engine_roads", road, source, target, warm_up, str(runs)]
    told = json.loads(run(command, _environment(folder), folder).splitlines()[-1])
    if told["passed"] + told["rejected"] != rows:
        raise BenchmarkError(f"{road} made {told['passed']} rows and rejected {told['rejected']} of {rows}")
    speeds = [rows / seconds for seconds in told["seconds"]]
    return _Passes(speeds, told["peak"], told["written"], told["rejected"])


def _environment(folder: Path) -> dict[str, str]:
    root = Path(__file__).parents[1]
    return environment(folder, PYTHONPATH=str(root), OMP_NUM_THREADS="1")
