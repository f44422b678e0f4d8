"""Jobs, the daily schedule, and the sensor that sees new bronze objects."""

from collections.abc import Sequence
from datetime import UTC, timedelta

import dagster as dg
import msgspec

from tally_pipeline.assets import common
from tally_pipeline.assets.standing import GRACE
from tally_pipeline.deployment import Settings, today
from tally_pipeline.lake.arrivals import Arrival, Arrivals
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.parquet import ForeignFileError
from tally_pipeline.shows.lists import LISTS, ShowList

CAPTURE_RETRIES = 3
"""How often the schedule's capture is tried again as a whole: after 1, 2 and 4 minutes."""

DAYS_A_TICK = 10
"""Days a tick launches at most; the rest waits for the next. A tick has 60 s, and a queue should stay readable."""

_BRONZE = dg.AssetSelection.groups("bronze")
_BELOW = dg.AssetSelection.all() - _BRONZE

# Dagster's default starts a process a step: seconds each, for steps that take less.
sync = dg.define_asset_job(
    "sync",
    dg.AssetSelection.all(),
    description="Today end to end: capture every list, refine it, hold the table against silver.",
    executor_def=dg.in_process_executor,
)
capture = dg.define_asset_job(
    "capture",
    _BRONZE,
    description="Capture every list of today into bronze. The sensor takes it from there.",
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
JOBS = (sync, capture, refine, watch)


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """The daily capture at the time set, and the standing checks when it should be done. Times are UTC."""

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
        name="standing_checks",
        job=watch,
        cron_schedule="5 * * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Looks every hour whether the day is there ({_hours(GRACE)} after its time) and none is broken.",
    )
    def standing_checks() -> dg.RunRequest:
        return dg.RunRequest()

    return [daily_capture, standing_checks]


class _Pending(msgspec.Struct, frozen=True):
    """A list and day with new captures that no run was asked for yet."""

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
        description="One run a day for just the lists with new captures, and what hangs below them. An object is"
        " refined once a version; what a full run refines itself is left to it.",
    )
    def sensor(
        context: dg.SensorEvaluationContext,
        arrivals: dg.ResourceParam[Arrivals],
        lake: dg.ResourceParam[Lake],
    ) -> dg.SensorResult:
        cursor = _read_cursor(context.cursor)
        found, next_arrivals = arrivals.since(cursor.arrivals)
        known = {show_list.name: show_list for show_list in LISTS}
        # The newer word on a list and day takes the place of the older.
        waiting = {(p.data_type, p.dt): p for p in (*cursor.pending, *map(_pending, found))}
        ready: dict[str, list[_Pending]] = {}
        later: list[_Pending] = []
        for pending in waiting.values():
            if pending.data_type not in known or pending.dt < settings.first_day.isoformat():
                context.log.warning(
                    f"{pending.newest} is of no list or day that is captured here; it is left alone."
                )
            elif _is_refined(lake, pending):
                continue
            elif _will_be_refined(context.instance, known[pending.data_type], pending):
                later.append(pending)
            else:
                ready.setdefault(pending.dt, []).append(pending)
        newest_first = sorted(ready, reverse=True)
        for day in newest_first[DAYS_A_TICK:]:
            later += ready[day]
        requests = [_request(context, day, ready[day], known) for day in newest_first[:DAYS_A_TICK]]
        next_cursor = msgspec.json.encode(_SensorCursor(next_arrivals, tuple(later))).decode()
        return dg.SensorResult(
            run_requests=requests,
            cursor=next_cursor,
            skip_reason=None if requests else _nothing_to_do(later),
        )

    return sensor


def _request(
    context: dg.SensorEvaluationContext, day: str, pendings: Sequence[_Pending], known: dict[str, ShowList]
) -> dg.RunRequest:
    """One run of the day: silver of the lists concerned, and everything below it."""
    if context.repository_def is None:
        raise dg.DagsterInvariantViolationError("the sensor must be evaluated with its repository")
    ordered = sorted(pendings, key=lambda pending: pending.data_type)
    versions = ",".join(f"{pending.data_type}={pending.digest}" for pending in ordered)
    silver = dg.AssetSelection.assets(*(common.silver_key(known[pending.data_type]) for pending in ordered))
    selected = silver.downstream().resolve(context.repository_def.asset_graph)
    return dg.RunRequest(
        run_key=f"{day}:{versions}", partition_key=day, asset_selection=sorted(selected, key=str)
    )


def _pending(arrival: Arrival) -> _Pending:
    return _Pending(arrival.data_type, arrival.dt, str(arrival.keys[-1]), arrival.digest)


def _is_refined(lake: Lake, pending: _Pending) -> bool:
    """Whether silver was made from the capture that arrived."""
    try:
        footer = lake.silver_footer(pending.data_type, pending.dt)
    except ForeignFileError:
        return False
    return footer is not None and any(ref.key == pending.newest for ref in footer.bronze)


def _will_be_refined(instance: dg.DagsterInstance, show_list: ShowList, pending: _Pending) -> bool:
    """Whether the run that wrote the capture is still going and refines the list itself."""
    key = BronzeKey.parse(pending.newest)
    run = instance.get_run_by_id(key.execution_id) if key else None
    if run is None or run.is_finished:
        return False
    if run.asset_selection is None:
        return run.job_name == sync.name
    return common.silver_key(show_list) in run.asset_selection


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
