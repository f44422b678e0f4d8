"""The sensor on AWS: what S3 tells its queue of wakes a run, once, and no tick that dies loses anything."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from tally_pipeline import clock
from tally_pipeline.aws.session import Aws
from tally_pipeline.datasets import PLACES
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import Deployment, deploy, load_settings
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.sqs import SqsObjectEvents
from tally_pipeline.lake.store import ObjectInfo, Store
from tally_pipeline.orchestration import automation
from tally_pipeline.tmdb import sandbox
from tally_pipeline.tmdb.lists import list_named
from testkit.aws.moto_server import messages_in
from testkit.pipeline import capture, rows

LONG_AGO = date(2025, 3, 1)


@dataclass
class Pipeline:
    """A lake and a queue on AWS, with the sensor's cursor kept from tick to tick."""

    aws: Aws
    deployment: Deployment
    definitions: dg.Definitions
    instance: dg.DagsterInstance
    cursor: str | None = None

    def tick(self, *, dies: bool = False) -> list[dg.RunRequest]:
        """One look of the sensor: the runs it asks for. A tick that dies leaves the cursor as it was."""
        sensor = self.definitions.resolve_sensor_def("new_bronze_objects")
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            definitions=self.definitions,
            resources={"lake": self.deployment.lake, "object_events": self.deployment.object_events},
        )
        result = sensor.evaluate_tick(context)
        if dies:
            self._let_messages_come_again(result.cursor or "")
        else:
            self.cursor = result.cursor
        return list(result.run_requests or [])

    def put(self, day: date, name: str = "popular_shows") -> None:
        """A capture of a day put there by plain boto3."""
        [(key, body)] = sandbox.captures([day], lists=[list_named(name)], depths={name: 1})
        self.aws.client("s3").put_object(Bucket=self.aws.settings.lake_bucket, Key=str(key), Body=body)

    def carry_out(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """The part of the run that reads bronze and publishes silver."""
        silver = [key for key in request.asset_selection or [] if key.path[0] == "silver_shows"]
        return self.definitions.resolve_job_def(automation.refine.name).execute_in_process(
            instance=self.instance,
            partition_key=request.partition_key,
            asset_selection=silver,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )

    @property
    def waiting(self) -> int:
        return messages_in(self.aws, self.aws.settings.events_queue_url)

    def _let_messages_come_again(self, cursor: str) -> None:
        receipts = json.loads(json.loads(cursor)["arrivals"])["receipts"]
        for receipt in receipts:
            self.aws.client("sqs").change_message_visibility(
                QueueUrl=self.aws.settings.events_queue_url, ReceiptHandle=receipt, VisibilityTimeout=0
            )


@pytest.fixture
def pipeline(aws: Aws, tmp_path: Path) -> Iterator[Pipeline]:
    """Its first tick is over: nothing was there but S3's own test event."""
    lake = Lake(Store.on_s3(aws, aws.settings.lake_bucket), "sandbox")
    arrivals = SqsObjectEvents(aws, lake.store, PLACES, lambda: clock.now().replace(hour=12), wait_seconds=0)
    local = deploy(load_settings({"TALLY_HOME": str(tmp_path), "TALLY_FIRST_DAY": "2020-01-01"}, dotenv=None))
    deployment = replace(local, lake=lake, object_events=arrivals)
    with dg.DagsterInstance.ephemeral() as instance:
        pipeline = Pipeline(aws, deployment, build_definitions(deployment), instance)
        assert pipeline.tick() == []
        yield pipeline


def test_an_object_put_by_plain_boto3_wakes_one_run_of_its_list_and_day(pipeline: Pipeline) -> None:
    pipeline.put(LONG_AGO)

    assert pipeline.tick() == []  # more of the past may come
    [request] = pipeline.tick()

    assert request.partition_key == "2025-03-01"
    assert re.fullmatch(r"2025-03-01:popular_shows=[0-9a-f]{16}", request.run_key or "")
    silver = {key.to_user_string() for key in request.asset_selection or [] if key.path[0] == "silver_shows"}
    assert silver == {"silver_shows/popular_shows"}
    assert pipeline.tick() == []


def test_the_messages_are_deleted_at_the_tick_after(pipeline: Pipeline) -> None:
    pipeline.tick()
    pipeline.put(clock.today())
    pipeline.tick()
    assert pipeline.waiting == 1

    pipeline.tick()

    assert pipeline.waiting == 0


def test_a_tick_that_dies_loses_nothing_and_asks_for_the_same_run_again(pipeline: Pipeline) -> None:
    pipeline.put(clock.today())

    [first] = pipeline.tick(dies=True)
    [again] = pipeline.tick()

    # Dagster launches a run key once, so this is the same run and not a second one.
    assert again.run_key == first.run_key
    pipeline.tick()
    assert pipeline.waiting == 0


def test_objects_of_one_day_share_a_run(pipeline: Pipeline) -> None:
    pipeline.put(LONG_AGO)
    pipeline.put(LONG_AGO, "on_the_air")
    pipeline.put(LONG_AGO + timedelta(days=1))

    assert pipeline.tick() == []
    assert [[request.partition_key for request in pipeline.tick()] for _ in range(2)] == [
        ["2025-03-01"],
        ["2025-03-02"],
    ]


def test_what_is_refined_already_is_passed_over_however_late_its_message_comes(pipeline: Pipeline) -> None:
    pipeline.put(clock.today())
    [request] = pipeline.tick(dies=True)
    assert pipeline.carry_out(request).success

    [rest] = pipeline.tick()
    assert not [key for key in rest.asset_selection or [] if key.path[0] == "silver_shows"]

    pipeline.put(LONG_AGO + timedelta(days=1))
    pipeline.tick()
    assert [request.partition_key for request in pipeline.tick()] == ["2025-03-02"]


def test_of_two_captures_of_one_second_the_later_is_refined_whatever_they_are_called(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3's times are whole seconds, and the name of the earlier is the last of the two."""
    listed = Store.list

    def in_one_second(store: Store, folder: str) -> list[ObjectInfo]:
        return [replace(info, modified=datetime(2026, 1, 1, tzinfo=UTC)) for info in listed(store, folder)]

    monkeypatch.setattr(Store, "list", in_one_second)
    lake = pipeline.deployment.lake
    for execution_id, at in (("b", "03:00:00.1"), ("a", "03:00:00.9")):
        key = BronzeKey("popular_shows", clock.today().isoformat(), execution_id)
        lake.write_bronze(key, capture(key, rows(20), at=at))
        (request,) = pipeline.tick()
        assert dg.AssetKey(["silver_shows", "popular_shows"]) in (request.asset_selection or [])
        assert pipeline.carry_out(request).success
        assert lake.is_made_from(layout.silver_key(key.data_type, key.dt), str(key))
