"""One road from bronze to Parquet, measured in a process of its own on one core.

    python -m benchmarks.engine_roads ROAD INPUT OUTPUT WARM-UP PASSES

prints JSON: each pass's seconds of processor time (over all threads, so that no road gains by them and a busy
machine does not show); bytes of memory that the first pass added at its peak; bytes of Parquet; rows that passed
and rows that were rejected. Each road is from a file in bronze's format (in the page cache) to Parquet with Snappy.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processes import peak_bytes, until
from benchmarks.ui import free_port
from tally_pipeline.datasets.shows.footer import footer_for

Road = Callable[[Path, Path], tuple[int, int, int]]
"""From a bronze file to Parquet at a path: rows that passed, rows rejected, bytes written."""

ENOUGH_SECONDS = 30.0
"""A road that took so long is not gone again, however many passes are asked for."""

_ROWS_AT_ONCE = 10_000  # handed to dlt


def tally() -> Road:
    """Decoded, every row validated, refined, encoded."""
    import pyarrow as pa

    from tally_pipeline.bronze import list_capture
    from tally_pipeline.datasets.shows.refinement import refine
    from tally_pipeline.lake import parquet

    pa.set_cpu_count(1)

    def road(source: Path, target: Path) -> tuple[int, int, int]:
        capture = list_capture.decode(source.read_bytes())
        refined = refine(capture, data_type="popular_shows", dt="2026-01-01", key=source.name)
        says = footer_for((), "complete", "sandbox", refined.counts)
        files = [parquet.encode(rows, says) for rows in (refined.silver, refined.quarantine)]
        target.write_bytes(files[0])
        target.with_suffix(".quarantine").write_bytes(files[1])
        return refined.counts.silver_rows, refined.counts.quarantined, sum(map(len, files))

    return road


def pandas() -> Road:
    """json.loads, DataFrame, to_parquet."""
    import pandas as pd
    import pyarrow as pa

    pa.set_cpu_count(1)

    def road(source: Path, target: Path) -> tuple[int, int, int]:
        frame = pd.DataFrame(json.loads(source.read_bytes())["results"])
        frame.to_parquet(target, compression="snappy", index=False)
        return len(frame), 0, target.stat().st_size

    return road


def polars() -> Road:
    """read_json, explode, write_parquet."""
    os.environ["POLARS_MAX_THREADS"] = "1"
    import polars as pl

    def road(source: Path, target: Path) -> tuple[int, int, int]:
        rows = pl.read_json(source).select(pl.col("results").explode()).unnest("results")
        rows.write_parquet(target, compression="snappy")
        return rows.height, 0, target.stat().st_size

    return road


def duckdb() -> Road:
    """read_json, COPY."""
    import duckdb as db

    connection = db.connect(config={"threads": 1})

    def road(source: Path, target: Path) -> tuple[int, int, int]:
        size = source.stat().st_size + 1
        rows = connection.execute(
            f"COPY (SELECT unnest(results, max_depth := 2) FROM read_json('{source}', maximum_object_size = {size}))"
            f" TO '{target}' (FORMAT parquet, COMPRESSION snappy)"
        ).fetchall()
        return int(rows[0][0]), 0, target.stat().st_size

    return road


def awswrangler() -> Road:
    """json.loads, DataFrame, `wr.s3.to_parquet` into an emulated S3: https://aws-sdk-pandas.readthedocs.io"""
    nobody = {
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    os.environ |= nobody
    import awswrangler as wr
    import boto3
    import pandas as pd
    import pyarrow as pa

    pa.set_cpu_count(1)
    boto3.client("s3").create_bucket(Bucket="lake")

    def road(source: Path, target: Path) -> tuple[int, int, int]:
        frame = pd.DataFrame(json.loads(source.read_bytes())["results"])
        path = f"s3://lake/{target.name}"
        wr.s3.to_parquet(frame, path, index=False, compression="snappy", use_threads=False)
        return len(frame), 0, wr.s3.size_objects(path)[path] or 0

    return road


def dlt() -> Road:
    """json.loads, extract and normalize, types inferred; lists stay in their row, and loading is not counted.

    In pages, as https://dlthub.com/docs/reference/performance advises, and in one process.
    """
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "NORMALIZE__WORKERS": "1"}
    import dlt as tool

    def road(source: Path, target: Path) -> tuple[int, int, int]:
        rows = json.loads(source.read_bytes())["results"]
        pages = (rows[start : start + _ROWS_AT_ONCE] for start in range(0, len(rows), _ROWS_AT_ONCE))
        shows = tool.resource(pages, name="shows", max_table_nesting=0)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            to = tool.destinations.filesystem(f"{folder}/lake")
            pipeline = tool.pipeline("roads", pipelines_dir=folder, destination=to, dataset_name="tmdb")
            pipeline.extract(shows, loader_file_format="parquet")
            made = pipeline.normalize().row_counts["shows"]
            written = sum(path.stat().st_size for path in Path(folder).rglob("shows.*.parquet"))
        return made, 0, written

    return road


ROADS: dict[str, Callable[[], Road]] = {
    road.__name__: road for road in (tally, pandas, polars, duckdb, awswrangler, dlt)
}


def main(name: str, source: Path, target: Path, warm_up: Path, passes: int) -> None:
    with _served(name) as url:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        os.environ["AWS_ENDPOINT_URL_S3"] = url
        road = ROADS[name]()
        road(warm_up, target)
        before = peak_bytes()
        seconds, added = [], 0
        for number in range(passes):
            began = time.process_time()
            passed, rejected, written = road(source, target)
            seconds.append(time.process_time() - began)
            if number == 0:
                added = peak_bytes() - before
            if sum(seconds) > ENOUGH_SECONDS:
                break
    found = {"seconds": seconds, "peak": added, "written": written, "passed": passed, "rejected": rejected}
    print(json.dumps(found))


@contextmanager
def _served(name: str) -> Iterator[str]:
    """S3 for the road that knows nothing else, emulated by a process of its own, whose time does not count."""
    if name != awswrangler.__name__:
        yield ""
        return
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until("the emulated S3", lambda: _listens(port), seconds=60)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def _listens(port: int) -> bool | None:
    with socket.socket() as probe:
        return None if probe.connect_ex(("127.0.0.1", port)) else True


if __name__ == "__main__":
    name, source, target, warm_up, passes = sys.argv[1:]
    main(name, Path(source), Path(target), Path(warm_up), int(passes))
