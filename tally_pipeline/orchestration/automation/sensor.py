"""The sensor that detects new bronze objects, records them in Dagster, and launches the runs that refine them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from typing import Any

import dagster as dg
import msgspec

from tally_pipeline import clock, gold
from tally_pipeline.datasets import DATASETS, PLACES
from tally_pipeline.datasets.captures import newest_acceptable
from tally_pipeline.days import days_after, days_through
from tally_pipeline.deployment import Settings
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.object_events import ObjectEvent, ObjectEvents
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.assets.discovery import captures, made_at, record_found, tables
from tally_pipeline.orchestration.assets.freshness_checks import IS_CURRENT, LOOKED_BACK
from tally_pipeline.orchestration.assets.partition_events import MAX_DAYS_A_RUN
from tally_pipeline.orchestration.automation.in_progress import under_way
from tally_pipeline.orchestration.automation.jobs import BEHIND_PEOPLE, BELOW_BRONZE, refine
from tally_pipeline.orchestration.automation.pending import DATA_TYPES, Pending, pending_of, sort_out
from tally_pipeline.orchestration.automation.plan import Batch, batches, by_day
from tally_pipeline.orchestration.automation.stale import stale
from tally_pipeline.plurals import counted

CATCH_UP_DAYS = 31
"""Days that one catch-up run makes at most: about half a minute, the longest wait for a person's run."""

LOOK_SECONDS = 20.0
"""Seconds of a tick, which has 60, for recording, and for finding stale gold; the rest is left to the next tick."""


LOOK_HOUR = 5
"""The hour (UTC) from which the daily look is due: the day's captures have arrived by then."""

FILLING = "filling"
"""The lock of a process that fills a lake with past days: while it is held the sensor expects more days, and leaves
gold to that process."""


class _Refined(msgspec.Struct, frozen=True):
    """A refinement of lists of the day `first` and perhaps of later ones; `digest` identifies its captures."""

    first: str
    digest: str


class _SensorCursor(msgspec.Struct, frozen=True):
    """The sensor's state: the cursor of object events, pending captures, the first day of possibly stale gold,
    unrecorded objects, the version of gold for which the whole lake was checked, and the day of the last daily look.
    """

    arrivals: str | None = None
    pending: tuple[Pending, ...] = ()
    refined: _Refined | None = None
    unrecorded: tuple[str, ...] = ()
    looked_back: str = ""
    looked_on: str = ""


def new_bronze_objects(settings: Settings, begin: date) -> dg.SensorDefinition:
    """The sensor that refines captures that arrive in bronze, from any writer and under any day.

    `begin` is the first partition of the loaded code.
    """

    @dg.sensor(
        name="new_bronze_objects",
        job=refine,
        minimum_interval_seconds=settings.sensor_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Records captures that no run of this history made, and refines what is new with all that hangs"
        " below: today's at once, past days when no more of them come, days that follow one another in one run."
        " Nothing is launched that would wait for another run, and nothing made that is current. Then gold that"
        " looks back on what was refined is made anew.",
    )
    def sensor(
        context: dg.SensorEvaluationContext,
        object_events: dg.ResourceParam[ObjectEvents],
        lake: dg.ResourceParam[Lake],
    ) -> dg.SensorResult:
        cursor = _read_cursor(context.cursor)
        events, next_arrivals = object_events.poll(cursor.arrivals)
        graph = _graph(context)
        busy = under_way(context.instance, graph)
        unrecorded = _record(context, lake, cursor, events, busy)
        looked_on, again = _looked_at_again(lake, cursor.looked_on)
        # The newer event of a list and day replaces the older.
        waiting = {(p.data_type, p.dt): p for p in (*again, *cursor.pending, *map(pending_of, events))}
        sorted_out = sort_out(context, settings, begin, lake, waiting.values())
        filling = lake.locks.is_locked(FILLING)
        settled = all(one.dt >= _today() for one in events) and not filling
        chosen = [
            one
            for one in _next_batches(sorted_out.ready, graph, settled)
            if not busy & below(graph, one.what)
        ]
        requests = [_refine_request(batch, sorted_out.ready, graph) for batch in chosen]
        taken = {(name, day) for batch in chosen for day in batch.days for name in batch.what}
        launched = [one for one in sorted_out.ready if (one.data_type, one.dt) in taken]
        later = [
            *sorted_out.later,
            *(one for one in sorted_out.ready if (one.data_type, one.dt) not in taken),
        ]
        refined = _refined_since(cursor.refined, [*sorted_out.done, *launched])
        if cursor.looked_back != gold.VERSION:
            refined = _Refined(
                layout.EARLIEST, _digest([gold.VERSION, *([refined.digest] if refined else [])])
            )
        idle = not requests and not busy & set(BELOW_BRONZE) and all(one.dt > _today() for one in later)
        if refined and idle and not filling:
            requests, refined = _remake_stale(context.instance, graph, lake, begin, refined)
        next_cursor = _SensorCursor(
            next_arrivals,
            tuple(later),
            refined,
            tuple(unrecorded),
            looked_back=gold.VERSION,
            looked_on=looked_on,
        )
        return dg.SensorResult(
            run_requests=requests,
            cursor=msgspec.json.encode(next_cursor).decode(),
            skip_reason=None if requests else _nothing_to_do(later),
        )

    return sensor


