"""Finds the assets of unfinished runs, and of backfills without a run yet."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

import dagster as dg

from tally_pipeline.orchestration.automation.jobs import JOBS
from tally_pipeline.orchestration.storage.dagster_internals import BulkActionStatus

_GOING_ON = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]
_UNFINISHED = [*_GOING_ON, dg.DagsterRunStatus.CANCELING]


def run_under_way(
    instance: dg.DagsterInstance, tags: Mapping[str, str], job_name: str | None = None
) -> str | None:
    """The id of a waiting or running run with these tags that is not canceled; None without one."""
    filters = dg.RunsFilter(job_name=job_name, tags=dict(tags), statuses=_GOING_ON)
    return next((run.run_id for run in instance.get_runs(filters, limit=1)), None)


def under_way(instance: dg.DagsterInstance, graph: dg.AssetGraph) -> AbstractSet[dg.AssetKey]:
    """The assets, of any day, that a run or backfill is making or has yet to make."""
    in_progress: set[dg.AssetKey] = set()
    for run in instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)):
        in_progress |= _assets_of(run, graph)
    for backfill in instance.get_backfills(status=BulkActionStatus.REQUESTED):
        in_progress |= set(backfill.asset_selection or ())
    return in_progress


def _assets_of(run: dg.DagsterRun, graph: dg.AssetGraph) -> AbstractSet[dg.AssetKey]:
    if run.asset_selection is not None:
        return run.asset_selection
    for job in JOBS:
        if job.name == run.job_name:
            return job.selection.resolve(graph)
    return graph.get_all_asset_keys() if run.job_name.startswith("__ASSET_JOB") else frozenset()
