"""The pipeline on the emulated AWS, step by step, each with its expected outcome."""

from __future__ import annotations

import json
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import boto3

from tally_pipeline import clock
from tally_pipeline.metrics.cloudwatch import dimensions
from tally_pipeline.tmdb import sandbox
from tally_pipeline.tmdb.lists import LISTS
from testkit.aws.local.processes import (
    REGION,
    LocalError,
    Running,
    environment,
    free_port,
    spawn,
    stop_gently,
)
from testkit.aws.local.stack import TOKEN, Stack, said

T = TypeVar("T")

TALLY = Path(sysconfig.get_path("scripts")) / "tally"
SNAPSHOT = "2025-12-24"

RECORDED_ROWS = {"popular_shows": 40, "trending_shows": 20, "airing_today": 39, "on_the_air": 40}
BAD_BATCH = "bad-rows:share=0.1"
PASS_RATE_ALARM = "tally-local-pass-rate"

PROVEN_OTHERWISE = [
    "bronze-plain",
    "bronze-copy",
    "bronze-parts",
    "bronze-delete",
    "bronze-tag",
    "policy-refuses",
    "alarm-rings",
]
"""The trials of `tally deploy prove` that do not hold on ministack."""

UNTRIED = {"alert-mailed"}
"""Those that need a person."""

EMULATORS_DRIFT = {
    "aws_cloudwatch_metric_alarm": {
        "actions_enabled",
        "alarm_actions",
        "alarm_description",
        "dimensions",
        "period",
        "statistic",
        "tags_all",
        "treat_missing_data",
    },
    "aws_sns_topic": {"tags_all"},
}
"""The attributes that ministack does not return as the provider wrote them: every plan wants to write them again."""


