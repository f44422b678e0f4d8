"""Faults of S3 and of the queue that tells of new objects, by a server that fails as AWS does."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import dagster as dg
import pytest

from proof.cases import PAGES, SILVER, Case, Ran, demand, glimpse, ran, rows
from tally_pipeline.aws.errors import AwsError
from tally_pipeline.aws.session import Aws, RetryPolicy
from tally_pipeline.datasets import PLACES
from tally_pipeline.deployment import deploy, load_settings
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.sqs import SqsObjectEvents
from tally_pipeline.lake.store import Store
from tally_pipeline.orchestration.assets import common
from tally_pipeline.query.athena_engine import AthenaEngine
from tally_pipeline.query.tables import TABLES
from tally_pipeline.tmdb.sandbox import Sandbox
from testkit.aws import athena as athena_stand_in
from testkit.aws import athena_server, moto_server
from testkit.aws.faults import FAULTS, QUEUE_FAULTS
from testkit.aws.faulty_aws import ACCESS_KEY, Fault, FaultyAws, Request, serving
from testkit.aws.settings import settings_of
from testkit.pipeline import POPULAR, Pipeline, both, day
from testkit.stored_days import keys_of

SIDE = "S3"
TOKEN = "a-token-that-nobody-may-see"
FIRST_DAY = day(7)
PATIENCE = RetryPolicy(connect_seconds=2, read_seconds=1.5, attempts=2)


@dataclass
class World:
    """A lake in a bucket with today's popular shows published, seen through a server that can fail."""

    home: Path
    instance: dg.DagsterInstance
    direct: Aws
    faulty: FaultyAws
    url: str
    good: dict[str, bytes]
    truth: dict[int, dict[str, Any]]
    asked: list[Request] = field(default_factory=list)

    def fail(self, fault: Fault | None) -> None:
        """Set the fault from here on; None removes it. Requests until now are kept."""
        self.asked += self.faulty.requests
        self.faulty.fail(fault)

    @property
    def lake(self) -> Lake:
        """The lake, past the server that can fail."""
        return Lake(Store.on_s3(self.direct, self.direct.settings.lake_bucket), "sandbox")

    @contextmanager
    def pipeline(self) -> Iterator[Pipeline]:
        with Sandbox() as sandbox:
            yield _pipeline(self.home, self.instance, self.direct, sandbox.base_url)

    def sandbox_saw_token(self) -> bool:
        """True if a sync sends TMDB the token in SSM."""
        with Sandbox() as sandbox:
            pipeline = _pipeline(self.home, self.instance, self.direct, sandbox.base_url)
            ran(lambda: pipeline.run("capture", assets=[common.bronze_key(POPULAR)]))
        return bool(sandbox.requests) and all(request.authorized for request in sandbox.requests)

    def everything(self) -> Iterator[tuple[str, bytes]]:
        """The contents of AWS, and its requests: objects, messages, metrics, tables, and each request as received."""
        client = self.direct.client
        for bucket in (self.direct.settings.lake_bucket, self.direct.settings.results_bucket):
            store = Store.on_s3(self.direct, bucket)
            yield from ((info.key, store.get(info.key)) for info in store.list(""))
        for name in (self.direct.settings.events_queue_url, self.direct.settings.dead_letters_queue_url):
            yield "queue", repr(client("sqs").receive_message(QueueUrl=name, MaxNumberOfMessages=10)).encode()
        yield "metrics", repr(client("cloudwatch").list_metrics()).encode()
        tables = client("glue").get_tables(DatabaseName=self.direct.settings.database)
        yield "tables", repr(tables).encode()
        for request in [*self.asked, *self.faulty.requests]:
            yield f"request {request.path}", repr((request.path, request.headers)).encode() + request.body

    def sync(self, *assets: dg.AssetKey) -> Ran:
        with self.pipeline() as pipeline:
            return ran(lambda: pipeline.run(assets=assets or both(POPULAR)))

    def restore(self) -> None:
        """Heals the server and puts the lake back as it was."""
        self.fail(None)
        s3, bucket = self.direct.client("s3"), self.direct.settings.lake_bucket
        for key in set(self.contents()) - set(self.good):
            s3.delete_object(Bucket=bucket, Key=key)
        for key, body in self.good.items():
            s3.put_object(Bucket=bucket, Key=key, Body=body)

    def contents(self) -> dict[str, bytes]:
        store = self.lake.store
        return {info.key: store.get(info.key) for info in store.list("")}

    def nothing_lost(self) -> None:
        after = self.contents()
        lost = [key for key, body in self.good.items() if key.startswith("bronze") and after.get(key) != body]
        demand(not lost, f"bronze objects lost or changed: {lost}")
        demand(rows(self.lake) == self.truth, "silver holds something else")

    def heals(self) -> None:
        self.fail(None)
        again = self.sync()
        demand(again.published, f"the next sync did not publish: {glimpse(again.said)}")
        self.nothing_lost()


