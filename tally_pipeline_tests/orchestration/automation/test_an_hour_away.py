"""The sensor in an hour without S3, and in one without SQS: no dead letter comes of it, and all is refined after.

An hour is 120 looks, one every 30 s, and SQS hides for 300 s what was received: ten looks. Here both are a hundredth
of that, so that what comes again comes again after as many looks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from tally_pipeline import clock, gold
from tally_pipeline.aws.errors import AwsError
from tally_pipeline.aws.session import Aws, RetryPolicy
from tally_pipeline.datasets import PLACES
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import deploy, load_settings
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.sqs import SqsObjectEvents
from tally_pipeline.lake.store import LakeError, Store
from tally_pipeline.query.cached_duckdb import CachedDuckDbEngine
from tally_pipeline.query.tables import TABLES
from tally_pipeline.tmdb import sandbox
from tally_pipeline.tmdb.lists import list_named
from tally_pipeline_tests.orchestration.automation.folder_pipeline import Pipeline
from testkit.aws.faulty_aws import Fault, FaultyAws, Request, serving
from testkit.aws.moto_server import RECEIVES, messages_in, tell_queue_of_bronze

pytestmark = pytest.mark.slow

LOOKS = 120
LOOK_SECONDS = 0.3
HIDDEN_SECONDS = 3
"""SQS knows whole seconds only."""

TODAY = clock.today()
QUICK = RetryPolicy(connect_seconds=1, read_seconds=5, attempts=1)


@dataclass
class Clock:
    """The time of the events: it decides when a sweep is due."""

    now: datetime


@dataclass
class Away:
    """A pipeline whose S3 and SQS can fail; captures are put by others, who reach S3."""

    pipeline: Pipeline
    faulty: FaultyAws
    others: Aws
    clock: Clock

    def look(self) -> list[dg.RunRequest]:
        return self.pipeline.tick()

    def fails_for_an_hour(
        self, faults: Sequence[Fault], arrivals: dict[int, date], look_seconds: float = LOOK_SECONDS
    ) -> list[str]:
        """Every look of an hour fails, as the daemon has it: the cursor stays. Captures arrive at these looks.

        Each of the faults lasts for its part of the hour. Returns the errors, one a look.
        """
        errors = list[str]()
        begin = time.monotonic()
        for number in range(LOOKS):
            self.faulty.fault = faults[number * len(faults) // LOOKS]
            if number in arrivals:
                self.put(arrivals[number])
            with pytest.raises((LakeError, AwsError)) as raised:
                self.look()
            errors.append(str(raised.value))
            time.sleep(max(0.0, begin + (number + 1) * look_seconds - time.monotonic()))
        return errors

    def put(self, day: date) -> None:
        """A capture of popular shows, put there by others, whom S3 answers."""
        chosen = list_named("popular_shows")
        [(key, body)] = sandbox.captures([day], lists=[chosen], depths={chosen.name: 1})
        self.others.client("s3").put_object(
            Bucket=self.others.settings.lake_bucket, Key=str(key), Body=body, IfNoneMatch="*"
        )

    def refine_all(self, days: set[date]) -> None:
        """The sensor looks, and its runs are carried out, until it asks for none and these days are there."""
        for _ in range(LOOKS):
            requests = self.look()
            for request in requests:
                assert self.pipeline.carry_out(request).success
            if not requests and days <= self.refined:
                break
            time.sleep(LOOK_SECONDS)
        assert self.refined == days
        lake = self.pipeline.deployment.lake
        made = [layout.gold_key(table.name, day.isoformat()) for table in gold.OF_SHOWS for day in days]
        assert all(lake.store.exists(key) for key in made)

    @property
    def refined(self) -> set[date]:
        """The days with silver."""
        return {date.fromisoformat(day) for day in self.pipeline.deployment.lake.silver_days("popular_shows")}

    @property
    def waiting(self) -> int:
        return messages_in(self.others, self.others.settings.events_queue_url)

    @property
    def dead_letters(self) -> int:
        return messages_in(self.others, self.others.settings.dead_letters_queue_url or "")


@pytest.fixture
def away(aws: Aws, moto_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Away]:
    """Its first look is over: nothing was there but S3's own test event."""
    aws.client("sqs").set_queue_attributes(
        QueueUrl=aws.settings.events_queue_url, Attributes={"VisibilityTimeout": str(HIDDEN_SECONDS)}
    )
    of_events = Clock(clock.now().replace(hour=12))
    others = Aws(aws.settings)
    for service in ("s3", "sqs"):
        others.client(service)  # clients keep the address that they were made with
    local = deploy(load_settings({"TALLY_HOME": str(tmp_path), "TALLY_FIRST_DAY": "2020-01-01"}, dotenv=None))
    with serving(moto_url) as (faulty, url), dg.DagsterInstance.ephemeral() as instance:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        # No second attempt: a look must have failed within 0.3 s, as a real one has within 30.
        store = Store.on_s3(Aws(aws.settings, replace(QUICK, attempts=0)), aws.settings.lake_bucket)
        lake = Lake(store, "sandbox")
        engine = CachedDuckDbEngine(store, tmp_path / "mirror", TABLES)
        events = SqsObjectEvents(
            Aws(aws.settings, QUICK), store, PLACES, lambda: of_events.now, wait_seconds=0
        )
        deployment = replace(
            local, lake=lake, object_events=events, query_engine=engine, analytics_engine=engine
        )
        pipeline = Pipeline(deployment, build_definitions(deployment), instance)
        away = Away(pipeline, faulty, others, of_events)
        assert away.look() == []
        yield away


