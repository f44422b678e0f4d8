"""The details of 2,700 shows: captured beside the rate's floor, and refined beside what one would load them with.

The replies are those that TMDB sent about 34 shows (`shared/tmdb/recordings`), repeated under other ids: 77 kB and
190 offers each.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.processes import BenchmarkError, announced_url, environment, peak_bytes, run, running, until
from benchmarks.report import Measure, Report, Target
from tally_pipeline.bronze.details_capture import Manifest, PartRef, Reply
from tally_pipeline.datasets.details import DETAILS, refinement
from tally_pipeline.datasets.shows.contract import SILVER
from tally_pipeline.deployment import deploy, load_settings
from tally_pipeline.lake import layout, parquet
from tally_pipeline.orchestration.runs import failures
from tally_pipeline.tmdb.sandbox import Sandbox
from tally_pipeline.tmdb.sandbox.replies import JSON, show_of
from tally_pipeline.tmdb.sandbox.replies import Reply as Sent
from tally_pipeline.tmdb.settings import TmdbSettings
from testkit.details import Parts, manifest, reply
from testkit.pipeline import day, row

SHOWS = 2700
LATENCY_MS = 50
RATE = TmdbSettings.requests_per_second

OVER_FLOOR = 1.15
MEGABYTES_TARGET = 400.0
BESIDE_PANDAS = 1.0

_FIRST_ID = 10_000_000
_SNAPSHOT = "2025-12-24"
_OF_1396 = {
    "external_ids": "tv_1399_external_ids",
    "content_ratings": "tv_1396_content_ratings",
    "keywords": "tv_1396_keywords",
}
_MB = 1e6


@dataclass(frozen=True)
class _Refined:
    """One pass of a road: seconds of processor, MB of memory that it added at its peak, offers."""

    seconds: float
    megabytes: float
    offers: int


def measure(runs: int) -> Report:
    """Capture once, refine `runs` times by each road, each pass in a process of its own."""
    captured = _captured()
    size = sum(len(one.body) for one in islice(replies(), SHOWS)) / _MB
    found = {road: [_refined(road) for _ in range(runs)] for road in ROADS}
    offers = {one.offers for passes in found.values() for one in passes}
    if len(offers) != 1:
        raise BenchmarkError(f"the roads do not find the same offers: {offers}")
    floor = SHOWS / RATE
    seconds = {road: [one.seconds for one in passes] for road, passes in found.items()}

    def beside(road: str) -> list[float]:
        return [other / own for own, other in zip(seconds["tally"], seconds[road], strict=True)]

    return Report(
        name="details",
        title=f"the details of {SHOWS:,} shows, {size:.0f} MB, {offers.pop():,} offers",
        runs=runs,
        measures=[
            Measure(f"capture, {LATENCY_MS} ms a reply", [captured["seconds"]], "s"),
            Measure(
                f"of the {floor:.1f} s that the rate takes",
                [captured["seconds"] / floor],
                "×",
                Target("at most", OVER_FLOOR),
                indent=True,
            ),
            Measure(
                "peak memory of the whole process, Dagster included",
                [captured["megabytes"]],
                "MB",
                Target("at most", MEGABYTES_TARGET),
                indent=True,
            ),
            Measure("refining, every reply validated: processor", seconds["tally"], "s"),
            Measure("speed", [size / one for one in seconds["tally"]], "MB/s", indent=True),
            Measure("memory that it adds", [one.megabytes for one in found["tally"]], "MB", indent=True),
            Measure("json.loads and pandas.json_normalize", seconds["pandas"], "s"),
            Measure("times Tally's", beside("pandas"), "×", Target("at least", BESIDE_PANDAS), indent=True),
            Measure("memory that it adds", [one.megabytes for one in found["pandas"]], "MB", indent=True),
            Measure("DuckDB, from the same parts", seconds["duckdb"], "s"),
            Measure("times Tally's", beside("duckdb"), "×", indent=True),
            Measure("memory that it adds", [one.megabytes for one in found["duckdb"]], "MB", indent=True),
        ],
        notes=[
            "Capture: the job `capture_details` in a process of its own, from a sandbox in another; its time is the"
            " manifest's, without Dagster's start.",
            "Refining: from compressed parts to Parquet of shows and offers; processor time over all threads. The"
            " others check nothing, hash nothing, and make 8 of the 39 columns of a show.",
            "Verified: all find the same offers.",
        ],
    )


def _captured() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="tally-bench-") as name:
        folder = Path(name)
        serve = [sys.executable, "-m", "benchmarks.details", "serve"]
        with running(serve, environment(folder, TALLY_SHARED=str(_shared())), folder) as log:
            url = until("the sandbox", lambda: announced_url(log), seconds=60)
            environ = environment(
                folder, TMDB_BASE_URL=url, TALLY_SOURCE="sandbox", TMDB_REQUESTS_PER_SECOND=str(RATE)
            )
            said = run([sys.executable, "-m", "benchmarks.details", "capture"], environ, folder)
    told: dict[str, float] = json.loads(said.splitlines()[-1])
    return told


def _refined(road: str) -> _Refined:
    with tempfile.TemporaryDirectory(prefix="tally-bench-") as name:
        folder = Path(name)
        environ = environment(folder, TALLY_SHARED=str(_shared()))
        said = run([sys.executable, "-m", "benchmarks.details", "refine", road], environ, folder)
    return _Refined(**json.loads(said.splitlines()[-1]))


# --- real replies under other ids --------------------------------------------------------------------------


def replies() -> Iterator[Reply]:
    """Replies without end: those that were recorded, one after the other, each under an id of its own."""
    number = _FIRST_ID
    while True:
        for body in _recorded():
            yield reply(number, body.replace(b'"id":0,', b'"id":%d,' % number, 1))
            number += 1


def _shared() -> Path:
    """The folder `shared` beside the repository, or the one that is named."""
    return Path(os.environ.get("TALLY_SHARED", Path(__file__).parents[2] / "shared"))


@cache
def _recorded() -> Sequence[bytes]:
    """The recorded replies with all that is asked for, their own id replaced by 0."""
    folder = _shared() / "tmdb" / "recordings" / _SNAPSHOT
    if not folder.is_dir():
        raise BenchmarkError(f"there are no recordings at {folder}: name the folder `shared` in TALLY_SHARED")
    found = []
    for path in sorted(folder.glob("tv_*_watch_providers.json")):
        show = path.name.split("_")[1]
        whole = folder / f"tv_{show}.json"
        # Most shows' own details were not recorded.
        details = (whole if whole.exists() else folder / "tv_1396.json").read_bytes().rstrip()
        parts = {
            "watch/providers": path,
            **{part: folder / f"{name}.json" for part, name in _OF_1396.items()},
        }
        parts["season/1"] = folder / "tv_1396_season_1.json"
        spliced = b"".join(
            b',"%s":%s' % (name.encode(), one.read_bytes().rstrip()) for name, one in parts.items()
        )
        own = re.search(rb'"id":\d+,"in_production"', details)
        assert own is not None
        start = b'{"id":0,' + details[1 : own.start()] + details[own.end() - len(b'"in_production"') :]
        found.append(start[:-1] + spliced + b"}")
    return found


def _parts() -> tuple[Manifest, Parts]:
    """A capture of all shows, its parts in memory."""
    parts, refs = Parts(), list[PartRef]()
    stream = islice(replies(), SHOWS)
    while some := list(islice(stream, 200)):
        refs.append(parts.put(day(), "bench", some, len(refs)))
    return manifest(day(), refs), parts


# --- roads from parts to Parquet ---------------------------------------------------------------------------


def _by_tally(capture: Manifest, parts: Parts, folder: Path) -> int:
    def proven(part: PartRef) -> list[Reply]:
        return [one for one in parts.read(part) if one.is_proven]

    refined = refinement.refine(capture, proven)
    (folder / "shows.parquet").write_bytes(parquet.encode_table(refined.silver))
    return refined.counts.offers


def _by_pandas(capture: Manifest, parts: Parts, folder: Path) -> int:
    import pandas

    shows, offers = [], []
    for part in capture.parts:
        text = pa.CompressedInputStream(pa.py_buffer(parts.bodies[part.key]), "zstd").read()
        told = [json.loads(line)["reply"] for line in text.splitlines()]
        shows += [{name: one.get(name) for name in _COLUMNS} for one in told]
        for one in told:
            for country, by_kind in one["watch/providers"]["results"].items():
                offers += [
                    {"show_id": one["id"], "country": country, "kind": kind, "offers": found}
                    for kind, found in by_kind.items()
                    if kind != "link"
                ]
    table = pandas.json_normalize(offers, "offers", ["show_id", "country", "kind"])
    pandas.DataFrame(shows).to_parquet(folder / "shows.parquet")
    table.to_parquet(folder / "offers.parquet")
    return len(table)


def _by_duckdb(capture: Manifest, parts: Parts, folder: Path) -> int:
    import duckdb

    for number, part in enumerate(capture.parts):
        (folder / f"{number}.jsonl.zst").write_bytes(parts.bodies[part.key])
    offer = "STRUCT(provider_id BIGINT, provider_name VARCHAR, display_priority INT)[]"
    kinds = ("flatrate", "buy", "rent", "ads", "free")
    country = f"STRUCT({', '.join(f'{kind} {offer}' for kind in kinds)})"
    fields = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
    shape = f'STRUCT({fields}, "watch/providers" STRUCT(results MAP(VARCHAR, {country})))'
    connection = duckdb.connect(config={"threads": 1})
    connection.execute(
        f"CREATE TABLE replies AS SELECT unnest(reply) FROM read_json('{folder}/*.jsonl.zst',"
        f" format = 'newline_delimited', columns = {{reply: '{shape}'}}, maximum_object_size = 100000000)"
    )
    each = " UNION ALL BY NAME ".join(
        f"SELECT id, country, '{kind}' AS kind, unnest(offers.{kind}, recursive := true) FROM countries"
        for kind in kinds
    )
    connection.execute(
        'COPY (WITH countries AS (SELECT id, unnest(map_keys("watch/providers".results)) AS country,'
        ' unnest(map_values("watch/providers".results)) AS offers FROM replies)'
        f" {each}) TO '{folder}/offers.parquet'"
    )
    connection.execute(f"COPY (SELECT {', '.join(_COLUMNS)} FROM replies) TO '{folder}/shows.parquet'")
    return int(pq.read_metadata(folder / "offers.parquet").num_rows)


_COLUMNS = {
    "id": "BIGINT",
    "name": "VARCHAR",
    "overview": "VARCHAR",
    "status": "VARCHAR",
    "first_air_date": "VARCHAR",
    "number_of_episodes": "INT",
    "number_of_seasons": "INT",
    "popularity": "DOUBLE",
}
ROADS: Mapping[str, Callable[[Manifest, Parts, Path], int]] = {
    "tally": _by_tally,
    "pandas": _by_pandas,
    "duckdb": _by_duckdb,
}


# --- in a process of its own -------------------------------------------------------------------------------


class _Recorded(Sandbox):
    """A sandbox that answers with the recorded replies."""

    def _respond(self, path: str, query: Mapping[str, str]) -> Sent:
        found = show_of(path)
        if found is None:
            return super()._respond(path, query)
        recorded = _recorded()
        body = recorded[found[0] % len(recorded)].replace(b'"id":0,', b'"id":%d,' % found[0], 1)
        return Sent(200, {"Content-Type": JSON}, body)


def _serve() -> None:
    _recorded()
    with _Recorded(latency_ms=LATENCY_MS) as sandbox:
        print(sandbox.base_url, flush=True)
        threading.Event().wait()


def _capture() -> None:
    """Capture all shows of a list that names them; prints the seconds and the peak of memory."""
    # Imported here: it looks at the settings of the process.
    from tally_pipeline.definitions import build_definitions

    deployment = deploy(load_settings(os.environ, dotenv=None))
    rows = [
        {**row(_FIRST_ID + number), "show_id": _FIRST_ID + number, "rank": number + 1}
        for number in range(SHOWS)
    ]
    table = pa.Table.from_pylist(rows, schema=SILVER)
    store = deployment.lake.store
    store.put(layout.silver_key("popular_shows", day()), parquet.encode_table(table))
    with dg.DagsterInstance.ephemeral() as instance:
        result = (
            build_definitions(deployment)
            .resolve_job_def("capture_details")
            .execute_in_process(instance=instance, partition_key=day(), raise_on_error=False)
        )
    if not result.success:
        raise BenchmarkError(str(failures.by_list(result.all_events)))
    (key,) = [
        key for info in store.list(DETAILS.place.day_folder(day())) if (key := DETAILS.place.parse(info.key))
    ]
    found = DETAILS.read(store, key).content.manifest
    if (found.got, found.requests) != (SHOWS, SHOWS):
        raise BenchmarkError(f"{found.got} shows came with {found.requests} requests")
    print(json.dumps({"seconds": found.duration_seconds, "megabytes": peak_bytes() / _MB}))


def _refine(road: str) -> None:
    """Refine by one road; prints the seconds of processor, the memory that it added, and the offers."""
    capture, parts = _parts()
    with tempfile.TemporaryDirectory() as name:
        before, began = peak_bytes(), time.process_time()
        offers = ROADS[road](capture, parts, Path(name))
        seconds = time.process_time() - began
    print(json.dumps({"seconds": seconds, "megabytes": (peak_bytes() - before) / _MB, "offers": offers}))


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("serve", "capture", "refine"))
    parser.add_argument("road", nargs="?", default="tally")
    told = parser.parse_args()
    if told.what == "refine":
        _refine(told.road)
    else:
        {"serve": _serve, "capture": _capture}[told.what]()


if __name__ == "__main__":
    _main()
