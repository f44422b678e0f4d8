"""ObjectEvents on AWS: S3 tells a queue of every new object, and a daily sweep finds what it failed to tell."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from tally_pipeline import clock
from tally_pipeline.aws.errors import explained
from tally_pipeline.aws.session import Aws
from tally_pipeline.lake.layout import Places
from tally_pipeline.lake.object_events import ObjectEvent
from tally_pipeline.lake.store import Store

RECEIVED_AT_ONCE = 10
"""Messages that one request brings or deletes at most; SQS's own limit."""

REQUESTS_A_LOOK = 10
"""So a look takes about 100 messages at most: a tick has 60 s, and what is left is there at the next."""

WAIT_SECONDS = 1
"""How long SQS waits for a message: not waiting at all asks only some of its servers and misses messages."""

SWEPT_DAYS = 3
"""Days, today included, whose captures a sweep lists."""

SWEEP_HOUR = 5
"""The hour (UTC) from which the day's sweep is due: the day's captures are there by then."""

_log = logging.getLogger(__name__)


class _Cursor(msgspec.Struct, frozen=True):
    """What is done with as soon as this cursor is kept: receipts of messages to delete, the day of the last
    sweep, and the digests of the days reported (of those that a sweep would find again)."""

    receipts: tuple[str, ...] = ()
    swept: str = ""
    seen: dict[str, str] = {}


@dataclass
class _Received:
    """What messages told: the datasets and days that they hint at, and the messages done with."""

    days: set[tuple[str, str]] = field(default_factory=set)
    receipts: list[str] = field(default_factory=list)


