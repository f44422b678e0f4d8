"""Jobs, the schedules, and the sensor that sees new bronze objects."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, timedelta

import dagster as dg
import msgspec

from tally_pipeline.assets import common
from tally_pipeline.assets.ledger import MAX_DAYS_A_RUN
from tally_pipeline.assets.standing import GRACE
from tally_pipeline.deployment import Settings, today
from tally_pipeline.lake import layout, streams
from tally_pipeline.lake.arrivals import Arrival, Arrivals
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.parquet import Origin
from tally_pipeline.shows.lists import LISTS

CAPTURE_RETRIES = 3
"""How often the schedule's capture is tried again as a whole: after 1, 2 and 4 minutes."""

DAYS_A_TICK = 10
"""Days a tick launches at most; the rest waits for the next. A tick has 60 s, and a queue should stay readable."""

_BRONZE = dg.AssetSelection.groups("bronze")
_BELOW = dg.AssetSelection.all() - _BRONZE

# The streams have times of their own: the day's export is there from 08:00 UTC, the genres hardly ever change.
_STREAMS = dg.AssetSelection.assets(
    common.SERIES_EXPORT, common.SERIES, common.BRONZE_GENRES, common.SILVER_GENRES
)
_STREAM_SILVER = {layout.SERIES_EXPORT: common.SERIES, layout.GENRES: common.SILVER_GENRES}