def _looked_at_again(lake: Lake, looked_on: str) -> tuple[str, list[Pending]]:
    """Once a day, the captures that count of the last days, as if they had just arrived, and the day of that look.

    So silver that another writer or tool replaced since is remade, and gold with it.
    """
    today = _today()
    if not looked_on:
        return today, []
    if looked_on == today or clock.now().hour < LOOK_HOUR:
        return looked_on, []
    return today, [
        # Distinct from the day before: Dagster runs nothing twice under one key.
        Pending(dataset.name, capture.key.dt, str(capture.key), _digest([today, capture.sha256]))
        for dataset, capture in newest_acceptable(lake, days_through(today, LOOKED_BACK))
    ]


def _record(
    context: dg.SensorEvaluationContext,
    lake: Lake,
    cursor: _SensorCursor,
    events: Iterable[ObjectEvent],
    busy: AbstractSet[dg.AssetKey],
) -> list[str]:
    """Record captures that Dagster does not know; returns the names of those that remain."""
    names = [*cursor.unrecorded, *(one.names[-1] for one in events if one.data_type in DATA_TYPES)]
    if cursor.looked_back != gold.VERSION:
        names += _unknown_before(context.instance, lake)
    names = [name for name in dict.fromkeys(names) if made_at(name) or _is_of_a_day(name)]
    return record_found(context.instance, lake, names, context.log.warning, _time_limit(LOOK_SECONDS), busy)


def _unknown_before(instance: dg.DagsterInstance, lake: Lake) -> list[str]:
    """Captures, and files made from them, of days unknown to Dagster: the lake is older than its history."""
    known = {name: instance.get_materialized_partitions(common.bronze_of(name)) for name in DATA_TYPES}
    captured = ((name, PLACES.parse(name)) for name in captures(lake, sorted(DATA_TYPES)))
    unknown = [name for name, key in captured if key is not None and key.dt not in known[key.data_type]]
    files = tables(lake)
    recorded = {
        asset: instance.get_materialized_partitions(asset) for asset in {one.asset for one in files.values()}
    }
    return unknown + [name for name, one in files.items() if one.dt not in recorded[one.asset]]


def _is_of_a_day(name: str) -> bool:
    key = PLACES.parse(name)
    return key is not None and layout.EARLIEST <= key.dt <= _today()


def _next_batches(
    ready: Iterable[Pending], graph: dg.AssetGraph, settled: bool
) -> list[Batch[frozenset[str]]]:
    """The next batches to refine: today's lists, or else the oldest days of a catch-up; and separately each dataset
    without downstream assets."""
    alone, together = list[Pending](), list[Pending]()
    for one in ready:
        if one.dt >= _today() or settled:
            nothing_below = len(below(graph, {one.data_type})) == 1
            (alone if nothing_below else together).append(one)
    present = [one for one in together if one.dt == _today()]
    chosen = batches(_by_day(present or together), CATCH_UP_DAYS)[:1]
    for name in sorted({one.data_type for one in alone}):
        chosen += batches(_by_day(one for one in alone if one.data_type == name), MAX_DAYS_A_RUN)[:1]
    return chosen


def _by_day(pendings: Iterable[Pending]) -> dict[str, frozenset[str]]:
    return by_day((one.dt, one.data_type) for one in pendings)