class SqsObjectEvents:
    """ObjectEvents from an SQS queue that S3 tells of new objects.

    A message is only a hint that a list and day changed: the truth is what the bucket lists now. So repeats,
    disorder and messages that come too late do no harm. A message is deleted at the look after the one that
    brought it, when that one's cursor has been kept: a tick that dies loses nothing.

    A message that is no event of this bucket is not deleted: SQS makes it a dead letter, which rings an alarm.
    """

    def __init__(
        self,
        aws: Aws,
        store: Store,
        places: Places,
        now: Callable[[], datetime] = clock.now,
        wait_seconds: int = WAIT_SECONDS,
    ) -> None:
        self._aws = aws
        self._store = store
        self._places = places
        self._now = now
        self._wait_seconds = wait_seconds
        self._url = aws.settings.events_queue_url

    def poll(self, cursor: str | None) -> tuple[list[ObjectEvent], str]:
        """The datasets and days with captures that are new since `cursor`, and the next cursor.

        Raises `AwsError` for the queue, `LakeError` for the bucket: then nothing is lost, for nothing was deleted
        that this look brought.
        """
        last, now = _read_cursor(cursor), self._now()
        self._delete(last.receipts)
        received = self._receive()
        swept, hinted = last.swept, set(received.days)
        if _is_sweep_due(last.swept, now):
            swept = now.date().isoformat()
            hinted |= set(self._swept(now))
        events: list[ObjectEvent] = []
        seen: dict[str, str] = {}
        for data_type, dt in sorted(hinted):
            arrival = self._arrival(data_type, dt)
            if arrival is None:
                continue
            name = f"{data_type}/{dt}"
            seen[name] = arrival.digest
            if last.seen.get(name) != arrival.digest:
                events.append(arrival)
        oldest = (now.date() - timedelta(days=SWEPT_DAYS)).isoformat()
        kept = {name: digest for name, digest in last.seen.items() if name.rpartition("/")[2] >= oldest}
        next_cursor = _Cursor(tuple(received.receipts), swept, kept | seen)
        return events, msgspec.json.encode(next_cursor).decode()

    def _receive(self) -> _Received:
        received = _Received()
        for _ in range(REQUESTS_A_LOOK):
            with explained("receive messages from", self._url):
                reply = self._aws.client("sqs").receive_message(
                    QueueUrl=self._url,
                    MaxNumberOfMessages=RECEIVED_AT_ONCE,
                    WaitTimeSeconds=self._wait_seconds,
                )
            messages = reply.get("Messages", [])
            for message in messages:
                self._take(message, received)
            if not messages:
                break
        return received

    def _take(self, message: dict[str, Any], received: _Received) -> None:
        event = _event(message["Body"])
        is_ours = event is not None
        for record in event or ():
            if record.bucket != self._aws.settings.lake_bucket:
                is_ours = False
                continue
            capture = self._places.parse(record.key)
            if capture is not None:
                received.days.add((capture.data_type, capture.dt))
            elif not self._places.is_beside(record.key):
                _log.warning("%s is no capture; it is left alone.", self._store.uri(record.key))
        if is_ours:
            received.receipts.append(message["ReceiptHandle"])
        else:
            _log.warning(
                "Message %s in %s is no event of bucket %s. It becomes a dead letter; see who sent it.",
                message["MessageId"],
                self._url,
                self._aws.settings.lake_bucket,
            )

    def _delete(self, receipts: Sequence[str]) -> None:
        for start in range(0, len(receipts), RECEIVED_AT_ONCE):
            batch = receipts[start : start + RECEIVED_AT_ONCE]
            entries = [{"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(batch)]
            with explained("delete messages from", self._url):
                reply = self._aws.client("sqs").delete_message_batch(QueueUrl=self._url, Entries=entries)
            for failed in reply.get("Failed", []):
                # Its receipt is too old: it comes again, under a new one.
                _log.info(
                    "A message that is done with stays in %s for now: %s", self._url, failed.get("Code")
                )

    def _arrival(self, data_type: str, dt: str) -> ObjectEvent | None:
        place = self._places.of(data_type)
        captures = [
            (info.modified, key, info.version)
            for info in self._store.list(place.day_folder(dt))
            if (key := place.parse(info.key))
        ]
        if not captures:
            return None
        versions = "".join(f"{key}:{version};" for _, key, version in captures)
        digest = hashlib.sha256(versions.encode()).hexdigest()[:16]
        captures.sort(key=lambda capture: (capture[0], str(capture[1])))
        return ObjectEvent(data_type, dt, tuple(str(key) for _, key, _ in captures), digest)

    def _swept(self, now: datetime) -> Iterator[tuple[str, str]]:
        for place in self._places:
            for ago in range(SWEPT_DAYS):
                yield place.data_type, (now.date() - timedelta(days=ago)).isoformat()


@dataclass(frozen=True)
class _Record:
    """One object that S3 tells of."""

    bucket: str
    key: str


def _event(body: str) -> tuple[_Record, ...] | None:
    """The objects that a message tells of, none for S3's test event; None when it is no event of S3's.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html: keys are URL-encoded.
    """
    try:
        event = msgspec.json.decode(body, type=_Event)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
    if event.records is None:
        return () if event.event == "s3:TestEvent" else None
    return tuple(_Record(one.s3.bucket.name, unquote_plus(one.s3.object.key)) for one in event.records)


class _Name(msgspec.Struct):
    name: str


class _Key(msgspec.Struct):
    key: str


class _S3(msgspec.Struct):
    bucket: _Name
    object: _Key


class _EventRecord(msgspec.Struct):
    s3: _S3


class _Event(msgspec.Struct):
    records: list[_EventRecord] | None = msgspec.field(name="Records", default=None)
    event: str | None = msgspec.field(name="Event", default=None)


def _is_sweep_due(last: str, now: datetime) -> bool:
    return not last or (last < now.date().isoformat() and now.hour >= SWEEP_HOUR)


def _read_cursor(cursor: str | None) -> _Cursor:
    try:
        return msgspec.json.decode(cursor, type=_Cursor) if cursor else _Cursor()
    except (msgspec.DecodeError, UnicodeEncodeError):
        # Another version's cursor: its messages come again.
        return _Cursor()
