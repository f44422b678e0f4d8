"""Ticks of the sensor, and the runs it asks for, as a daemon would have them: in a process of its own."""

from __future__ import annotations

import dagster as dg

from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import Deployment, deploy, first_day, load_settings
from tally_pipeline.orchestration.runs import dagster_home, failures

MOST_TICKS = 50
"""More than any proof needs: a sensor that never comes to an end has to end here."""


def tick() -> int:
    """Look at the lake as if for the first time, run what the sensor asks for, and look on until it asks no more.

    0 when it asked for any run and all succeeded.
    """
    settings = load_settings(dotenv=None)
    deployment = deploy(settings)
    first_day.look(settings, deployment.lake)
    definitions = build_definitions(deployment)
    with dagster_home.opened(settings) as instance:
        succeeded = look_on(deployment, definitions, instance)
    print(f"{len(succeeded)} runs, {sum(succeeded)} succeeded")
    return 0 if succeeded and all(succeeded) else 1


def look_on(
    deployment: Deployment,
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    cursor: str | None = None,
) -> list[bool]:
    """Look from this cursor on until the sensor asks no more; for each run that it asked for, True if that
    succeeded."""
    repository = definitions.get_repository_def()
    sensor = repository.get_sensor_def("new_bronze_objects")
    succeeded: list[bool] = []
    quiet = 0
    seen = {"lake": deployment.lake, "object_events": deployment.object_events}
    for _ in range(MOST_TICKS):
        with dg.build_sensor_context(
            instance=instance, cursor=cursor, repository_def=repository, resources=seen
        ) as context:
            looked = sensor.evaluate_tick(context)
        cursor = looked.cursor
        print(looked.skip_message or [one.run_key for one in looked.run_requests or []])
        succeeded += [_run(definitions, instance, request) for request in looked.run_requests or []]
        quiet = 0 if looked.run_requests else quiet + 1
        if quiet == 2:  # what is past waits for one quiet look
            break
    return succeeded


def _run(definitions: dg.Definitions, instance: dg.DagsterInstance, request: dg.RunRequest) -> bool:
    result = definitions.resolve_job_def(request.job_name or "refine").execute_in_process(
        instance=instance,
        partition_key=request.partition_key,
        asset_selection=request.asset_selection,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        tags=request.tags,
        raise_on_error=False,
    )
    if not result.success:
        print(failures.by_list(result.all_events))
    return result.success
