"""What S3 tells the queue is acted on once; what it tells twice, wrongly or not at all does no harm."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tally_pipeline import clock
from tally_pipeline.aws.errors import AwsError
from tally_pipeline.aws.session import Aws, RetryPolicy
from tally_pipeline.datasets import GENRES, PLACES, SERIES
from tally_pipeline.datasets.daily_export import receipt_key
from tally_pipeline.lake import layout
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.object_events import ObjectEvent
from tally_pipeline.lake.sqs import SqsObjectEvents
from tally_pipeline.lake.store import LakeError, Store
from testkit.aws.faulty_aws import Fault, Request, serving
from testkit.aws.moto_server import RECEIVES, messages_in
from testkit.stored_days import keys_of

NOON = datetime(2025, 12, 24, 12, tzinfo=UTC)
DAY, OLD_DAY = "2025-12-24", "2025-01-01"


@dataclass
class Watched:
    """A bucket whose queue is looked at again and again, as the sensor does."""

    aws: Aws
    now: datetime = NOON
    cursor: str | None = None
    seen: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = Store.on_s3(
            self.aws,
            self.aws.settings.lake_bucket,
            lambda operation, size: self.seen.append((operation, size)),
        )
        self._events = SqsObjectEvents(self.aws, self.store, PLACES, lambda: self.now, wait_seconds=0)

    def look(self) -> list[ObjectEvent]:
        found, self.cursor = self._events.poll(self.cursor)
        return found

    def new(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """What the next look finds: list, day, executions."""
        return [
            (one.data_type, one.dt, tuple(key.execution_id for key in keys_of(one))) for one in self.look()
        ]

    def put(self, key: object, body: bytes = b"{}") -> None:
        """By plain boto3, as anybody would."""
        self.aws.client("s3").put_object(Bucket=self.aws.settings.lake_bucket, Key=str(key), Body=body)

    def send(self, body: object) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        self.aws.client("sqs").send_message(QueueUrl=self.aws.settings.events_queue_url, MessageBody=text)

    def let_messages_come_again(self) -> None:
        """As SQS does when a message was received and not deleted in its time."""
        receipts: list[str] = json.loads(self.cursor or "{}").get("receipts", [])
        for receipt in receipts:
            self.aws.client("sqs").change_message_visibility(
                QueueUrl=self.aws.settings.events_queue_url, ReceiptHandle=receipt, VisibilityTimeout=0
            )

    @property
    def waiting(self) -> int:
        return messages_in(self.aws, self.aws.settings.events_queue_url)


def popular(execution_id: str, dt: str = DAY) -> BronzeKey:
    return BronzeKey("popular_shows", dt, execution_id)


def record(key: str, bucket: str = "tally-datalake-test") -> dict[str, Any]:
    return {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": bucket}, "object": {"key": key}}}


@pytest.fixture
def watched(aws: Aws) -> Watched:
    """Its bucket's first look is over: nothing was there."""
    watched = Watched(aws)
    assert watched.look() == []
    return watched


def test_an_object_put_by_plain_boto3_arrives_once(watched: Watched) -> None:
    watched.put(popular("a", OLD_DAY))

    assert watched.new() == [("popular_shows", OLD_DAY, ("a",))]
    assert watched.look() == []


def test_a_message_is_deleted_at_the_look_after_the_one_that_brought_it(watched: Watched) -> None:
    watched.look()
    watched.put(popular("a"))
    watched.look()
    assert watched.waiting == 1

    watched.look()

    assert watched.waiting == 0


def test_a_look_whose_cursor_was_not_kept_loses_nothing(watched: Watched) -> None:
    watched.look()
    before = watched.cursor
    watched.put(popular("a"))
    [first] = watched.look()
    watched.let_messages_come_again()
    watched.cursor = before

    [again] = watched.look()

    assert again == first
    watched.look()
    assert watched.waiting == 0


