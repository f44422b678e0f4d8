"""The commands on AWS: sync into a bucket, what is sent and told of it, and the way out again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tally_pipeline.aws.session import Aws
from tally_pipeline.metrics.cloudwatch import dimensions
from tally_pipeline.metrics.metrics import PIPELINE_RUN_DURATION, PIPELINE_RUN_FAILURES, TOTAL_SHOWS_INGESTED
from tally_pipeline.query.athena_engine import AthenaEngine
from tally_pipeline.tmdb.sandbox import Sandbox, parse_fault
from tally_pipeline_tests.metrics import seen
from testkit import tally
from testkit.aws.athena_server import athena, athena_url
from testkit.aws.settings import settings_of

__all__ = ["athena", "athena_url"]


def put_token(aws: Aws) -> None:
    aws.client("ssm").put_parameter(
        Name=aws.settings.token_parameter, Value="a-token-that-nobody-may-see", Type="SecureString"
    )


@pytest.mark.slow
def test_a_sync_is_sent_told_and_exported(
    athena: AthenaEngine, aws: Aws, tmp_path: Path, steady: Sandbox
) -> None:
    on_aws = settings_of(aws, tmp_path, steady.base_url)
    tokenless = tally.run(tmp_path, on_aws, "sync", "--list", "popular_shows")
    assert tokenless.code == 1
    assert f"  could not read the TMDB token SSM parameter {aws.settings.token_parameter}" in tokenless.err
    put_token(aws)
    synced = tally.run(tmp_path, on_aws, "sync", "--list", "popular_shows", "--json")
    assert synced.code == 0, synced.err
    assert seen.values(aws, TOTAL_SHOWS_INGESTED)["Sum"] == synced.json["popular_shows"]["silver_rows"] > 0
    assert seen.values(aws, PIPELINE_RUN_FAILURES) == {"Sum": 1, "SampleCount": 2, "Minimum": 0}

    with Sandbox(faults=[parse_fault("unauthorized")]) as broken:
        failing = settings_of(aws, tmp_path, broken.base_url)
        assert tally.run(tmp_path, failing, "sync", "--list", "popular_shows").code == 1
    assert seen.values(aws, PIPELINE_RUN_FAILURES)["Sum"] == 2
    assert seen.values(aws, PIPELINE_RUN_DURATION)["SampleCount"] == 3
    assert {dimensions for name, _, dimensions in seen.series(aws) if name.startswith("Tally/")} == {
        str(dimensions("tally-test"))
    }

    logged = tally.run(tmp_path, on_aws, "logs")
    assert logged.code == 0
    assert [line.split()[3] for line in logged.out.splitlines() if line[0] != " "] == [
        "failure",
        "success",
        "failure",
    ]

    exported = tally.run(tmp_path, on_aws, "export", str(tmp_path / "out"))
    assert exported.code == 0, exported.err
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["lake"] == f"s3://{aws.settings.lake_bucket}"
    s3 = aws.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=aws.settings.lake_bucket)
    listed = {one["Key"] for page in pages for one in page["Contents"]}
    assert set(manifest["objects"]) == listed
    for key in listed:
        body = s3.get_object(Bucket=aws.settings.lake_bucket, Key=key)["Body"].read()
        assert (tmp_path / "out" / key).read_bytes() == body
        assert manifest["objects"][key]["sha256"] == hashlib.sha256(body).hexdigest()
    again = tally.run(tmp_path, on_aws, "export", str(tmp_path / "out"))
    assert f"0 written, 0 renewed, {len(listed)} were there" in again.err
