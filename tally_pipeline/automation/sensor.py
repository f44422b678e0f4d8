"""The sensor that sees new bronze objects, makes them known to Dagster, and asks for the runs that refine them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from typing import Any

import dagster as dg
import msgspec

from tally_pipeline import clock
from tally_pipeline.assets import common, found, report
from tally_pipeline.assets.gold import gold_key
from tally_pipeline.assets.ledger import MAX_DAYS_A_RUN
from tally_pipeline.automation.jobs import refine
from tally_pipeline.automation.plan import Batch, batches, by_day, day_after
from tally_pipeline.automation.stale import stale
from tally_pipeline.automation.under_way import under_way
from tally_pipeline.deployment import Settings, first_day
from tally_pipeline.lake import layout
from tally_pipeline.lake.arrivals import Arrival, Arrivals
from tally_pipeline.lake.lake import Lake, NoCaptureError
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.parquet import Origin
from tally_pipeline.shows import gold, quality, series_quality
from tally_pipeline.shows.lists import LISTS
from tally_pipeline.shows.quality import Check

CATCH_UP_DAYS = 31
"""Days that one run catches up with at most: about half a minute, for so long may what a person launches wait."""

BEHIND = {"dagster/priority": "-10"}
"""Tags of runs that catch up: in the queue, the day's own run and what people launch go before them."""

_LOOKING_BACK = frozenset({common.TABLE, report.KEY, *(gold_key(table) for table in gold.TABLES)})

LOOK_SECONDS = 20.0
"""What recording, and looking for stale gold, may take of a tick, which has 60 s; the rest is for the next one."""


class _Pending(msgspec.Struct, frozen=True):
    """A list (or stream) and day with new captures that no run was asked for yet."""

    data_type: str
    dt: str
    newest: str
    digest: str


class _Refined(msgspec.Struct, frozen=True):
    """Lists of the day `first` and perhaps of later ones were refined; `digest` says from what."""

    first: str
    digest: str


class _SensorCursor(msgspec.Struct, frozen=True):
    """Where the arrivals were read up to, what is still to be recorded and to be launched, from which day on gold
    may be stale, and whether all that bronze held before was looked at once."""

    arrivals: str | None = None
    pending: tuple[_Pending, ...] = ()
    refined: _Refined | None = None
    unrecorded: tuple[str, ...] = ()
    looked_back: bool = False


def new_bronze_objects(settings: Settings) -> dg.SensorDefinition:
    """The sensor that refines what arrives in bronze, whoever put it there and under whatever day."""

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
        arrivals: dg.ResourceParam[Arrivals],
        lake: dg.ResourceParam[Lake],
    ) -> dg.SensorResult:
        cursor = _read_cursor(context.cursor)
        arrived, next_arrivals = arrivals.since(cursor.arrivals)
        unrecorded = _record(context, lake, cursor, arrived)
        # The newer word on a list and day takes the place of the older.
        waiting = {(p.data_type, p.dt): p for p in (*cursor.pending, *map(_pending, arrived))}
        ready, later, done = _sorted(context, settings, lake, waiting.values())
        graph, busy = _graph(context), under_way(context.instance, _graph(context))
        settled = all(one.dt >= _today() for one in arrived)
        chosen = [batch for batch in _chosen(ready, graph, settled) if not busy & _below(graph, batch.what)]
        requests = [_refine_request(batch, ready, graph) for batch in chosen]
        taken = {(name, day) for batch in chosen for day in batch.days for name in batch.what}
        launched = [one for one in ready if (one.data_type, one.dt) in taken]
        later += [one for one in ready if (one.data_type, one.dt) not in taken]
        refined = _since(cursor.refined, [*done, *launched])
        if (
            refined
            and not requests
            and not busy & _LOOKING_BACK
            and not any(one.dt <= _today() for one in later)
        ):
            requests, refined = _made_anew(context.instance, lake, refined)
        next_cursor = _SensorCursor(next_arrivals, tuple(later), refined, tuple(unrecorded), looked_back=True)
        return dg.SensorResult(
            run_requests=requests,
            cursor=msgspec.json.encode(next_cursor).decode(),
            skip_reason=None if requests else _nothing_to_do(later),
        )

    return sensor


def _record(
    context: dg.SensorEvaluationContext, lake: Lake, cursor: _SensorCursor, arrived: Iterable[Arrival]
) -> list[str]:
    """Record captures that Dagster does not know; returns the names of those still to be recorded."""
    known = {show_list.name for show_list in LISTS} | set(layout.STREAM_NAMES)
    names = [*cursor.unrecorded, *(one.names[-1] for one in arrived if one.data_type in known)]
    if not cursor.looked_back:
        names += _unknown_before(context.instance, lake, sorted(known))
    names = [name for name in dict.fromkeys(names) if _is_of_a_day(name)]
    return found.record_captures(context.instance, lake, names, context.log.warning, _until(LOOK_SECONDS))


