"""Records each partition's result in Dagster's history: published or not, and the findings of its checks.

A run covers one day or, in a backfill, many. For many days Dagster alone records checks without a day, and all days
or none as materialized. So the assets here have optional outputs, and for many days this module logs each day's
events itself: afterwards every day has its own materialization, metadata and check statuses.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from tally_pipeline.checks.check import Check, Finding, Findings, stops_publishing
from tally_pipeline.orchestration.assets.asset_metadata import finding_metadata
from tally_pipeline.orchestration.assets.failures import StepFailedError
from tally_pipeline.orchestration.storage.dagster_internals import (
    PLAN_LOGGER,
    AssetCheckEvaluationTargetMaterializationData,
)
from tally_pipeline.orchestration.storage.sqlite_storage import together


def _is_ours_to_gate(record: logging.LogRecord) -> bool:
    return "emitted no result in step" not in record.getMessage()


# Dagster warns at each downstream step that blocking checks of a run over many days gate nothing. `settle` gates.
logging.getLogger(PLAN_LOGGER).addFilter(_is_ours_to_gate)

MAX_DAYS_A_RUN = 366
"""A backfill of up to a year is one run, so that all earlier silver is rebuilt before a day of gold."""


@dataclass(frozen=True)
class PartitionResult:
    """The result of one day. `failure_reason` says why it was not published; empty if it was.

    `is_news` is True for the first verdict on a capture, published or refused, of this writer and no other.
    """

    day: str
    findings: Findings
    metadata: Mapping[str, Any] = field(default_factory=dict)
    failure_reason: str = ""
    is_news: bool = False


def check_specs(
    checks: Sequence[Check], asset: dg.AssetKey, partitions: dg.PartitionsDefinition
) -> list[dg.AssetCheckSpec]:
    """The checks as Dagster's specs: by partition, and blocking or not."""
    with warnings.catch_warnings():
        # Partitioned checks work in the pinned minor version; tests would fail if they stopped working.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(
                check.name,
                asset=asset,
                description=check.description,
                blocking=check.blocking,
                partitions_def=partitions,
            )
            for check in checks
        ]


def settle(
    context: dg.AssetExecutionContext, asset: dg.AssetKey, outcomes: Sequence[PartitionResult]
) -> None:
    """Record days that were made, before the materialization is yielded. If any day was refused, the others are
    recorded here and `StepFailedError` is raised instead: downstream assets do not run on half a run's days."""
    refused = [outcome for outcome in outcomes if outcome.failure_reason]
    published = [outcome for outcome in outcomes if not outcome.failure_reason]
    if asset in context.selected_asset_keys:
        for outcome in published:
            if refused:
                context.log_event(
                    dg.AssetMaterialization(asset, partition=outcome.day, metadata=dict(outcome.metadata))
                )
            else:
                context.add_asset_metadata(dict(outcome.metadata), asset_key=asset, partition_key=outcome.day)
    if refused:
        _log_checks(context, asset, outcomes)
        raise StepFailedError(_explain(asset, refused, _blocked(published), len(outcomes)))


def conclude(
    context: dg.AssetExecutionContext, asset: dg.AssetKey, outcomes: Sequence[PartitionResult]
) -> Iterator[dg.AssetCheckResult]:
    """Record the checks, after the materialization, if any.

    Raises `StepFailedError` if a day was refused, or if a check stops downstream assets although its day was
    published, as a check of bronze may: captures are stored in any case.
    """
    if len(outcomes) == 1:
        yield from _check_results(context, asset, outcomes[0])
    else:
        _log_checks(context, asset, outcomes)
    refused = [outcome for outcome in outcomes if outcome.failure_reason]
    blocked = _blocked(outcome for outcome in outcomes if not outcome.failure_reason)
    if refused or blocked:
        raise StepFailedError(_explain(asset, refused, blocked, len(outcomes)))


def _blocked(outcomes: Iterable[PartitionResult]) -> list[PartitionResult]:
    return [
        one for one in outcomes if any(stops_publishing(check, finding) for check, finding in one.findings)
    ]


