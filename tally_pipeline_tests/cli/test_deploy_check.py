"""`tally deploy check`: everything as it should be, and each thing that can be wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tally_pipeline.aws.session import Aws
from tally_pipeline.metrics.cloudwatch import dimensions
from tally_pipeline.metrics.metrics import DATA_QUALITY_PASS_RATE, PIPELINE_RUN_FAILURES, TOTAL_SHOWS_INGESTED
from tally_pipeline.query.athena_engine import AthenaEngine
from tally_pipeline.query.tables import SILVER_SHOWS, TABLES
from tally_pipeline.tmdb.sandbox import Sandbox
from tally_pipeline_tests.cli.conftest import Tally
from testkit import tally
from testkit.aws.athena_server import athena, athena_url, put_table, table_input
from testkit.aws.faulty_aws import denied, serving
from testkit.aws.moto_server import DEAD_LETTERS_QUEUE, EVENTS_QUEUE, tell_queue_of_bronze
from testkit.aws.settings import settings_of

__all__ = ["athena", "athena_url"]

TOKEN = "eyJhbGciOiJIUzI1NiJ9.a-token-that-nobody-may-see"
QUEUE_METRICS = {
    "ApproximateNumberOfMessagesVisible": DEAD_LETTERS_QUEUE,
    "ApproximateAgeOfOldestMessage": EVENTS_QUEUE,
}

Check = Callable[..., dict[str, dict[str, str]]]


@pytest.fixture
def deployed(athena: AthenaEngine, aws: Aws) -> Aws:
    """All that `deploy/` makes, as it makes it."""
    settings = aws.settings
    blocked = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    aws.client("s3").put_public_access_block(
        Bucket=settings.lake_bucket, PublicAccessBlockConfiguration=dict.fromkeys(blocked, True)
    )
    put_workgroup(aws)
    aws.client("sns").create_topic(Name="tally-test-alerts")
    aws.client("sns").subscribe(
        TopicArn=settings.alerts_topic_arn, Protocol="email", Endpoint="data@example.org"
    )
    put_token(aws, TOKEN)
    for metric in (PIPELINE_RUN_FAILURES, TOTAL_SHOWS_INGESTED, DATA_QUALITY_PASS_RATE):
        put_alarm(aws, metric.namespace, metric.name, Dimensions=dimensions(settings.environment))
    for name, queue in QUEUE_METRICS.items():
        put_alarm(aws, "AWS/SQS", name, Dimensions=[{"Name": "QueueName", "Value": queue}])
    return aws


def put_workgroup(aws: Aws, **changes: Any) -> None:
    """The workgroup as `deploy/` makes it, with changes. moto can't update one."""
    configuration = {
        "EnforceWorkGroupConfiguration": True,
        "BytesScannedCutoffPerQuery": 1_000_000_000,
        "ResultConfiguration": {"OutputLocation": f"s3://{aws.settings.results_bucket}/athena/"},
        **changes,
    }
    stated = {name: value for name, value in configuration.items() if value is not None}
    aws.client("athena").delete_work_group(WorkGroup=aws.settings.workgroup)
    aws.client("athena").create_work_group(Name=aws.settings.workgroup, Configuration=stated)


def put_token(aws: Aws, value: str, kind: str = "SecureString") -> None:
    aws.client("ssm").put_parameter(Name=aws.settings.token_parameter, Value=value, Type=kind, Overwrite=True)


def put_alarm(aws: Aws, namespace: str, name: str, **changes: Any) -> None:
    alarm = {
        "AlarmName": f"tally-test-{name}",
        "Namespace": namespace,
        "MetricName": name,
        "Statistic": "Sum",
        "Period": 300,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "AlarmActions": [aws.settings.alerts_topic_arn],
        "ActionsEnabled": True,
        **changes,
    }
    aws.client("cloudwatch").put_metric_alarm(**alarm)


