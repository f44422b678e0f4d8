"""The checks of `tally deploy check` on AWS: each resource that the settings name, and its dependents."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tally_pipeline.aws.errors import RAISED, code_of, explain
from tally_pipeline.aws.secrets import unlogged
from tally_pipeline.aws.session import Aws
from tally_pipeline.cli.deploy import local
from tally_pipeline.cli.deploy.checked import Checked, good, unsure, wrong
from tally_pipeline.deployment import Deployment
from tally_pipeline.lake import layout
from tally_pipeline.metrics.metrics import (
    DATA_QUALITY_PASS_RATE,
    ENVIRONMENT_DIMENSION,
    PIPELINE_RUN_FAILURES,
    TOTAL_SHOWS_INGESTED,
)
from tally_pipeline.plurals import counted, noun
from tally_pipeline.query.glue import differences
from tally_pipeline.query.tables import TABLES

CREDENTIALS, LAKE_BUCKET, RESULTS_BUCKET = "credentials", "lake bucket", "results bucket"

APPLY = "run `terraform apply` in deploy/ again"

SHORTEST_TOKEN = 20
"""The least length of a credential of TMDB; "not set", Terraform's initial value, is shorter."""

_DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "403", "UnauthorizedOperation"}

Look = Callable[[Aws], Iterator[Checked]]


def checked(aws: Aws, deployment: Deployment) -> Iterator[Checked]:
    """All checks, one after the other; without credentials only that of the credentials."""
    who = list(_looked(CREDENTIALS, "the credentials of this session", _credentials, aws))
    yield from who
    if any(one.state == "wrong" for one in who):
        return
    settings = aws.settings
    lake = f"s3://{settings.lake_bucket}"
    looks: tuple[tuple[str, str, Look], ...] = (
        (LAKE_BUCKET, lake, _lake_bucket),
        ("bucket versioning", f"the versioning of {lake}", _versioning),
        ("public access", f"the public access block of {lake}", _public_access),
        ("bucket events", f"the notifications of {lake}", _notification),
        (RESULTS_BUCKET, f"s3://{settings.results_bucket}", _results_bucket),
        ("Glue database", f"the Glue database {settings.database}", _database),
        *((f"table {name}", f"the Glue table {settings.database}.{name}", look) for name, look in _tables()),
        ("workgroup", f"the Athena workgroup {settings.workgroup}", _workgroup),
        ("events queue", f"the queue {settings.events_queue_url}", _events_queue),
        ("dead letters", f"the queue {settings.dead_letters_queue_url}", _dead_letters),
        ("alerts topic", f"the subscriptions of {settings.alerts_topic_arn}", _topic),
        ("token parameter", f"the SSM parameter {settings.token_parameter}", _parameter),
        ("alarms", "the CloudWatch alarms", _alarms),
    )
    for resource, where, look in looks:
        yield from _looked(resource, where, look, aws)
    yield local.of_folder("history folder", deployment.settings.dagster_home)
    yield local.of_source(deployment.lake)
    yield local.of_query(deployment)
    yield local.of_tmdb(deployment)


def _looked(resource: str, where: str, look: Look, aws: Aws) -> Iterator[Checked]:
    """The results of one check. Credentials that may run the pipeline need not be allowed to read all resources."""
    try:
        yield from look(aws)
    except RAISED as error:
        if code_of(error) in _DENIED and resource not in (CREDENTIALS, LAKE_BUCKET, RESULTS_BUCKET):
            yield unsure(
                resource,
                f"these credentials may not look at {where}",
                "check with those that applied Terraform; the pipeline's own policy allows it as well",
            )
        else:
            said, _, todo = explain(error, "look at", where).partition("). ")
            yield wrong(resource, f"{said})", todo)


def _credentials(aws: Aws) -> Iterator[Checked]:
    me = aws.client("sts").get_caller_identity()
    yield good(CREDENTIALS, f"account {me['Account']}, as {me['Arn']}, in {aws.settings.region}")


