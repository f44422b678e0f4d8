"""The policies that Terraform renders, enforced by moto's IAM: what is needed passes, everything else is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from tally_pipeline_tests.deploy.policies import for_moto, permits
from tally_pipeline_tests.deploy.terraform import DEPLOY
from testkit.aws.moto_server import moto_url

__all__ = ["moto_url"]

pytestmark = pytest.mark.slow

REGION = "us-east-1"
LAKE, RESULTS, OTHER = "tally-datalake-dev", "tally-athena-results-dev", "somebody-elses"
BRONZE = "bronze/tmdb/shows/popular_shows/dt=2025-12-24/run.json"
SILVER = "silver/shows/popular_shows/dt=2025-12-24/data.parquet"
TOKEN = "/tally/dev/tmdb-token"
NOBODY_IS_ASKED = "1000000000"
MANAGED_POLICY_CHARACTERS = 6144
"""The most that IAM takes, white space not counted."""

Call = Callable[["User"], Any]


class User:
    """Somebody with exactly one policy."""

    def __init__(self, url: str, key: dict[str, str]) -> None:
        self._url, self._key = url, key

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self._url,
            aws_access_key_id=self._key["AccessKeyId"],
            aws_secret_access_key=self._key["SecretAccessKey"],
        )


@pytest.fixture(scope="module")
def users(moto_url: str, plan: dict[str, Any]) -> Iterator[dict[str, User]]:
    """The pipeline and an analyst, in an account that holds what they are about; their policies are enforced."""
    requests.post(f"{moto_url}/moto-api/reset", timeout=10).raise_for_status()
    root = User(moto_url, {"AccessKeyId": "testing", "SecretAccessKey": "testing"})
    _furnish(root)
    made = {}
    for name in ("pipeline", "analyst"):
        policy = for_moto(plan[f"aws_iam_policy.{name}"]["policy"])
        iam = root.client("iam")
        iam.create_user(UserName=name)
        arn = iam.create_policy(PolicyName=f"tally-dev-{name}", PolicyDocument=policy)["Policy"]["Arn"]
        iam.attach_user_policy(UserName=name, PolicyArn=arn)
        made[name] = User(moto_url, iam.create_access_key(UserName=name)["AccessKey"])
    requests.post(f"{moto_url}/moto-api/reset-auth", data="0", timeout=10).raise_for_status()
    yield made
    requests.post(f"{moto_url}/moto-api/reset-auth", data=NOBODY_IS_ASKED, timeout=10).raise_for_status()
    requests.post(f"{moto_url}/moto-api/reset", timeout=10).raise_for_status()


def _furnish(root: User) -> None:
    s3 = root.client("s3")
    for bucket in (LAKE, RESULTS, OTHER):
        s3.create_bucket(Bucket=bucket)
    for key in (BRONZE, SILVER):
        s3.put_object(Bucket=LAKE, Key=key, Body=b"there")
    s3.put_object(Bucket=OTHER, Key="thing", Body=b"theirs")
    for queue in ("tally-dev-events", "tally-dev-dead-letters", "somebody-elses"):
        root.client("sqs").create_queue(QueueName=queue)
    for database in ("tally_dev", "somebody_elses"):
        root.client("glue").create_database(DatabaseInput={"Name": database})
        root.client("glue").create_table(DatabaseName=database, TableInput={"Name": "silver_shows"})
    for name in (TOKEN, "/somebody/elses"):
        root.client("ssm").put_parameter(Name=name, Value="secret", Type="SecureString")
    for name in ("tally-dev", "somebody-elses"):
        root.client("athena").create_work_group(
            Name=name, Configuration={"ResultConfiguration": {"OutputLocation": f"s3://{RESULTS}/athena/"}}
        )
    root.client("sns").create_topic(Name="tally-dev-alerts")


def _put(bucket: str, key: str) -> Call:
    return lambda user: user.client("s3").put_object(Bucket=bucket, Key=key, Body=b"new")


def _get(bucket: str, key: str) -> Call:
    return lambda user: user.client("s3").get_object(Bucket=bucket, Key=key)


def _delete(bucket: str, key: str) -> Call:
    return lambda user: user.client("s3").delete_object(Bucket=bucket, Key=key)


def _queue(name: str, action: str, **arguments: Any) -> Call:
    def call(user: User) -> Any:
        sqs = user.client("sqs")
        url = f"{sqs.meta.endpoint_url}/123456789012/{name}"
        return getattr(sqs, action)(QueueUrl=url, **arguments)

    return call


def _do(service: str, action: str, **arguments: Any) -> Call:
    return lambda user: getattr(user.client(service), action)(**arguments)


_METRIC = [{"MetricName": "TotalShowsIngested", "Value": 1.0}]
_QUERY = {"QueryString": "SELECT 1", "QueryExecutionContext": {"Database": "tally_dev"}}

ALLOWED: dict[str, dict[str, Call]] = {
    "pipeline": {
        "create bronze": _put(LAKE, BRONZE.replace("run", "another")),
        "read bronze": _get(LAKE, BRONZE),
        "publish silver": _put(LAKE, SILVER),
        "write quarantine": _put(LAKE, "quarantine/shows/popular_shows/dt=2025-12-24/data.parquet"),
        "write gold": _put(LAKE, "gold/top_movers/dt=2025-12-24/data.parquet"),
        "write the report": _put(LAKE, "reports/latest.html"),
        "say whose lake it is": _put(LAKE, "lake.json"),
        "list a day": _do("s3", "list_objects_v2", Bucket=LAKE, Prefix="bronze/tmdb/shows/popular_shows/"),
        "unload": _put(RESULTS, "unload/1/0.parquet"),
        "keep compute logs": _put(RESULTS, "compute-logs/run/step.out"),
        "ask": _do("athena", "start_query_execution", WorkGroup="tally-dev", **_QUERY),
        "look at the workgroup": _do("athena", "get_work_group", WorkGroup="tally-dev"),
        "look at a table": _do("glue", "get_table", DatabaseName="tally_dev", Name="silver_shows"),
        "hear of objects": _queue("tally-dev-events", "receive_message"),
        "count dead letters": _queue(
            "tally-dev-dead-letters", "get_queue_attributes", AttributeNames=["All"]
        ),
        "send metrics": _do(
            "cloudwatch", "put_metric_data", Namespace="Tally/DataPipeline", MetricData=_METRIC
        ),
        "look at alarms": _do("cloudwatch", "describe_alarms"),
        "look at subscriptions": _do(
            "sns",
            "list_subscriptions_by_topic",
            TopicArn=f"arn:aws:sns:{REGION}:123456789012:tally-dev-alerts",
        ),
        "read the token": _do("ssm", "get_parameter", Name=TOKEN, WithDecryption=True),
        "look at versioning": _do("s3", "get_bucket_versioning", Bucket=LAKE),
        "look at events": _do("s3", "get_bucket_notification_configuration", Bucket=LAKE),
        "find the bucket": _do("s3", "head_bucket", Bucket=LAKE),
    },
    "analyst": {
        "ask": _do("athena", "start_query_execution", WorkGroup="tally-dev", **_QUERY),
        "read silver": _get(LAKE, SILVER),
        "look at a table": _do("glue", "get_table", DatabaseName="tally_dev", Name="silver_shows"),
        "keep results": _put(RESULTS, "athena/1.csv"),
        "open the console": _do("athena", "list_work_groups"),
        "see the catalogs": _do("athena", "list_data_catalogs"),
        "see the databases": _do("athena", "list_databases", CatalogName="AwsDataCatalog"),
        "see the databases in Glue": _do("glue", "get_databases"),
        "see what was asked": _do("athena", "list_query_executions", WorkGroup="tally-dev"),
        "see the samples": _do("athena", "list_named_queries", WorkGroup="tally-dev"),
    },
}

REFUSED: dict[str, dict[str, Call]] = {
    "pipeline": {
        "delete bronze": _delete(LAKE, BRONZE),
        "delete silver": _delete(LAKE, SILVER),
        "delete results": _delete(RESULTS, "unload/1/0.parquet"),
        "write outside the folders": _put(LAKE, "elsewhere/file"),
        "write results elsewhere": _put(RESULTS, "elsewhere/file"),
        "read another bucket": _get(OTHER, "thing"),
        "write to another bucket": _put(OTHER, BRONZE),
        "change the bucket's rules": _do("s3", "put_bucket_policy", Bucket=LAKE, Policy="{}"),
        "switch versions off": _do(
            "s3", "put_bucket_versioning", Bucket=LAKE, VersioningConfiguration={"Status": "Suspended"}
        ),
        "drop a table": _do("glue", "delete_table", DatabaseName="tally_dev", Name="silver_shows"),
        "write to the queue": _queue("tally-dev-events", "send_message", MessageBody="hello"),
        "change the token": _do(
            "ssm", "put_parameter", Name=TOKEN, Value="x", Type="SecureString", Overwrite=True
        ),
        "raise its own rights": _do(
            "iam",
            "attach_user_policy",
            UserName="pipeline",
            PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess",
        ),
    },
    "analyst": {
        "read the token": _do("ssm", "get_parameter", Name=TOKEN, WithDecryption=True),
        "read bronze": _get(LAKE, BRONZE),
        "write silver": _put(LAKE, SILVER),
        "delete silver": _delete(LAKE, SILVER),
        "write bronze": _put(LAKE, BRONZE.replace("run", "another")),
        "change a table": _do(
            "glue", "update_table", DatabaseName="tally_dev", TableInput={"Name": "silver_shows"}
        ),
        "save a query": _do(
            "athena", "create_named_query", Name="mine", Database="tally_dev", QueryString="SELECT 1"
        ),
        "change the workgroup": _do("athena", "delete_work_group", WorkGroup="tally-dev"),
        "hear of objects": _queue("tally-dev-events", "receive_message"),
        "send metrics": _do(
            "cloudwatch", "put_metric_data", Namespace="Tally/DataQuality", MetricData=_METRIC
        ),
    },
}


def _cases(table: dict[str, dict[str, Call]]) -> list[Any]:
    return [
        pytest.param(who, call, id=f"{who}: {what}")
        for who, calls in table.items()
        for what, call in calls.items()
    ]


@pytest.mark.parametrize(("who", "call"), _cases(ALLOWED))
def test_what_is_needed_passes(users: dict[str, User], who: str, call: Call) -> None:
    call(users[who])


@pytest.mark.parametrize(("who", "call"), _cases(REFUSED))
def test_everything_else_is_refused(users: dict[str, User], who: str, call: Call) -> None:
    with pytest.raises(ClientError) as refused:
        call(users[who])
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403)
    # In JSON services moto answers with XML, so that the code is in the text only.
    assert "AccessDenied" in str(refused.value)


def test_nothing_was_changed_by_what_was_refused(users: dict[str, User]) -> None:
    body = users["pipeline"].client("s3").get_object(Bucket=LAKE, Key=BRONZE)["Body"]
    assert body.read() == b"there"


HERE = f"{REGION}:123456789012"


@pytest.mark.parametrize("who", ["pipeline", "analyst"])
@pytest.mark.parametrize(
    ("action", "ours", "theirs"),
    [
        (
            "athena:StartQueryExecution",
            f"athena:{HERE}:workgroup/tally-dev",
            f"athena:{HERE}:workgroup/primary",
        ),
        (
            "glue:GetTable",
            f"glue:{HERE}:table/tally_dev/silver_shows",
            f"glue:{HERE}:table/tally_prod/silver_shows",
        ),
        ("glue:GetDatabase", f"glue:{HERE}:database/tally_dev", f"glue:{HERE}:database/tally_prod"),
    ],
)
def test_queries_are_in_the_workgroup_and_on_the_database_only(
    plan: dict[str, Any], who: str, action: str, ours: str, theirs: str
) -> None:
    policy = plan[f"aws_iam_policy.{who}"]["policy"]
    assert permits(policy, action, f"arn:aws:{ours}")
    assert not permits(policy, action, f"arn:aws:{theirs}")


CONSOLE = {
    "*": ("ListEngineVersions", "ListWorkGroups", "ListDataCatalogs"),
    f"arn:aws:athena:{HERE}:datacatalog/AwsDataCatalog": (
        "ListDatabases",
        "GetDatabase",
        "ListTableMetadata",
        "GetTableMetadata",
    ),
    f"arn:aws:athena:{HERE}:workgroup/tally-dev": (
        "GetWorkGroup",
        "BatchGetQueryExecution",
        "GetQueryExecution",
        "ListQueryExecutions",
        "StartQueryExecution",
        "StopQueryExecution",
        "GetQueryResults",
        "GetQueryResultsStream",
        "GetNamedQuery",
        "BatchGetNamedQuery",
        "ListNamedQueries",
    ),
}
"""By resource, the actions of AWS's example for running queries in one workgroup that read.

