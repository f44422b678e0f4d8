"""Two or three machines on one bucket: whatever crosses, stops or dies, the end is that of one after the other.

Each writer is a process with a Dagster and a folder of its own: no lock keeps them apart. One is stopped (SIGSTOP) at
a place between the version that it reads and its write; only then the others capture something newer and publish it.
So whoever goes on has in hand what is not true any more. The same rounds are run with faults in all writers
(`planted`): each must be seen.
"""

from __future__ import annotations

import logging
import random
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from proof.report import Proof, verdict
from proof.two_writers.drawing import Round, drawn, for_faults
from proof.two_writers.planted import FAULTS
from proof.two_writers.rounds import Outcome, held
from proof.two_writers.writers import Bucket
from tally_pipeline import clock
from tally_pipeline.plurals import counted
from tally_pipeline.tmdb.sandbox import Sandbox

ROUNDS_LONG, ROUNDS_SHORT = 200, 5
ROOM_BEFORE_MIDNIGHT = timedelta(minutes=4)
"""A round is of one day."""


AT_ONCE = 3
"""Rounds at a time: in each a writer or two stand still, or wait for a message."""


@dataclass(frozen=True)
class _World:
    """Addresses of the emulator and the sandbox, and a folder for the rounds."""

    aws: str
    tmdb: str
    folder: Path


@dataclass
class _Tally:
    """The rounds of one kind."""

    rounds: int = 0
    overtaken: int = 0
    """Rounds in which a writer found other bytes than those in whose place it wanted to write."""
    times: int = 0
    stopped: int = 0
    killed: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.rounds += 1
        self.overtaken += bool(outcome.overtaken)
        self.times += outcome.overtaken
        self.stopped += outcome.stopped
        self.killed += outcome.killed
        self.wrong += outcome.wrong

    def row(self, what: str, who: str, holds: bool | None = None) -> Sequence[object]:
        told = verdict(not self.wrong if holds is None else holds)
        return what, who, self.rounds, self.overtaken, self.times, self.stopped, self.killed, told


def prove(long: bool, seed: int) -> Proof:
    """Rounds drawn by chance, each held against what one process makes alone; then the same with planted faults."""
    dice, began = random.Random(seed), time.monotonic()
    rounds = [drawn(dice, number) for number in range(ROUNDS_LONG if long else ROUNDS_SHORT)]
    kinds: defaultdict[tuple[str, str], _Tally] = defaultdict(_Tally)
    all_, places = _Tally(), Counter[str]()
    with _served() as world, ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = pool.map(lambda one: _of_one_day(one[1], f"round-{one[0]}", world), enumerate(rounds))
        for number, (round_, outcome) in enumerate(zip(rounds, outcomes, strict=True)):
            kinds[round_.how, round_.who].add(outcome)
            all_.add(replace(outcome, wrong=[f"round {number}, {round_}: {one}" for one in outcome.wrong]))
            places.update(str(one.stops) for one in round_.writers if one.stops is not None)
        took = time.monotonic() - began
        faults = list(pool.map(lambda fault: _planted(fault, seed, world), FAULTS))
    crossed = 3 * all_.overtaken >= all_.rounds
    return Proof(
        name="two_writers",
        title="several machines on one bucket, as if one after the other",
        columns=(
            "how they cross",
            "who writes",
            "rounds",
            "overtaken in",
            "times",
            "stopped",
            "killed",
            "verdict",
        ),
        rows=[
            *(one.row(*kind) for kind, one in sorted(kinds.items())),
            all_.row("all", "at least a third overtaken", not all_.wrong and crossed),
            *(row for row, _ in faults),
        ],
        holds=not all_.wrong and crossed and all(seen for _, seen in faults),
        numeric=("rounds", "overtaken in", "times", "stopped", "killed"),
        notes=(
            f"{all_.rounds} rounds of two or three processes on an emulator of S3 and SQS, {AT_ONCE} rounds at a"
            f" time, {took:.0f} s.",
            "Overtaken: a writer found other bytes than those in whose place it wanted to write, or other inputs than"
            " it had read; the rounds in which that happened, and how often.",
            "What must happen: who is not killed ends well; silver is never older than what a writer captured that"
            " ended; where nobody was killed every object equals what one process makes of that bronze, byte for"
            " byte; where somebody was, it does after one more run. Sensors leave an empty queue and no dead letter.",
            "Planted: every writer has the fault; rounds of machines that refine, without deaths, that cross at each"
            " place in the making of silver, until it is seen.",
            "Stopped: " + "; ".join(f"{place} {times}" for place, times in sorted(places.items())) + ".",
            *all_.wrong[:20],
        ),
        seed=seed,
    )


def _planted(fault: str, seed: int, world: _World) -> tuple[Sequence[object], bool]:
    """The row of a fault, and True if it was seen."""
    found = _Tally()
    for number, round_ in enumerate(for_faults(random.Random(seed))):
        name = f"fault-{list(FAULTS).index(fault)}-{number}"
        found.add(_of_one_day(round_, name, world, fault))
        if found.wrong:
            break
    seen = bool(found.wrong)
    told = f"seen in round {found.rounds}" if seen else f"not seen in {counted(found.rounds, 'round')}"
    return found.row(f"planted: {fault}", told, seen), seen


def _of_one_day(round_: Round, name: str, world: _World, fault: str = "") -> Outcome:
    now = clock.now()
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    if midnight - now < ROOM_BEFORE_MIDNIGHT:
        time.sleep((midnight - now).total_seconds())
    return held(round_, Bucket(world.aws, name, world.tmdb), world.folder / name, fault)


@contextmanager
def _served() -> Iterator[_World]:
    """An emulator of S3 and SQS on loopback, a sandbox of TMDB, and a folder."""
    # A second to import, which only its users should pay.
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        with tempfile.TemporaryDirectory(prefix="tally-writers-") as folder, Sandbox() as sandbox:
            yield _World(f"http://{host}:{port}", sandbox.base_url, Path(folder))
    finally:
        server.stop()