# Dagster's default starts a process a step: seconds each, for steps that take less.
sync = dg.define_asset_job(
    "sync",
    dg.AssetSelection.all() - _STREAMS,
    description="Today end to end: capture every list, refine it, and everything below it.",
    executor_def=dg.in_process_executor,
)
capture = dg.define_asset_job(
    "capture",
    _BRONZE - _STREAMS,
    description="Capture every list of today into bronze. The sensor takes it from there.",
    executor_def=dg.in_process_executor,
)
capture_export = dg.define_asset_job(
    "capture_export",
    dg.AssetSelection.assets(common.SERIES_EXPORT),
    description="Download TMDB's daily file of all series: today's, or any of the last 90 days.",
    executor_def=dg.in_process_executor,
)
capture_genres = dg.define_asset_job(
    "capture_genres",
    dg.AssetSelection.assets(common.BRONZE_GENRES),
    description="Capture TMDB's list of genres into bronze.",
    executor_def=dg.in_process_executor,
)
refine = dg.define_asset_job(
    "refine",
    _BELOW,
    description="Rebuild silver and everything below it, for any day, from stored bronze.",
    executor_def=dg.in_process_executor,
)
watch = dg.define_asset_job(
    "watch",
    dg.AssetSelection.checks(
        *(
            dg.AssetCheckKey(common.TABLE, name)
            for name in ("todays_partition_is_there", "no_partition_left_failed")
        )
    ),
    description="The standing checks: is today there, and is no day left broken?",
    executor_def=dg.in_process_executor,
)
JOBS = (sync, capture, capture_export, capture_genres, refine, watch)


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """When what is captured, at the times set, and the standing checks. Times are UTC."""

    @dg.schedule(
        name="daily_capture",
        job=capture,
        cron_schedule=settings.schedule,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Captures every list of the day.",
    )
    def daily_capture(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        due = context.scheduled_execution_time.astimezone(UTC)
        day = due.date().isoformat()
        if due.date() != today():
            return dg.SkipReason(
                f"{day} is over: TMDB serves only the present, it cannot be captured any more."
            )
        config = {"config": {"retries": CAPTURE_RETRIES}}
        return dg.RunRequest(
            run_key=due.isoformat(),
            partition_key=day,
            run_config={"ops": {f"bronze_{show_list.name}": config for show_list in LISTS}},
        )

    @dg.schedule(
        name="daily_export",
        job=capture_export,
        cron_schedule=settings.exports_schedule,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Downloads the day's export, and tries again at each of its times until bronze holds it.",
    )
    def daily_export(
        context: dg.ScheduleEvaluationContext, lake: dg.ResourceParam[Lake]
    ) -> dg.RunRequest | dg.SkipReason:
        due = context.scheduled_execution_time.astimezone(UTC)
        day = due.date().isoformat()
        if streams.captures(lake, layout.SERIES_EXPORT, day):
            return dg.SkipReason(f"bronze holds the export of {day}")
        return dg.RunRequest(run_key=due.isoformat(), partition_key=day)

    @dg.schedule(
        name="weekly_genres",
        job=capture_genres,
        cron_schedule=settings.genres_schedule,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Captures the list of genres.",
    )
    def weekly_genres(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        due = context.scheduled_execution_time.astimezone(UTC)
        if due.date() != today():
            return dg.SkipReason(f"{due.date()} is over: TMDB serves only the present.")
        return dg.RunRequest(run_key=due.isoformat(), partition_key=due.date().isoformat())

    @dg.schedule(
        name="standing_checks",
        job=watch,
        cron_schedule="5 * * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Looks every hour whether the day is there ({_hours(GRACE)} after its time) and none is broken.",
    )
    def standing_checks() -> dg.RunRequest:
        return dg.RunRequest()

    return [daily_capture, daily_export, weekly_genres, standing_checks]


class _Pending(msgspec.Struct, frozen=True):
    """A list (or stream) and day with new captures that no run was asked for yet."""

    data_type: str
    dt: str
    newest: str
    digest: str


class _SensorCursor(msgspec.Struct, frozen=True):
    """Where the arrivals were read up to, and what is still to be launched."""

    arrivals: str | None = None
    pending: tuple[_Pending, ...] = ()


def new_bronze_objects(settings: Settings) -> dg.SensorDefinition:
    """The sensor that refines what arrives in bronze, whoever put it there and under whatever day."""

    @dg.sensor(
        name="new_bronze_objects",
        job=refine,
        minimum_interval_seconds=settings.sensor_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="One run a day for just the lists, exports and genres with new captures, and what hangs below"
        " them; days with nothing below (exports) share a run. An object is refined once a version; what a full run"
        " refines itself is left to it.",
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
        requests = [_request(context, day, ready[day], silver) for day in newest_first[:DAYS_A_TICK]]
        requests += [_span_request(span, silver) for span in spans]
        next_cursor = msgspec.json.encode(_SensorCursor(next_arrivals, tuple(later))).decode()
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
    spans: list[list[_Pending]] = []
    for pending in sorted(pendings, key=lambda pending: (pending.data_type, pending.dt)):
        last = spans[-1][-1] if spans else None
        follows = last is not None and (last.data_type, _day_after(last.dt)) == (
            pending.data_type,
            pending.dt,
        )
        if follows and len(spans[-1]) < MAX_DAYS_A_RUN:
            spans[-1].append(pending)
        else:
            spans.append([pending])
    return spans


def _span_request(span: Sequence[_Pending], silver: Mapping[str, dg.AssetKey]) -> dg.RunRequest:
    """One run of all days of a span, oldest first."""
    first, last = span[0], span[-1]
    versions = hashlib.sha256(",".join(f"{one.dt}={one.digest}" for one in span).encode()).hexdigest()[:16]
    return dg.RunRequest(
        run_key=f"{first.dt}..{last.dt}:{first.data_type}={versions}",
        asset_selection=[silver[first.data_type]],
        tags={
            "dagster/asset_partition_range_start": first.dt,
            "dagster/asset_partition_range_end": last.dt,
        },
    )


def _day_after(dt: str) -> str:
    return (date.fromisoformat(dt) + timedelta(days=1)).isoformat()


def _pending(arrival: Arrival) -> _Pending:
    return _Pending(arrival.data_type, arrival.dt, str(arrival.keys[-1]), arrival.digest)


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
        return run.job_name == sync.name and silver not in _STREAM_SILVER.values()
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


def _hours(span: timedelta) -> str:
    return f"{span.total_seconds() / 3600:g} h"
