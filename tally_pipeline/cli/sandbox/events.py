"""`tally sandbox events`: invented viewers, whose requests go through the real door into the sandbox's lake."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import TypeAlias
from urllib.parse import urlsplit

import requests

from tally_pipeline import clock
from tally_pipeline.cli import terminal
from tally_pipeline.cli.sandbox.titles import shelf_of
from tally_pipeline.deployment import Settings, SettingsError, deploy
from tally_pipeline.events.batches import HEAD_BYTES, Record, deliver, key_of
from tally_pipeline.events.door import Refused, receive
from tally_pipeline.events.invented import BLOCK, Sent, days_of, sent_at, shard_of
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import AlreadyThereError
from tally_pipeline.plurals import counted

OLDEST_SENT = 20
"""Days ago from which a collector takes events: a phone may have been offline for eight days before, and what is 30
days old is quarantined."""
_TRIES = 8
_LONGEST_WAIT = 30.0

Day: TypeAlias = tuple[str, int, list[Sent]]
"""A shard's name, a day (an ordinal), and what arrives on it."""


def events(
    settings: Settings,
    users: int,
    days: int,
    seed: int,
    until: str | None,
    heartbeat: int,
    to: str | None,
) -> int:
    """Send the events that arrive on `days` days up to `until`, or up to yesterday.

    Raises `SettingsError` if the lake is not the sandbox's, for an address that is not this machine's, days to come
    or too old for a collector, and a collector that is away or refuses; `LakeError`; `KeyboardInterrupt` if it is
    interrupted, after a message.
    """
    if settings.source != "sandbox":
        raise SettingsError(
            "invented viewers never go into TMDB's lake: set TALLY_SOURCE=sandbox to send them into the sandbox's"
        )
    last = date.fromisoformat(until) if until else clock.today() - timedelta(days=1)
    first = last - timedelta(days=days - 1)
    if last > clock.today():
        raise SettingsError(f"{last} is still to come: give a day up to {clock.today()} as --until")
    send = _sender(settings, to, first)
    sent = there = 0
    try:
        for shard, day, arriving in _days(users, seed, (first, last), heartbeat):
            new, old = send(shard, day, arriving)
            sent, there = sent + new, there + old
            _say(f"{date.fromordinal(day)}: {counted(new, 'event')} sent")
    except KeyboardInterrupt:
        again = "sends the rest" if to is None else "sends them all again, and refining counts the doubles"
        terminal.words().print(
            f"[yellow]Interrupted. {counted(sent, 'event')} were sent and stay; the same command {again}.[/yellow]"
        )
        raise
    _say(
        f"{counted(sent, 'event')} of {first} to {last} sent to {to or settings.lake_place}"
        + (f", {counted(there, 'was', 'were')} there already" if there else "")
    )
    return 0


def _days(users: int, seed: int, days: tuple[date, date], heartbeat: int) -> Iterator[Day]:
    now_ms = clock.now().timestamp() * 1000
    for begin in range(0, users, BLOCK):
        people = begin, min(begin + BLOCK, users)
        ordinals = days[0].toordinal(), days[1].toordinal()
        for day, arriving in days_of(seed, people, ordinals, shelf_of, heartbeat):
            # Of today, what has arrived by now.
            yield (
                shard_of(seed, *people, heartbeat),
                day,
                [sent for sent in arriving if sent.received_ms <= now_ms],
            )


def _sender(
    settings: Settings, to: str | None, first: date
) -> Callable[[str, int, Sequence[Sent]], tuple[int, int]]:
    """A function that sends a shard's day: it returns the numbers of events sent, and of those that were there."""
    if to is None:
        lake = deploy(settings).lake
        lake.check_source()
        return lambda shard, day, arriving: into_lake(lake, shard, day, arriving)
    url = _collector(to)
    oldest = clock.today() - timedelta(days=OLDEST_SENT)
    if first < oldest:
        raise SettingsError(
            f"a collector takes events as of now, and refining quarantines what is 30 days old: send days from"
            f" {oldest} on, or leave --to out, which writes old days as if they had arrived then"
        )
    session = requests.Session()
    session.trust_env = False
    if settings.collect_keys:
        session.headers["Authorization"] = f"Bearer {settings.collect_keys[0]}"
    return lambda shard, day, arriving: (_post_all(session, url, arriving), 0)


def into_lake(lake: Lake, shard: str, day: int, arriving: Sequence[Sent]) -> tuple[int, int]:
    """Take a day's requests in at the door, and write them to bronze by the hour of their arrival.

    Returns the numbers of events written and of those there already. Raises `LakeError`, `ForeignObjectError`.
    """
    new = there = 0
    numbered = ((f"{day}{number:09d}", sent) for number, sent in enumerate(arriving))
    for _, hour in groupby(numbered, key=lambda one: one[1].received_ms // 3_600_000):
        records = [_record(sequence, sent) for sequence, sent in hour]
        written: list[str] = []

        def put(key: str, body: bytes, written: list[str] = written) -> bool:
            try:
                lake.write_once(key, body)
            except AlreadyThereError:
                return False
            written.append(key)
            return True

        for _key in deliver(shard, records, put, lambda key: lake.store.head(key, HEAD_BYTES)):
            pass
        # An object that is written has all records from the one that its key names on.
        begin = [key_of(shard, record) for record in records].index(written[0]) if written else len(records)
        new += _events_of(records[begin:])
        there += _events_of(records[:begin])
    return new, there


def _events_of(records: Sequence[Record]) -> int:
    return sum(record.lines.count(b"\n") for record in records)


def _record(sequence: str, sent: Sent) -> Record:
    arrived = datetime.fromtimestamp(sent.received_ms / 1000, UTC)
    taken = receive({}, sent.body, key_hashes=(), now=arrived, new_id=lambda: sent.request_id)
    if isinstance(taken, Refused):
        raise AssertionError(f"the door refused an invented request: {taken.error}")
    return Record(sequence, arrived, taken.lines)


def _collector(to: str) -> str:
    """The address to post to. Raises `SettingsError` for one that is not this machine's."""
    parts = urlsplit(to)
    try:
        is_here = parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        is_here = False
    if parts.scheme != "http" or not is_here:
        raise SettingsError(
            "invented viewers are sent to this machine only: give --to as http://127.0.0.1:PORT of a `tally collect`"
        )
    return f"http://{parts.netloc}/v1/events"


def _post_all(session: requests.Session, url: str, arriving: Sequence[Sent]) -> int:
    for sent in arriving:
        _post(session, url, sent)
    return sum(len(sent.fates) for sent in arriving)


def _post(session: requests.Session, url: str, sent: Sent) -> None:
    """Post a request as of now, again after 429 and 503. Raises `SettingsError`."""
    for _ in range(_TRIES):
        body = sent_at(sent, int(clock.now().timestamp() * 1000))
        try:
            reply = session.post(url, data=body, timeout=60, allow_redirects=False)
        except requests.RequestException as error:
            raise SettingsError(
                f"no collector answers at {url} ({type(error).__name__}): start `tally collect`, or leave --to out"
            ) from None
        if reply.status_code == 202:
            return
        if reply.status_code not in (429, 503):
            break
        wait = reply.headers.get("Retry-After", "1")
        time.sleep(min(float(wait) if wait.isdecimal() else 1.0, _LONGEST_WAIT))
    raise SettingsError(
        f"the collector at {url} answered {reply.status_code}: look whether TALLY_COLLECT_KEYS is the same there"
        " as here, and whether that is a `tally collect`"
    )


def _say(text: str) -> None:
    print(text, flush=True)
