"""One session finds region, endpoints and credentials as AWS's own tools do, and contacts nothing by itself."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tally_pipeline.aws.errors import AwsError, explained
from tally_pipeline.aws.session import Aws, RetryPolicy
from tally_pipeline.lake.store import LakeError, Store
from testkit.aws.faulty_aws import Fault, serving
from testkit.aws.moto_server import point_at, settings_at

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    point_at(NOWHERE, monkeypatch, tmp_path)


def test_a_client_is_made_once_even_by_many_threads_at_once() -> None:
    aws, start = Aws(settings_at(NOWHERE)), threading.Barrier(8)

    def client(_: int) -> object:
        start.wait()
        return aws.client("sqs")

    with ThreadPoolExecutor(8) as pool:
        assert len(set(map(id, pool.map(client, range(8))))) == 1


def test_the_region_is_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")

    assert Aws(settings_at(NOWHERE)).client("sqs").meta.region_name == "eu-central-1"


def test_endpoints_are_found_as_boto_finds_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2")
    aws = Aws(settings_at(NOWHERE))
    assert (aws.endpoint("s3"), aws.endpoint("sqs")) == ("http://127.0.0.1:2", NOWHERE)
    assert aws.client("s3").meta.endpoint_url == "http://127.0.0.1:2"

    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert Aws(settings_at(NOWHERE)).endpoint("s3") is None

    for name in ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    assert Aws(settings_at(NOWHERE)).endpoint("s3") is None
    (tmp_path / "config").write_text("[default]\nendpoint_url = http://127.0.0.1:3\n")
    assert Aws(settings_at(NOWHERE)).endpoint("s3") == "http://127.0.0.1:3"


def test_aws_itself_is_asked_at_the_buckets_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    # A proxy that is not there: nothing leaves this machine, and the error names the address.
    monkeypatch.setenv("HTTPS_PROXY", NOWHERE)
    hasty = RetryPolicy(connect_seconds=0.2, read_seconds=0.1, attempts=1)

    with pytest.raises(LakeError) as caught:
        Store.on_s3(Aws(settings_at(NOWHERE), hasty), "tally-datalake-test").get("a")

    assert "https://tally-datalake-test.s3.eu-central-1.amazonaws.com/a" in str(caught.value)


def test_with_no_credentials_at_all_the_error_says_so_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED"):
        monkeypatch.delenv(name)
    with serving("") as (metadata, url):
        # Off AWS, nothing answers at the address of the machine's own credentials.
        metadata.fail(Fault(hangs=True))
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)
        aws, began = Aws(settings_at(NOWHERE)), time.monotonic()

        with pytest.raises(
            LakeError, match=r"could not read s3://b/a: no credentials for AWS can be had .* AWS_PROFILE"
        ):
            Store.on_s3(aws, "b").get("a")
        message = r"could not list queues of x: no credentials for AWS can be had .* AWS_PROFILE"
        with pytest.raises(AwsError, match=message), explained("list queues of", "x"):
            aws.client("sqs").list_queues()

    assert metadata.requests
    assert time.monotonic() - began < 8


def test_credentials_that_cannot_be_had_are_told_from_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    (tmp_path / "config").write_text("[default]\ncredential_process = false\n")

    with pytest.raises(LakeError, match=r"no credentials for AWS can be had .CredentialRetrievalError"):
        Store.on_s3(Aws(settings_at(NOWHERE)), "b").get("a")
