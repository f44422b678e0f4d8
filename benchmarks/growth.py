"""The growth of cost with shows a day, days in the lake, objects in bronze, and days of a backfill."""

from __future__ import annotations

import json
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import dagster as dg
import requests

from benchmarks import backfill, lakes
from benchmarks.processes import TALLY, run, running, until
from benchmarks.report import Measure, Report, Target
from benchmarks.ui import Graphql, free_port
from tally_pipeline import clock
from tally_pipeline.datasets import PLACES
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import deploy, load_settings
from tally_pipeline.lake.object_events import FolderObjectEvents
from tally_pipeline.query import samples
from tally_pipeline.query.duckdb_engine import DuckDbEngine
from tally_pipeline.query.tables import TABLES
from tally_pipeline.tables.table import VERSION

LINEAR = 1.05
"""An exponent of 1 is linear; the rest is for what measuring adds."""

TICK_TO_THOUSAND = 2.0
YEAR_SECONDS = 60.0
YEAR = 365

_FRESH_SECONDS = 1.0
_TICKS = 10  # they are short

# What the UI asks for an asset's page: the asset and its partitions, the latest events, the checks.
_PAGE = (
    """query ($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
      id description metadataEntries { label } staleStatus staleCauses { reason }
      partitionStats { numMaterialized numPartitions numFailed numMaterializing }
      assetPartitionStatuses { ... on TimePartitionStatuses { ranges { status startKey endKey } } }
      partitionKeyConnection(limit: 1000, ascending: false) { results } } } }""",
    """query ($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
      assetMaterializations(limit: 100) { runId timestamp partition metadataEntries { label description } } } } }""",
    """query ($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
      assetChecksOrError { ... on AssetChecks { checks { name
        executionForLatestMaterialization { status timestamp evaluation { success } }
        partitionStatuses { ... on AssetCheckTimePartitionStatuses { ranges { status startKey endKey } } }
      } } } } } }""",
)


@dataclass(frozen=True)
class Points:
    """The points at which each cost is measured, least first."""

    shows: Sequence[int] = (80, 2_500, 20_000, 200_000)
    days: Sequence[int] = (1, 30, 365, 3_650)
    objects: Sequence[int] = (100, 1_000, 10_000, 100_000, 1_000_000)
    backfills: Sequence[int] = (10, 90, YEAR)


def measure(runs: int, points: Points | None = None) -> Report:
    """Each cost at each of its points; `runs` times, but backfills once."""
    at = points or Points()
    with tempfile.TemporaryDirectory(prefix="tally-bench-") as name:
        folder = Path(name)
        measures = [
            *_table("sync less its fetch", "shows a day", _by_shows(folder, at.shows, runs)),
            *_by_days(folder, at.days, runs),
            *_by_objects(folder, at.objects, runs),
            *_by_backfill(folder, at.backfills),
        ]
    return Report(
        "growth",
        "what grows how",
        runs,
        measures,
        [
            "An *exponent* is the power of the size by which a cost grew from one point to the next: 0 when it does"
            " not grow, 1 when it doubles with the size.",
            "*shows a day*: `tally rebuild` of one day from captures of so many shows in four lists: start, silver,"
            " the table, gold, report. Fetching is bound by TMDB's rate: 20 shows a request, 40 requests a second.",
            "*days in the lake*: every file of one day (20 shows a list) copied to every other day. The sync is a"
            " whole `tally sync --pages 1` with a sandbox of its own. The page is what the UI asks GraphQL for on a"
            " list's silver, with Dagster's history of every day and check: one query after another, of `tally up`.",
            f"*objects in bronze*: links to tiny files, in four lists and at most {YEAR} days. On AWS a tick lists"
            " nothing but the days that the queue's messages name.",
            "A *tick* is the sensor's whole evaluation, with nothing new, after one that saw everything; only what"
            f" Dagster's daemon adds is missing. Folders are fresh for {_FRESH_SECONDS:.0f} s here instead of ten"
            " minutes: all were just made.",
            "*backfill*: launched over GraphQL, four lists and the table, from the first run's start to the last's"
            " end, all verified green. Dagster's daemon looks at backfills every 30 s, before and after: that is"
            " not in it.",
            "Tried: only the names of a million objects kept at the first look, in place of small objects: 11 s for"
            " 27, and an exponent of 1.07 for 1.20 (what is left is the file system's). Ten years of days make a"
            " query slower than in proportion by a little: DuckDB opens the footer of each of 14,600 files, for any"
            " of them may have another contract's columns.",
        ],
    )


def _table(
    what: str, of: str, found: Mapping[int, Sequence[float]], target: Mapping[int, Target] | None = None
) -> list[Measure]:
    """A cost at each point, and the exponents between."""
    measures = [
        Measure(f"{what} · {size:,} {of}", seconds, "s", (target or {}).get(size))
        for size, seconds in found.items()
    ]
    medians = {size: statistics.median(seconds) for size, seconds in found.items()}
    for (small, less), (large, more) in pairwise(medians.items()):
        exponent = math.log(more / less) / math.log(large / small)
        name = f"exponent, {small:,} to {large:,}"
        measures.append(Measure(name, [exponent], "", Target("at most", LINEAR), indent=True))
    return measures