@contextmanager
def world(folder: Path, instance: dg.DagsterInstance) -> Iterator[World]:
    """moto's server with the buckets, queues and tables of `deploy/`, behind one that can fail."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    folder.mkdir(parents=True)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    try:
        with pytest.MonkeyPatch.context() as patch, athena_stand_in.serving(url) as athena_url:
            moto_server.point_at(url, patch, folder)
            direct = _set_up(Aws(moto_server.settings_at(url)))
            with serving(athena_url) as (faulty, faulty_url), Sandbox() as sandbox:
                # Athena's stand-in passes on to moto's server what is not Athena's.
                patch.setenv("AWS_ENDPOINT_URL", faulty_url)
                first = ran(
                    lambda: _pipeline(folder, instance, direct, sandbox.base_url).run(assets=both(POPULAR))
                )
                demand(first.published, f"the first sync did not publish: {first.said}")
                made = World(folder, instance, direct, faulty, faulty_url, {}, {})
                made.good, made.truth = made.contents(), rows(made.lake)
                yield made
    finally:
        server.stop()


def _set_up(aws: Aws) -> Aws:
    """Create Terraform's resources. The clients are made here, so that they bypass the faulty server."""
    moto_server.make_bucket(aws, aws.settings.lake_bucket)
    moto_server.make_bucket(aws, aws.settings.results_bucket)
    moto_server.make_queues(aws, hidden_seconds=0)
    moto_server.tell_queue_of_bronze(aws)
    aws.client("ssm").put_parameter(Name=aws.settings.token_parameter, Value=TOKEN, Type="SecureString")
    aws.client("glue").create_database(DatabaseInput={"Name": aws.settings.database})
    aws.client("athena").create_work_group(Name=aws.settings.workgroup)
    for spec in TABLES:
        athena_server.put_table(aws, athena_server.table_input(aws, spec, FIRST_DAY))
    return aws


def _pipeline(home: Path, instance: dg.DagsterInstance, aws: Aws, base_url: str) -> Pipeline:
    """The product on AWS, less patient: the machine's own chain of credentials and endpoints."""
    told = settings_of(aws, home, base_url) | {
        "TALLY_PAGES_POPULAR_SHOWS": str(PAGES),
        "TMDB_TIMEOUT_SECONDS": "30",
    }
    deployment = deploy(load_settings({**told, "TMDB_REQUESTS_PER_SECOND": "500"}, dotenv=None))
    quick = Aws(aws.settings, PATIENCE)
    lake = Lake(Store.on_s3(quick, aws.settings.lake_bucket), "sandbox")
    catalog = AthenaEngine(quick, TABLES, time_limit=20)
    return Pipeline(replace(deployment, lake=lake, query_engine=catalog), instance)


# --- the cases ---------------------------------------------------------------------------------------------


def _captures(request: Request) -> bool:
    return request.method == "PUT" and request.key.startswith("bronze/")


def _reads(request: Request) -> bool:
    return request.method == "GET" and request.key.startswith("bronze/")


def _publishes(request: Request) -> bool:
    return request.method == "PUT" and request.key.startswith("silver/")


def _lists(request: Request) -> bool:
    return "list-type" in request.path


MOMENTS: dict[str, Callable[[Request], bool]] = {
    "writing the capture": _captures,
    "reading it back": _reads,
    "publishing silver": _publishes,
    "listing": _lists,
}


def cases(at: World, *, long: bool) -> list[Case]:
    red = "red, says what to do, no key in it; the last good file stays; the next sync is whole"
    unharmed = "not even noticed"
    found = []
    for number, (name, (fault, says)) in enumerate(FAULTS.items()):
        moments = list(MOMENTS) if long else [list(MOMENTS)[number % len(MOMENTS)]]
        for moment in moments:
            found.append(Case(SIDE, f"{name}, {moment}", red, _Failing(at, fault, says, MOMENTS[moment])))
    passing = Fault(503, "SlowDown", "Please reduce your request rate.", times=2)
    conflict = Fault(409, "ConditionalRequestConflict", "A conflicting operation occurred.", times=2)
    found += [
        Case(SIDE, "throttled twice, then not", unharmed, lambda: _passing(at, passing)),
        Case(SIDE, "a conflicting write under way, twice", unharmed,
             lambda: _passing(at, replace(conflict, concerns=_captures))),
        Case(SIDE, "slow: every reply takes 0.2 s", unharmed, lambda: _slow(at)),
        Case(SIDE, "nobody listens at the endpoint", red, lambda: _nobody(at)),
        Case(SIDE, "an object vanishes between list and get",
             "red, says that it is gone; the last good file stays", lambda: _vanishes(at)),
    ]  # fmt: skip
    for name, (fault, says) in QUEUE_FAULTS.items():
        must = "the tick fails and says what to do; no message is lost; the next tick finds the object"
        found.append(Case("SQS", name, must, _QueueFailing(at, fault, says)))
    return found


