"""Two environments in one account: what one does neither rings nor quiets the other's alarms."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from tally_pipeline import clock
from tally_pipeline.aws.session import Aws
from tally_pipeline.aws.settings import AwsSettings
from tally_pipeline.metrics.cloudwatch import CloudWatchMetrics
from tally_pipeline.metrics.metrics import (
    DATA_QUALITY_PASS_RATE,
    PIPELINE_RUN_FAILURES,
    TOTAL_SHOWS_INGESTED,
    Datum,
)
from testkit.aws.local.processes import Running, environment, start, stop
from testkit.aws.local.stack import Stack

pytestmark = pytest.mark.slow

REGION = "us-east-1"
PATIENCE_SECONDS = 60


@dataclass
class Environment:
    """One of the account's environments: its metrics, its alarms, and a mailbox that its topic writes to."""

    aws: Aws
    mailbox: str

    @property
    def name(self) -> str:
        return self.aws.settings.environment

    def publishes(self, *data: Datum) -> None:
        CloudWatchMetrics(self.aws).send(data)

    def alarms(self) -> dict[str, str]:
        """The state of each alarm, by the last part of its name."""
        found = self.aws.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{self.name}-")["MetricAlarms"]
        return {alarm["AlarmName"].removeprefix(f"{self.name}-"): alarm["StateValue"] for alarm in found}

    def mails(self) -> list[str]:
        """The names of the alarms that the topic told of since the last look."""
        received = self.aws.client("sqs").receive_message(QueueUrl=self.mailbox, MaxNumberOfMessages=10)
        messages = [json.loads(json.loads(one["Body"])["Message"]) for one in received.get("Messages", [])]
        for one in received.get("Messages", []):
            self.aws.client("sqs").delete_message(QueueUrl=self.mailbox, ReceiptHandle=one["ReceiptHandle"])
        return [one["AlarmName"] for one in messages if one["NewStateValue"] == "ALARM"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    found = start(tmp_path_factory.mktemp("emulators"))
    yield found
    stop(found)


@pytest.fixture(scope="module")
def environments(
    running: Running, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Environment, Environment]]:
    """Both, as Terraform sets them up: their topics and alarms, without queues, which take a minute each."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(running).items():
            if name.startswith("AWS_"):
                patch.setenv(name, value)
        made = []
        for name in ("blue", "green"):
            folder = tmp_path_factory.mktemp(name)
            stack = Stack(folder, running, environment=name, region=REGION)
            stack.apply("aws_cloudwatch_metric_alarm.alarms", "aws_sns_topic_policy.alerts")
            made.append(_environment(f"tally-{name}"))
        yield made[0], made[1]


def _environment(name: str) -> Environment:
    nowhere = "not-of-this-test"
    aws = Aws(AwsSettings(REGION, name, nowhere, nowhere, nowhere, nowhere, nowhere))
    queue = aws.client("sqs").create_queue(QueueName=f"{name}-mailbox")["QueueUrl"]
    attributes = aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    topics = aws.client("sns").list_topics()["Topics"]
    (topic,) = [one["TopicArn"] for one in topics if one["TopicArn"].endswith(f":{name}-alerts")]
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=attributes["Attributes"]["QueueArn"])
    return Environment(aws, queue)


def _until(found: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE_SECONDS
    while not (what := found()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.5)
    return what


def test_an_outage_of_one_rings_its_own_alarm_while_the_other_publishes(
    environments: tuple[Environment, Environment],
) -> None:
    blue, green = environments
    for one in environments:
        one.mails()
    # Blue publishes all the while; green's run fails, a list of it breaks the contract, and no show comes in.
    blue.publishes(
        Datum(TOTAL_SHOWS_INGESTED, 500), Datum(PIPELINE_RUN_FAILURES, 0), Datum(DATA_QUALITY_PASS_RATE, 100)
    )
    green.publishes(
        Datum(TOTAL_SHOWS_INGESTED, 0), Datum(PIPELINE_RUN_FAILURES, 1), Datum(DATA_QUALITY_PASS_RATE, 20)
    )
    wanted = {f"tally-green-{alarm}" for alarm in ("run-failed", "pass-rate", "no-shows")}
    told: set[str] = set()

    def has_come() -> bool:
        told.update(green.mails())
        return wanted <= told

    _until(has_come)
    _until(lambda: blue.alarms()["no-shows"] == "OK")
    assert [name for name, state in blue.alarms().items() if state == "ALARM"] == []
    assert blue.mails() == []
    assert green.alarms()["no-shows"] == "ALARM"


def test_a_later_apply_keeps_the_first_day_that_queries_see(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(running).items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    stack = Stack(tmp_path, running, environment="kept", region=REGION, retention_days="0")
    stack.apply("terraform_data.first_apply")
    # No clock of Terraform's can be set: so the state says that this was another day.
    state = tmp_path / "terraform" / "terraform.tfstate"
    (first_apply,) = json.loads(state.read_text())["resources"]
    day = first_apply["instances"][0]["attributes"]["output"]["value"]
    assert clock.today() - date.fromisoformat(day) <= timedelta(days=1)  # midnight may have passed
    state.write_text(state.read_text().replace(day, "2026-03-01"))
    stack.apply("aws_glue_catalog_table.tables")
    tables = boto3.client("glue", region_name=REGION).get_tables(DatabaseName="tally_kept")["TableList"]
    assert {table["Parameters"]["projection.dt.range"] for table in tables} == {"2026-03-01,NOW"}


def test_no_series_and_no_alarm_is_shared(environments: tuple[Environment, Environment]) -> None:
    """AWS finds a series by exactly its dimensions, emulators are more generous: so the dimensions are looked at."""
    blue, green = environments
    for one in environments:
        one.publishes(Datum(TOTAL_SHOWS_INGESTED, 1))
    listed = blue.aws.client("cloudwatch").list_metrics(Namespace=TOTAL_SHOWS_INGESTED.namespace)["Metrics"]
    of = {str(one["Dimensions"]) for one in listed if one["MetricName"] == TOTAL_SHOWS_INGESTED.name}
    assert of == {str([{"Name": "Environment", "Value": one.name}]) for one in environments}
    for one in environments:
        alarms = one.aws.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{one.name}-")["MetricAlarms"]
        assert len(alarms) == 5
        for alarm in alarms:
            (dimension,) = alarm["Dimensions"]
            assert dimension["Value"].startswith(one.name)
    assert blue.name != green.name