def _by_shows(folder: Path, sizes: Sequence[int], runs: int) -> dict[int, list[float]]:
    found = {}
    for size in sizes:
        home = folder / f"shows-{size}"
        home.mkdir()
        day = clock.today() - timedelta(days=1)
        lakes.captured(home, day, size)
        command = [TALLY, "rebuild", "--first", day, "--last", day]
        found[size] = [_seconds(lambda: run(command, lakes.settings(home), home)) for _ in range(runs)]  # noqa: B023
    return found


def _by_days(folder: Path, sizes: Sequence[int], runs: int) -> list[Measure]:
    syncs, queries, pages, ticks = {}, {}, {}, {}
    for size in sizes:
        home = folder / f"days-{size}"
        home.mkdir()
        lakes.long(home, size)
        lake = home / "sandbox" / "lake"
        ticks[size] = _looks(folder, lake, runs)[1]
        engine = DuckDbEngine(lake, TABLES)
        queries[size] = [_slowest_query(engine) for _ in range(runs)]
        pages[size] = _pages(home, runs)
        sync = [TALLY, "sync", "--pages", "1"]
        syncs[size] = [_seconds(lambda: run(sync, lakes.settings(home), home)) for _ in range(runs)]  # noqa: B023
    return [
        *_table("sync", "days in the lake", syncs),
        *_table("sensor tick", "days in the lake", ticks),
        *_table("the slowest sample query", "days in the lake", queries),
        *_table("a list's page in the UI", "days in the lake", pages),
    ]


def _slowest_query(engine: DuckDbEngine) -> float:
    return max(_seconds(lambda: engine.query(samples.read(name))) for name in samples.names())  # noqa: B023


def _pages(home: Path, runs: int) -> list[float]:
    """Seconds that the queries of an asset's page take, in a `tally up`; the first time is not counted."""
    port = free_port()
    with running([TALLY, "up", "--no-sync", "--port", str(port)], lakes.settings(home), home):
        graphql = Graphql(port)
        until("Dagster's UI", lambda: _shown(graphql), seconds=300)
        return [_seconds(lambda: _shown(graphql)) for _ in range(runs)]


def _shown(graphql: Graphql) -> bool | None:
    """Ask all that a page asks; None while Dagster does not know the asset yet."""
    key = {"path": lakes.POPULAR_SHOWS.path}
    try:
        return True if all(graphql.ask(query, key=key)["assetNodeOrError"] for query in _PAGE) else None
    except requests.RequestException:
        return None


def _by_objects(folder: Path, sizes: Sequence[int], runs: int) -> list[Measure]:
    ticks, firsts = {}, {}
    for size in sizes:
        root = folder / f"objects-{size}"
        root.mkdir()
        lakes.objects(root, size, YEAR)
        firsts[size], ticks[size] = _looks(folder, root, runs)
    measures = _table("sensor tick", "objects in bronze", ticks)
    if {1_000, 1_000_000} <= ticks.keys():
        ratio = statistics.median(ticks[1_000_000]) / statistics.median(ticks[1_000])
        measures.append(
            Measure("a tick at a million / at a thousand", [ratio], "", Target("at most", TICK_TO_THOUSAND))
        )
    return [*measures, *_table("the first look of all", "objects in bronze", firsts)]


def _looks(folder: Path, root: Path, runs: int) -> tuple[list[float], list[float]]:
    """Seconds of the first look at a lake's bronze; of ticks when there is nothing new any more."""
    time.sleep(_FRESH_SECONDS)
    arrivals = FolderObjectEvents(root, PLACES, window_seconds=_FRESH_SECONDS)
    began = time.perf_counter()
    cursor = arrivals.poll(None)[1]
    first = time.perf_counter() - began
    time.sleep(_FRESH_SECONDS)
    tick = _tick(folder, arrivals, arrivals.poll(cursor)[1])
    return [first], [_seconds(tick) for _ in range(max(runs, _TICKS))]


def _tick(folder: Path, arrivals: FolderObjectEvents, cursor: str) -> Callable[[], None]:
    """The sensor, to be evaluated as often as one likes, after it saw all that `cursor` tells of."""
    settings = load_settings(lakes.settings(folder / "nobody"), dotenv=None)
    deployment = deploy(settings)
    definitions = build_definitions(deployment)
    sensor = definitions.resolve_sensor_def("new_bronze_objects")
    instance = dg.DagsterInstance.ephemeral()
    state = json.dumps({"arrivals": cursor, "looked_back": VERSION})

    def tick() -> None:
        context = dg.build_sensor_context(
            instance=instance,
            cursor=state,
            definitions=definitions,
            resources={"lake": deployment.lake, "object_events": arrivals},
        )
        if sensor.evaluate_tick(context).run_requests:
            raise ValueError("the tick was to find nothing new")

    tick()
    return tick


def _by_backfill(folder: Path, sizes: Sequence[int]) -> list[Measure]:
    found = {}
    for size in sizes:
        past = backfill.days_before_today(size)
        found[size] = [
            backfill.backfilled(folder / f"backfill-{size}", backfill.fill(folder, past), past).running
        ]
    target = {YEAR: Target("at most", YEAR_SECONDS)}
    a_partition = {
        size: [seconds / size / len(backfill.CHECKS) for seconds in run_] for size, run_ in found.items()
    }
    return [
        *_table("backfill of 4 lists and the table", "days", found, target),
        *(
            Measure(
                f"a partition, in one of {size:,} days", [1000 * one for one in seconds], "ms", indent=True
            )
            for size, seconds in a_partition.items()
        ),
    ]


def _seconds(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began
