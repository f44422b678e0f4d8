"""The sensor that sees new bronze objects, and asks for the runs that refine them and all that is below."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, timedelta

import dagster as dg
import msgspec

from tally_pipeline.assets import common, report
from tally_pipeline.assets.gold import gold_key
from tally_pipeline.assets.ledger import MAX_DAYS_A_RUN
from tally_pipeline.automation.jobs import refine, sync
from tally_pipeline.deployment import Settings
from tally_pipeline.lake import layout
from tally_pipeline.lake.arrivals import Arrival, Arrivals
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.parquet import Origin
from tally_pipeline.shows import gold
from tally_pipeline.shows.lists import LISTS

DAYS_A_TICK = 10
"""Days a tick launches at most; the rest waits for the next. A tick has 60 s, and a queue should stay readable."""

_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

# What a day's gold looks back on may have come after it.
_LOOKING_BACK = (*(gold_key(table) for table in gold.TABLES if table != gold.DATA_QUALITY_DAILY), report.KEY)
_STREAM_SILVER = {layout.SERIES_EXPORT: common.SERIES, layout.GENRES: common.SILVER_GENRES}


class _Pending(msgspec.Struct, frozen=True):
    """A list (or stream) and day with new captures that no run was asked for yet."""

    data_type: str
    dt: str
    newest: str
    digest: str


class _Refined(msgspec.Struct, frozen=True):
    """Runs were asked for that refine lists of the day `first` and perhaps of later ones; `digest` says which."""

    first: str
    digest: str


class _SensorCursor(msgspec.Struct, frozen=True):
    """Where the arrivals were read up to, what is still to be launched, and what gold does not look back on yet."""

    arrivals: str | None = None
    pending: tuple[_Pending, ...] = ()
    refined: _Refined | None = None


def new_bronze_objects(settings: Settings) -> dg.SensorDefinition:
    """The sensor that refines what arrives in bronze, whoever put it there and under whatever day."""

    @dg.sensor(
        name="new_bronze_objects",
        job=refine,
        minimum_interval_seconds=settings.sensor_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="One run a day for just the lists, exports and genres with new captures, and what hangs below"
        " them; days with nothing below (exports) share a run. An object is refined once a version; what a full run"
        " refines itself is left to it. Once all is refined, gold of the days after it is made anew: it looks back.",
    )
    def sensor(
        context: dg.SensorEvaluationContext,
        arrivals: dg.ResourceParam[Arrivals],
        lake: dg.ResourceParam[Lake],
    ) -> dg.SensorResult:
        cursor = _read_cursor(context.cursor)
        found, next_arrivals = arrivals.since(cursor.arrivals)
        silver = {show_list.name: common.silver_key(show_list) for show_list in LISTS} | _STREAM_SILVER
        # The newer word on a list and day takes the place of the older.
        waiting = {(p.data_type, p.dt): p for p in (*cursor.pending, *map(_pending, found))}
        ready: dict[str, list[_Pending]] = {}
        later: list[_Pending] = []
        for pending in waiting.values():
            if pending.data_type not in silver or pending.dt < settings.first_day.isoformat():
                context.log.warning(
                    f"{pending.newest} is of no list or day that is captured here; it is left alone."
                )
            elif _is_refined(lake, pending):
                continue
            elif _will_be_refined(context.instance, silver[pending.data_type], pending):
                later.append(pending)
            else:
                ready.setdefault(pending.dt, []).append(pending)
        alone = [found[0] for found in ready.values() if _nothing_below(context, found, silver)]
        spans = [span for span in _spans(alone) if len(span) > 1]
        newest_first = sorted(ready.keys() - {one.dt for span in spans for one in span}, reverse=True)
        for day in newest_first[DAYS_A_TICK:]:
            later += ready[day]
        now = newest_first[:DAYS_A_TICK]
        requests = [_request(context, day, ready[day], silver) for day in now]
        requests += [_span_request(span, silver) for span in spans]
        refined = _with_lists(cursor.refined, [one for day in now for one in ready[day]])
        if refined and not waiting and not _is_refining(context.instance):
            requests, refined = _looking_back(lake, refined), None
        next_cursor = msgspec.json.encode(_SensorCursor(next_arrivals, tuple(later), refined)).decode()
        return dg.SensorResult(
            run_requests=requests,
            cursor=next_cursor,
            skip_reason=None if requests else _nothing_to_do(later),
        )

    return sensor


def _request(
    context: dg.SensorEvaluationContext,
    day: str,
    pendings: Sequence[_Pending],
    silver: Mapping[str, dg.AssetKey],
) -> dg.RunRequest:
    """One run of the day: silver of the lists and streams concerned, and everything below it."""
    ordered = sorted(pendings, key=lambda pending: pending.data_type)
    versions = ",".join(f"{pending.data_type}={pending.digest}" for pending in ordered)
    selected = _selected(context, ordered, silver)
    return dg.RunRequest(
        run_key=f"{day}:{versions}", partition_key=day, asset_selection=sorted(selected, key=str)
    )


def _selected(
    context: dg.SensorEvaluationContext, pendings: Sequence[_Pending], silver: Mapping[str, dg.AssetKey]
) -> AbstractSet[dg.AssetKey]:
    """Silver of the lists and streams concerned, and everything below it."""
    if context.repository_def is None:
        raise dg.DagsterInvariantViolationError("the sensor must be evaluated with its repository")
    concerned = dg.AssetSelection.assets(*(silver[pending.data_type] for pending in pendings))
    return concerned.downstream().resolve(context.repository_def.asset_graph)


def _nothing_below(
    context: dg.SensorEvaluationContext, pendings: Sequence[_Pending], silver: Mapping[str, dg.AssetKey]
) -> bool:
    """Whether silver of one list or stream is all there is to make: then days can share a run.

    Otherwise each has a run of its own: in a run of many days one that fails stops what is below the others too.
    """
    return len(pendings) == 1 and len(_selected(context, pendings, silver)) == 1


def _spans(pendings: Iterable[_Pending]) -> list[list[_Pending]]:
    """Days of the same list or stream that follow one another without a break, as far as one run goes."""
    by_type: dict[str, dict[str, _Pending]] = {}
    for pending in sorted(pendings, key=lambda pending: pending.data_type):
        by_type.setdefault(pending.data_type, {})[pending.dt] = pending
    return [[of_day[day] for day in days] for of_day in by_type.values() for days in _stretches(of_day)]


def _stretches(days: Iterable[str]) -> list[list[str]]:
    """Days that follow one another without a break, as far as one run goes."""
    stretches: list[list[str]] = []
    for day in sorted(days):
        last = stretches[-1] if stretches else []
        if last and _day_after(last[-1]) == day and len(last) < MAX_DAYS_A_RUN:
            last.append(day)
        else:
            stretches.append([day])
    return stretches


def _span_request(span: Sequence[_Pending], silver: Mapping[str, dg.AssetKey]) -> dg.RunRequest:
    """One run of all days of a span, oldest first."""
    first, last = span[0], span[-1]
    run_key = f"{first.dt}..{last.dt}:{first.data_type}={_digest(f'{one.dt}={one.digest}' for one in span)}"
    return dg.RunRequest(run_key, asset_selection=[silver[first.data_type]], tags=_range(first.dt, last.dt))


def _with_lists(refined: _Refined | None, now: Sequence[_Pending]) -> _Refined | None:
    """`refined` and what is asked for now; streams do not count: gold does not look back on them."""
    lists = [one for one in now if one.data_type not in _STREAM_SILVER]
    if not lists:
        return refined
    before = [refined] if refined else []
    first = min([one.dt for one in lists] + [one.first for one in before])
    return _Refined(first, _digest([*(one.digest for one in before), *(one.digest for one in lists)]))


def _is_refining(instance: dg.DagsterInstance) -> bool:
    unfinished = dg.RunsFilter(job_name=refine.name, statuses=_UNFINISHED)
    return bool(instance.get_run_ids(unfinished, limit=1))


def _looking_back(lake: Lake, refined: _Refined) -> list[dg.RunRequest]:
    """Runs that make gold and the reports anew of the days after those that were refined."""
    folders = lake.store.folders(f"{layout.GOLD}/{gold.TRENDS.name}")
    days = [name.removeprefix("dt=") for name in folders if name.startswith("dt=")]
    return [
        dg.RunRequest(
            f"{stretch[0]}..{stretch[-1]}:looking back={refined.digest}",
            asset_selection=_LOOKING_BACK,
            tags=_range(stretch[0], stretch[-1]),
        )
        for stretch in _stretches(day for day in days if day > refined.first)
    ]


def _range(first: str, last: str) -> dict[str, str]:
    return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256(",".join(parts).encode()).hexdigest()[:16]


def _day_after(dt: str) -> str:
    return (date.fromisoformat(dt) + timedelta(days=1)).isoformat()


def _pending(arrival: Arrival) -> _Pending:
    return _Pending(arrival.data_type, arrival.dt, arrival.names[-1], arrival.digest)


def _is_refined(lake: Lake, pending: _Pending) -> bool:
    """Whether silver was made from the capture that arrived."""
    origin = lake.footer_if_ours(layout.refined_key(pending.data_type, pending.dt), Origin)
    return origin is not None and any(ref.key == pending.newest for ref in origin.bronze)


def _will_be_refined(instance: dg.DagsterInstance, silver: dg.AssetKey, pending: _Pending) -> bool:
    """Whether the run that wrote the capture is still going and refines it itself, into the asset `silver`."""
    key = layout.parse_capture(pending.newest)
    run = instance.get_run_by_id(key.execution_id) if key else None
    if run is None or run.is_finished:
        return False
    if run.asset_selection is None:
        return run.job_name == sync.name and silver != common.SERIES
    return silver in run.asset_selection


def _nothing_to_do(later: Sequence[_Pending]) -> str:
    return (
        f"{len(later)} lists and days wait for the run that captured them"
        if later
        else "nothing new in bronze"
    )


def _read_cursor(cursor: str | None) -> _SensorCursor:
    try:
        return msgspec.json.decode(cursor, type=_SensorCursor) if cursor else _SensorCursor()
    except msgspec.DecodeError:
        return _SensorCursor()