def below(graph: dg.AssetGraph, data_types: Iterable[str]) -> AbstractSet[dg.AssetKey]:
    """Silver of the datasets, and everything downstream."""
    return dg.AssetSelection.assets(*map(common.silver_of, data_types)).downstream().resolve(graph)


def _refine_request(
    batch: Batch[frozenset[str]], ready: Iterable[Pending], graph: dg.AssetGraph
) -> dg.RunRequest:
    """One run of all days of a batch: silver of its datasets, and everything downstream."""
    concerned = {(one.dt, one.data_type): one.digest for one in ready}
    versions = [f"{name}={concerned[day, name]}" for day in batch.days for name in sorted(batch.what)]
    version = ",".join(versions) if len(batch.days) == 1 else _digest(versions)
    return _request(batch, f"{_span(batch)}:{version}", below(graph, batch.what), graph)


def _remake_stale(
    instance: dg.DagsterInstance, graph: dg.AssetGraph, lake: Lake, begin: date, refined: _Refined
) -> tuple[list[dg.RunRequest], _Refined | None]:
    """A run that remakes the oldest stale gold and reports, and the state from which to go on after it."""
    # Of a day that is over nothing can be written, though S3 may still have its silver.
    kept = lake.store.retention.first_kept(clock.today()) or begin
    first = max(refined.first, max(begin, kept).isoformat())
    found_stale, rest = stale(instance, lake, first, CATCH_UP_DAYS, _time_limit(LOOK_SECONDS))
    for batch in batches(found_stale, CATCH_UP_DAYS):
        request = _request(batch, f"{_span(batch)}:looking back={refined.digest}", batch.what, graph)
        return [request], _Refined(days_after(batch.last), refined.digest)
    return [], _Refined(rest, refined.digest) if rest else None


def _request(
    batch: Batch[Any], run_key: str, assets: AbstractSet[dg.AssetKey], graph: dg.AssetGraph
) -> dg.RunRequest:
    selected = sorted(assets, key=str)
    # Named, or Dagster would add the daily check, which reads a month of files.
    checks = [key for key in graph.asset_check_keys if key.asset_key in assets and key.name != IS_CURRENT]
    if len(batch.days) > 1:
        ends = {
            "dagster/asset_partition_range_start": batch.first,
            "dagster/asset_partition_range_end": batch.last,
        }
        return dg.RunRequest(
            run_key, asset_selection=selected, asset_check_keys=checks, tags=ends | BEHIND_PEOPLE
        )
    tags = {} if batch.first == _today() else BEHIND_PEOPLE
    return dg.RunRequest(
        run_key, partition_key=batch.first, asset_selection=selected, asset_check_keys=checks, tags=tags
    )


def _span(batch: Batch[Any]) -> str:
    return batch.first if len(batch.days) == 1 else f"{batch.first}..{batch.last}"


def _refined_since(refined: _Refined | None, now: Sequence[Pending]) -> _Refined | None:
    """`refined`, extended by the captures refined now of datasets on which gold looks back."""
    looked_back_on = {dataset.name for dataset in DATASETS if dataset.gold_looks_back}
    lists = [one for one in now if one.data_type in looked_back_on]
    if not lists:
        return refined
    before = [refined] if refined else []
    first = min([one.dt for one in lists] + [one.first for one in before])
    return _Refined(first, _digest([*(one.digest for one in before), *(one.digest for one in lists)]))


def _graph(context: dg.SensorEvaluationContext) -> dg.AssetGraph:
    if context.repository_def is None:
        raise dg.DagsterInvariantViolationError("the sensor must be evaluated with its repository")
    return context.repository_def.asset_graph


def _time_limit(seconds: float) -> Callable[[], bool]:
    """A function that returns True for `seconds` from now."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256(",".join(parts).encode()).hexdigest()[:16]


def _today() -> str:
    return clock.today().isoformat()


def _nothing_to_do(later: Sequence[Pending]) -> str:
    # Captures of future days wait for their day.
    waiting = sum(one.dt <= _today() for one in later)
    if not waiting:
        return "nothing new in bronze"
    return f"{counted(waiting, 'list and day waits', 'lists and days wait')} for what is under way"


def _read_cursor(cursor: str | None) -> _SensorCursor:
    try:
        return msgspec.json.decode(cursor, type=_SensorCursor) if cursor else _SensorCursor()
    except msgspec.DecodeError:
        return _SensorCursor()
