"""The collector killed over and over under load: no event that it acknowledged is lost, and none is doubled.

Senders post as fast as they are answered. After a time drawn by chance the collector is killed by SIGKILL, and the
next one begins on what it left; files are closed after a quarter of a second, so that kills also come between an
object's creation and the removal of its file. In the end bronze is held against what was acknowledged.
"""

from __future__ import annotations

import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from proof.report import Proof, verdict
from testkit.collecting import Collecting, Sender, lines, numbers

KILLS_LONG, KILLS_SHORT = 200, 12
SENDERS = 6
LONGEST_LIFE = 0.8
"""Seconds from its first answer to its death."""
QUICK = [sys.executable, "-m", "proof.children.collecting"]
COLUMNS = ("what", "how many", "verdict")


def prove(long: bool, seed: int) -> Proof:
    kills = KILLS_LONG if long else KILLS_SHORT
    chance = random.Random(seed)
    acknowledged: list[int] = []
    in_flight: list[int] = []
    left_behind = 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tally-collector-") as folder:
        home = Path(folder)
        for life in range(kills):
            sent, flying = _one_life(home, life, chance.uniform(0, LONGEST_LIFE))
            acknowledged += sent
            in_flight += flying
            left_behind += len(list((home / "sandbox" / "collector").glob("*.journal")))
        ended = Collecting(home).end(signal.SIGINT)
        found = Counter(numbers(lines(home / "sandbox" / "lake")))
        files = len(list((home / "sandbox" / "collector").glob("*.journal")))
        objects = len(list((home / "sandbox" / "lake").rglob("*.jsonl.gz")))
    lost = set(acknowledged) - found.keys()
    twice = sum(times > 1 for times in found.values())
    unknown = found.keys() - set(acknowledged) - set(in_flight)
    seconds = time.monotonic() - began
    rows = [
        ("kills", kills, ""),
        ("events acknowledged", len(acknowledged), ""),
        ("of these lost", len(lost), verdict(not lost)),
        ("events twice in bronze", twice, verdict(not twice)),
        ("events in bronze that nobody sent", len(unknown), verdict(not unknown)),
        (
            "events under way at a kill, in bronze though never acknowledged",
            len(found.keys() & set(in_flight)),
            "",
        ),
        ("files of the journal left by kills", left_behind, verdict(left_behind > 0)),
        ("files left in the end", files, verdict(not files and ended == 0)),
        ("objects in bronze", objects, ""),
    ]
    return Proof(
        name="collector",
        title="events acknowledged are never lost, however often the collector is killed",
        columns=COLUMNS,
        rows=rows,
        holds=not (lost or twice or unknown or files or ended)
        and left_behind > 0
        and len(acknowledged) > 50 * kills,
        seed=seed,
        numeric=("how many",),
        notes=[
            f"{SENDERS} senders, five events a request, each answered before its next; a life of at most"
            f" {LONGEST_LIFE} s after the first answer; {seconds:.0f} s in all.",
            "SIGKILL leaves what the kernel holds. A loss of power is simulated in"
            " tally_pipeline_tests/collector/test_journal.py: whatever was not synced is cut off or garbled.",
        ],
    )


def _one_life(home: Path, life: int, seconds: float) -> tuple[list[int], list[int]]:
    """The numbers of the events that were acknowledged, and of those under way when it died."""
    collecting, stop = Collecting(home, command=QUICK), threading.Event()
    senders = [Sender(collecting.url, (life * SENDERS + one) * 1_000_000, stop) for one in range(SENDERS)]
    threads = [threading.Thread(target=sender.run) for sender in senders]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    collecting.end(signal.SIGKILL)
    stop.set()
    for thread in threads:
        thread.join()
    return (
        [number for sender in senders for number in sender.acknowledged],
        [number for sender in senders for number in sender.in_flight],
    )
