"""A round, from its start to the verdict: what must hold of a lake that several wrote."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from proof.children import lakes
from proof.two_writers import writers
from proof.two_writers.drawing import Round
from proof.two_writers.writers import WAIT_SECONDS, Bucket, Running
from tally_pipeline.datasets import named
from tally_pipeline.gold import OF_SHOWS as GOLD
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.tables.sources import Sources
from tally_pipeline.tmdb.lists import LISTS
from testkit.aws import moto_server
from testkit.pipeline import day

HIDDEN_SECONDS = 4
"""Shorter than many a run: a message that a stopped or dead sensor had received comes to another."""


@dataclass(frozen=True)
class Outcome:
    """What happened in a round, and what was wrong in the end."""

    stopped: int
    killed: int
    overtaken: int
    """The times that a writer found other bytes than those in whose place it wanted to write."""
    wrong: Sequence[str]


def held(round_: Round, bucket: Bucket, folder: Path, fault: str = "") -> Outcome:
    """Let the writers of a round cross in a new bucket, and judge the end; `fault` is planted into all of them."""
    folder.mkdir()
    _make_bucket(bucket)
    running = _crossed(round_, bucket, folder, fault)
    wrong = [
        f"{one.writer} ended with {one.process.exitcode}: {one.said}"
        for one in running
        if one.process.exitcode != 0 and not one.killed
    ]
    killed = any(one.killed for one in running)
    ended = [one for one in running if one.process.exitcode == 0]
    # A sensor that was killed may have received the messages of all: they come to another one later.
    robbed = any(one.killed and one.writer.by == "a sensor" for one in running)
    wrong += _older(bucket.lake, [one for one in ended if not (robbed and one.writer.by == "a sensor")])
    if not (fault and wrong):
        wrong += _as_one_alone(round_, bucket, folder, ended, killed=killed, repaired=not fault)
    return Outcome(
        stopped=sum(one.stopped for one in running),
        killed=sum(one.killed for one in running),
        overtaken=sum(one.overtaken for one in running),
        wrong=wrong,
    )


def _crossed(round_: Round, bucket: Bucket, folder: Path, fault: str) -> Sequence[Running]:
    running = []
    for writer in round_.writers:
        running.append(Running(writer, bucket, folder / str(writer.number), fault))
        if writer.stops is not None:
            running[-1].wait_for_stop()
    by_number = {one.writer.number: one for one in running}
    for one in running:
        if one.writer.number not in round_.go_on:
            one.end()
    for number in round_.go_on:
        by_number[number].end()
    return running


def _as_one_alone(
    round_: Round, bucket: Bucket, folder: Path, ended: Sequence[Running], *, killed: bool, repaired: bool
) -> list[str]:
    """What differs from the lake that one process makes of the same bronze: at once if nobody was killed, and after
    that when the queue is empty and, if anybody was killed, one more has run."""
    before = lakes.objects(bucket.lake)
    names = [one.name for one in LISTS if bucket.lake.bronze_keys(one.name, day())]
    copy = Bucket(bucket.url, f"{bucket.name}-alone", bucket.tmdb)
    _make_bucket(copy)
    for key, body in before.items():
        if key.startswith(lakes.BRONZE) or key == layout.OWNERSHIP_MARKER:
            copy.lake.store.create(key, body)
    made = writers.alone(copy, folder / "alone", names)
    wrong: list[str] = []
    if repaired and "refine" not in round_.who:
        wrong += _ended_badly(
            writers.sensor_again(bucket, folder / "one more sensor"), folder / "one more sensor"
        )
        wrong += [f"after one more sensor: {one}" for one in _older(bucket.lake, ended)]
    if repaired and killed:
        wrong += _ended_badly(writers.alone(bucket, folder / "one more run", names), folder / "one more run")
    wrong += _ended_badly(made, folder / "alone")
    should = lakes.objects(copy.lake)
    if not killed:
        wrong += [f"before: {one}" for one in lakes.differing(before, should)]
    if repaired:
        wrong += [f"in the end: {one}" for one in lakes.differing(lakes.objects(bucket.lake), should)]
        wrong += _stale(bucket.lake)
    return wrong


def _ended_badly(process: BaseProcess, folder: Path) -> Iterable[str]:
    process.join(WAIT_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
    if process.exitcode:
        yield f"{folder.name} ended with {process.exitcode}: {writers.words(folder)}"


def _older(lake: Lake, ended: Sequence[Running]) -> list[str]:
    """Lists whose silver is of an older capture than one of a writer that ended well."""
    wrong = []
    for name in sorted({one.writer.data_type for one in ended}):
        keys = lake.bronze_keys(name, day())
        at = {key: named(name).read(lake.store, key).order for key in keys}
        owed = [key for key in keys if any(one.writer.captured(key) for one in ended)]
        silver = layout.silver_key(name, day())
        made_from = [key for key in keys if lake.is_made_from(silver, str(key))]
        if not made_from or at[made_from[0]] < max(at[key] for key in owed):
            wrong.append(f"{silver} is of {made_from}, and one that ended well had captured {owed}")
    return wrong


def _stale(lake: Lake) -> list[str]:
    sources = Sources.of(lake, [one.name for one in LISTS])
    return [f"gold/{one.name} is stale" for one in GOLD if not one.is_current(sources, day())]


def _make_bucket(bucket: Bucket) -> None:
    """A bucket as the lake's is, whose new captures a queue is told of."""
    aws = bucket.aws
    moto_server.make_bucket(aws, bucket.name)
    moto_server.make_queues(aws, hidden_seconds=HIDDEN_SECONDS)
    moto_server.tell_queue_of_bronze(aws)