@pytest.fixture
def run_check(tmp_path: Path, steady: Sandbox) -> Callable[..., tally.Ran]:
    """Runs the command on AWS's settings."""

    def run(aws: Aws, *argv: str, **changes: str) -> tally.Ran:
        told = settings_of(aws, tmp_path, steady.base_url) | changes
        ran = tally.run(tmp_path, told, "deploy", "check", *argv)
        assert TOKEN not in ran.out + ran.err
        return ran

    return run


@pytest.fixture
def check(run_check: Callable[..., tally.Ran]) -> Check:
    """What is found, by resource; the exit code and `good` must say the same."""

    def run(aws: Aws, **changes: str) -> dict[str, dict[str, str]]:
        ran = run_check(aws, "--json", **changes)
        found = {one["resource"]: one for one in ran.json["resources"]}
        wrong = any(one["state"] == "wrong" for one in found.values())
        assert (ran.code, ran.json["good"]) == (int(wrong), not wrong)
        assert all(bool(one["todo"]) == (one["state"] != "good") for one in found.values())
        return found

    return run


def states(found: dict[str, dict[str, str]], state: str) -> set[str]:
    return {name for name, one in found.items() if one["state"] == state}


def test_everything_as_deploy_makes_it_is_good(deployed: Aws, run_check: Callable[..., tally.Ran]) -> None:
    ran = run_check(deployed)
    assert ran.code == 0, ran.out
    assert "✗" not in ran.out
    assert "None of" in ran.err
    resources = [line[2:24].strip() for line in ran.out.splitlines() if line[0] in "✓!✗"]
    assert resources[:6] == [
        "credentials",
        "lake bucket",
        "bucket versioning",
        "public access",
        "bucket events",
        "results bucket",
    ]
    tables = [name for name in resources if name.startswith("table ")]
    # A name that is longer than its column still stands whole in the line.
    assert len(tables) == len(TABLES)
    assert "lake.json" in resources
    assert "TMDB" in resources


def test_a_table_that_is_not_the_contracts_is_told_column_by_column(deployed: Aws, check: Check) -> None:
    table = table_input(deployed, SILVER_SHOWS)
    table["StorageDescriptor"]["Columns"][0]["Type"] = "string"
    put_table(deployed, table, anew=True)
    found = check(deployed)
    assert states(found, "wrong") >= {"table silver_shows"}
    assert "column 1: show_id string, should be show_id bigint" in found["table silver_shows"]["told"]


def test_a_table_that_is_missing_is_named(deployed: Aws, check: Check) -> None:
    deployed.client("glue").delete_table(DatabaseName=deployed.settings.database, Name="gold_top_movers")
    found = check(deployed)
    assert states(found, "wrong") == {"table gold_top_movers"}
    assert "terraform apply" in found["table gold_top_movers"]["todo"]


def test_a_lake_bucket_that_is_missing_is_named(deployed: Aws, check: Check) -> None:
    found = check(deployed, TALLY_LAKE_BUCKET="no-such-bucket")
    assert found["lake bucket"]["state"] == "wrong"
    assert "s3://no-such-bucket" in found["lake bucket"]["told"]
    assert "lake.json" in states(found, "wrong")


def test_a_bucket_of_another_region_is_told(deployed: Aws, check: Check) -> None:
    found = check(deployed, AWS_REGION="us-east-2")
    assert "eu-central-1" in found["lake bucket"]["told"]
    assert "AWS_REGION=eu-central-1" in found["lake bucket"]["todo"]


