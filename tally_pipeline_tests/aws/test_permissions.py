"""The whole pipeline under the policies that Terraform renders: all of it passes, and what must not happen cannot."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import boto3
import dagster as dg
import pytest
import requests
from botocore.exceptions import ClientError

from tally_pipeline import clock
from tally_pipeline.aws.session import Aws
from tally_pipeline.datasets.details import DETAILS
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import Deployment, deploy, load_settings
from tally_pipeline.gold import ALL_TABLES
from tally_pipeline.lake import layout, parquet
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.orchestration import automation
from tally_pipeline.orchestration.assets import common
from tally_pipeline.query import samples
from tally_pipeline.query.tables import TABLES
from tally_pipeline.tmdb import sandbox
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline.tmdb.sandbox import Sandbox
from tally_pipeline.tmdb.sandbox.invented import FIRST_ID
from tally_pipeline_tests.aws.lake_on_aws import LakeOnAws, account, made_of, quick_folder
from tally_pipeline_tests.deploy.conftest import roots
from tally_pipeline_tests.deploy.policies import for_moto
from tally_pipeline_tests.deploy.terraform import planned
from testkit.aws.athena import serving
from testkit.aws.moto_server import ACCOUNT, REGION

__all__ = ["roots"]

pytestmark = pytest.mark.slow

NAMES = [show_list.name for show_list in LISTS]
NOBODY_IS_ASKED = "1000000000"
OF_DETAILS = [(table.layer, table.name) for table in ALL_TABLES if table.follows == DETAILS.name]

PLAN = f"""
mock_provider "aws" {{
  mock_data "aws_caller_identity" {{
    defaults = {{ account_id = "{ACCOUNT}" }}
  }}

  mock_data "aws_partition" {{
    defaults = {{ partition = "aws" }}
  }}
}}

run "as_here" {{
  command = plan

  variables {{
    environment   = "test"
    bucket_suffix = ""
    region      = "{REGION}"
  }}
}}
"""
"""Plans the lake under the names that the account of the tests has."""


@dataclass(frozen=True)
class Users:
    """The same account as the pipeline, an analyst and its owner see it; policies are enforced."""

    owner: LakeOnAws
    pipeline: LakeOnAws
    analyst: LakeOnAws


@pytest.fixture(scope="module")
def policies(roots: dict[str, Path]) -> dict[str, str]:
    """The policies by whose they are, as Terraform renders them."""
    (roots["lake"] / "tests" / "as_here.tftest.hcl").write_text(PLAN)
    plan = planned(roots["lake"], "as_here.tftest.hcl", "as_here")
    return {who: plan[f"aws_iam_policy.{who}"]["policy"] for who in ("pipeline", "analyst")}


@pytest.fixture(scope="module")
def users(moto_url: str, policies: dict[str, str]) -> Iterator[Users]:
    """Both have a machine of their own, with an Athena that reads with the permissions of whoever asks it."""
    with ExitStack() as stack:
        homes = {who: stack.enter_context(quick_folder()) for who in ("owner", *policies)}
        athena = {who: stack.enter_context(serving(moto_url)) for who in ("owner", *policies)}
        server = stack.enter_context(Sandbox())
        aws = stack.enter_context(account(moto_url, athena["owner"], homes["owner"]))
        everything = (
            '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'
        )
        keys = {"owner": _key(aws, "owner", everything)}
        keys |= {who: _key(aws, who, for_moto(policy)) for who, policy in policies.items()}
        for name, value in keys["owner"].items():
            stack.enter_context(pytest.MonkeyPatch.context()).setenv(name, value)
        requests.post(f"{moto_url}/moto-api/reset-auth", data="0", timeout=10).raise_for_status()
        stack.callback(requests.post, f"{moto_url}/moto-api/reset-auth", data=NOBODY_IS_ASKED, timeout=10)
        seen = {
            who: LakeOnAws(
                Aws(aws.settings),
                home,
                server.base_url,
                {**keys[who], "AWS_ENDPOINT_URL_ATHENA": athena[who]},
            )
            for who, home in homes.items()
        }
        yield Users(**seen)


def _key(aws: Aws, name: str, policy: str) -> dict[str, str]:
    """Makes somebody with exactly this policy; returns the key as the environment has it."""
    iam = aws.client("iam")
    iam.create_user(UserName=name)
    arn = iam.create_policy(PolicyName=f"tally-test-{name}", PolicyDocument=policy)["Policy"]["Arn"]
    iam.attach_user_policy(UserName=name, PolicyArn=arn)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": made["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"]}


@contextmanager
def deployed(lake: LakeOnAws) -> Iterator[Deployment]:
    """The deployment as Dagster's daemon has it, with the user's key."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in lake.settings().items():
            patch.setenv(name, value)
        yield deploy(load_settings(lake.settings(), dotenv=None))


