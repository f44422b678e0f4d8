"""The metrics of Dagster's runs: failures and durations."""

from collections.abc import Collection

import dagster as dg

from tally_pipeline.metrics.metrics import PIPELINE_RUN_DURATION, PIPELINE_RUN_FAILURES, Datum, Metrics

COMMAND_TAG = "tally/command"
"""Tags runs that a command executes in its own process and whose metrics it sends itself."""

ABANDONED_TAG = "tally/abandoned"
"""Tags runs whose command died without sending their metrics."""


def of_run(instance: dg.DagsterInstance, run_id: str) -> list[Datum]:
    """The metrics of a finished run; none of an unfinished or unknown one."""
    record = instance.get_run_record_by_id(run_id)
    if record is None or not record.dagster_run.is_finished:
        return []
    data = [Datum(PIPELINE_RUN_FAILURES, 1.0 if record.dagster_run.is_failure else 0.0)]
    # A run canceled or killed before its start has no times.
    if record.start_time is not None and record.end_time is not None:
        data.append(Datum(PIPELINE_RUN_DURATION, record.end_time - record.start_time))
    return data


def sensors(leave_out: Collection[str] = ()) -> list[dg.SensorDefinition]:
    """Sensors that send the metrics of every failed run, and of successful ones of jobs not in `leave_out`."""

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.FAILURE,
        # Without this, runs of commands would be skipped, and killed ones reported by no one else.
        monitor_all_code_locations=True,
        name="failed_runs_to_metrics",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Sends PipelineRunFailures = 1 and the duration of every run that failed.",
    )
    def failed(context: dg.RunStatusSensorContext, metrics: dg.ResourceParam[Metrics]) -> None:
        _send(context, metrics)

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        monitor_all_code_locations=True,
        name="successful_runs_to_metrics",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Sends PipelineRunFailures = 0 and the duration of every run that succeeded.",
    )
    def succeeded(context: dg.RunStatusSensorContext, metrics: dg.ResourceParam[Metrics]) -> None:
        if context.dagster_run.job_name not in leave_out:
            _send(context, metrics)

    return [failed, succeeded]


def _send(context: dg.RunStatusSensorContext, metrics: Metrics) -> None:
    tags = context.dagster_run.tags
    if COMMAND_TAG not in tags or ABANDONED_TAG in tags:
        metrics.send(of_run(context.instance, context.dagster_run.run_id))