def of_s3(request: Request) -> bool:
    """S3 is asked by GET and PUT; SQS by POST."""
    return request.method != "POST"


def of_sqs(request: Request) -> bool:
    return not of_s3(request)


def receives(faulty: FaultyAws) -> int:
    return sum("ReceiveMessage" in request.headers.get("x-amz-target", "") for request in faulty.requests)


def test_an_hour_without_s3_makes_no_dead_letter_and_all_is_refined_after(away: Away) -> None:
    # Otherwise this would not show that a message may come again more often than it takes to be a dead letter.
    assert LOOKS * LOOK_SECONDS > 2 * RECEIVES * HIDDEN_SECONDS
    before = TODAY - timedelta(days=2)
    away.put(before)
    faults = [
        Fault(503, "SlowDown", "Please reduce your request rate.", concerns=of_s3),
        Fault(is_done=True, concerns=of_s3),  # the connection ends without an answer
    ]
    away.faulty.fail(None)

    errors = away.fails_for_an_hour(faults, {0: TODAY - timedelta(days=1), LOOKS // 2: TODAY})

    assert all("s3://tally-datalake-test" in error for error in errors)
    # By the look that found S3 away, and by none after it.
    assert receives(away.faulty) <= 2
    away.faulty.fail(None)
    assert away.refined == set()
    away.refine_all({before, TODAY - timedelta(days=1), TODAY})
    away.look()
    assert away.dead_letters == 0
    assert away.waiting == 0


def of_listings(request: Request) -> bool:
    return of_s3(request) and "list-type" in request.path


def of_silver(request: Request) -> bool:
    return of_s3(request) and request.key.startswith("silver/")


def of_bronze(request: Request) -> bool:
    return of_s3(request) and request.key.startswith("bronze/")


class EveryOther:
    """Every second request of S3's."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, request: Request) -> bool:
        self._count += of_s3(request)
        return of_s3(request) and self._count % 2 == 0


PARTS: dict[str, Callable[[Request], bool]] = {
    "listings": of_listings,
    "silver": of_silver,
    "bronze": of_bronze,
    "every other request": EveryOther(),
}


@pytest.mark.parametrize("part", PARTS)
def test_an_hour_in_which_part_of_s3_fails_makes_no_dead_letter_and_all_is_refined_after(
    away: Away, part: str
) -> None:
    """What fails may be needed after the messages were received: for what the sensor does of them."""
    away.others.client("sqs").set_queue_attributes(
        QueueUrl=away.others.settings.events_queue_url, Attributes={"VisibilityTimeout": "1"}
    )
    looks = 40
    assert looks * LOOK_SECONDS > 2 * RECEIVES * 1
    arrivals = {0: TODAY - timedelta(days=2), 10: TODAY - timedelta(days=1), 20: TODAY}
    away.faulty.fail(Fault(503, "SlowDown", "Please reduce your request rate.", concerns=PARTS[part]))
    begin, failed = time.monotonic(), 0
    asked = list[dg.RunRequest]()
    for number in range(looks):
        if number in arrivals:
            away.put(arrivals[number])
        try:
            asked += away.look()
        except LakeError:
            failed += 1
        time.sleep(max(0.0, begin + (number + 1) * LOOK_SECONDS - time.monotonic()))

    assert away.dead_letters == 0
    assert failed > looks / 2
    away.faulty.fail(None)
    for request in asked:
        assert away.pipeline.carry_out(request).success
    away.refine_all(set(arrivals.values()))
    away.look()
    assert away.dead_letters == 0
    assert away.waiting == 0


def test_an_hour_without_sqs_loses_nothing_and_what_s3_could_not_tell_the_sweep_finds(away: Away) -> None:
    away.put(TODAY - timedelta(days=2))
    # S3 cannot tell a queue that is away either.
    away.others.client("s3").put_bucket_notification_configuration(
        Bucket=away.others.settings.lake_bucket, NotificationConfiguration={}
    )

    # Nothing comes again meanwhile: nothing is received.
    arrivals = {1: TODAY - timedelta(days=1), LOOKS - 1: TODAY}
    fault = Fault(503, "ServiceUnavailable", "The request has failed.", concerns=of_sqs)
    errors = away.fails_for_an_hour([fault], arrivals, look_seconds=0)

    assert all(away.others.settings.events_queue_url.rsplit("/", 1)[-1] in error for error in errors)
    away.faulty.fail(None)
    tell_queue_of_bronze(away.others)
    away.refine_all({TODAY - timedelta(days=2)})

    away.clock.now += timedelta(days=1)

    away.refine_all({TODAY - timedelta(days=back) for back in range(3)})
    away.look()
    assert away.dead_letters == 0
    assert away.waiting == 0