def _unknown_before(instance: dg.DagsterInstance, lake: Lake, data_types: Sequence[str]) -> list[str]:
    """The captures of days of which Dagster knows none: of a lake that is older than this history."""
    known = {name: instance.get_materialized_partitions(common.bronze_of(name)) for name in data_types}
    held = ((name, layout.parse_capture(name)) for name in found.captures(lake, data_types))
    return [name for name, key in held if key is not None and key.dt not in known[key.data_type]]


def _is_of_a_day(name: str) -> bool:
    key = layout.parse_capture(name)
    return key is not None and layout.EARLIEST <= key.dt <= _today()


def _sorted(
    context: dg.SensorEvaluationContext, settings: Settings, lake: Lake, waiting: Iterable[_Pending]
) -> tuple[list[_Pending], list[_Pending], list[_Pending]]:
    """What can be refined now, what has to wait, and what is refined already."""
    known = {show_list.name for show_list in LISTS} | set(layout.STREAM_NAMES)
    begin, present = first_day.first_day(settings).isoformat(), _today()
    ready, later, done = list[_Pending](), list[_Pending](), list[_Pending]()
    for pending in waiting:
        if pending.data_type not in known or pending.dt < layout.EARLIEST:
            context.log.warning(
                f"{pending.newest} is of no list or day that is captured here; it is left alone."
            )
        elif pending.dt > present:
            later.append(pending)
        elif pending.dt < begin:
            first_day.record(settings, date.fromisoformat(pending.dt))
            context.log.info(
                f"{pending.newest} is of a day before the first partition, {begin}: it waits until the code is loaded"
                " anew, as `tally up` does by itself; with another Dagster, reload the code location."
            )
            later.append(pending)
        elif _is_refined(lake, pending):
            done.append(pending)
        elif _is_being_captured(context.instance, pending):
            later.append(pending)
        elif _was_refused(context.instance, lake, pending):
            context.log.info(f"{pending.newest} was refused already, and the run that did says why.")
            done.append(pending)
        else:
            ready.append(pending)
    return ready, later, done


def _is_refined(lake: Lake, pending: _Pending) -> bool:
    """Whether silver was made from the capture that arrived."""
    return _names(lake, layout.refined_key(pending.data_type, pending.dt), pending.newest)


def _is_being_captured(instance: dg.DagsterInstance, pending: _Pending) -> bool:
    """Whether the run that wrote the capture is not over: it may capture other lists too, or refine them itself."""
    key = layout.parse_capture(pending.newest)
    run = instance.get_run_by_id(key.execution_id) if key else None
    return run is not None and not run.is_finished


def _was_refused(instance: dg.DagsterInstance, lake: Lake, pending: _Pending) -> bool:
    """Whether a run failed over this very capture already: another would only say the same once more."""
    key = layout.parse_capture(pending.newest)
    if (
        isinstance(key, BronzeKey)
        and instance.get_run_by_id(key.execution_id) is not None
        and _failed(instance, common.bronze_of(key.data_type), quality.BRONZE_CHECKS, key.dt)
    ):
        try:
            acceptable = str(lake.capture_to_refine(key.data_type, key.dt).key)
        except NoCaptureError:
            return True
        return _names(lake, layout.refined_key(key.data_type, key.dt), acceptable)
    quarantine = layout.quarantine_of(pending.data_type, pending.dt)
    checks = (
        series_quality.SERIES_CHECKS if pending.data_type == layout.SERIES_EXPORT else quality.SILVER_CHECKS
    )
    # A run that was killed may have written its quarantine; one that refused has its verdict in the history.
    return (
        quarantine is not None
        and _names(lake, quarantine, pending.newest)
        and _failed(instance, common.silver_of(pending.data_type), checks, pending.dt)
    )


def _names(lake: Lake, file: str, capture: str) -> bool:
    """Whether a file says that it was made from a capture."""
    origin = lake.footer_if_ours(file, Origin)
    return origin is not None and any(ref.key == capture for ref in origin.bronze)


def _failed(instance: dg.DagsterInstance, asset: dg.AssetKey, checks: Sequence[Check], day: str) -> bool:
    """Whether the last verdict on a day was that a check failed that stops publishing."""
    keys = [dg.AssetCheckKey(asset, check.name) for check in checks if check.blocking]
    found = instance.event_log_storage.get_asset_check_partition_info(keys, partition_keys=[day])
    return any(info.latest_execution_status.value == "FAILED" for info in found)


