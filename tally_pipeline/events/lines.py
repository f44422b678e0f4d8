"""An event's line in bronze: what the door knows of it, and then the event's own bytes as they came.

A line is one JSON object:
`{"received_at":…,"request_id":…,"index":…,"sent_at":…,"device_id":…,"app":{"id":…,"version":…,"os":…},"event":…}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from tally_pipeline.events.contract import MOST_EVENTS, App, Moment, Request, Uuid

EVENT = b',"event":'
"""The bytes before the event: nothing before them in a line can hold these, for no word there holds a quote."""
_TO_SPACE = bytes.maketrans(b"\n\r", b"  ")


class Envelope(Struct, frozen=True):
    """A line, with its event unread. `index` is the event's place in its request, from 0."""

    received_at: Moment
    request_id: Uuid
    index: Annotated[int, Meta(ge=0, lt=MOST_EVENTS)]
    sent_at: Moment
    device_id: Uuid
    app: App
    event: msgspec.Raw


def lines_of(request: Request, received_at: datetime, request_id: str) -> bytes:
    """The lines of a request's events, each with its line end.

    In JSON a line end can only stand between tokens, never inside text: a space there means the same.
    """
    head = head_of(received_at, request_id)
    middle = middle_of(request.sent_at, request.device_id, request.app)
    return b"".join(_spliced(head, middle, request.events))


def head_of(received_at: datetime, request_id: str) -> bytes:
    """A line's bytes up to its event's index: of every line as many."""
    return f'{{"received_at":"{_text(received_at)}","request_id":"{request_id}","index":'.encode()


def middle_of(sent_at: datetime, device_id: str, app: App) -> bytes:
    """A line's bytes from its event's index up to the event."""
    rest = msgspec.json.encode({"sent_at": _text(sent_at), "device_id": device_id, "app": app})
    return b"," + rest[1:-1] + EVENT


def _spliced(head: bytes, middle: bytes, events: Sequence[msgspec.Raw]) -> list[bytes]:
    return [
        b"%b%d%b%b}\n" % (head, index, middle, bytes(event).translate(_TO_SPACE))
        for index, event in enumerate(events)
    ]


def _text(moment: datetime) -> str:
    """The moment in UTC to the microsecond: texts of one width, which sort by time."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