# --- storage -----------------------------------------------------------------------------------------------


def _lake_bucket(aws: Aws) -> Iterator[Checked]:
    yield _bucket(aws, LAKE_BUCKET, aws.settings.lake_bucket)


def _results_bucket(aws: Aws) -> Iterator[Checked]:
    yield _bucket(aws, RESULTS_BUCKET, aws.settings.results_bucket)


def _bucket(aws: Aws, resource: str, bucket: str) -> Checked:
    reply = aws.client("s3").head_bucket(Bucket=bucket)
    headers: Mapping[str, str] = reply["ResponseMetadata"]["HTTPHeaders"]
    region = reply.get("BucketRegion") or headers.get("x-amz-bucket-region") or aws.settings.region
    if region != aws.settings.region:
        return wrong(
            resource,
            f"s3://{bucket} is in {region}, the settings say {aws.settings.region}",
            f"set AWS_REGION={region}, or name a bucket of {aws.settings.region}",
        )
    return good(resource, f"s3://{bucket} in {region}")


def _versioning(aws: Aws) -> Iterator[Checked]:
    status = aws.client("s3").get_bucket_versioning(Bucket=aws.settings.lake_bucket).get("Status", "off")
    if status == "Enabled":
        yield good("bucket versioning", "on: what is overwritten or deleted can be had back")
    else:
        yield wrong("bucket versioning", f"is {status}: what is overwritten or deleted is gone", APPLY)


def _public_access(aws: Aws) -> Iterator[Checked]:
    try:
        reply = aws.client("s3").get_public_access_block(Bucket=aws.settings.lake_bucket)
    except aws.client("s3").exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchPublicAccessBlockConfiguration":
            raise
        stated = {}
    else:
        stated = reply["PublicAccessBlockConfiguration"]
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    open_ = [name for name in names if not stated.get(name)]
    if open_:
        yield wrong("public access", f"is not blocked by {', '.join(open_)}", APPLY)
    else:
        yield good("public access", "blocked")


def _notification(aws: Aws) -> Iterator[Checked]:
    settings = aws.settings
    reply = aws.client("s3").get_bucket_notification_configuration(Bucket=settings.lake_bucket)
    queue = _name(settings.events_queue_url)
    told = [
        one
        for one in reply.get("QueueConfigurations", [])
        if _name(one["QueueArn"]) == queue and any(e.startswith("s3:ObjectCreated") for e in one["Events"])
    ]
    if any(layout.STREAMS.startswith(_prefix(one)) or _prefix(one).startswith("bronze/") for one in told):
        yield good("bucket events", f"new objects in bronze are told to {queue}")
    else:
        yield wrong(
            "bucket events",
            f"new objects in bronze are not told to {queue}: only the daily sweep finds them",
            APPLY,
        )


def _prefix(configuration: Mapping[str, Any]) -> str:
    rules = configuration.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    return next((str(rule["Value"]) for rule in rules if rule["Name"].lower() == "prefix"), "")


# --- catalogue ---------------------------------------------------------------------------------------------


def _database(aws: Aws) -> Iterator[Checked]:
    aws.client("glue").get_database(Name=aws.settings.database)
    yield good("Glue database", aws.settings.database)


def _tables() -> Iterator[tuple[str, Look]]:
    for spec in TABLES:

        def look(aws: Aws, spec: Any = spec) -> Iterator[Checked]:
            table = aws.client("glue").get_table(DatabaseName=aws.settings.database, Name=spec.name)["Table"]
            found = differences(table, spec, aws.settings.lake_bucket)
            if not found:
                columns = len(spec.columns)
                keys = ", ".join(spec.partitions)
                yield good(
                    f"table {spec.name}", f"{columns} columns and the keys {keys}, as the contract says"
                )
            else:
                diff = "; ".join(
                    f"{one['place']}: {one['table']}, should be {one['contract']}" for one in found
                )
                yield wrong(
                    f"table {spec.name}", f"is not as the contract says: {diff}", f"`make docs`, then {APPLY}"
                )

        yield spec.name, look


