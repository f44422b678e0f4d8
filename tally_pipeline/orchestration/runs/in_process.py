"""Executes a command's runs in its own process, recorded in the same history as the UI's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from tally_pipeline.deployment import Settings
from tally_pipeline.orchestration.automation import run_metrics
from tally_pipeline.orchestration.runs import dagster_home

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def execute(
    settings: Settings,
    instance: dg.DagsterInstance,
    job: dg.JobDefinition,
    run_id: str,
    *,
    command: str,
    assets: Sequence[dg.AssetKey] | None = None,
    partition_key: str | None = None,
    tags: Mapping[str, str] | None = None,
    ops: Mapping[str, Any] | None = None,
) -> dg.ExecuteInProcessResult:
    """Execute a job; `ops` is its config by step. Raises `KeyboardInterrupt` on Ctrl-C, with the run canceled.

    The daemon never restarts such a run: the command's user sees its end.
    """
    try:
        with dagster_home.alive(settings, run_id):
            result = job.execute_in_process(
                instance=instance,
                partition_key=partition_key,
                asset_selection=assets,
                run_config={"ops": dict(ops or {}), **_QUIET},
                tags={run_metrics.COMMAND_TAG: command, "dagster/max_retries": "0", **(tags or {})},
                run_id=run_id,
                raise_on_error=False,
            )
    except KeyboardInterrupt:
        _cancel(instance, run_id)
        raise
    if any(map(_is_interruption, result.all_events)):
        _cancel(instance, run_id)
        raise KeyboardInterrupt
    return result


def _is_interruption(event: dg.DagsterEvent) -> bool:
    """True if the event is Dagster's report of a Ctrl-C during a step, which looks like any failure."""
    if event.event_type != dg.DagsterEventType.RUN_FAILURE:
        return False
    reason = event.job_failure_data.failure_reason
    return reason is not None and reason.value == "UNEXPECTED_TERMINATION"


def _cancel(instance: dg.DagsterInstance, run_id: str) -> None:
    run = instance.get_run_by_id(run_id)
    if run is not None and not run.is_success:
        instance.report_run_canceled(run, "Interrupted by the person who launched it.")
        instance.event_log_storage.free_concurrency_slots_for_run(run_id)
