"""Finds whether the daily capture is due today, and whether Dagster captures it by itself if it was missed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import dagster as dg

from tally_pipeline import clock
from tally_pipeline.deployment import Settings
from tally_pipeline.orchestration.automation.in_progress import run_under_way
from tally_pipeline.orchestration.automation.jobs import capture, sync
from tally_pipeline.orchestration.automation.schedules import DAILY_CAPTURE
from tally_pipeline.settings.cron import latest


@dataclass(frozen=True)
class Due:
    """The daily capture's latest time, today.

    `left_to` is the reason, as a clause, why nobody else is to capture it; None if nothing else will.
    """

    at: datetime
    left_to: str | None


def due_today(instance: dg.DagsterInstance, settings: Settings) -> Due | None:
    """The daily capture that is due today; None before its time.

    Only right while no daemon is up, which would change the answer meanwhile.
    """
    at = latest(settings.schedule, clock.now())
    return Due(at, _left_to(instance, at)) if at.date() == clock.today() else None


def _left_to(instance: dg.DagsterInstance, at: datetime) -> str | None:
    states = [state for state in instance.all_instigator_state() if state.instigator_name == DAILY_CAPTURE]
    if any(state.status.value == "STOPPED" for state in states):
        return f"the schedule {DAILY_CAPTURE} is switched off"
    if any(_will_tick(instance, state, at.timestamp()) for state in states):
        return f"the schedule {DAILY_CAPTURE} makes up for it by itself"
    of_day = {"dagster/partition": at.date().isoformat()}
    for job in (capture, sync):
        if run_under_way(instance, of_day, job.name):
            return f"a run of the job {job.name} waits for its turn"
        if any(
            _is_run_again(run) for run in instance.get_runs(dg.RunsFilter(job_name=job.name, tags=of_day))
        ):
            return f"Dagster starts the interrupted run of the job {job.name} again"
    return None


def _will_tick(instance: dg.DagsterInstance, state: dg.InstigatorState, at: float) -> bool:
    """True if the daemon evaluates the schedule for this time when it starts: what it left out while it was down.

    It goes on from where it was, or from when it first saw the schedule: a new history makes up for nothing.
    """
    seen = [
        getattr(state.instigator_data, "start_timestamp", None) or 0.0,
        getattr(state.instigator_data, "last_iteration_timestamp", None) or 0.0,
    ]
    for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1):
        # One that was broken off is done again.
        seen.append(tick.timestamp if tick.status.value == "STARTED" else tick.timestamp + 1)
    return max(seen) <= at


def _is_run_again(run: dg.DagsterRun) -> bool:
    """True if the daemon will start a run again that died with its process, and has not yet."""
    return run.tags.get("dagster/will_retry") == "true" and "dagster/auto_retry_run_id" not in run.tags