def test_what_was_received_is_received_no_more_while_the_work_on_it_fails(watched: Watched) -> None:
    """Whatever fails after a look leaves the cursor as it was: the sensor's, as Dagster keeps it."""
    watched.put(popular("a"))
    before = watched.cursor
    looks = []
    for _ in range(RECEIVES + 2):
        looks.append(watched.look())
        watched.let_messages_come_again()
        watched.cursor = before

    assert all(look == looks[0] != [] for look in looks)
    assert watched.look() == looks[0]
    watched.put(popular("b"))
    assert watched.new() == [("popular_shows", DAY, ("a", "b"))]
    watched.look()
    assert watched.waiting == messages_in(watched.aws, watched.aws.settings.dead_letters_queue_url or "") == 0


def test_a_second_capture_of_a_day_brings_all_of_the_day_under_a_new_digest(watched: Watched) -> None:
    watched.put(popular("z"))
    [first] = watched.look()
    watched.put(popular("a"))

    [second] = watched.look()

    assert {key.execution_id for key in keys_of(second)} == {"z", "a"}
    assert first.digest != second.digest


def test_the_same_object_with_other_bytes_is_another_version(watched: Watched) -> None:
    watched.put(popular("a"), b"1")
    [first] = watched.look()
    watched.put(popular("a"), b"2")

    [second] = watched.look()

    assert first.digest != second.digest


def test_messages_that_come_twice_late_or_in_disorder_bring_a_day_once(watched: Watched) -> None:
    for key in (popular("a"), popular("b"), BronzeKey("on_the_air", OLD_DAY, "c")):
        watched.put(key)
    for key in (popular("b"), popular("a"), popular("a")):
        watched.send({"Records": [record(str(key))]})

    found = watched.new()

    assert [(data_type, dt) for data_type, dt, _ in found] == [
        ("on_the_air", OLD_DAY),
        ("popular_shows", DAY),
    ]
    watched.send({"Records": [record(str(popular("a")))]})
    assert watched.look() == []


@pytest.mark.parametrize("encode", ["=", "%3D", "%3d"])
@pytest.mark.parametrize("slash", ["/", "%2F"])
def test_a_key_is_understood_however_it_is_encoded(aws: Aws, encode: str, slash: str) -> None:
    watched = Watched(aws)
    watched.look()
    aws.client("s3").put_bucket_notification_configuration(
        Bucket=aws.settings.lake_bucket, NotificationConfiguration={}
    )
    watched.put(popular("a", OLD_DAY))
    watched.send({"Records": [record(str(popular("a", OLD_DAY)).replace("/", slash).replace("=", encode))]})

    assert watched.new() == [("popular_shows", OLD_DAY, ("a",))]


def test_one_message_may_tell_of_several_objects(watched: Watched) -> None:
    keys = [
        popular("a", OLD_DAY),
        GENRES.place.key(OLD_DAY, "b"),
        SERIES.place.key(OLD_DAY, "c"),
    ]
    for key in keys:
        watched.put(key)
    watched.cursor = None
    watched.send({"Records": [record(str(key)) for key in keys]})

    assert [name for name, _, _ in watched.new()] == ["genres", "popular_shows", "series_export"]


def test_an_object_that_is_gone_again_is_no_arrival(watched: Watched) -> None:
    watched.put(popular("a", OLD_DAY))
    watched.aws.client("s3").delete_object(
        Bucket=watched.aws.settings.lake_bucket, Key=str(popular("a", OLD_DAY))
    )

    assert watched.look() == []


