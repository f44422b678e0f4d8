"""`tally deploy prove` on moto: what must hold holds, what is known to differ is named, and no trace is left."""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tally_pipeline.cli.deploy.prove import emulators, objects
from tally_pipeline.lake import layout
from tally_pipeline.metrics.metrics import PIPELINE_RUN_FAILURES
from tally_pipeline.tmdb.sandbox import Sandbox
from tally_pipeline_tests.aws.lake_on_aws import TOKEN, LakeOnAws, account, quick_folder
from tally_pipeline_tests.cli.own_process import WAIT_SECONDS
from testkit import tally
from testkit.aws.athena_server import athena_url
from testkit.aws.faulty_aws import Fault, FaultyAws, serving
from testkit.aws.moto_server import messages_in
from testkit.aws.settings import ON_AWS

__all__ = ["athena_url"]

pytestmark = pytest.mark.slow

PROVE = ("deploy", "prove", "--yes", "--mail-wait", "0")


@pytest.fixture(scope="module")
def lake(moto_url: str, athena_url: str) -> Iterator[LakeOnAws]:
    """A deployed lake with a sync of today, whose owner proves it."""
    with quick_folder() as home, Sandbox() as sandbox, account(moto_url, athena_url, home) as owner:
        lake = LakeOnAws(
            owner,
            home,
            sandbox.base_url,
            {"AWS_ENDPOINT_URL": moto_url, "AWS_ENDPOINT_URL_ATHENA": athena_url},
        )
        synced = lake.run("sync", "--pages", "1")
        assert synced.code == 0, synced.err
        bucket, topic = owner.settings.lake_bucket, owner.settings.alerts_topic_arn
        nobody_deletes = {
            "Sid": "BronzeIsNeverDeleted",
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
            "Resource": f"arn:aws:s3:::{bucket}/bronze/*",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [nobody_deletes]})
        owner.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)
        expires = {
            "ID": "bronze",
            "Status": "Enabled",
            "Filter": {"Prefix": "bronze/"},
            "Expiration": {"Days": 180},
        }
        owner.client("s3").put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration={"Rules": [expires]}
        )
        owner.client("iam").create_policy(PolicyName="tally-test-analyst", PolicyDocument=policy)
        owner.client("sns").create_topic(Name="tally-test-alerts")
        owner.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="data@example.org")
        owner.client("cloudwatch").put_metric_alarm(
            AlarmName="tally-test-run-failed",
            Namespace=PIPELINE_RUN_FAILURES.namespace,
            MetricName=PIPELINE_RUN_FAILURES.name,
            Statistic="Sum",
            Period=300,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            AlarmActions=[topic],
        )
        yield lake


@pytest.fixture(autouse=True)
def quiet_moto(caplog: pytest.LogCaptureFixture) -> None:
    """moto prints a stack trace for what it does not know."""
    caplog.set_level(logging.CRITICAL, "werkzeug")


@pytest.fixture
def reached(lake: LakeOnAws, moto_url: str) -> Iterator[tuple[LakeOnAws, FaultyAws]]:
    """The same lake, reached through a server that can fail."""
    with serving(moto_url) as (faulty, url):
        yield LakeOnAws(lake.aws, lake.home, lake.base_url, {**lake.environ, "AWS_ENDPOINT_URL": url}), faulty


def state_of_the_alarm(lake: LakeOnAws) -> str:
    [alarm] = lake.aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return str(alarm["StateValue"])


def proofs_in_silver(lake: LakeOnAws) -> list[str]:
    return [key for key in lake.versions("silver/") if layout.is_proof(key)]


def outcomes(ran: tally.Ran) -> dict[str, str]:
    return {one["trial"]: one["state"] for one in ran.json["trials"]}


def test_on_moto_all_holds_but_what_is_known_to_differ(lake: LakeOnAws) -> None:
    before, settings = lake.bodies(), lake.aws.settings
    waiting, alarm = messages_in(lake.aws, settings.events_queue_url), state_of_the_alarm(lake)

    ran = lake.run(*PROVE, "--json", "--output", "proof.md")

    assert ran.code == 0, ran.out
    by_trial = {one["trial"]: one for one in ran.json["trials"]}
    differ = {name for name, one in by_trial.items() if one["state"] == "known difference"}
    assert differ == set(emulators.KNOWN["moto"])
    assert all(by_trial[name]["note"] == why for name, why in emulators.KNOWN["moto"].items())
    # A difference that is none any more would say so in its note.
    assert not [name for name, one in by_trial.items() if one["state"] == "holds" and one["note"]]
    assert {name for name, one in by_trial.items() if one["state"] == "not tried"} == {"alert-mailed"}
    assert by_trial["bronze-again"]["seen"].startswith("412")
    assert by_trial["bronze-delete"]["seen"].startswith("delete 403")
    assert by_trial["table silver_shows"]["seen"].startswith("80 rows of 7 days, the lake's files hold 80")
    queried = [one for name, one in by_trial.items() if name.startswith(("table", "sample"))]
    assert all(one["scanned"] is not None for one in queried)

    page = (lake.home / "proof.md").read_text()
    assert "On an emulator (moto), account 123456789012, eu-central-1" in page
    assert "| ✓ | `bronze-again` |" in page
    for told in (page, ran.out, ran.err):
        assert TOKEN not in told
        assert "data@example.org" not in told

    # Of the trials only what nobody may delete is left, and it is named with its end.
    left = lake.bodies().keys() - before.keys()
    assert left
    assert all(key.startswith("bronze/prove/") for key in left)
    [stays] = ran.json["stays"]
    assert "bronze/prove/" in stays
    assert "expires after 180 days; as an old version it stays for ever" in stays
    assert stays in page
    assert state_of_the_alarm(lake) == alarm
    # The sensor's messages are all there still.
    assert messages_in(lake.aws, settings.events_queue_url) == waiting
    assert messages_in(lake.aws, settings.dead_letters_queue_url or "") == 0

    # No other command takes it for a capture.
    assert lake.run("audit").code == 0
    exported = lake.run("export", "home")
    assert exported.code == 0, exported.err
    assert lake.run("import", "home", "--dry-run").code == 0


