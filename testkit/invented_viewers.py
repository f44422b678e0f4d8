"""Invented viewers' events with their true fates, for tests that compute results a second way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, Literal

import msgspec

from tally_pipeline.events.invented import Sent, Shelf, Title, days_of

DAY = date(2026, 3, 6)
"""A Friday."""


@dataclass(frozen=True)
class Line:
    """A line of bronze as its maker knows it. `event` is the plain event; `event_at` its corrected time.

    `late` is an event that is kept and arrives after the UTC day on which it happened.
    """

    fate: Literal["ok", "late", "duplicate", "conflict", "quarantined"]
    event: dict[str, Any]
    device_id: str
    sent_at: datetime
    received_at: datetime
    request_id: str
    index: int
    event_at: datetime


def sent(
    users: int = 40, days: int = 3, seed: int = 1, until: date = DAY, heartbeat: int = 60
) -> Iterator[Sent]:
    """The requests that arrive on `days` days up to `until`, by time within each day."""
    last = until.toordinal()
    for _, arriving in days_of(seed, (0, users), (last - days + 1, last), lambda _: shelf(), heartbeat):
        yield from arriving


def lines(
    users: int = 40, days: int = 3, seed: int = 1, until: date = DAY, heartbeat: int = 60
) -> Iterator[Line]:
    """The lines of these requests, with the fate of each if nothing else is in the lake."""
    there: set[str] = set()
    for one in sent(users, days, seed, until, heartbeat):
        request = msgspec.json.decode(one.body)
        sent_at = datetime.fromisoformat(request["sent_at"])
        received_at = datetime.fromtimestamp(one.received_ms // 1000, UTC) + timedelta(
            milliseconds=one.received_ms % 1000
        )
        skew = round((received_at - sent_at) / timedelta(minutes=5)) * timedelta(minutes=5)
        for index, (event, fate) in enumerate(zip(request["events"], one.fates, strict=True)):
            event_at = datetime.fromisoformat(event["occurred_at"]) + skew
            known: Literal["ok", "late", "duplicate", "conflict", "quarantined"] = fate
            # The first copy of all arrived before the first of these days: then this one is the first.
            if fate in ("duplicate", "conflict") and event["event_id"] not in there:
                known = "ok"
            if known == "ok":
                there.add(event["event_id"])
                known = "late" if event_at.date() < received_at.date() else "ok"
            yield Line(
                known, event, request["device_id"], sent_at, received_at, one.request_id, index, event_at
            )


@cache
def shelf() -> Shelf:
    """Forty titles of four genres."""
    return Shelf(
        [
            Title(
                show_id=7_000_001 + number,
                genres=((18, 35, 80, 16)[number % 4],),
                popularity=100 / (1 + number),
                episodes=(8, 6 + number % 5),
                minutes=24 + number % 30,
                providers=(9_000_001 + number % 6, 9_000_001 + (number + 1) % 6),
            )
            for number in range(40)
        ]
    )