def _workgroup(aws: Aws) -> Iterator[Checked]:
    settings = aws.settings
    group = aws.client("athena").get_work_group(WorkGroup=settings.workgroup).get("WorkGroup", {})
    stated = group.get("Configuration", {})
    output = stated.get("ResultConfiguration", {}).get("OutputLocation", "")
    cutoff = stated.get("BytesScannedCutoffPerQuery")
    problems = [
        *([] if group.get("State", "ENABLED") == "ENABLED" else ["it is disabled"]),
        *(
            []
            if stated.get("EnforceWorkGroupConfiguration")
            else ["its settings are not enforced on its users"]
        ),
        *([] if cutoff else ["a query may scan without limit, and be billed for it"]),
        *(
            []
            if output.startswith(f"s3://{settings.results_bucket}/")
            or output == f"s3://{settings.results_bucket}"
            else [f"its results go to {output or 'nowhere'}, not to s3://{settings.results_bucket}/"]
        ),
    ]
    if problems:
        yield wrong("workgroup", f"{settings.workgroup}: {'; '.join(problems)}", APPLY)
    else:
        yield good(
            "workgroup", f"{settings.workgroup}, enforced; a query scans at most {cutoff / 1e6:,.0f} MB"
        )


# --- events and alerts -------------------------------------------------------------------------------------


def _events_queue(aws: Aws) -> Iterator[Checked]:
    stated = _queue(aws, aws.settings.events_queue_url)
    letters = _name(aws.settings.dead_letters_queue_url)
    target = _name(json.loads(stated.get("RedrivePolicy") or "{}").get("deadLetterTargetArn"))
    if not target or (letters and target != letters):
        yield wrong(
            "events queue",
            f"what cannot be read goes to {target or 'no dead-letter queue'}, not to {letters or 'one'}",
            APPLY,
        )
    else:
        told = f"{_name(aws.settings.events_queue_url)}; about {counted(_messages(stated), 'message')} in it"
        yield good("events queue", told)


def _dead_letters(aws: Aws) -> Iterator[Checked]:
    url = aws.settings.dead_letters_queue_url
    if url is None:
        yield _unset("dead letters", "TALLY_DEAD_LETTERS_QUEUE_URL")
        return
    letters = _messages(_queue(aws, url))
    if letters:
        yield unsure(
            "dead letters",
            f"about {counted(letters, 'message')} that could not be read"
            f" {noun(letters, 'lies', 'lie')} in {_name(url)}",
            "read them (aws sqs receive-message); the daily sweep refines what they told of; mend why,"
            " then redrive them (aws sqs start-message-move-task)",
        )
    else:
        yield good("dead letters", f"SQS counts none in {_name(url)}")


def _queue(aws: Aws, url: str) -> dict[str, str]:
    reply = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    attributes: dict[str, str] = reply["Attributes"]
    return attributes


def _messages(attributes: Mapping[str, str]) -> int:
    """The number of messages in a queue, by SQS's own estimate, including those received just now.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html.
    """
    states = ("", "NotVisible", "Delayed")
    return sum(int(attributes.get(f"ApproximateNumberOfMessages{state}", 0)) for state in states)


def _topic(aws: Aws) -> Iterator[Checked]:
    arn = aws.settings.alerts_topic_arn
    if arn is None:
        yield _unset("alerts topic", "TALLY_ALERTS_TOPIC_ARN")
        return
    pages = aws.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn)
    found = [one["SubscriptionArn"] for page in pages for one in page["Subscriptions"]]
    confirmed = [one for one in found if one.startswith("arn:")]
    if confirmed:
        yield good("alerts topic", f"{_name(arn)} tells {counted(len(confirmed), 'subscriber')}")
    elif found:
        yield unsure(
            "alerts topic", "nobody confirmed a subscription", "open the mail from AWS and confirm it"
        )
    else:
        yield unsure(
            "alerts topic",
            f"nobody subscribes to {_name(arn)}: alarms are seen in CloudWatch only",
            f"set alert_email in terraform.tfvars and {APPLY}, then confirm the mail",
        )