def _log_checks(
    context: dg.AssetExecutionContext, asset: dg.AssetKey, outcomes: Sequence[PartitionResult]
) -> None:
    for outcome in outcomes:
        with together(context.instance):
            for evaluation in _evaluations(context.instance, asset, outcome):
                context.log_event(evaluation)


def _check_results(
    context: dg.AssetExecutionContext, asset: dg.AssetKey, outcome: PartitionResult
) -> Iterator[dg.AssetCheckResult]:
    selected = {key.name for key in context.selected_asset_check_keys if key.asset_key == asset}
    for check, finding in outcome.findings:
        if check.name in selected:
            yield dg.AssetCheckResult(
                asset_key=asset,
                check_name=check.name,
                passed=finding.passed,
                severity=_severity(finding),
                description=finding.summary,
                metadata=finding_metadata(finding),
            )


def record_without_run(
    instance: dg.DagsterInstance, asset: dg.AssetKey, outcomes: Sequence[PartitionResult]
) -> None:
    """Record days that no run of this history made, with their checks, in one transaction.

    Dagster 1.13 accepts a check's verdict on a day without a run only once. If a day is recorded this way again, its
    checks are omitted: the UI then shows them as not run on the present data.
    """
    with together(instance):
        for outcome in outcomes:
            again = _was_recorded_without_run(instance, asset, outcome.day)
            instance.report_runless_asset_event(
                dg.AssetMaterialization(asset, partition=outcome.day, metadata=dict(outcome.metadata))
            )
            for evaluation in () if again else _evaluations(instance, asset, outcome):
                instance.report_runless_asset_event(evaluation)


def _was_recorded_without_run(instance: dg.DagsterInstance, asset: dg.AssetKey, day: str) -> bool:
    of_day = dg.AssetRecordsFilter(asset_key=asset, asset_partitions=[day])
    return any(record.run_id == "" for record in instance.fetch_materializations(of_day, limit=100).records)


def was_refused(instance: dg.DagsterInstance, asset: dg.AssetKey, checks: Sequence[Check], day: str) -> bool:
    """True if by the last verdicts on a day a check that stops publishing failed."""
    keys = [dg.AssetCheckKey(asset, check.name) for check in checks if check.blocking]
    statuses = instance.event_log_storage.get_asset_check_partition_info(keys, partition_keys=[day])
    return any(info.latest_execution_status.value == "FAILED" for info in statuses)


def _evaluations(
    instance: dg.DagsterInstance, asset: dg.AssetKey, outcome: PartitionResult
) -> Iterator[dg.AssetCheckEvaluation]:
    """The day's checks as separate events, about its latest materialization."""
    target = _latest_materialization(instance, asset, outcome.day)
    for check, finding in outcome.findings:
        yield dg.AssetCheckEvaluation(
            asset_key=asset,
            check_name=check.name,
            passed=finding.passed,
            severity=_severity(finding),
            description=finding.summary,
            blocking=check.blocking,
            metadata=finding_metadata(finding),
            partition=outcome.day,
            target_materialization_data=target,
        )


def _latest_materialization(
    instance: dg.DagsterInstance, asset: dg.AssetKey, day: str
) -> AssetCheckEvaluationTargetMaterializationData | None:
    filter_ = dg.AssetRecordsFilter(asset_key=asset, asset_partitions=[day])
    for record in instance.fetch_materializations(filter_, limit=1).records:
        return AssetCheckEvaluationTargetMaterializationData(
            storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
        )
    return None


def _severity(finding: Finding) -> dg.AssetCheckSeverity:
    return dg.AssetCheckSeverity.ERROR if finding.serious else dg.AssetCheckSeverity.WARN


def _explain(
    asset: dg.AssetKey, refused: Sequence[PartitionResult], blocked: Sequence[PartitionResult], days: int
) -> str:
    name = asset.to_user_string()
    lines = [f"{name} for {outcome.day} was not published: {outcome.failure_reason}" for outcome in refused]
    lines += [
        f"{name} for {outcome.day}: {finding.summary}. {finding.remedy}"
        for outcome in blocked
        for check, finding in outcome.findings
        if stops_publishing(check, finding)
    ]
    if days > 1:
        lines.insert(0, f"{len(refused) + len(blocked)} of {days} days failed.")
    return "\n".join(lines)
