"""One road from bronze to Parquet, measured in a process of its own on one core.

    python -m benchmarks.refine_roads ROAD INPUT OUTPUT WARM-UP PASSES

prints JSON: each pass's seconds of processor time (over all threads, so that no road gains by them and a busy
machine does not show); bytes of memory that the first pass added at its peak; rows that passed and
rows that were rejected. Each road is from a file in bronze's format (in the page cache) to a Parquet file.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

Road = Callable[[Path, Path], tuple[int, int]]


def tally() -> Road:
    """Decoded, every row validated, refined, encoded."""
    import pyarrow as pa

    from tally_pipeline.lake import parquet
    from tally_pipeline.shows import bronze
    from tally_pipeline.shows.refine import refine

    pa.set_cpu_count(1)

    def road(source: Path, target: Path) -> tuple[int, int]:
        capture = bronze.decode(source.read_bytes())
        refined = refine(capture, data_type="popular_shows", dt="2026-01-01", key=source.name)
        footer = parquet.footer_for((), "complete", "sandbox", refined.counts)
        target.write_bytes(parquet.encode(refined.silver, footer))
        target.with_suffix(".quarantine").write_bytes(parquet.encode(refined.quarantine, footer))
        return refined.counts.silver_rows, refined.counts.quarantined

    return road


def pandas() -> Road:
    """json.loads, DataFrame, to_parquet: nothing is checked."""
    import pandas as pd
    import pyarrow as pa

    pa.set_cpu_count(1)

    def road(source: Path, target: Path) -> tuple[int, int]:
        frame = pd.DataFrame(json.loads(source.read_bytes())["results"])
        frame.to_parquet(target, compression="snappy", index=False)
        return len(frame), 0

    return road


def duckdb() -> Road:
    """read_json, COPY to Parquet: nothing is checked."""
    import duckdb as db

    connection = db.connect(config={"threads": 1})

    def road(source: Path, target: Path) -> tuple[int, int]:
        size = source.stat().st_size + 1
        rows = connection.execute(
            f"COPY (SELECT unnest(results, max_depth := 2) FROM read_json('{source}', maximum_object_size = {size}))"
            f" TO '{target}' (FORMAT parquet, COMPRESSION snappy)"
        ).fetchall()
        return int(rows[0][0]), 0

    return road


ROADS: dict[str, Callable[[], Road]] = {"tally": tally, "pandas": pandas, "duckdb": duckdb}


def main(name: str, source: Path, target: Path, warm_up: Path, passes: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    road = ROADS[name]()
    road(warm_up, target)
    before = _peak_bytes()
    seconds, added = [], 0
    for number in range(passes):
        began = time.process_time()
        passed, rejected = road(source, target)
        seconds.append(time.process_time() - began)
        if number == 0:
            added = _peak_bytes() - before
    print(json.dumps({"seconds": seconds, "bytes": added, "passed": passed, "rejected": rejected}))


def _peak_bytes() -> int:
    """The most memory this process has held so far."""
    status = Path("/proc/self/status")
    if status.exists():
        # Linux hands ru_maxrss on from the process that started this one; VmHWM begins anew.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS


if __name__ == "__main__":
    name, source, target, warm_up, passes = sys.argv[1:]
    main(name, Path(source), Path(target), Path(warm_up), int(passes))
