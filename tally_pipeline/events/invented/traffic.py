"""The requests that invented people's apps send, by the day on which they arrive.

People are made and lived in blocks, day by day: memory is that of a block's day, however many people and days.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import date
from functools import lru_cache
from random import Random
from typing import Literal, NamedTuple, TypeAlias

from tally_pipeline.events.contract import HEARTBEAT_SECONDS, SANDBOX_APP
from tally_pipeline.events.invented.life import DAY_MS, EPOCH, Beats, Visit, live
from tally_pipeline.events.invented.people import (
    LIFE_DAYS,
    Device,
    Person,
    Shelf,
    born,
    first_of,
    life_of,
    rng,
    uuid4,
)

Fate: TypeAlias = Literal["ok", "duplicate", "conflict", "quarantined"]
ShelfOf: TypeAlias = Callable[[int], Shelf]
"""The titles that there are to watch on a day, an ordinal."""

BLOCK = 500
"""People whose day is in memory at once."""
LONGEST_AWAY = 8
"""Days that a phone is offline at most."""
LOOKBACK = LONGEST_AWAY + 2
"""Days before its arrival in which an event's session can have begun: a long evening crosses midnight."""

_EVENTS_A_REQUEST = 60
_WINDOW = 12
"""Days, in each of which a phone may go offline once."""
_GOES_AWAY = 0.06
_ANSWER_LOST = 0.012
_SIGNED_OUT = 0.05
"""The share of the requests sent again whose events an app's mistake gives to nobody: the person has signed out."""
_PUT_RIGHT = 0.15
"""The share of the sessions at a clock that is a year wrong, which is put right before they are sent."""
_A_YEAR = 300 * DAY_MS

_MINUTES = tuple(f"{minute // 60:02d}:{minute % 60:02d}:" for minute in range(1440))


class Sent(NamedTuple):
    """A request as it arrives: the id that the door gives it, its body, and each event's fate.

    `received_ms` is ms since 1970, and `sent_ms` the same by the device's clock. The fate is the one with all earlier
    requests there. An event that arrives after its day is `ok` too.
    """

    received_ms: int
    sent_ms: int
    request_id: str
    body: bytes
    fates: tuple[Fate, ...]