@pytest.fixture(scope="module")
def synced(users: Users) -> Users:
    """After the pipeline's user synced today."""
    ran = users.pipeline.run("sync", "--pages", "1")
    assert ran.code == 0, ran.err
    return users


def test_a_sync_makes_everything_of_the_day(synced: Users) -> None:
    assert made_of(clock.today().isoformat(), NAMES) <= synced.owner.versions().keys()


def test_the_sensor_hears_of_a_capture_and_its_run_makes_everything_of_that_day(synced: Users) -> None:
    before = clock.today() - timedelta(days=2)
    with deployed(synced.pipeline) as deployment, dg.DagsterInstance.ephemeral() as instance:
        definitions = build_definitions(deployment)
        # This history knows nothing of the table yet; all else is current.
        cursor, (known,) = _tick(deployment, definitions, instance, None)
        assert known.asset_selection == [common.TABLE]
        for key, body in _captures(before):
            deployment.lake.write_bronze(key, body)
        cursor, requested = _tick(deployment, definitions, instance, cursor)
        assert requested == []  # more of the past may come
        cursor, requested = _tick(deployment, definitions, instance, cursor)
        assert [request.partition_key for request in requested] == [before.isoformat()]
        ran = definitions.resolve_job_def(automation.refine.name).execute_in_process(
            instance=instance,
            partition_key=requested[0].partition_key,
            asset_selection=list(requested[0].asset_selection or ()),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        assert ran.success
        # Today's gold looks back on that day.
        cursor, (again,) = _tick(deployment, definitions, instance, cursor)
        assert again.partition_key == clock.today().isoformat()
        _, requested = _tick(deployment, definitions, instance, cursor)
        assert requested == []
    assert made_of(before.isoformat(), NAMES) <= synced.owner.versions().keys()


def _tick(
    deployment: Deployment, definitions: dg.Definitions, instance: dg.DagsterInstance, cursor: str | None
) -> tuple[str | None, list[dg.RunRequest]]:
    """One look of the sensor: its cursor afterwards, and the runs it asks for."""
    context = dg.build_sensor_context(
        instance=instance,
        cursor=cursor,
        definitions=definitions,
        resources={"lake": deployment.lake, "object_events": deployment.object_events},
    )
    result = definitions.resolve_sensor_def("new_bronze_objects").evaluate_tick(context)
    return result.cursor, list(result.run_requests or [])


def test_the_standing_checks_look_and_pass(synced: Users) -> None:
    with deployed(synced.pipeline) as deployment, dg.DagsterInstance.ephemeral() as instance:
        ran = (
            build_definitions(deployment)
            .resolve_job_def(automation.watch.name)
            .execute_in_process(
                instance=instance,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
        )
        found = {check.check_name: check.passed for check in ran.get_asset_check_evaluations()}
        # No details were captured yet.
        assert found == {
            "todays_partition_is_there": True,
            "no_partition_left_failed": True,
            "todays_details_are_there": False,
        }


def test_a_past_day_is_rebuilt(synced: Users) -> None:
    before = clock.today() - timedelta(days=1)
    for key, body in _captures(before):
        synced.owner.lake.write_bronze(key, body)
    ran = synced.pipeline.run("rebuild", "--first", before.isoformat(), "--last", before.isoformat())
    assert ran.code == 0, ran.err
    assert made_of(before.isoformat(), NAMES) <= synced.owner.versions().keys()


def _captures(day: date) -> Iterator[tuple[BronzeKey, bytes]]:
    """A page of each list."""
    return sandbox.captures([day], depths=dict.fromkeys(NAMES, 1))


def test_the_pipeline_captures_details_and_reads_the_watchlists_that_people_put_in(synced: Users) -> None:
    wish = {"show_id": FIRST_ID, "season": 1}
    wishes = {"mine": {"country": "US", "start": "2026-01", "months": 1, "wishes": [wish]}}
    synced.owner.lake.store.put(layout.WATCHLISTS, json.dumps(wishes).encode())
    ran = synced.pipeline.run("sync", "--pages", "1", "--details")
    assert ran.code == 0, ran.err
    today = clock.today().isoformat()
    made = synced.owner.versions().keys()
    assert {layout.table_key(layer, name, today) for layer, name in OF_DETAILS} <= made
    body = synced.owner.lake.store.get(layout.table_key("gold", "watchlists", today))
    (row,) = parquet.decode(body).to_pylist()
    assert (row["watchlist_id"], row["show_id"], row["is_invented"]) == ("mine", FIRST_ID, False)


@pytest.mark.parametrize(
    "command",
    [
        ("report",),
        ("status",),
        ("audit",),
        ("logs",),
        ("query", "--sample", "counts_by_list_and_day"),
        ("export", "copy"),
    ],
    ids=" ".join,
)
def test_the_pipeline_may_use_every_command(synced: Users, command: tuple[str, ...]) -> None:
    ran = synced.pipeline.run(*command)
    assert ran.code == 0, ran.err


def test_the_pipeline_may_bring_back_what_it_took_home(synced: Users) -> None:
    assert synced.pipeline.run("export", "home").code == 0
    key = next(key for key in sorted(synced.owner.versions("bronze/")) if "/popular_shows/" in key)
    before = synced.owner.lake.store.get(key)
    # As S3 does when an object expires.
    synced.owner.aws.client("s3").delete_object(Bucket=synced.owner.aws.settings.lake_bucket, Key=key)
    ran = synced.pipeline.run("import", "home")
    assert ran.code == 0, ran.err
    assert "1 written" in ran.out
    assert synced.owner.lake.store.get(key) == before


def test_the_check_of_a_deployment_may_look_at_everything(synced: Users) -> None:
    """What it finds is another test's: here there is no alarm, for one."""
    ran = synced.pipeline.run("deploy", "check")
    assert "may not" not in ran.out
    assert "AccessDenied" not in ran.out


PROVE = ("deploy", "prove", "--yes", "--json", "--mail-wait", "0")


def test_a_proof_by_the_pipeline_itself_tells_what_it_may_not_try(synced: Users) -> None:
    ran = synced.pipeline.run(*PROVE)
    tried = {one["trial"]: one for one in ran.json["trials"]}
    # This account has no topic, which is none of the pipeline's doing.
    assert {name for name, one in tried.items() if one["state"] == "fails"} == {"alert-subscribed"}
    # Its policy deletes nothing, which the bucket's need not say then.
    assert tried["bronze-delete"]["state"] == "holds"
    not_tried = {name for name, one in tried.items() if one["state"] == "not tried"}
    assert not_tried >= {"create-over-marker", "policy-refuses", "policy-allows"}
    [stays, *_] = [one for one in ran.json["stays"] if "silver/prove/" in one]
    assert "these credentials may not take it away" in stays
    assert all(tried[f"table {spec.name}"]["state"] == "holds" for spec in TABLES)


def test_a_proof_in_an_analysts_role_sees_what_is_refused(synced: Users) -> None:
    iam = synced.owner.aws.client("iam")
    anybody = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [anybody]})
    role = iam.create_role(RoleName="analyst", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.attach_role_policy(RoleName="analyst", PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/tally-test-analyst")
    ran = synced.owner.run(*PROVE, "--analyst-role", role)
    tried = {one["trial"]: one for one in ran.json["trials"]}
    assert (tried["analyst-refused"]["state"], tried["analyst-allowed"]["state"]) == ("holds", "holds")
    for what in ("read bronze", "read the token", "write silver", "delete silver", "read the events"):
        assert f"{what}: 4" in tried["analyst-refused"]["seen"]


@pytest.mark.parametrize("name", samples.names())
def test_an_analyst_may_ask_every_sample_query(synced: Users, name: str) -> None:
    ran = synced.analyst.run("query", "--sample", name, "--format", "json")
    assert ran.code == 0, ran.err


@pytest.mark.parametrize("command", [("sync",), ("rebuild",)], ids=" ".join)
def test_an_analyst_who_runs_the_pipeline_writes_nothing_and_is_told(
    synced: Users, command: tuple[str, ...]
) -> None:
    before = synced.owner.versions()
    ran = synced.analyst.run(*command)
    assert ran.code in (1, 2)
    told = re.findall(r"could not \w+ (s3://[^:]+): these credentials may not do it \((s3:\w+)\)", ran.err)
    lake = f"s3://{synced.owner.aws.settings.lake_bucket}/"
    # A sync is stopped by the first thing it asks for; a rebuild tells it of each list, and of the details.
    assert len(told) == (1 if command == ("sync",) else len(LISTS) + 1), ran.err
    assert all(where.startswith(lake) and action == "s3:GetObject" for where, action in told)
    assert "attach the policy tally-<env>-pipeline" in ran.err
    assert synced.owner.versions() == before


def test_the_pipeline_can_delete_nothing_and_change_no_rule(synced: Users) -> None:
    bucket, before = synced.owner.aws.settings.lake_bucket, synced.owner.versions()
    s3 = boto3.client(
        "s3",
        aws_access_key_id=synced.pipeline.environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=synced.pipeline.environ["AWS_SECRET_ACCESS_KEY"],
    )
    key, version = next(
        (key, kept[0].split()[0]) for key, kept in before.items() if key.startswith("bronze/")
    )
    changes: list[Callable[[], object]] = [
        lambda: s3.delete_object(Bucket=bucket, Key=key),
        lambda: s3.delete_object(Bucket=bucket, Key=key, VersionId=version),
        lambda: s3.delete_bucket_policy(Bucket=bucket),
        lambda: s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": []}),
        lambda: s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}),
    ]
    for change in changes:
        with pytest.raises(ClientError, match="AccessDenied"):
            change()
    assert synced.owner.versions() == before
