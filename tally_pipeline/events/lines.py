"""An event's line in bronze: what the door knows of it, and then the event's own bytes as they came.

A line is one JSON object:
`{"received_at":…,"request_id":…,"index":…,"sent_at":…,"device_id":…,"app":{"id":…,"version":…,"os":…},"event":…}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from tally_pipeline.events.contract import App, Moment, Request, Uuid

_TO_SPACE = bytes.maketrans(b"\n\r", b"  ")


class Envelope(Struct, frozen=True):
    """A line, with its event unread. `index` is the event's place in its request, from 0."""

    received_at: Moment
    request_id: Uuid
    index: int
    sent_at: Moment
    device_id: Uuid
    app: App
    event: msgspec.Raw


def lines_of(request: Request, received_at: datetime, request_id: str) -> bytes:
    """The lines of a request's events, each with its line end.

    In JSON a line end can only stand between tokens, never inside text: a space there means the same.
    """
    head = f'{{"received_at":"{_text(received_at)}","request_id":"{request_id}","index":'.encode()
    rest = msgspec.json.encode(
        {"sent_at": _text(request.sent_at), "device_id": request.device_id, "app": request.app}
    )
    middle = b"," + rest[1:-1] + b',"event":'
    return b"".join(_spliced(head, middle, request.events))


def _spliced(head: bytes, middle: bytes, events: Sequence[msgspec.Raw]) -> list[bytes]:
    return [
        b"%b%d%b%b}\n" % (head, index, middle, bytes(event).translate(_TO_SPACE))
        for index, event in enumerate(events)
    ]


def _text(moment: datetime) -> str:
    """The moment in UTC to the microsecond: texts of one width, which sort by time."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
