"""AWS on loopback: moto's server, emptied for each test, with the buckets and queues that `deploy/` sets up."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tally_pipeline.aws.session import Aws
from tally_pipeline.aws.settings import AwsSettings

REGION = "eu-central-1"
ACCOUNT = "123456789012"
"""The account of all callers, to moto."""

EVENTS_QUEUE = "tally-test-events"
DEAD_LETTERS_QUEUE = "tally-test-dead-letters"
RECEIVES = 5
"""The number of receives after which a message is a dead letter."""


def settings_at(url: str) -> AwsSettings:
    """The settings as if Terraform had set up the server at `url`."""
    return AwsSettings(
        region=REGION,
        environment="tally-test",
        lake_bucket="tally-datalake-test",
        results_bucket="tally-athena-results-test",
        database="tally_test",
        workgroup="tally-test",
        events_queue_url=f"{url}/{ACCOUNT}/{EVENTS_QUEUE}",
        dead_letters_queue_url=f"{url}/{ACCOUNT}/{DEAD_LETTERS_QUEUE}",
        alerts_topic_arn=f"arn:aws:sns:{REGION}:{ACCOUNT}:tally-test-alerts",
        token_parameter="/tally/test/tmdb-api-token",
    )


def point_at(url: str, monkeypatch: pytest.MonkeyPatch, nowhere: Path) -> None:
    """Makes every AWS client of this process (and its children) talk to `url` and know no real account."""
    for name, value in {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing-secret",
        "AWS_CONFIG_FILE": str(nowhere / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(nowhere / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    for name in (
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """The address of moto's server, which all tests of this process share. Empty it before use."""
    # A second to import, which only its users should pay.
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bare_aws(moto_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Aws:
    """AWS with nothing in it."""
    requests.post(f"{moto_url}/moto-api/reset", timeout=10).raise_for_status()
    point_at(moto_url, monkeypatch, tmp_path)
    return Aws(settings_at(moto_url))


@pytest.fixture
def aws(bare_aws: Aws) -> Aws:
    """AWS with the two buckets, and with the queue that is told of every object that is put under `bronze/`."""
    make_bucket(bare_aws, bare_aws.settings.lake_bucket)
    make_bucket(bare_aws, bare_aws.settings.results_bucket)
    make_queues(bare_aws)
    tell_queue_of_bronze(bare_aws)
    return bare_aws


def make_bucket(aws: Aws, bucket: str) -> None:
    """A bucket with versions, as the lake's is."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


def make_queues(aws: Aws, *, hidden_seconds: int = 120) -> None:
    """The queue of events and its dead letters. What was received and not deleted is there again after
    `hidden_seconds`."""
    sqs = aws.client("sqs")
    dead_letters = queue_name(aws.settings.dead_letters_queue_url)
    sqs.create_queue(QueueName=dead_letters)
    redrive = {"deadLetterTargetArn": queue_arn(dead_letters), "maxReceiveCount": RECEIVES}
    sqs.create_queue(
        QueueName=queue_name(aws.settings.events_queue_url),
        Attributes={"VisibilityTimeout": str(hidden_seconds), "RedrivePolicy": json.dumps(redrive)},
    )


def tell_queue_of_bronze(aws: Aws) -> None:
    """Events of the lake's bucket go to the queue from here on; the first is S3's own test event."""
    rule: dict[str, Any] = {
        "QueueArn": queue_arn(queue_name(aws.settings.events_queue_url)),
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "bronze/"}]}},
    }
    aws.client("s3").put_bucket_notification_configuration(
        Bucket=aws.settings.lake_bucket, NotificationConfiguration={"QueueConfigurations": [rule]}
    )


def queue_name(url: str | None) -> str:
    return (url or "").rpartition("/")[2]


def queue_arn(name: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


def messages_in(aws: Aws, queue_url: str) -> int:
    """The number of messages in a queue, hidden ones included."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = aws.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    return sum(int(counts[name]) for name in names)
