"""The way of invented events to the door: in requests, late, twice, by clocks that are wrong."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec

from tally_pipeline.events.contract import MOST_BYTES, MOST_EVENTS
from tally_pipeline.tmdb.sandbox.viewers.days import Happening, happenings
from tally_pipeline.tmdb.sandbox.viewers.people import Device, Viewer, is_offline, uuid4, viewer

APP_ID = "tv.tally.sandbox"
"""No real app: invented events can be told from real ones for ever."""
SEND_EVERY = timedelta(seconds=60)
"""An app that has network sends what it has so often."""
_TWICE = 0.01
"""The share of requests whose answer is lost, so that they are sent again."""
_AGAIN_AFTER = timedelta(seconds=5)
_EVENTS_A_DAY = 100_000
"""More than an install ever has: its counter begins anew above the day before's."""
_WEEK = 7


@dataclass(frozen=True)
class Sent:
    """A request: its body, the moment (UTC) at which it arrives, and a UUID for it."""

    received_at: datetime
    request_id: str
    body: bytes


def requests_of(seed: int, users: int, day: date, heartbeat: int = 10) -> list[Sent]:
    """All requests that arrive on a day (UTC), in order."""
    # A viewer's evening may be tomorrow's or yesterday's in UTC, and one who was offline sends the week at its end.
    found = [
        sent
        for number in range(users)
        for of_day in range(day.toordinal() - _WEEK - 1, day.toordinal() + 2)
        for sent in _sent(seed, number, of_day, heartbeat, day)
    ]
    return sorted(found, key=lambda sent: (sent.received_at, sent.request_id))


def _sent(seed: int, number: int, of_day: int, heartbeat: int, arrives: date) -> Iterator[Sent]:
    """The requests of a viewer's devices about one day of theirs, as far as they arrive on the other day."""
    one = viewer(seed, number, of_day)
    if one is None:
        return
    offline_until = _online_again(one, of_day)
    if offline_until is None:
        if abs(of_day - arrives.toordinal()) > 1:
            return
    elif offline_until.date() != arrives:
        return
    draw = random.Random(f"sends/{one.name}/{of_day}")
    for place, device in enumerate(one.devices):
        own = [happening for happening in happenings(one, of_day, heartbeat) if happening.device == place]
        first = 0
        for batch in _batches(own):
            sent_at = offline_until or batch[-1].moment + timedelta(milliseconds=draw.randrange(200, 20_000))
            received_at = sent_at + timedelta(milliseconds=draw.randrange(30, 900))
            moments = [received_at, received_at + _AGAIN_AFTER] if draw.random() < _TWICE else [received_at]
            if arriving := [moment for moment in moments if moment.date() == arrives]:
                of_batch = random.Random(f"request/{one.name}/{of_day}/{place}/{first}")
                body = _body(one, device, of_day, first, batch, sent_at, of_batch)
                # One that is sent again is another request, on whichever day it arrives.
                for moment in arriving:
                    of_request = random.Random(f"{one.name}/{of_day}/{place}/{first}/{moment.isoformat()}")
                    yield Sent(moment, uuid4(of_request), body)
            first += len(batch)


def _online_again(one: Viewer, day: int) -> datetime | None:
    """The moment at which a viewer who is offline on a day has network again; None for one who has it."""
    if not is_offline(one, day):
        return None
    monday = day - date.fromordinal(day).weekday() + _WEEK
    return datetime.combine(date.fromordinal(monday), time(8), UTC) - timedelta(hours=one.zone)


def _batches(own: list[Happening]) -> Iterator[list[Happening]]:
    """The happenings of a device by request: at most a minute, and no more than a request may have."""
    batch: list[Happening] = []
    for happening in own:
        if batch and (len(batch) == MOST_EVENTS or happening.moment - batch[0].moment > SEND_EVERY):
            yield batch
            batch = []
        batch.append(happening)
    if batch:
        yield batch


def _body(
    one: Viewer,
    device: Device,
    day: int,
    first: int,
    batch: list[Happening],
    sent_at: datetime,
    draw: random.Random,
) -> bytes:
    ahead = timedelta(seconds=device.ahead)
    base = (day - one.joined) * _EVENTS_A_DAY + first
    events = [_event(one, happening, base + place, ahead, draw) for place, happening in enumerate(batch)]
    body = msgspec.json.encode(
        {
            "sent_at": _text(sent_at + ahead),
            "device_id": device.device_id,
            "app": {"id": APP_ID, "version": f"1.{(day - one.joined) // 90}.0", "os": device.os},
            "events": events,
        }
    )
    assert len(body) <= MOST_BYTES
    return body


def _event(
    one: Viewer, happening: Happening, seq: int, ahead: timedelta, draw: random.Random
) -> dict[str, Any]:
    occurred_at = happening.moment + ahead
    return {
        "event_id": _uuid7(occurred_at, draw),
        "name": happening.name,
        "schema": happening.schema,
        "occurred_at": _text(occurred_at),
        "seq": seq,
        "session_id": happening.session_id,
        "user_id": one.user_id,
        "consent": one.consent,
        "props": happening.props,
    }


def _uuid7(moment: datetime, draw: random.Random) -> str:
    """A UUID of version 7: RFC 9562, 5.7."""
    milliseconds = int(moment.timestamp() * 1000)
    text = (
        f"{milliseconds << 80 | 7 << 76 | draw.getrandbits(12) << 64 | 2 << 62 | draw.getrandbits(62):032x}"
    )
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _text(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
