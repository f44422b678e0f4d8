"""Sorts captures that arrived: to refine now, to wait, or done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

import dagster as dg
import msgspec

from tally_pipeline import clock
from tally_pipeline.bronze.captures import UnreadableCaptureError
from tally_pipeline.datasets import DATASETS, PLACES
from tally_pipeline.datasets.captures import NoCaptureError, choose
from tally_pipeline.deployment import Settings, first_day
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.object_events import ObjectEvent
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.assets import discovery as found_in
from tally_pipeline.orchestration.assets.partition_events import was_refused

LOOKED_AT = 250
"""Captures that a tick takes up at most, today's and the oldest first: each costs a request or two."""

_BY_NAME = {dataset.name: dataset for dataset in DATASETS}
DATA_TYPES = frozenset(_BY_NAME)


class Pending(msgspec.Struct, frozen=True):
    """A dataset and day with new captures, without a run yet."""

    data_type: str
    dt: str
    newest: str
    digest: str


@dataclass
class Sorted:
    """Pending captures sorted: to refine now, to wait, already refined or refused."""

    ready: list[Pending] = field(default_factory=list)
    later: list[Pending] = field(default_factory=list)
    done: list[Pending] = field(default_factory=list)


def pending_of(arrival: ObjectEvent) -> Pending:
    return Pending(arrival.data_type, arrival.dt, arrival.names[-1], arrival.digest)


def sort_out(
    context: dg.SensorEvaluationContext,
    settings: Settings,
    begin: date,
    lake: Lake,
    waiting: Iterable[Pending],
) -> Sorted:
    """Sorts the pending captures; `begin` is the first partition of the loaded code.

    An earlier day is recorded as the first day, so that it is a partition when the code is loaded next. Captures of
    days that the lake does not keep any more are dropped: nothing is ever made of them.
    """
    sorted_out, present = Sorted(), clock.today().isoformat()
    first_kept = settings.retention.first_kept(clock.today())
    in_turn = sorted(waiting, key=lambda one: (one.dt != present, one.dt, one.data_type))
    looked_at = 0
    for pending in in_turn:
        if pending.data_type not in DATA_TYPES or pending.dt < layout.EARLIEST:
            context.log.warning(
                f"{pending.newest} is of no list or day that the loaded code captures; it is left alone. If a list or"
                " dataset was added since, reload the code location (*Deployment*), or start `tally up` anew."
            )
        elif pending.dt > present:
            sorted_out.later.append(pending)
        elif first_kept and pending.dt < first_kept.isoformat():
            context.log.warning(
                f"{pending.newest} is of a day that the lake does not keep any more ({first_kept} is the first): it"
                " is left alone. `tally expire` removes it from a folder; from a bucket it goes by itself."
            )
        elif pending.dt < begin.isoformat():
            if not found_in.is_readable(lake, pending.newest):
                context.log.warning(f"{pending.newest} is no capture that can be read; it is left alone.")
                continue
            if first_day.record(settings, date.fromisoformat(pending.dt)):
                context.log.info(
                    f"{pending.newest} is of a day before the first partition, {begin}: it waits until the code is"
                    " loaded anew. `tally up` does so by itself; elsewhere reload the code location."
                )
            sorted_out.later.append(pending)
        elif (looked_at := looked_at + 1) > LOOKED_AT:
            sorted_out.later.append(pending)
        elif _is_refined(lake, pending):
            sorted_out.done.append(pending)
        elif _is_being_captured(context.instance, pending):
            sorted_out.later.append(pending)
        elif _was_refused(context.instance, lake, pending):
            context.log.info(f"{pending.newest} was refused already; the run that did says why.")
            sorted_out.done.append(pending)
        else:
            sorted_out.ready.append(pending)
    return sorted_out


def _is_refined(lake: Lake, pending: Pending) -> bool:
    """True if silver was made from the capture, and none that was made later arrived in the same second.

    S3's times are whole seconds: of two captures of one second the last by its name counts as the last to arrive.
    """
    dataset = _BY_NAME[pending.data_type]
    if not lake.is_made_from(dataset.silver_key(pending.dt), pending.newest):
        return False
    # A folder's times are finer.
    if not lake.store.is_shared:
        return True
    key = PLACES.parse(pending.newest)
    try:
        counts = choose(lake, dataset, pending.dt)
        made_at = dataset.read(lake.store, key).captured_at if key else None
    except (NoCaptureError, UnreadableCaptureError):
        return True
    if not (counts.captured_at and made_at and counts.captured_at > made_at):
        return True
    listed = lake.store.list(dataset.place.day_folder(pending.dt))
    arrived = {info.key: int(info.modified.timestamp()) for info in listed}
    return arrived.get(str(counts.key)) != arrived.get(pending.newest)


def _is_being_captured(instance: dg.DagsterInstance, pending: Pending) -> bool:
    """True if the run that wrote the capture is unfinished: it may capture other lists too, or refine them itself."""
    key = PLACES.parse(pending.newest)
    run = instance.get_run_by_id(key.execution_id) if key else None
    return run is not None and not run.is_finished


def _was_refused(instance: dg.DagsterInstance, lake: Lake, pending: Pending) -> bool:
    """True if a run refused this very capture already: another would only repeat that."""
    dataset, dt = _BY_NAME[pending.data_type], pending.dt
    key = PLACES.parse(pending.newest)
    if (
        key is not None
        and instance.get_run_by_id(key.execution_id) is not None
        and was_refused(instance, common.bronze_key(dataset), dataset.bronze_checks, dt)
    ):
        try:
            acceptable = str(choose(lake, dataset, dt).key)
        except NoCaptureError:
            return True
        return lake.is_made_from(dataset.silver_key(dt), acceptable)
    quarantine = dataset.quarantine_key(dt)
    # A killed run may have written its quarantine; a run that refused has its verdict in the history.
    return (
        quarantine is not None
        and lake.is_made_from(quarantine, pending.newest)
        and was_refused(instance, common.silver_key(dataset), dataset.silver_checks, dt)
    )
