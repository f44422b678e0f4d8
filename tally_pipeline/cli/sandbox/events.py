"""`tally sandbox events`: invented viewers' events, through the door and the sink into the sandbox's lake."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import partial
from itertools import groupby

from tally_pipeline import clock
from tally_pipeline.cli import terminal
from tally_pipeline.deployment import Settings, SettingsError, deploy
from tally_pipeline.events.batches import HEAD_BYTES, Record, deliver
from tally_pipeline.events.door import Accepted, receive
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import AlreadyThereError
from tally_pipeline.plurals import counted
from tally_pipeline.tmdb.sandbox import viewers

_RECORDS_A_DAY = 10**9


def events(settings: Settings, *, users: int, days: int, seed: int, heartbeat: int) -> int:
    """Write the events that arrived on the `days` days before today, as if the collector had taken them in then.

    The same arguments give the same objects: written again, they change nothing. Raises `SettingsError` if the lake
    is not the sandbox's.
    """
    if settings.source != "sandbox":
        raise SettingsError(
            "invented events never go into TMDB's lake: set TALLY_SOURCE=sandbox to write them into the sandbox's"
        )
    lake = deploy(settings).lake
    today = clock.today()
    past = [today - timedelta(days=ago) for ago in range(days, 0, -1)]
    shard = f"sandbox-{seed}-{users}-{heartbeat}"
    written = taken = 0
    try:
        for day in past:
            records, taken_in = _taken_in(viewers.requests_of(seed, users, day, heartbeat), day)
            made = _write(lake, shard, records)
            written, taken = written + made, taken + taken_in
            print(f"{day}: {counted(taken_in, 'event')}, {counted(made, 'new object')}", flush=True)
    except KeyboardInterrupt:
        terminal.words().print(
            "[yellow]Interrupted. The objects written before that stay; the same command writes the rest.[/yellow]"
        )
        raise
    print(
        f"{counted(taken, 'event')} of {counted(users, 'viewer')} in {counted(days, 'day')}:"
        f" {counted(written, 'object')} written into {lake.store.root}."
    )
    return 0


def _taken_in(requests: Iterable[viewers.Sent], day: date) -> tuple[list[Record], int]:
    """The requests as the door takes them in, one record each, and the number of their events."""
    records, events_taken = [], 0
    for place, sent in enumerate(requests):
        answer = receive(
            {}, sent.body, key_hashes=(), now=sent.received_at, new_id=partial(str, sent.request_id)
        )
        assert isinstance(answer, Accepted), answer
        records.append(Record(str(day.toordinal() * _RECORDS_A_DAY + place), sent.received_at, answer.lines))
        events_taken += answer.events
    return records, events_taken


def _write(lake: Lake, shard: str, records: Iterable[Record]) -> int:
    """Write the records, an object an hour; returns the number of those that were not there."""
    made = 0

    def put(key: str, body: bytes) -> bool:
        nonlocal made
        try:
            lake.write_once(key, body)
        except AlreadyThereError:
            return False
        made += 1
        return True

    for batch in _by_hour(records):
        for _ in deliver(shard, batch, put, lambda key: lake.store.head(key, HEAD_BYTES)):
            pass
    return made


def _by_hour(records: Iterable[Record]) -> Iterator[list[Record]]:
    for _, batch in groupby(
        records, lambda record: record.arrived.replace(minute=0, second=0, microsecond=0)
    ):
        yield list(batch)
