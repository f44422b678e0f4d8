"""Run in a process of its own, with a package that has the dataset: captures it, and says what there is of it.

`python -m tally_pipeline_tests.datasets.look_at_networks`, with `TALLY_HOME` set, prints JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import dagster as dg

from tally_pipeline import clock
from tally_pipeline.datasets import PLACES, captures, named
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import Deployment, deploy, load_settings
from tally_pipeline.orchestration.automation import JOBS
from tally_pipeline.query import dictionary
from tally_pipeline.query.glue import glue_contract
from testkit.tmdb.export_server import ExportServer, file_of

NAME = "network_export"
BRONZE, SILVER = dg.AssetKey("bronze_network_export"), dg.AssetKey("silver_networks")
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def look(server: ExportServer) -> Mapping[str, Any]:
    yesterday, today = clock.today() - timedelta(days=1), clock.today()
    _put(server, yesterday, [b'{"id":1,"name":"Fuji TV"}', b'{"id":2,"name":"TV Tokyo"}'])
    _put(server, today, [*(b'{"id":%d,"name":"Network"}' % n for n in range(1, 40)), b"rubbish"])
    told = {"TMDB_BASE_URL": server.url, "TMDB_ATTEMPTS": "1", "TALLY_FIRST_DAY": yesterday.isoformat()}
    deployment = deploy(load_settings(told, dotenv=None))
    definitions, lake = build_definitions(deployment), deployment.lake
    with dg.DagsterInstance.ephemeral() as instance:

        def run(job: str, assets: list[dg.AssetKey], *days: date) -> dg.ExecuteInProcessResult:
            ends = {
                "dagster/asset_partition_range_start": days[0].isoformat(),
                "dagster/asset_partition_range_end": days[-1].isoformat(),
            }
            return definitions.resolve_job_def(job).execute_in_process(
                instance=instance,
                asset_selection=assets,
                tags=ends,
                run_config=_QUIET,
                raise_on_error=False,
            )

        _, cursor = deployment.object_events.poll(None)
        captured = run("capture_export", [BRONZE], yesterday, today)
        arrived, _ = deployment.object_events.poll(cursor)
        asked = _sensed(definitions, instance, deployment)
        refined = run("refine", [SILVER], yesterday, today)
        checked = instance.event_log_storage.get_asset_check_partition_info(
            [dg.AssetCheckKey(SILVER, "pass_rate"), dg.AssetCheckKey(SILVER, "volume")],
            partition_keys=[today.isoformat()],
        )
        wanted = dg.AssetRecordsFilter(SILVER, asset_partitions=[today.isoformat()])
        event = instance.fetch_materializations(wanted, limit=1).records[0].asset_materialization
        assert event is not None
        return {
            "captured": captured.success,
            "arrived": sorted([one.data_type, one.dt] for one in arrived),
            "the sensor asks for": asked,
            "refined": refined.success,
            "checks": {one.check_key.name: one.latest_execution_status.value for one in checked},
            "metadata": {name: str(value.value) for name, value in event.metadata.items()},
            "audited": [
                [found.rows, list(found.problems), found.unproven]
                for found in captures.audit(lake)
                if (key := PLACES.parse(found.key)) and key.data_type == NAME
            ],
            "chosen": str(captures.choose(lake, named(NAME), today.isoformat()).key),
            "silver": deployment.query_engine.query(
                f"SELECT name FROM silver_networks WHERE dt = '{yesterday}' ORDER BY network_id"
            ).to_pylist(),
            "rejected": deployment.query_engine.query(
                f"SELECT line, raw FROM quarantine_networks WHERE dt = '{today}'"
            ).to_pylist(),
            "in Glue": sorted(name for name in glue_contract()["tables"] if name.endswith("networks")),
            "in the data dictionary": dictionary.every_table(),
            "jobs": sorted(job.name for job in JOBS if _is_in(definitions, job.name)),
        }


def _put(server: ExportServer, day: date, rows: list[bytes]) -> None:
    server.files[f"/p/exports/tv_network_ids_{day:%m_%d_%Y}.json.gz"] = file_of(rows)


def _sensed(
    definitions: dg.Definitions, instance: dg.DagsterInstance, deployment: Deployment
) -> list[list[str]]:
    """What the sensor launches: the assets of each run."""
    context = dg.build_sensor_context(
        instance=instance,
        definitions=definitions,
        resources={"lake": deployment.lake, "object_events": deployment.object_events},
    )
    requests = definitions.resolve_sensor_def("new_bronze_objects").evaluate_tick(context).run_requests or ()
    return [sorted(key.to_user_string() for key in request.asset_selection or ()) for request in requests]


def _is_in(definitions: dg.Definitions, job: str) -> bool:
    found = definitions.resolve_job_def(job).asset_layer.executable_asset_keys
    return BRONZE in found or SILVER in found


if __name__ == "__main__":
    with ExportServer() as server:
        sys.stdout.write(json.dumps(look(server)) + "\n")