class Walk:
    """The steps. Each raises `LocalError` on an unexpected outcome."""

    def __init__(self, folder: Path, running: Running, recordings: Path | None) -> None:
        self._folder = folder
        self._running = running
        self._recordings = recordings
        self._session = boto3.Session("local", "local", region_name=REGION)
        self._settings: dict[str, str] = {}

    def all(self) -> None:
        """Every step, in order."""
        stack = Stack(self._folder, self._running)
        self._step("settings", lambda: self._take_settings(stack))
        with self._tmdb() as tmdb:
            self._step("deploy check", lambda: self._check(tmdb))
            self._step("sync", lambda: self._sync(tmdb))
        self._step("the token", lambda: self._token(stack, tmdb))
        self._step("objects in S3", self._objects)
        self._step("rows through Athena", self._rows)
        self._step("metrics", self._metrics)
        self._step("a bad batch rings the alarm", self._alarm)
        self._step("the sensor wakes", self._sensor)
        self._step("deploy prove", self._prove)
        self._step("a second apply", lambda: self._second_apply(stack))

    def _step(self, name: str, take: Callable[[], str]) -> None:
        started = time.monotonic()
        told = take()
        print(f"✓ {name:28} {told} ({time.monotonic() - started:.1f} s)", flush=True)

    # --- the steps -------------------------------------------------------------------------------------------

    def _take_settings(self, stack: Stack) -> str:
        done = subprocess.run(
            [TALLY, "deploy", "settings"],
            input=stack.outputs(),
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            cwd=self._folder,
        )
        if done.returncode:
            raise LocalError(f"`tally deploy settings` failed: {done.stderr}")
        lines = [line for line in done.stdout.splitlines() if line and not line.startswith("#")]
        self._settings = dict(line.split("=", 1) for line in lines)
        # `.env` holds the names from deploy/; endpoints and keys are boto's own, and come from the environment.
        (self._folder / ".env").write_text(done.stdout)
        exports = self._environment()
        names = [name for name in exports if name.startswith(("AWS_", "TALLY_"))]
        (self._folder / "env.sh").write_text("".join(f"export {name}='{exports[name]}'\n" for name in names))
        return f"{len(self._settings)} settings in {self._folder / '.env'}"

    def _check(self, tmdb: sandbox.Sandbox) -> str:
        found = json.loads(
            self._tally("deploy", "check", "--json", settings={"TMDB_BASE_URL": tmdb.base_url})
        )
        return f"{len(found['resources'])} resources are as they should be"

    def _sync(self, tmdb: sandbox.Sandbox) -> str:
        # One page of trending was recorded.
        more = {"TALLY_PAGES_TRENDING_SHOWS": "1"} if self._recordings else {}
        found = json.loads(self._tally("sync", "--json", settings={"TMDB_BASE_URL": tmdb.base_url, **more}))
        rows = {name: of_list["silver_rows"] for name, of_list in found.items()}
        if self._recordings and rows != RECORDED_ROWS:
            raise LocalError(f"the recordings give {RECORDED_ROWS} rows of silver, the sync made {rows}")
        return f"{sum(rows.values())} shows published: {rows}"

    def _token(self, stack: Stack, tmdb: sandbox.Sandbox) -> str:
        """Written by Terraform, read by the pipeline, and in no file."""
        without = sorted({request.path for request in tmdb.requests if not request.authorized})
        if without or not tmdb.requests:
            raise LocalError(f"the sync asked for {without or 'nothing'} without the token that is in SSM")
        told = stack.tells_the_token()
        told += [path.name for path in self._folder.glob("*.log") if TOKEN.encode() in path.read_bytes()]
        if told:
            raise LocalError(f"the token stands in {', '.join(told)}")
        return "came from SSM at run time, and is in neither Terraform's state nor a log"

    def _objects(self) -> str:
        keys = self._keys()
        day = _today().isoformat()
        for wanted in ("lake.json", *(f"silver/shows/{one.name}/dt={day}/data.parquet" for one in LISTS)):
            if wanted not in keys:
                raise LocalError(f"s3://{self._lake} has no {wanted}; it has {sorted(keys)}")
        folders = sorted({key.split("/")[0] for key in keys})
        return f"{len(keys)} objects in s3://{self._lake} under {', '.join(folders)}"

    def _rows(self) -> str:
        day = _today().isoformat()
        sql = f"SELECT data_type, count(*) AS n FROM silver_shows WHERE dt = '{day}' GROUP BY data_type"
        rows = {
            row["data_type"]: row["n"] for row in json.loads(self._tally("query", sql, "--format", "json"))
        }
        if set(rows) != {one.name for one in LISTS}:
            raise LocalError(f"Athena knows of {rows}")
        return f"Athena counts {rows}"

    def _metrics(self) -> str:
        cloudwatch, now = self._client("cloudwatch"), clock.now()
        told = {}
        for namespace, name, statistic in (
            ("Tally/DataPipeline", "TotalShowsIngested", "Sum"),
            ("Tally/DataQuality", "DataQualityPassRate", "Minimum"),
        ):
            points = cloudwatch.get_metric_statistics(
                Namespace=namespace,
                MetricName=name,
                Dimensions=dimensions(self._settings["TALLY_ENVIRONMENT"]),
                StartTime=now - timedelta(hours=1),
                EndTime=now + timedelta(minutes=5),
                Period=3600,
                Statistics=[statistic],
            )["Datapoints"]
            if not points:
                raise LocalError(f"CloudWatch has no {name} in {namespace}")
            told[name] = (
                sum(point[statistic] for point in points) if statistic == "Sum" else points[0][statistic]
            )
        return ", ".join(f"{name} {value:g}" for name, value in told.items())

    def _alarm(self) -> str:
        """A batch with a bad tenth: nothing of it is published, and an alarm is mailed."""
        sqs, sns = self._client("sqs"), self._client("sns")
        queue = sqs.create_queue(QueueName="mailbox")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        topic = self._settings["TALLY_ALERTS_TOPIC_ARN"]
        subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)
        # An alarm that is on already sends nothing new.
        self._client("cloudwatch").set_alarm_state(
            AlarmName=PASS_RATE_ALARM, StateValue="OK", StateReason="a walk begins"
        )
        try:
            before = self._silver()
            with sandbox.Sandbox(faults=[sandbox.parse_fault(BAD_BATCH)]) as server:
                self._tally(
                    "sync", "--list", LISTS[0].name, ends=1, settings={"TMDB_BASE_URL": server.base_url}
                )
            if self._silver() != before:
                raise LocalError("a batch below the bar was published")
            message = _until("the alarm's message", lambda: _message(sqs, queue, PASS_RATE_ALARM), seconds=60)
        finally:
            sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
            sqs.delete_queue(QueueUrl=queue)
        return f"{message['AlarmName']} is {message['NewStateValue']}, and SNS says so"

    def _sensor(self) -> str:
        """The daemon refines an object that plain boto3 wrote, not Dagster, without being told."""
        day = _today() - timedelta(days=1)
        (key, body), *_ = sandbox.captures([day], lists=LISTS[:1], depths={LISTS[0].name: 2})
        port = free_port()
        log = self._folder / "up.log"
        command = [str(TALLY), "up", "--no-sync", "--port", str(port)]
        environ = self._environment(TMDB_BASE_URL="http://127.0.0.1:9/3", TALLY_SCHEDULE="0 0 1 1 *")
        process = spawn(command, environ, log, self._folder)
        try:
            self._client("s3").put_object(
                Bucket=self._lake, Key=str(key), Body=body, IfNoneMatch="*", ContentType="application/json"
            )
            wanted = f"silver/shows/{key.data_type}/dt={day}/data.parquet"
            _until(wanted, lambda: True if wanted in self._keys() else None, seconds=150)
        finally:
            stop_gently(process)
        return f"{wanted} came of {key}"

    def _prove(self) -> str:
        """The trials that are meant for AWS: here what is known to differ must differ, and all else hold."""
        nobodys = {"TMDB_BASE_URL": "http://127.0.0.1:9/3"}  # makes the lake one of invented data, as it is
        arguments = ("deploy", "prove", "--yes", "--json", "--mail-wait", "5")
        # Confirmed by itself, as no mailbox on AWS is.
        topic, sns = self._settings["TALLY_ALERTS_TOPIC_ARN"], self._client("sns")
        mailbox = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="data@example.org")
        try:
            found = json.loads(self._tally(*arguments, settings=nobodys))
        finally:
            sns.unsubscribe(SubscriptionArn=mailbox["SubscriptionArn"])
        by_state: dict[str, list[str]] = {}
        for one in found["trials"]:
            by_state.setdefault(one["state"], []).append(one["trial"])
        if by_state.get("known difference") != PROVEN_OTHERWISE or set(by_state["not tried"]) - UNTRIED:
            raise LocalError(f"`tally deploy prove` found another emulator than it knows: {by_state}")
        holds = len(by_state["holds"])
        return (
            f"{holds} trials hold, {len(PROVEN_OTHERWISE)} differ as they are known to on {found['emulator']}"
        )

    def _second_apply(self, stack: Stack) -> str:
        drift = stack.drift()
        ours = {
            address: attributes - EMULATORS_DRIFT.get(address.split(".")[0], set())
            for address, attributes in drift.items()
        }
        if any(ours.values()):
            raise LocalError(f"a second apply would change {ours}")
        forgotten = ", ".join(sorted(drift)) or "nothing"
        return f"changes nothing of ours; the emulator forgets parts of {forgotten}"

    # --- helpers of the steps --------------------------------------------------------------------------------

    @property
    def _lake(self) -> str:
        return self._settings["TALLY_LAKE_BUCKET"]

    def _client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self._running.aws)

    def _keys(self) -> set[str]:
        pages = self._client("s3").get_paginator("list_objects_v2").paginate(Bucket=self._lake)
        return {found["Key"] for page in pages for found in page.get("Contents", ())}

    def _silver(self) -> dict[str, str]:
        """ETag by key of everything published."""
        pages = (
            self._client("s3").get_paginator("list_objects_v2").paginate(Bucket=self._lake, Prefix="silver/")
        )
        return {found["Key"]: found["ETag"] for page in pages for found in page.get("Contents", ())}

    def _environment(self, **more: str) -> dict[str, str]:
        ours = {"TALLY_HOME": str(self._folder / "home"), "TALLY_DOTENV": str(self._folder / ".env")}
        return environment(self._running, **ours, **more)

    def _tally(
        self, *arguments: str, ends: int = 0, settings: Mapping[str, str] = MappingProxyType({})
    ) -> str:
        log = self._folder / "tally.log"
        return said([TALLY, *arguments], self._environment(**settings), self._folder, log, ends)

    @contextmanager
    def _tmdb(self) -> Iterator[sandbox.Sandbox]:
        """The stand-in for TMDB: its recorded replies if they exist, else invented shows."""
        replayed = sandbox.Recordings(self._recordings, SNAPSHOT) if self._recordings else None
        with sandbox.Sandbox(recordings=replayed) as server:
            yield server


def _message(sqs: Any, queue: str, alarm: str) -> dict[str, Any] | None:
    """The message that SNS delivered about an alarm; None before."""
    for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", ()):
        told: dict[str, Any] = json.loads(json.loads(message["Body"])["Message"])
        if told["AlarmName"] == alarm and told["NewStateValue"] == "ALARM":
            return told
    return None


def _until(what: str, ask: Callable[[], T | None], *, seconds: float) -> T:
    """Ask until there is an answer. Raises `LocalError` after `seconds` without one."""
    until = time.monotonic() + seconds
    while (answer := ask()) is None:
        if time.monotonic() > until:
            raise LocalError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.5)
    return answer


def _today() -> date:
    return clock.today()