def test_buckets_that_are_open_forget_or_tell_nobody(deployed: Aws, check: Check) -> None:
    s3, bucket = deployed.client("s3"), deployed.settings.lake_bucket
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    assert states(check(deployed), "wrong") == {"public access", "bucket versioning", "bucket events"}
    tell_queue_of_bronze(deployed)
    assert "bucket events" not in states(check(deployed), "wrong")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"EnforceWorkGroupConfiguration": False}, "not enforced"),
        ({"BytesScannedCutoffPerQuery": None}, "without limit"),
        ({"ResultConfiguration": {"OutputLocation": "s3://elsewhere/"}}, "go to s3://elsewhere/"),
    ],
)
def test_a_workgroup_that_limits_nothing_is_told(
    deployed: Aws, check: Check, changes: dict[str, Any], said: str
) -> None:
    put_workgroup(deployed, **changes)
    found = check(deployed)
    assert states(found, "wrong") == {"workgroup"}
    assert said in found["workgroup"]["told"]


def test_queues_without_dead_letters_and_with_some(deployed: Aws, check: Check) -> None:
    sqs, settings = deployed.client("sqs"), deployed.settings
    sqs.send_message(QueueUrl=settings.dead_letters_queue_url, MessageBody="?")
    found = check(deployed)
    assert states(found, "unsure") == {"dead letters"}
    assert "1 message that" in found["dead letters"]["told"]
    other = sqs.create_queue(QueueName="other")["QueueUrl"]
    found = check(deployed, TALLY_DEAD_LETTERS_QUEUE_URL=other)
    assert "events queue" in states(found, "wrong")
    found = check(deployed, TALLY_EVENTS_QUEUE_URL=f"{other}-that-is-not-there")
    assert "events queue" in states(found, "wrong")


def test_a_topic_that_tells_nobody_is_worth_a_look(deployed: Aws, check: Check) -> None:
    sns = deployed.client("sns")
    for one in sns.list_subscriptions()["Subscriptions"]:
        sns.unsubscribe(SubscriptionArn=one["SubscriptionArn"])
    found = check(deployed)
    assert states(found, "unsure") == {"alerts topic"}
    assert "nobody subscribes" in found["alerts topic"]["told"]


@pytest.mark.parametrize(
    ("value", "kind"), [(TOKEN, "String"), ("not set", "SecureString"), ("unset", "SecureString")]
)
def test_a_token_that_is_open_or_not_there_is_told(
    deployed: Aws, check: Check, value: str, kind: str
) -> None:
    deployed.client("ssm").delete_parameter(Name=deployed.settings.token_parameter)
    put_token(deployed, value, kind)
    found = check(deployed)
    # What is no token, TMDB is not asked with.
    assert states(found, "wrong") - {"TMDB"} == {"token parameter"}
    assert "aws ssm put-parameter" in found["token parameter"]["todo"]


def test_alarms_that_are_missing_silent_or_ringing(deployed: Aws, check: Check) -> None:
    cloudwatch = deployed.client("cloudwatch")
    cloudwatch.delete_alarms(AlarmNames=[f"tally-test-{TOTAL_SHOWS_INGESTED.name}"])
    of_ours = dimensions(deployed.settings.environment)
    put_alarm(
        deployed,
        DATA_QUALITY_PASS_RATE.namespace,
        DATA_QUALITY_PASS_RATE.name,
        AlarmActions=[],
        Dimensions=of_ours,
    )
    cloudwatch.set_alarm_state(
        AlarmName=f"tally-test-{PIPELINE_RUN_FAILURES.name}", StateValue="ALARM", StateReason="it failed"
    )
    found = check(deployed)
    assert states(found, "wrong") == {"alarm no shows", "alarm pass rate"}
    assert states(found, "unsure") == {"alarm run failed"}


def test_an_alarm_of_another_environment_is_not_ours(deployed: Aws, check: Check) -> None:
    of_other = dimensions("tally-prod")
    put_alarm(deployed, TOTAL_SHOWS_INGESTED.namespace, TOTAL_SHOWS_INGESTED.name, Dimensions=of_other)
    found = check(deployed)
    assert states(found, "wrong") == {"alarm no shows"}
    assert "there is none on TotalShowsIngested of tally-test" in found["alarm no shows"]["told"]


