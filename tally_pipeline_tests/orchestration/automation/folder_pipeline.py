"""A pipeline on a real Dagster instance and a real folder, as the tests of the sensor and the schedules use it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import dagster as dg
from dagster._core.execution.backfill import PartitionBackfill  # noqa: TID251 - as the UI

from tally_pipeline import clock
from tally_pipeline.datasets import SERIES
from tally_pipeline.deployment import Deployment
from tally_pipeline.gold import OF_SHOWS, show_popularity_trends
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.orchestration import automation
from tally_pipeline.orchestration.assets import common
from tally_pipeline.tables import sources as gold_files
from tally_pipeline.tmdb import sandbox
from tally_pipeline.tmdb.lists import LISTS, list_named
from testkit.pipeline import capture
from testkit.tmdb.export_server import shows

DEPTHS = {show_list.name: 1 for show_list in LISTS}
BELOW_THE_TABLE = {"report", *(f"gold/{table.name}" for table in OF_SHOWS)}
TRENDING = common.silver_of("trending_shows")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class Pipeline:
    """A deployment on a folder of its own, with the sensor's cursor kept from look to look."""

    deployment: Deployment
    definitions: dg.Definitions
    instance: dg.DagsterInstance
    cursor: str | None = None
    skip_message: str | None = None
    """Why the sensor asked for no run when it looked last."""

    def tick(self) -> list[dg.RunRequest]:
        """One look of the sensor: the runs it asks for."""
        sensor = self.definitions.resolve_sensor_def("new_bronze_objects")
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            definitions=self.definitions,
            resources={"lake": self.deployment.lake, "object_events": self.deployment.object_events},
        )
        result = sensor.evaluate_tick(context)
        self.cursor, self.skip_message = result.cursor, result.skip_message
        return list(result.run_requests or [])

    def arrive(self, day: date, *lists: str, execution_id: str | None = None) -> list[BronzeKey]:
        """Puts captures of a day into bronze, without a run of Dagster."""
        written = []
        chosen = [list_named(name) for name in lists]
        for key, body in sandbox.captures([day], lists=chosen, depths=DEPTHS):
            renamed = BronzeKey(key.data_type, key.dt, execution_id or str(uuid.uuid4()))
            renamed_body = body.replace(key.execution_id.encode(), renamed.execution_id.encode())
            self.deployment.lake.write_bronze(renamed, renamed_body)
            written.append(renamed)
        return written

    def put(self, day: date, shows: Sequence[Any], execution_id: str = "by-hand", **how: Any) -> BronzeKey:
        """Puts a capture of popular shows with these rows into bronze, without a run of Dagster."""
        key = BronzeKey("popular_shows", day.isoformat(), execution_id)
        self.deployment.lake.write_bronze(key, capture(key, shows, **how))
        return key

    def start(self, request: dg.RunRequest) -> dg.DagsterRun:
        """The run that the daemon makes of a request, while it is under way."""
        return self.instance.create_run_for_job(
            self.definitions.resolve_job_def(automation.refine.name),
            asset_selection=frozenset(request.asset_selection or ()),
            status=dg.DagsterRunStatus.STARTED,
        )

    def backfill(self, day: date, asset: dg.AssetKey) -> PartitionBackfill:
        """A backfill of an asset as the UI launches it, before it has a run."""
        backfill = PartitionBackfill.from_asset_partitions(
            backfill_id="backfill",
            asset_graph=self.definitions.get_repository_def().asset_graph,
            partition_names=[day.isoformat()],
            asset_selection=[asset],
            backfill_timestamp=clock.now().timestamp(),
            tags={},
            dynamic_partitions_store=self.instance,
            all_partitions=False,
            title=None,
            description=None,
            run_config=None,
        )
        self.instance.add_backfill(backfill)
        return backfill

    def refine(self, day: date, asset: dg.AssetKey) -> None:
        """Makes an asset and everything downstream of it, without the sensor."""
        below = dg.AssetSelection.assets(asset).downstream().resolve(self.definitions.resolve_asset_graph())
        request = dg.RunRequest(partition_key=day.isoformat(), asset_selection=sorted(below, key=str))
        assert self.carry_out(request).success

    def days_seen(self, day: date) -> int:
        """The days on which gold of the day saw the show that it saw most often."""
        trends = gold_files.read(self.deployment.lake, show_popularity_trends.TABLE.name, day.isoformat())
        return int(max(trends["days_seen"].to_pylist()))

    def carry_out(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """What the daemon does with a run request."""
        job = self.definitions.resolve_job_def(automation.refine.name)
        return job.execute_in_process(
            instance=self.instance,
            partition_key=request.partition_key,
            asset_selection=list(request.asset_selection or []),
            tags=dict(request.tags),
            run_config=QUIET,
            raise_on_error=False,
        )


def span(request: dg.RunRequest) -> tuple[date, date]:
    """The first and the last day of a run."""
    if request.partition_key:
        return date.fromisoformat(request.partition_key), date.fromisoformat(request.partition_key)
    first, last = (request.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end"))
    return date.fromisoformat(first), date.fromisoformat(last)


def names(request: dg.RunRequest) -> set[str]:
    """The assets of a run."""
    return {key.to_user_string() for key in request.asset_selection or []}


def put_export(pipeline: Pipeline, day: date, execution_id: str = "by-hand", count: int = 3) -> None:
    """Puts an export into bronze, without a run of Dagster."""
    key = SERIES.place.key(day.isoformat(), execution_id)
    pipeline.deployment.lake.store.create(str(key), shows(count))


def scheduled(pipeline: Pipeline, name: str, due: datetime) -> dg.ScheduleExecutionData:
    """What a schedule asks for at the moment it is due."""
    context = dg.build_schedule_context(
        instance=pipeline.instance,
        scheduled_execution_time=due,
        repository_def=pipeline.definitions.get_repository_def(),
        resources={"lake": pipeline.deployment.lake} if name == "daily_export" else None,
    )
    return pipeline.definitions.resolve_schedule_def(name).evaluate_tick(context)