def _chosen(ready: Iterable[_Pending], graph: dg.AssetGraph, settled: bool) -> list[Batch[frozenset[str]]]:
    """What is to be refined next: today's lists, or else the oldest days of a catch-up; and beside it each stream
    below which nothing hangs."""
    alone, together = list[_Pending](), list[_Pending]()
    for one in ready:
        if one.dt >= _today() or settled:
            nothing_below = len(_below(graph, {one.data_type})) == 1
            (alone if nothing_below else together).append(one)
    present = [one for one in together if one.dt == _today()]
    chosen = batches(_by_day(present or together), CATCH_UP_DAYS)[:1]
    for name in sorted({one.data_type for one in alone}):
        chosen += batches(_by_day(one for one in alone if one.data_type == name), MAX_DAYS_A_RUN)[:1]
    return chosen


def _by_day(pendings: Iterable[_Pending]) -> dict[str, frozenset[str]]:
    return by_day((one.dt, one.data_type) for one in pendings)


def _below(graph: dg.AssetGraph, data_types: Iterable[str]) -> AbstractSet[dg.AssetKey]:
    """Silver of the lists and streams, and everything below it."""
    return dg.AssetSelection.assets(*map(common.silver_of, data_types)).downstream().resolve(graph)


def _refine_request(
    batch: Batch[frozenset[str]], ready: Iterable[_Pending], graph: dg.AssetGraph
) -> dg.RunRequest:
    """One run of all days of a batch: silver of the lists and streams concerned, and everything below it."""
    concerned = {(one.dt, one.data_type): one.digest for one in ready}
    versions = [f"{name}={concerned[day, name]}" for day in batch.days for name in sorted(batch.what)]
    told = ",".join(versions) if len(batch.days) == 1 else _digest(versions)
    return _request(batch, f"{_span(batch)}:{told}", _below(graph, batch.what))


def _made_anew(
    instance: dg.DagsterInstance, lake: Lake, refined: _Refined
) -> tuple[list[dg.RunRequest], _Refined | None]:
    """A run that makes stale gold and reports anew, the oldest first, and from where to look on after it."""
    found_stale, rest = stale(instance, lake, refined.first, CATCH_UP_DAYS, _until(LOOK_SECONDS))
    for batch in batches(found_stale, CATCH_UP_DAYS):
        request = _request(batch, f"{_span(batch)}:looking back={refined.digest}", batch.what)
        return [request], _Refined(day_after(batch.last), refined.digest)
    return [], _Refined(rest, refined.digest) if rest else None


def _request(batch: Batch[Any], run_key: str, assets: AbstractSet[dg.AssetKey]) -> dg.RunRequest:
    selected = sorted(assets, key=str)
    if len(batch.days) > 1:
        ends = {
            "dagster/asset_partition_range_start": batch.first,
            "dagster/asset_partition_range_end": batch.last,
        }
        return dg.RunRequest(run_key, asset_selection=selected, tags=ends | BEHIND)
    tags = {} if batch.first == _today() else BEHIND
    return dg.RunRequest(run_key, partition_key=batch.first, asset_selection=selected, tags=tags)


def _span(batch: Batch[Any]) -> str:
    return batch.first if len(batch.days) == 1 else f"{batch.first}..{batch.last}"


def _since(refined: _Refined | None, now: Sequence[_Pending]) -> _Refined | None:
    """`refined`, and the lists that are refined or asked for now; gold looks back on nothing else."""
    lists = [one for one in now if one.data_type not in layout.STREAM_NAMES]
    if not lists:
        return refined
    before = [refined] if refined else []
    first = min([one.dt for one in lists] + [one.first for one in before])
    return _Refined(first, _digest([*(one.digest for one in before), *(one.digest for one in lists)]))


def _graph(context: dg.SensorEvaluationContext) -> dg.AssetGraph:
    if context.repository_def is None:
        raise dg.DagsterInvariantViolationError("the sensor must be evaluated with its repository")
    return context.repository_def.asset_graph


def _until(seconds: float) -> Callable[[], bool]:
    """Says for so long that there is time left."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256(",".join(parts).encode()).hexdigest()[:16]


def _today() -> str:
    return clock.today().isoformat()


def _pending(arrival: Arrival) -> _Pending:
    return _Pending(arrival.data_type, arrival.dt, arrival.names[-1], arrival.digest)


def _nothing_to_do(later: Sequence[_Pending]) -> str:
    return f"{len(later)} lists and days wait for what is under way" if later else "nothing new in bronze"


def _read_cursor(cursor: str | None) -> _SensorCursor:
    try:
        return msgspec.json.decode(cursor, type=_SensorCursor) if cursor else _SensorCursor()
    except msgspec.DecodeError:
        return _SensorCursor()