def test_s3s_own_test_event_is_deleted_unremarked(aws: Aws, caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched(aws)
    assert watched.waiting == 1

    assert watched.look() == watched.look() == []

    assert watched.waiting == 0
    assert caplog.records == []


def test_a_key_that_is_no_capture_is_named_in_the_log_and_done_with(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watched.put("bronze/tmdb/shows/popular_shows/notes.txt")

    assert watched.look() == watched.look() == []

    assert watched.waiting == 0
    assert "s3://tally-datalake-test/bronze/tmdb/shows/popular_shows/notes.txt is no capture" in caplog.text


def test_a_batch_of_viewers_events_is_nothing_to_remark_and_no_capture(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watched.put("bronze/events/dt=2026-03-01/hour=12/collector-0123456789abcdef-0.jsonl.gz")

    assert watched.look() == watched.look() == []

    assert watched.waiting == 0
    assert caplog.records == []


def test_an_object_of_a_proof_is_nothing_to_remark_and_no_capture(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watched.put(layout.proof_key("bronze", "20261127T031001-abcdef", "created.json"))

    assert watched.look() == watched.look() == []

    assert watched.waiting == 0
    assert caplog.records == []


def test_the_receipt_beside_an_export_is_nothing_to_remark(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watched.put(receipt_key(SERIES.place.key(DAY, "a")))

    assert watched.look() == []
    assert caplog.records == []


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "{}",
        "[]",
        '{"Records": [{}]}',
        '{"Records": 7}',
        '{"Event": "s3:Other"}',
        {"Records": [record("bronze/x", bucket="another-bucket")]},
    ],
)
def test_a_message_that_is_no_event_of_the_bucket_becomes_a_dead_letter(
    aws: Aws, caplog: pytest.LogCaptureFixture, body: object
) -> None:
    caplog.set_level(logging.WARNING)
    watched = Watched(aws)
    watched.look()
    aws.client("sqs").set_queue_attributes(
        QueueUrl=aws.settings.events_queue_url, Attributes={"VisibilityTimeout": "0"}
    )
    watched.send(body)

    # With no time hidden, one look receives it as often as it may be received.
    assert watched.look() == []
    assert watched.look() == []

    assert "is no event of bucket tally-datalake-test. It becomes a dead letter" in caplog.text
    assert messages_in(aws, aws.settings.dead_letters_queue_url or "") == 1
    assert watched.waiting == 0


@pytest.mark.slow
def test_a_look_takes_about_a_hundred_messages_and_leaves_the_rest_for_the_next(watched: Watched) -> None:
    watched.put(popular("a", OLD_DAY))
    for _ in range(130):
        watched.send({"Records": [record(str(popular("a", OLD_DAY)))]})

    assert len(watched.look()) == 1
    watched.look()
    assert watched.waiting == 31

    watched.look()
    assert watched.waiting == 0


def test_a_sweep_finds_what_was_written_in_the_last_three_days_of_whatever_day_it_is(aws: Aws) -> None:
    """As a backfill of exports does, which writes days of three months."""
    aws.client("s3").put_bucket_notification_configuration(
        Bucket=aws.settings.lake_bucket, NotificationConfiguration={}
    )
    lately, later = (Watched(aws, now=clock.now() + timedelta(days=days)) for days in (2, 4))
    for dt in (OLD_DAY, DAY):
        lately.put(popular("a", dt))
    lately.put(SERIES.place.key(OLD_DAY, "b"))
    lately.put(receipt_key(SERIES.place.key(OLD_DAY, "b")))

    assert lately.new() == [
        ("popular_shows", OLD_DAY, ("a",)),
        ("popular_shows", DAY, ("a",)),
        ("series_export", OLD_DAY, ("b",)),
    ]
    assert later.new() == []


def test_what_an_event_was_lost_for_is_found_by_the_next_days_sweep(watched: Watched) -> None:
    watched.aws.client("s3").put_bucket_notification_configuration(
        Bucket=watched.aws.settings.lake_bucket, NotificationConfiguration={}
    )
    watched.put(popular("lost"))
    watched.put(GENRES.place.key(DAY, "lost"))
    assert watched.look() == []
    watched.now = NOON.replace(day=25, hour=4)
    assert watched.look() == []

    watched.now = NOON.replace(day=25, hour=5)

    assert watched.new() == [("genres", DAY, ("lost",)), ("popular_shows", DAY, ("lost",))]
    assert watched.look() == []


def test_a_sweep_does_not_report_what_messages_did(watched: Watched) -> None:
    watched.put(popular("a"))
    assert len(watched.look()) == 1

    watched.now = NOON + timedelta(days=1)

    assert watched.look() == []


def test_a_look_with_no_news_asks_the_bucket_nothing_and_a_sweep_lists_each_dataset_once(aws: Aws) -> None:
    watched = Watched(aws)
    watched.look()
    assert watched.seen == [("GetObject", 0), *[("ListObjectsV2", 0)] * len(list(PLACES))]
    watched.seen.clear()

    watched.look()

    assert watched.seen == []


@pytest.mark.parametrize("cursor", ["", "junk", "\ud800", '{"receipts": 7}', '{"looked_ns": 1}'])
def test_another_versions_cursor_is_a_first_look(watched: Watched, cursor: str) -> None:
    watched.put(popular("a"))
    watched.cursor = cursor

    assert watched.new() == [("popular_shows", DAY, ("a",))]


def test_a_receipt_too_old_to_delete_with_does_no_harm(watched: Watched) -> None:
    watched.put(popular("a"))
    watched.look()
    kept = json.loads(watched.cursor or "")
    watched.cursor = json.dumps({**kept, "receipts": ["too-old", *kept["receipts"]]})

    assert watched.look() == []
    assert watched.waiting == 0


def test_the_cursor_forgets_what_the_next_sweep_does_not_find(watched: Watched) -> None:
    watched.put(popular("a", OLD_DAY))
    watched.look()
    assert list(json.loads(watched.cursor or "")["seen"]) == [f"popular_shows/{OLD_DAY}"]
    watched.now = datetime.combine(clock.today() + timedelta(days=4), NOON.time(), UTC)
    watched.look()

    assert json.loads(watched.cursor or "")["seen"] == {}


def test_the_look_after_one_at_which_the_queue_failed_finds_what_came(
    aws: Aws, moto_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(moto_url) as (faulty, url):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        watched = Watched(Aws(aws.settings, RetryPolicy(connect_seconds=1, read_seconds=5, attempts=1)))
        assert watched.look() == []
        watched.put(popular("a"))
        faulty.fail(
            Fault(403, "AccessDenied", "no", concerns=lambda request: b"ReceiveMessage" in _said_of(request))
        )
        with pytest.raises(AwsError):
            watched.look()
        faulty.fail(None)

        assert watched.new() == [("popular_shows", DAY, ("a",))]


@pytest.mark.slow
def test_while_the_bucket_does_not_answer_no_message_is_received(
    aws: Aws, moto_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour of outage, at a look every 15 s: each message is received once, and no dead letter comes of it."""
    with serving(moto_url) as (faulty, url):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        watched = Watched(Aws(aws.settings, RetryPolicy(connect_seconds=0.2, read_seconds=0.2, attempts=1)))
        assert watched.look() == []
        watched.put(popular("a"))
        # What is received is there again after a second, in place of minutes.
        aws.client("sqs").set_queue_attributes(
            QueueUrl=aws.settings.events_queue_url, Attributes={"VisibilityTimeout": "1"}
        )
        # Whatever is asked of S3; SQS is asked by POST.
        faulty.fail(Fault(403, "AccessDenied", "no", concerns=lambda request: request.method == "GET"))
        for _ in range(RECEIVES + 2):
            with pytest.raises(LakeError):
                watched.look()
            time.sleep(1.1)
        # One that brought it, and one that found no more.
        assert sum(b"ReceiveMessage" in _said_of(request) for request in faulty.requests) == 2
        faulty.fail(None)
        assert watched.new() == [("popular_shows", DAY, ("a",))]
        watched.look()
    assert watched.waiting == messages_in(aws, aws.settings.dead_letters_queue_url or "") == 0


def _said_of(request: Request) -> bytes:
    return request.headers.get("x-amz-target", "").encode() + request.body
