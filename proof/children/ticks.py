"""One tick of the sensor, and the runs it asks for, as a daemon would have them: in a process of its own."""

from __future__ import annotations

import dagster as dg

from tally_pipeline.automation import new_bronze_objects
from tally_pipeline.cli import history
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import deploy, load_settings


def tick() -> int:
    """Look at the lake as if for the first time and run what the sensor asks for; 0 when all runs succeeded."""
    settings = load_settings(dotenv=None)
    deployment = deploy(settings)
    definitions = build_definitions(deployment)
    repository = definitions.get_repository_def()
    sensor = repository.get_sensor_def(new_bronze_objects(settings).name)
    with history.opened(settings) as instance:
        seen = {"lake": deployment.lake, "arrivals": deployment.arrivals}
        with dg.build_sensor_context(instance=instance, repository_def=repository, resources=seen) as context:
            asked = sensor.evaluate_tick(context).run_requests or []
        succeeded = [_run(definitions, instance, request) for request in asked]
    print(f"{len(asked)} runs, {sum(succeeded)} succeeded")
    return 0 if asked and all(succeeded) else 1


def _run(definitions: dg.Definitions, instance: dg.DagsterInstance, request: dg.RunRequest) -> bool:
    result = definitions.resolve_job_def(request.job_name or "refine").execute_in_process(
        instance=instance,
        partition_key=request.partition_key,
        asset_selection=request.asset_selection,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        tags=request.tags,
        raise_on_error=False,
    )
    return result.success
