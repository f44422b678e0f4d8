"""Run in a process of its own: makes two days of a sandbox's lake, and says what there is of one gold table.

`python -m tally_pipeline_tests.gold.look_at_table TABLE`, with `TALLY_HOME` set, prints JSON.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from datetime import timedelta
from io import StringIO
from typing import Any

import dagster as dg

from tally_pipeline import clock
from tally_pipeline.cli import main
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import Deployment, deploy, load_settings
from tally_pipeline.lake import layout
from tally_pipeline.orchestration.automation.stale import stale
from tally_pipeline.orchestration.runs import dagster_home
from tally_pipeline.query import dictionary
from tally_pipeline.query.glue import glue_contract
from tally_pipeline.tmdb import sandbox
from tally_pipeline.tmdb.lists import LISTS


def look(table: str) -> Mapping[str, Any]:
    days = [clock.today() - timedelta(days=ago) for ago in (1, 0)]
    first, last = (day.isoformat() for day in days)
    settings = load_settings()
    deployment = deploy(settings)
    for capture, body in sandbox.captures(days, depths={show_list.name: 1 for show_list in LISTS}):
        deployment.lake.write_bronze(capture, body)
    rebuilt = _said("rebuild", "--first", first, "--last", last)
    # Dagster's definitions, as `tally up` loads them, not only what the command ran.
    assets = {spec.key for spec in build_definitions(deployment).resolve_all_asset_specs()}
    key = dg.AssetKey(["gold", table])
    with dagster_home.opened(settings) as instance:
        made = instance.fetch_materializations(dg.AssetRecordsFilter(key, asset_partitions=[last]), limit=1)
        (record,) = made.records
        event = record.asset_materialization
        assert event is not None
        return {
            "rebuilt": rebuilt,
            "in Dagster": key in assets,
            "days": sorted(instance.get_materialized_partitions(key)),
            "metadata": {name: str(value.value) for name, value in event.metadata.items()},
            "checks": _checks(instance, key),
            "queried": json.loads(
                _said("query", f"SELECT * FROM gold_{table} ORDER BY dt, data_type", "--format", "json")
            ),
            "in Glue": glue_contract()["tables"][f"gold_{table}"],
            "in the data dictionary": dictionary.gold_tables(),
            "stale": _stale(instance, deployment, first),
            "stale when a list is gone": _stale_without(instance, deployment, first, last),
        }


def _said(*command: str) -> str:
    with redirect_stdout(StringIO()) as said:
        code = main(command)
    assert code == 0, said.getvalue()
    return said.getvalue()


def _checks(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, bool]:
    """The verdicts of the last run, by check and day."""
    (run,) = instance.get_runs()
    evaluations = (
        entry.dagster_event.asset_check_evaluation_data
        for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        if entry.dagster_event
    )
    return {f"{one.check_name} {one.partition}": one.passed for one in evaluations if one.asset_key == key}


def _stale(instance: dg.DagsterInstance, deployment: Deployment, first: str) -> dict[str, list[str]]:
    found, _ = stale(instance, deployment.lake, first, 100, lambda: True)
    return {day: sorted(key.to_user_string() for key in keys) for day, keys in found.items()}


def _stale_without(
    instance: dg.DagsterInstance, deployment: Deployment, first: str, last: str
) -> dict[str, list[str]]:
    path = deployment.settings.lake_folder / layout.silver_key("popular_shows", last)
    path.unlink()
    return _stale(instance, deployment, first)


if __name__ == "__main__":
    assert "TALLY_HOME" in os.environ
    print(json.dumps(look(sys.argv[1])))