def test_without_an_answer_nothing_is_tried(lake: LakeOnAws) -> None:
    before = lake.versions()
    ran = lake.run("deploy", "prove")
    assert ran.code == 2
    assert "--yes" in ran.err
    assert "It costs about $0.0" in ran.err
    assert lake.versions() == before


@pytest.mark.parametrize("output", ["proof.txt", "no-such-folder/proof.md"])
def test_a_record_that_cannot_be_kept_is_told_before_anything_is_tried(lake: LakeOnAws, output: str) -> None:
    before = lake.versions()
    ran = lake.run(*PROVE, "--output", output)
    assert ran.code == 2
    assert output in ran.err
    assert lake.versions() == before


def test_a_difference_that_is_not_known_fails(reached: tuple[LakeOnAws, FaultyAws]) -> None:
    lake, faulty = reached
    faulty.fail(
        Fault(
            500,
            "InternalError",
            "no",
            concerns=lambda told: told.method == "PUT" and "silver/prove/" in told.path,
        )
    )
    ran = lake.run(*PROVE, "--json")
    assert ran.code == 1
    assert ran.json["holds"] is False
    assert ran.json["emulator"] == "moto"
    assert {name for name, state in outcomes(ran).items() if state == "fails"} == {
        "silver-stale",
        "create-over-marker",
    }


def test_a_delete_that_the_callers_own_policy_refuses_does_not_prove_the_buckets(
    reached: tuple[LakeOnAws, FaultyAws],
) -> None:
    lake, faulty = reached
    message = "not authorized to perform: s3:DeleteObject because no identity-based policy allows the action"
    faulty.fail(Fault(403, "AccessDenied", message, concerns=lambda told: told.method == "DELETE"))
    ran = lake.run(*PROVE, "--json")
    assert outcomes(ran)["bronze-delete"] == "not tried"
    assert all("goes when" in one or "expires" in one for one in ran.json["stays"])


@pytest.fixture
def heeds_hangups() -> Iterator[None]:
    """Tests that run under nohup ignore SIGHUP, and so would the command."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("heeds_hangups")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_it_still_takes_its_traces_away_and_tells_what_it_saw(
    lake: LakeOnAws, monkeypatch: pytest.MonkeyPatch, sent: signal.Signals
) -> None:
    """By Ctrl-C, by a request to end, or because its terminal is closed."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}

    def interrupted(*_: object) -> None:
        os.kill(os.getpid(), sent)
        time.sleep(WAIT_SECONDS)

    monkeypatch.setattr(objects._Bucket, "over_marker", interrupted)
    ran = lake.run(*PROVE, "--output", "broken-off.json")
    assert ran.code == 130
    assert proofs_in_silver(lake) == []
    told = json.loads((lake.home / "broken-off.json").read_text())
    states = {one["trial"]: one["state"] for one in told["trials"]}
    assert states["silver-stale"] == "holds"
    assert states["event-to-queue"] == "not tried"
    assert {number: signal.getsignal(number) for number in handlers} == handlers


def test_what_a_call_that_was_killed_left_the_next_takes_away(lake: LakeOnAws) -> None:
    cloudwatch = lake.aws.client("cloudwatch")
    left = layout.proof_key("silver", "20260101T000000-abcdef", "replaced")
    lake.aws.client("s3").put_object(Bucket=lake.aws.settings.lake_bucket, Key=left, Body=b"1")
    cloudwatch.set_alarm_state(
        AlarmName="tally-test-run-failed",
        StateValue="ALARM",
        StateReason="tally deploy prove 20260101T000000-abcdef rings it: nothing is wrong",
    )

    ran = lake.run(*PROVE, "--json")

    assert ran.code == 0, ran.out
    assert proofs_in_silver(lake) == []
    assert state_of_the_alarm(lake) == "OK"


def test_a_lake_in_a_folder_has_nothing_to_prove(tmp_path: Path) -> None:
    ran = tally.run(tmp_path, {"TALLY_HOME": str(tmp_path)}, *PROVE)
    assert ran.code == 2
    assert "TALLY_DEPLOYMENT=aws" in ran.err


def test_without_credentials_nothing_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    ran = tally.run(tmp_path, {"TALLY_HOME": str(tmp_path), **ON_AWS}, *PROVE)
    assert ran.code == 2
    assert "AWS_PROFILE" in ran.err
