"""Object events on AWS: S3 sends a message for every new object, and a daily sweep finds objects without one."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from tally_pipeline import clock
from tally_pipeline.aws.errors import explained
from tally_pipeline.aws.session import Aws
from tally_pipeline.lake import layout
from tally_pipeline.lake.layout import BronzeKey, Places
from tally_pipeline.lake.object_events import ObjectEvent
from tally_pipeline.lake.store import ObjectInfo, Store

RECEIVED_AT_ONCE = 10
"""Messages that one request receives or deletes at most; SQS's own limit."""

REQUESTS_A_LOOK = 10
"""Limits a poll to about 100 messages: a tick has 60 s, and the next tick takes the others."""

WAIT_SECONDS = 1
"""The time SQS waits for a message: without waiting it asks only some of its servers and misses messages."""

SWEPT = timedelta(days=3)
"""The greatest age, by time of writing, of captures that a sweep reports, of any day."""

SWEEP_HOUR = 5
"""The hour (UTC) from which the day's sweep is due: the day's captures have arrived by then."""

_log = logging.getLogger(__name__)


class _Cursor(msgspec.Struct, frozen=True):
    """Work that is finished once this cursor is stored: the receipts of messages to delete, the day of the last
    sweep, and the digests of the days that it found or that were reported since."""

    receipts: tuple[str, ...] = ()
    swept: str = ""
    seen: dict[str, str] = {}


@dataclass
class _Messages:
    """The content of received messages: the datasets and days that they hint at, and the messages to delete."""

    days: set[tuple[str, str]] = field(default_factory=set)
    receipts: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.days or self.receipts)


class SqsObjectEvents:
    """Object events from an SQS queue that S3 notifies of new objects.

    A message is only a hint that a list and day changed: the bucket's listing is the truth. So repeated, unordered
    and late messages do no harm. A message is deleted in the poll after the one that received it, when the cursor of
    that one has been stored: a tick that dies loses nothing.

    A message that is no event of this bucket is not deleted: SQS makes it a dead letter, which rings an alarm. A
    message that is received again and again, because what follows on it fails, would become one too. So what was
    received stays in hand, and no more is received, until a cursor with it has been stored, whatever fails meanwhile:
    the bucket, all of it or one kind of request, in this poll or in the work that follows. Only a process that starts
    anew has nothing in hand; so at its first poll the bucket is asked before messages are received.
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
        self._bucket_answers = False
        self._in_hand: _Messages | None = None
        self._cursor_with_it: str | None = None

    def poll(self, cursor: str | None) -> tuple[list[ObjectEvent], str]:
        """The datasets and days with captures that are new since `cursor`, and the next cursor.

        Raises `AwsError` for the queue, `LakeError` for the bucket: then nothing is lost, because no message of this
        poll was deleted, and the next poll goes on with those that it received.
        """
        last, now = _read_cursor(cursor), self._now()
        if cursor is not None and cursor == self._cursor_with_it:  # it was stored
            self._in_hand = None
        self._delete(last.receipts)
        received = self._in_hand or self._receive()
        is_sweep = _is_sweep_due(last.swept, now)
        events_by_day = {(event.data_type, event.dt): event for event in self._sweep(now)} if is_sweep else {}
        for data_type, dt in received.days - events_by_day.keys():
            captures = self._captures(self._places.of(data_type).day_folder(dt), data_type)
            events_by_day |= {(event.data_type, event.dt): event for event in _events_of(captures)}
        seen = {f"{event.data_type}/{event.dt}": event.digest for event in events_by_day.values()}
        events = [
            events_by_day[key]
            for key in sorted(events_by_day)
            if last.seen.get("/".join(key)) != events_by_day[key].digest
        ]
        next_cursor = _Cursor(
            tuple(received.receipts),
            now.date().isoformat() if is_sweep else last.swept,
            seen if is_sweep else last.seen | seen,
        )
        self._cursor_with_it = msgspec.json.encode(next_cursor).decode()
        return events, self._cursor_with_it

    def _require_bucket(self) -> None:
        """Raise `LakeError` if the bucket does not answer, before any message is received."""
        if not self._bucket_answers:
            self._store.exists(layout.OWNERSHIP_MARKER)
            self._bucket_answers = True

    def _receive(self) -> _Messages:
        self._require_bucket()
        received = _Messages()
        # Before the first is received: the queue may fail after that.
        self._in_hand, self._cursor_with_it = received, None
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

    def _take(self, message: dict[str, Any], received: _Messages) -> None:
        event = records_in(message["Body"])
        is_ours = event is not None
        for record in event or ():
            if record.bucket != self._aws.settings.lake_bucket:
                is_ours = False
                continue
            capture = self._places.parse(record.key)
            if capture is not None:
                received.days.add((capture.data_type, capture.dt))
            elif not (
                self._places.is_beside(record.key)
                or layout.is_proof(record.key)
                or layout.is_batch_of_events(record.key)
            ):
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
                # Its receipt is too old: the message comes again, with a new one.
                _log.info(
                    "A message that is done with stays in %s for now: %s", self._url, failed.get("Code")
                )

    def _captures(self, folder: str, data_type: str) -> list[_Capture]:
        place = self._places.of(data_type)
        return [_Capture(key, info) for info in self._store.list(folder) if (key := place.parse(info.key))]

    def _sweep(self, now: datetime) -> Iterator[ObjectEvent]:
        """Every day with a capture written lately: one listing of each dataset, a thousand captures a request."""
        for place in self._places:
            captures = self._captures(place.folder, place.data_type)
            lately = {one.key.dt for one in captures if one.info.modified >= now - SWEPT}
            yield from _events_of(one for one in captures if one.key.dt in lately)


@dataclass(frozen=True)
class _Capture:
    """A capture in the bucket's listing."""

    key: BronzeKey
    info: ObjectInfo


def _events_of(captures: Iterable[_Capture]) -> Iterator[ObjectEvent]:
    """An event for each day of these captures, which are all captures of that day."""
    by_day: dict[tuple[str, str], list[_Capture]] = {}
    for one in captures:
        by_day.setdefault((one.key.data_type, one.key.dt), []).append(one)
    for (data_type, dt), of_day in by_day.items():
        versions = "".join(f"{one.key}:{one.info.version};" for one in of_day)
        digest = hashlib.sha256(versions.encode()).hexdigest()[:16]
        of_day.sort(key=lambda one: (one.info.modified, str(one.key)))
        yield ObjectEvent(data_type, dt, tuple(str(one.key) for one in of_day), digest)


@dataclass(frozen=True)
class EventObject:
    """One object in a notification of S3."""

    bucket: str
    key: str


def records_in(body: str) -> tuple[EventObject, ...] | None:
    """The objects in a message, none for S3's test event; None if it is no event of S3's.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html: keys are URL-encoded.
    """
    try:
        event = msgspec.json.decode(body, type=_Event)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
    if event.records is None:
        return () if event.event == "s3:TestEvent" else None
    return tuple(EventObject(one.s3.bucket.name, unquote_plus(one.s3.object.key)) for one in event.records)


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