https://docs.aws.amazon.com/athena/latest/ug/example-policies-workgroup.html
"""


def test_an_analyst_has_what_athenas_console_asks_for_in_the_one_workgroup(plan: dict[str, Any]) -> None:
    policy = plan["aws_iam_policy.analyst"]["policy"]
    for resource, actions in CONSOLE.items():
        refused = [action for action in actions if not permits(policy, f"athena:{action}", resource)]
        assert refused == [], resource
    for action in CONSOLE[f"arn:aws:athena:{HERE}:workgroup/tally-dev"]:
        assert not permits(policy, f"athena:{action}", f"arn:aws:athena:{HERE}:workgroup/tally-prod")
    # Of other databases the names are listed; what is in them is not.
    assert permits(policy, "glue:GetDatabases", f"arn:aws:glue:{HERE}:catalog")
    assert not permits(policy, "glue:GetTables", f"arn:aws:glue:{HERE}:table/tally_prod/silver_shows")


@pytest.mark.parametrize(
    ("action", "ours", "theirs"),
    [
        ("sqs:DeleteMessage", f"sqs:{HERE}:tally-dev-events", f"sqs:{HERE}:tally-dev-dead-letters"),
        ("sqs:ReceiveMessage", f"sqs:{HERE}:tally-dev-events", f"sqs:{HERE}:tally-prod-events"),
        (
            "ssm:GetParameter",
            f"ssm:{HERE}:parameter/tally/dev/tmdb-token",
            f"ssm:{HERE}:parameter/tally/prod/tmdb-token",
        ),
        ("sns:ListSubscriptionsByTopic", f"sns:{HERE}:tally-dev-alerts", f"sns:{HERE}:tally-prod-alerts"),
    ],
)
def test_the_pipeline_uses_its_own_queue_token_and_topic_only(
    plan: dict[str, Any], action: str, ours: str, theirs: str
) -> None:
    policy = plan["aws_iam_policy.pipeline"]["policy"]
    assert permits(policy, action, f"arn:aws:{ours}")
    assert not permits(policy, action, f"arn:aws:{theirs}")
    assert not permits(plan["aws_iam_policy.analyst"]["policy"], action, f"arn:aws:{ours}")


@pytest.mark.parametrize("who", ["pipeline", "analyst"])
def test_iam_takes_a_policy_of_that_length(plan: dict[str, Any], who: str) -> None:
    policy = plan[f"aws_iam_policy.{who}"]["policy"]
    assert len("".join(policy.split())) <= MANAGED_POLICY_CHARACTERS


def test_the_plan_does_not_hold_the_token(plan: dict[str, Any]) -> None:
    given = "a-token-that-is-long-enough"
    assert given in (DEPLOY / "tests" / "access.tftest.hcl").read_text(encoding="utf-8")
    assert plan["aws_ssm_parameter.tmdb_token"]["value_wo"] is None
    assert given not in json.dumps(plan)