class _Failing:
    def __init__(self, at: World, fault: Fault, says: str, moment: Callable[[Request], bool]) -> None:
        self.at, self.says, self.fault = at, says, replace(fault, concerns=moment)

    def __call__(self) -> str:
        self.at.restore()
        self.at.fail(self.fault)
        found = self.at.sync()
        return _red(self.at, found, self.says)


def _red(at: World, found: Ran, says: str) -> str:
    demand(not found.published, "published all the same")
    demand(re.search(says, found.said, re.DOTALL), f"says: {glimpse(found.said, 300)}")
    shown = "".join(str(entry) for entry in at.instance.all_logs(found.result.run_id))
    demand(ACCESS_KEY not in found.said + shown, "shows the access key")
    demand("Traceback" not in found.said, f"shows a traceback: {glimpse(found.said)}")
    at.fail(None)
    at.nothing_lost()
    demand(at.contents()[SILVER] == at.good[SILVER], "silver is not the last good file any more")
    at.heals()
    return f"red after {found.seconds:.1f} s: {glimpse(found.said.partition(': ')[2])}"


def _passing(at: World, fault: Fault) -> str:
    at.restore()
    at.fail(fault)
    found = at.sync()
    asked = len(at.faulty.requests)
    demand(found.published, f"did not publish: {glimpse(found.said)}")
    at.fail(None)
    at.nothing_lost()
    return f"published, {asked} requests in all"


def _slow(at: World) -> str:
    at.restore()

    def wait(request: Request) -> bool:
        time.sleep(0.2)
        return False

    return _passing(at, Fault(concerns=wait))


def _nobody(at: World) -> str:
    at.restore()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        found = at.sync()
    return _red(at, found, "cannot be reached, or does not answer.*AWS_ENDPOINT_URL")


def _vanishes(at: World) -> str:
    at.restore()
    s3, bucket = at.direct.client("s3"), at.direct.settings.lake_bucket

    def remove(request: Request) -> bool:
        if _reads(request):
            s3.delete_object(Bucket=bucket, Key=unquote(request.key))
        return False

    at.fail(Fault(concerns=remove))
    with at.pipeline() as pipeline:
        found = ran(pipeline.refine)
    demand(not found.published, "published all the same")
    demand("there is no object" in found.said, f"says: {glimpse(found.said, 300)}")
    demand(at.contents()[SILVER] == at.good[SILVER], "silver is not the last good file any more")
    at.restore()
    at.heals()
    return f"red, last good file kept: {glimpse(found.said)}"


class _QueueFailing:
    def __init__(self, at: World, fault: Fault, says: str) -> None:
        self.at, self.says = at, says
        self.fault = replace(fault, concerns=lambda request: "x-amz-target" in request.headers)

    def __call__(self) -> str:
        at = self.at
        at.restore()
        arrivals = SqsObjectEvents(
            Aws(at.direct.settings, PATIENCE),
            Store.on_s3(Aws(at.direct.settings, PATIENCE), at.direct.settings.lake_bucket),
            PLACES,
            wait_seconds=0,
        )
        cursor = None
        for _ in range(3):  # what earlier cases left
            _, cursor = arrivals.poll(cursor)
        key = BronzeKey(POPULAR.name, day(), "from-outside")
        body = next(body for name, body in at.good.items() if name.startswith("bronze/"))
        at.direct.client("s3").put_object(Bucket=at.direct.settings.lake_bucket, Key=str(key), Body=body)
        at.fail(self.fault)
        began = time.monotonic()
        try:
            arrivals.poll(cursor)
        except AwsError as error:
            said = str(error)
        else:
            raise AssertionError("the tick did not fail")
        seconds = time.monotonic() - began
        demand(re.search(self.says, said, re.DOTALL), f"says: {glimpse(said, 300)}")
        at.fail(None)
        found, _ = arrivals.poll(cursor)
        demand([one for one in found if key in keys_of(one)], f"the next tick found {found}")
        at.restore()
        return f"failed after {seconds:.1f} s: {glimpse(said.partition(': ')[2])}; found at the next tick"