def test_an_alarm_from_before_environments_watches_nothing(deployed: Aws, check: Check) -> None:
    put_alarm(deployed, TOTAL_SHOWS_INGESTED.namespace, TOTAL_SHOWS_INGESTED.name)
    found = check(deployed)
    assert states(found, "wrong") == {"alarm no shows"}


def test_a_lake_of_another_source_is_told(deployed: Aws, check: Check) -> None:
    deployed.client("s3").put_object(
        Bucket=deployed.settings.lake_bucket, Key="lake.json", Body=json.dumps({"source": "tmdb"})
    )
    found = check(deployed)
    assert states(found, "wrong") == {"lake.json"}
    assert "the lake holds tmdb data, the settings are for sandbox data" in found["lake.json"]["told"]


def test_without_credentials_nothing_else_is_asked(
    deployed: Aws, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    found = check(deployed)
    assert list(found) == ["credentials"]
    assert "AWS_PROFILE" in found["credentials"]["todo"]


def test_what_may_not_be_looked_at_is_not_called_wrong_but_a_closed_bucket_is(
    deployed: Aws, check: Check, moto_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(moto_url) as (faulty, url):
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
        faulty.fail(
            replace(denied("s3:GetBucketVersioning"), concerns=lambda told: "?versioning" in told.path)
        )
        found = check(deployed)
        assert states(found, "unsure") == {"bucket versioning"}
        assert states(found, "wrong") == set()
        assert "may not look at the versioning of s3://" in found["bucket versioning"]["told"]
        faulty.fail(replace(denied("s3:ListBucket"), concerns=lambda told: told.method == "HEAD"))
        found = check(deployed)
        assert states(found, "wrong") == {"lake bucket", "results bucket"}
        assert "tally-<env>-pipeline" in found["lake bucket"]["todo"]


def test_what_the_settings_leave_out_is_worth_a_look(deployed: Aws, check: Check) -> None:
    found = check(deployed, TALLY_DEAD_LETTERS_QUEUE_URL="", TALLY_ALERTS_TOPIC_ARN="")
    assert states(found, "unsure") >= {"dead letters", "alerts topic"}
    assert "tally deploy settings" in found["alerts topic"]["todo"]


def test_settings_from_before_environments_say_which_is_missing(
    deployed: Aws, run_check: Callable[..., tally.Ran]
) -> None:
    ran = run_check(deployed, TALLY_ENVIRONMENT="")
    assert (ran.code, ran.out) == (2, "")
    assert "TALLY_ENVIRONMENT is not set" in ran.err
    assert "tally deploy settings > .env" in ran.err


def test_tmdb_that_does_not_answer_is_wrong(deployed: Aws, check: Check) -> None:
    found = check(deployed, TMDB_BASE_URL="http://127.0.0.1:1/3", TMDB_ATTEMPTS="1")
    assert states(found, "wrong") == {"TMDB"}


# --- on one's own machine ----------------------------------------------------------------------------------


def test_a_lake_on_ones_own_machine_is_looked_at_too(run_tally: Tally, tmp_path: Path) -> None:
    ran = run_tally("deploy", "check", "--json")
    assert (ran.code, ran.json["deployment"]) == (0, "local")
    found = {one["resource"]: one["told"] for one in ran.json["resources"]}
    assert list(found) == ["lake folder", "history folder", "query by DuckDB", "TMDB"]
    assert f"{tmp_path}/sandbox/lake is not there yet" in found["lake folder"]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_one_is_wrong(run_tally: Tally, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    ran = run_tally("deploy", "check", "--json", TALLY_HOME=str(tmp_path / "file"))
    assert ran.code == 2
    assert "is no folder: give another" in ran.err


def test_deploy_alone_says_what_there_is(run_tally: Tally) -> None:
    ran = run_tally("deploy")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "tally: missing command; the commands are: check, prove, settings; `tally deploy --help` says what there is\n"
    )
