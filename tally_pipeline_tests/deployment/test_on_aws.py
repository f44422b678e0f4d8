"""The settings of a lake on AWS, and what is made of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tally_pipeline.aws.errors import AwsError
from tally_pipeline.aws.secrets import UNSET, read_secret
from tally_pipeline.aws.session import Aws
from tally_pipeline.deployment import Settings, SettingsError, deploy, load_settings
from tally_pipeline.orchestration.runs import dagster_home
from tally_pipeline.query.athena_engine import AthenaEngine
from tally_pipeline.query.cached_duckdb import CachedDuckDbEngine
from testkit.aws.settings import ON_AWS

TOKEN = "a-token-that-nobody-may-see"


def settings(home: Path, **changes: str | None) -> Settings:
    told = {**ON_AWS, "TALLY_HOME": str(home), **changes}
    return load_settings({name: value for name, value in told.items() if value is not None}, dotenv=None)


def test_nothing_is_contacted_when_it_is_put_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    deployment = deploy(settings(tmp_path))
    assert deployment.lake.store.root == "s3://tally-datalake-test"
    assert isinstance(deployment.query_engine, AthenaEngine)
    assert isinstance(deployment.analytics_engine, CachedDuckDbEngine)
    assert list(tmp_path.iterdir()) == []


def test_it_is_tmdbs_lake_and_never_the_embedded_sandbox(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert (found.source, found.sandbox_embedded) == ("tmdb", False)
    assert found.lake_place == "s3://tally-datalake-test"


def test_each_bucket_has_a_history_of_its_own(tmp_path: Path) -> None:
    dev, prod = settings(tmp_path), settings(tmp_path, TALLY_LAKE_BUCKET="tally-datalake-prod")
    assert dev.dagster_home != prod.dagster_home


@pytest.mark.parametrize(
    "name", [name for name in ON_AWS if name not in ("TALLY_DEPLOYMENT", "TALLY_TOKEN_PARAMETER")]
)
def test_what_is_missing_is_named_and_where_it_comes_from(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is not set.*tally deploy settings"):
        settings(tmp_path, **{name: None})


def test_without_any_way_to_reach_tmdb_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="TALLY_TOKEN_PARAMETER"):
        settings(tmp_path, TALLY_TOKEN_PARAMETER=None)


def test_another_deployment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="must be 'local' or 'aws'"):
        settings(tmp_path, TALLY_DEPLOYMENT="azure")


def test_the_sensor_looks_again_before_messages_come_again(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="from 1 to 240"):
        settings(tmp_path, TALLY_SENSOR_SECONDS="600")


def test_what_runs_print_is_kept_in_the_results_bucket(tmp_path: Path) -> None:
    home = dagster_home.prepare(settings(tmp_path))
    written = (home / "dagster.yaml").read_text()
    assert "S3ComputeLogManager" in written
    assert "bucket: tally-athena-results-test" in written
    assert "telemetry:" in written


def test_the_token_is_read_when_a_client_is_opened_and_shown_nowhere(aws: Aws, tmp_path: Path) -> None:
    name = aws.settings.token_parameter
    assert name is not None
    aws.client("ssm").put_parameter(Name=name, Type="SecureString", Value=f" {TOKEN}\n", Overwrite=True)
    assert read_secret(aws, name) == TOKEN
    deployment = deploy(replace(settings(tmp_path), aws=aws.settings))
    with deployment.tmdb.client() as client:
        assert client.settings.token == TOKEN
    assert TOKEN not in repr(deployment)


def test_a_token_that_was_never_set_is_told_with_the_remedy(aws: Aws) -> None:
    aws.client("ssm").put_parameter(Name="/tally/x", Type="SecureString", Value=UNSET)
    with pytest.raises(AwsError, match=r"/tally/x holds no token yet.*put-parameter"):
        read_secret(aws, "/tally/x")


def test_a_parameter_that_is_not_there_is_named(aws: Aws) -> None:
    with pytest.raises(AwsError, match="SSM parameter /tally/gone"):
        read_secret(aws, "/tally/gone")
