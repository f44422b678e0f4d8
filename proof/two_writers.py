"""Two or three machines on one bucket: whatever crosses, stops or dies, the end is that of one after the other.

Each writer is a process with a Dagster and a folder of its own, as on a machine of its own: no lock keeps them apart.
It keeps a capture of a list, refines it, and makes everything below. Some are stopped (SIGSTOP) right before a write
until the others have ended, some are killed there.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import obstore

from proof.children import lakes
from proof.report import Proof, verdict
from tally_pipeline.aws.session import Aws
from tally_pipeline.aws.settings import AwsSettings
from tally_pipeline.datasets import named
from tally_pipeline.datasets.captures import choose
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import deploy, load_settings
from tally_pipeline.gold import OF_SHOWS as GOLD
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.store import Store
from tally_pipeline.orchestration import automation
from tally_pipeline.orchestration.runs import failures
from tally_pipeline.query.cached_duckdb import CachedDuckDbEngine
from tally_pipeline.query.tables import TABLES
from tally_pipeline.tables.sources import Sources
from tally_pipeline.tmdb.lists import LISTS
from testkit.aws.moto_server import REGION, settings_at
from testkit.pipeline import capture, day, rows

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])

ROUNDS_LONG, ROUNDS_SHORT = 200, 3
HOW = (signal.SIGSTOP, signal.SIGKILL, None)
"""The events that hit one of the writers, in turn; None lets them cross."""

WRITES = 12
"""About as many as a writer makes: bronze, quarantine, silver, gold, the report twice."""

WAIT_SECONDS = 120
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Writer:
    """The work of one process: `trap` is the write before which it is stopped or killed."""

    number: int
    data_type: str
    shows: int
    delay: float = 0.0
    trap: int | None = None
    how: signal.Signals = signal.SIGSTOP

    @property
    def key(self) -> BronzeKey:
        return BronzeKey(self.data_type, day(), f"writer-{self.number}")


def prove(long: bool, seed: int) -> Proof:
    """Rounds of writers that are drawn by chance, each held against what one process makes alone."""
    dice = random.Random(seed)
    found: Counter[str] = Counter()
    wrong: list[str] = []
    began, slowest = time.monotonic(), 0.0
    with tempfile.TemporaryDirectory(prefix="tally-writers-") as folder, _S3() as url:
        for number in range(ROUNDS_LONG if long else ROUNDS_SHORT):
            since = time.monotonic()
            writers = _drawn(dice, HOW[number % len(HOW)])
            problems = _round(Path(folder) / str(number), url, f"round-{number}", writers, found)
            wrong += [f"round {number}, {writers}: {problem}" for problem in problems]
            slowest = max(slowest, time.monotonic() - since)
    rounds = sum(found[what] for what in ("stopped", "killed", "crossed"))
    return Proof(
        name="two_writers",
        title="several machines on one bucket, as if one after the other",
        columns=("rounds", "what happened", "times", ""),
        rows=[(rounds, what, times, verdict(not wrong)) for what, times in sorted(found.items())],
        holds=not wrong,
        notes=(
            f"{rounds} rounds of two or three processes on an emulator of S3, {time.monotonic() - began:.0f} s, the"
            f" slowest {slowest:.0f} s.",
            "What must happen: who is not killed ends well; silver is never older than what a writer published that"
            " ended; after one more run, alone, every object equals what one process makes of that bronze, byte for"
            " byte; where nobody was killed it does so before.",
            *wrong[:20],
        ),
        seed=seed,
    )


class _S3:
    """An emulator of S3 on loopback, in a thread of this process."""

    def __enter__(self) -> str:
        from moto.server import ThreadedMotoServer

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        return f"http://{host}:{port}"

    def __exit__(self, *_: object) -> None:
        self._server.stop()


def _drawn(dice: random.Random, how: signal.Signals | None) -> list[Writer]:
    """Two or three writers, at least two of them of one list; one is stopped or killed, if so told."""
    lists = ["popular_shows", "popular_shows", dice.choice(["popular_shows", "on_the_air"])]
    count = dice.choice([2, 3])
    writers = [
        Writer(number, lists[number], dice.randrange(5, 60), dice.random() * 0.1) for number in range(count)
    ]
    if how is not None:
        chosen = dice.randrange(count)
        writers[chosen] = replace(writers[chosen], trap=dice.randrange(2, WRITES), how=how)
    return writers


def _round(folder: Path, url: str, bucket: str, writers: Sequence[Writer], found: Counter[str]) -> list[str]:
    folder.mkdir()
    aws = _settings(url, bucket)
    _client(url).create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    said = {one: folder / f"said-{one.number}.txt" for one in writers}
    processes = {
        one: _FORKS.Process(target=_live, args=(one, url, bucket, folder / str(one.number), said[one]))
        for one in writers
    }
    for process in processes.values():
        process.start()
    free = [one for one in writers if not (one.trap and one.how == signal.SIGSTOP)]
    for one in free:
        processes[one].join(WAIT_SECONDS)
    for one, process in processes.items():
        if one not in free and process.pid is not None and process.is_alive():
            os.kill(process.pid, signal.SIGCONT)
        process.join(WAIT_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
    killed = [one for one in writers if processes[one].exitcode == -signal.SIGKILL and one.trap]
    stopped = any(one.trap and one.how == signal.SIGSTOP for one in writers)
    found["killed" if killed else "stopped" if stopped else "crossed"] += 1
    found["made anew"] += sum(
        path.read_text().count("it is made anew") for path in said.values() if path.exists()
    )
    wrong = [
        f"{one} ended with {process.exitcode}: {said[one].read_text()[-600:] if said[one].exists() else ''}"
        for one, process in processes.items()
        if process.exitcode != 0 and one not in killed
    ]
    lake = _lake(url, aws)
    wrong += _older(lake, [one for one in writers if processes[one].exitcode == 0])
    alone = _alone(folder / "alone", url, bucket, lake)
    if not killed:
        wrong += [f"before: {one}" for one in lakes.differing(lakes.objects(lake), alone)]
    _make(folder / "again", url, bucket, sorted({one.data_type for one in writers}))
    wrong += [f"after one more run: {one}" for one in lakes.differing(lakes.objects(lake), alone)]
    sources = Sources.of(lake, [one.name for one in LISTS])
    wrong += [f"gold/{one.name} is stale" for one in GOLD if not one.is_current(sources, day())]
    return wrong


def _older(lake: Lake, ended: Sequence[Writer]) -> list[str]:
    """Lists whose silver is of an older capture than one that a writer published which ended well."""
    wrong = []
    for name in {one.data_type for one in ended}:
        newest = max(one.number for one in ended if one.data_type == name)
        held = lake.read_silver(name, day()).num_rows
        counts = choose(lake, named(name), day())
        if not any(
            lake.is_made_from(layout.silver_key(name, day()), str(key))
            for key in lake.bronze_keys(name, day())
            if int(key.execution_id.rpartition("-")[2]) >= newest
        ):
            wrong.append(
                f"silver of {name} has {held} rows and is older than writer {newest}'s; {counts.key} counts"
            )
    return wrong


def _alone(folder: Path, url: str, bucket: str, lake: Lake) -> dict[str, bytes]:
    """The lake that a single process makes of the same bronze."""
    other = f"{bucket}-alone"
    _client(url).create_bucket(Bucket=other, CreateBucketConfiguration={"LocationConstraint": REGION})
    copy = _lake(url, _settings(url, other))
    for key, body in lakes.objects(lake).items():
        if key.startswith("bronze/") or key == layout.OWNERSHIP_MARKER:
            copy.store.create(key, body)
    names = [one.name for one in LISTS if lake.bronze_keys(one.name, day())]
    _make(folder, url, other, names)
    return lakes.objects(copy)


# --- in a process of its own -------------------------------------------------------------------------------


def _live(writer: Writer, url: str, bucket: str, folder: Path, said: Path) -> None:
    words = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(words, 1)
    os.dup2(words, 2)
    time.sleep(writer.delay)
    if writer.trap:
        _set_trap(writer.trap, writer.how)
    try:
        body = capture(writer.key, rows(writer.shows), at=f"0{3 + writer.number}:00:00")
        _lake(url, _settings(url, bucket)).write_bronze(writer.key, body)
        _make(folder, url, bucket, [writer.data_type])
    except Exception:  # noqa: BLE001 - whatever it is, the round tells it
        traceback.print_exc()
        sys.stdout.flush()
        os._exit(1)
    sys.stdout.flush()
    os._exit(0)


def _set_trap(nth: int, how: signal.Signals) -> None:
    """Stop or kill this process right before its nth write."""
    put, writes = obstore.put, 0

    def trapped(*arguments: Any, **options: Any) -> Any:
        nonlocal writes
        writes += 1
        if writes == nth:
            os.kill(os.getpid(), how)
        return put(*arguments, **options)

    obstore.put = trapped


def _make(folder: Path, url: str, bucket: str, names: Sequence[str]) -> None:
    """Refine today of these lists, and make everything below. Raises `RuntimeError` when a step fails."""
    folder.mkdir(exist_ok=True)
    settings = load_settings({"TALLY_HOME": str(folder), "TALLY_SOURCE": "sandbox"}, dotenv=None)
    lake = _lake(url, _settings(url, bucket))
    engine = CachedDuckDbEngine(lake.store, folder / "mirror", TABLES)
    deployment = replace(deploy(settings), lake=lake, query_engine=engine, analytics_engine=engine)
    definitions = build_definitions(deployment)
    selected = automation.below(definitions.resolve_asset_graph(), names)
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def(automation.refine.name).execute_in_process(
            instance=instance,
            asset_selection=sorted(selected, key=str),
            partition_key=day(),
            run_config={"loggers": {"console": {"config": {"log_level": "INFO"}}}},
            raise_on_error=False,
        )
        if not result.success:
            raise RuntimeError(str(failures.by_list(result.all_events)))


def _settings(url: str, bucket: str) -> AwsSettings:
    return replace(settings_at(url), lake_bucket=bucket)


def _lake(url: str, settings: AwsSettings) -> Lake:
    os.environ |= {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing-secret",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return Lake(Store.on_s3(Aws(settings), settings.lake_bucket), "sandbox")


def _client(url: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="testing",
        aws_secret_access_key="testing-secret",
    )