def shard_of(seed: int, first: int, last: int, heartbeat: int) -> str:
    """The name of the shard that has these people's requests: another for all that would make them others."""
    text = f"{seed}/{first}/{last}/{heartbeat}"
    return f"invented-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def days_of(
    seed: int,
    users: tuple[int, int],
    days: tuple[int, int],
    shelf_of: ShelfOf,
    heartbeat: int = HEARTBEAT_SECONDS,
) -> Iterator[tuple[int, list[Sent]]]:
    """Each day from the first to the last (ordinals), with the requests of the places from one to before the other
    that arrive on it, in order of arrival.

    A day has the same requests whichever days are asked for. `heartbeat` is the seconds between two heartbeats,
    60 at most. Raises `ValueError` if it cannot be.
    """
    if not 1 <= heartbeat <= 60:
        raise ValueError(f"heartbeats of {heartbeat} seconds: the contract has 1 to 60")
    first, last = days
    begin = first - LOOKBACK
    people: dict[int, Person] = {}
    waiting: dict[int, list[Sent]] = {}
    for day in range(begin - LIFE_DAYS, last + 1):
        shelf = shelf_of(day)
        for place in range(*users):
            life = life_of(place, day)
            if first_of(place, life) + LIFE_DAYS <= begin:
                continue
            if place not in people or first_of(place, life) == day:
                people[place] = born(seed, place, life)
            visits = live(people[place], day, shelf, heartbeat)
            if visits and day >= begin:
                for sent in sent_on(people[place], day, visits, first):
                    waiting.setdefault(EPOCH + sent.received_ms // DAY_MS, []).append(sent)
        if day >= first:
            yield day, sorted(waiting.pop(day, []), key=lambda sent: (sent.received_ms, sent.request_id))


def sent_on(person: Person, day: int, visits: list[Visit], first: int) -> Iterator[Sent]:
    """The requests of a day's sessions; those that arrive before the day `first` are passed over."""
    since = (first - EPOCH) * DAY_MS
    for number, visit in enumerate(visits):
        random = rng("sent", person.key, day, number)
        back = back_online(person, visit.device, visit.acts[-1].at)
        if day < first and max(back, visit.acts[-1].at) + DAY_MS < since:
            continue
        yield from (sent for sent in _requests(person, visit, random, back) if sent.received_ms >= since)


def back_online(person: Person, device: Device, at: int) -> int:
    """The moment at which a phone that is offline is back; 0 if it is online."""
    window = (at // DAY_MS + EPOCH) // _WINDOW
    return max(
        until if begin <= at < until else 0
        for begin, until in (_away(person.key, device.device_id, number) for number in (window - 1, window))
    )


@lru_cache(maxsize=4096)
def _away(key: str, device_id: str, window: int) -> tuple[int, int]:
    """From when to when a phone is offline, of the absence that begins in a window; (0, 0) if none does."""
    draw = rng("away", key, device_id, window).random
    if draw() >= _GOES_AWAY:
        return 0, 0
    begin = (window * _WINDOW - EPOCH) * DAY_MS + int(draw() * _WINDOW * DAY_MS)
    return begin, begin + int((0.1 + 0.9 * draw()) * LONGEST_AWAY * DAY_MS)


def _requests(person: Person, visit: Visit, random: Random, back: int) -> Iterator[Sent]:
    draw, device = random.random, visit.device
    put_right = abs(device.error_ms) > _A_YEAR and draw() < _PUT_RIGHT
    error = 0 if put_right else device.error_ms
    fate: Fate = "quarantined" if put_right else "ok"
    events = _events(person, visit, random)
    for begin in range(0, len(events), _EVENTS_A_REQUEST):
        part = events[begin : begin + _EVENTS_A_REQUEST]
        # A phone that is back sends all it has, one request after the other.
        sent = max(part[-1][0] + 500 + int(draw() * 2_000), back + begin * 20)
        yield _request(device, [text for _, text in part], sent, error, random, fate)
        if draw() < _ANSWER_LOST and not put_right:
            sent += 20_000 + int(draw() * 120_000)
            if person.user_id and draw() < _SIGNED_OUT:
                texts = [text.replace(f'"{person.user_id}"', "null") for _, text in part]
                yield _request(device, texts, sent, error, random, "conflict")
            else:
                yield _request(device, [text for _, text in part], sent, error, random, "duplicate")


def _request(device: Device, texts: list[str], sent: int, error: int, random: Random, fate: Fate) -> Sent:
    body = (
        f'{{"sent_at":"{iso(sent + error)}","device_id":"{device.device_id}","app":{{"id":"{SANDBOX_APP}",'
        f'"version":"{device.version}","os":"{device.os}"}},"events":[{",".join(texts)}]}}'
    )
    received = sent + 40 + int(random.random() ** 4 * 3_000)
    return Sent(received, sent + error, uuid4(random), body.encode(), (fate,) * len(texts))


def sent_at(sent: Sent, now_ms: int) -> bytes:
    """The body of a request that is sent at another moment than it was: with the device's clock of that moment.

    Else an old request would look like one of a clock that is wrong by its age, and be corrected to the moment.
    """
    moment = sent.sent_ms + now_ms - sent.received_ms
    return sent.body.replace(iso(sent.sent_ms).encode(), iso(moment).encode(), 1)


def _events(person: Person, visit: Visit, random: Random) -> list[tuple[int, str]]:
    """The events of a session as JSON, each with the moment at which it is there."""
    error, seq, bits = visit.device.error_ms, visit.first_seq, random.getrandbits
    user = f'"{person.user_id}"' if person.user_id else "null"
    common = f',"session_id":"{visit.session_id}","user_id":{user},"consent":{person.consent},"props":{{'
    made: list[tuple[int, str]] = []
    for act in visit.acts:
        if isinstance(act, Beats):
            at = act.at
            before, after = common + act.props, f',"played_s":{act.every}}}}}'
            for position in act.positions:
                made.append(
                    (at, f"{_head('playback_progress', at + error, bits(74), seq)}{before}{position}{after}")
                )
                at += act.every * 1000
                seq += 1
        else:
            made.append((act.at, f"{_head(act.name, act.at + error, bits(74), seq)}{common}{act.props}}}}}"))
            seq += 1
    return made


def _head(name: str, at: int, bits: int, seq: int) -> str:
    """An event's JSON up to its number. `bits` are the 74 random ones of its UUIDv7 (RFC 9562, 5.7)."""
    time, chance = f"{at:012x}", f"{bits >> 2:018x}"
    return (
        f'{{"event_id":"{time[:8]}-{time[8:]}-7{chance[:3]}-{"89ab"[bits & 3]}{chance[3:6]}-{chance[6:]}",'
        f'"name":"{name}","schema":1,"occurred_at":"{iso(at)}","seq":{seq}'
    )


def iso(at: int) -> str:
    """Milliseconds since 1970 as RFC 3339 has a time, in UTC."""
    days, rest = divmod(at, DAY_MS)
    seconds, millis = divmod(rest, 1000)
    return f"{_day(days)}T{_MINUTES[seconds // 60]}{seconds % 60:02d}.{millis:03d}Z"


@lru_cache(maxsize=1024)
def _day(days: int) -> str:
    return date.fromordinal(EPOCH + days).isoformat()