@dataclass(frozen=True)
class _Wanted:
    """An alarm that must exist, by its metric and dimension; `of` is the environment, or the queue of its metric."""

    told: str
    metric: str
    of: str | None


def _alarms(aws: Aws) -> Iterator[Checked]:
    pages = aws.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm"])
    # Other environments of the account have alarms on metrics of the same names: this one's notify its own topic.
    every = [alarm for page in pages for alarm in page["MetricAlarms"]]
    for wanted in _wanted_alarms(aws):
        named = [alarm for alarm in every if _looks_at(alarm, wanted)]
        ours = [alarm for alarm in named if aws.settings.alerts_topic_arn in alarm.get("AlarmActions", [])]
        yield _alarm(wanted, (ours or named)[0] if named else None, tells=bool(ours))


def _wanted_alarms(aws: Aws) -> Iterator[_Wanted]:
    environment = aws.settings.environment
    yield _Wanted("run failed", PIPELINE_RUN_FAILURES.name, environment)
    yield _Wanted("no shows", TOTAL_SHOWS_INGESTED.name, environment)
    yield _Wanted("pass rate", DATA_QUALITY_PASS_RATE.name, environment)
    letters = _name(aws.settings.dead_letters_queue_url)
    if letters:
        yield _Wanted("dead letters", "ApproximateNumberOfMessagesVisible", letters)
    yield _Wanted("sensor lag", "ApproximateAgeOfOldestMessage", _name(aws.settings.events_queue_url))


def _looks_at(alarm: Mapping[str, Any], wanted: _Wanted) -> bool:
    dimensions = alarm.get("Dimensions", [])
    values = [one["Value"] for one in dimensions if one["Name"] in ("QueueName", ENVIRONMENT_DIMENSION)]
    return alarm.get("MetricName") == wanted.metric and values == [wanted.of]


def _alarm(wanted: _Wanted, alarm: Mapping[str, Any] | None, *, tells: bool) -> Checked:
    resource = f"alarm {wanted.told}"
    if alarm is None:
        return wrong(resource, f"there is none on {wanted.metric} of {wanted.of}", APPLY)
    if not tells or not alarm.get("ActionsEnabled"):
        return wrong(resource, f"{alarm['AlarmName']} does not tell the alerts topic", APPLY)
    if alarm["StateValue"] == "ALARM":
        return unsure(
            resource, f"{alarm['AlarmName']} is in ALARM", alarm.get("AlarmDescription") or "see why"
        )
    return good(resource, f"{alarm['AlarmName']}: {alarm['StateValue']}")


# --- secrets -----------------------------------------------------------------------------------------------


def _parameter(aws: Aws) -> Iterator[Checked]:
    name = aws.settings.token_parameter
    if name is None:
        yield _unset("token parameter", "TALLY_TOKEN_PARAMETER")
        return
    with unlogged():
        found = aws.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]
    put = f"aws ssm put-parameter --overwrite --type SecureString --name {name} --value file:///dev/stdin"
    if found["Type"] != "SecureString":
        yield wrong("token parameter", f"{name} is a {found['Type']}: anybody who may list it reads it", put)
    elif len(found["Value"].strip()) < SHORTEST_TOKEN:
        yield wrong("token parameter", f"{name} holds no token yet", put)
    else:
        yield good("token parameter", f"{name}, a SecureString of {len(found['Value'])} characters")


def _unset(resource: str, name: str) -> Checked:
    return unsure(
        resource, f"{name} is not set", "`terraform output -json | tally deploy settings` prints it"
    )


def _name(of: str | None) -> str:
    """The last part of a queue's URL or of an ARN: its name."""
    return (of or "").replace(":", "/").rsplit("/", 1)[-1]
