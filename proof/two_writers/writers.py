"""One writer: a process with a Dagster and a folder of its own, as on a machine of its own.

It captures a list, refines it and makes everything below, in one of three ways: by the job `refine`, by the ticks of
a sensor that the bucket's queue wakes, or by the command `tally sync`. At a place in that it stops, or dies.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal
from unittest import mock

import dagster as dg
import obstore

from proof.children import ticks
from proof.two_writers import planted
from tally_pipeline import clock, gold
from tally_pipeline.aws.session import Aws
from tally_pipeline.aws.settings import AwsSettings
from tally_pipeline.cli import sync as sync_command
from tally_pipeline.datasets import PLACES
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import Deployment, Settings, deploy, first_day, load_settings
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.sqs import SqsObjectEvents
from tally_pipeline.lake.store import OvertakenError, Store
from tally_pipeline.orchestration import automation
from tally_pipeline.orchestration.assets.io_manager import Captures
from tally_pipeline.orchestration.runs import failures
from tally_pipeline.query.cached_duckdb import CachedDuckDbEngine
from tally_pipeline.query.tables import TABLES
from tally_pipeline.tmdb.lists import list_named
from testkit.aws.moto_server import ACCOUNT, messages_in, settings_at
from testkit.pipeline import capture, day, rows

# What a run imports while it is at work is there before the fork.
for _name in (
    "obstore.auth.boto3",
    "pyarrow.dataset",
    "sqlglot.dialects.athena",
    "sqlglot.dialects.duckdb",
    "sqlglot.optimizer.annotate_types",
):
    importlib.import_module(_name)
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__])

WAIT_SECONDS = 180
_SETTLE_SECONDS = 40
"""Longer than a message stays hidden that a dead sensor had received."""

By = Literal["refining", "a sensor", "tally sync"]


@dataclass(frozen=True)
class Place:
    """Right before the nth write of an object, or right after the nth look at its version, read of it, or choice of
    a list's capture for refining."""

    what: Literal["put", "looked", "read", "chose"]
    key: str
    """The beginning of the object's key; the list's name."""
    nth: int = 1

    def __str__(self) -> str:
        return f"{_SAID[self.what]} {self.key.removesuffix('/dt=')}"


_SAID = {
    "put": "before the write of",
    "looked": "after the look at the version of",
    "read": "after a read of",
    "chose": "after the capture was read of",
}


@dataclass(frozen=True)
class Bucket:
    """A bucket of the emulator, and its queue; `tmdb` is where the sandbox listens."""

    url: str
    name: str
    tmdb: str = ""

    @property
    def settings(self) -> AwsSettings:
        return replace(
            settings_at(self.url),
            lake_bucket=self.name,
            events_queue_url=f"{self.url}/{ACCOUNT}/{self.name}",
            dead_letters_queue_url=f"{self.url}/{ACCOUNT}/{self.name}-dead",
        )

    @property
    def aws(self) -> Aws:
        """A session, with this process's clients pointed at the emulator."""
        os.environ |= {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing-secret",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        }
        return Aws(self.settings)

    @property
    def lake(self) -> Lake:
        return Lake(Store.on_s3(self.aws, self.name), "sandbox")


@dataclass(frozen=True)
class Writer:
    """The work of one process, and the places where it stops (SIGSTOP) or is killed."""

    number: int
    data_type: str
    shows: int
    by: By = "refining"
    delay: float = 0.0
    stops: Place | None = None
    dies: Place | None = None

    def captured(self, key: BronzeKey) -> bool:
        """True if the capture is this writer's."""
        if self.by == "tally sync":
            return not key.execution_id.startswith("writer-")
        return key.execution_id == f"writer-{self.number}"


@dataclass
class Running:
    """A writer at work."""

    writer: Writer
    bucket: Bucket
    folder: Path
    fault: str = ""
    process: BaseProcess = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.process = FORKS.Process(target=_live, args=(self.writer, self.bucket, self.folder, self.fault))
        self.process.start()

    def wait_for_stop(self) -> None:
        """Wait until it is stopped at its place, or has ended."""
        end = time.monotonic() + WAIT_SECONDS
        while self.process.is_alive() and not self.stopped and time.monotonic() < end:
            time.sleep(0.01)

    def end(self) -> None:
        """Let it go on if it is stopped, and wait for its end."""
        if self.process.pid is not None and self.process.is_alive():
            os.kill(self.process.pid, signal.SIGCONT)
        self.process.join(WAIT_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()

    @property
    def stopped(self) -> bool:
        """True if it has come to the place where it stops."""
        return (self.folder / "stops").exists()

    @property
    def killed(self) -> bool:
        """True if it has died at its place."""
        return self.process.exitcode == -signal.SIGKILL and (self.folder / "dies").exists()

    @property
    def overtaken(self) -> int:
        """The number of times it found that another writer had written something else."""
        found = self.folder / "overtaken"
        return found.stat().st_size if found.exists() else 0

    @property
    def said(self) -> str:
        """The end of what it printed."""
        return words(self.folder)


def words(folder: Path) -> str:
    """The end of what a process printed that has this folder."""
    path = folder / "said.txt"
    return path.read_text(errors="replace")[-900:] if path.exists() else ""


def alone(bucket: Bucket, folder: Path, names: Sequence[str]) -> BaseProcess:
    """A process, started, that refines these lists and makes everything below."""
    return _started(_refine_once, bucket, folder, names)


def sensor_again(bucket: Bucket, folder: Path) -> BaseProcess:
    """A process, started, of a sensor that looks until the queue is empty."""
    return _started(_sense_once, bucket, folder)


def _started(work: Callable[..., None], bucket: Bucket, folder: Path, *arguments: Any) -> BaseProcess:
    folder.mkdir()
    process = FORKS.Process(target=_told, args=(folder, work, bucket, folder, *arguments))
    process.start()
    return process


# --- in a process of its own -------------------------------------------------------------------------------


def _live(writer: Writer, bucket: Bucket, folder: Path, fault: str) -> None:
    _told(folder, _work, writer, bucket, folder, fault)


def _told(folder: Path, work: Callable[..., None], *arguments: Any) -> None:
    """Do this work, print into the folder's `said.txt`, and end with 1 if it fails."""
    words = os.open(folder / "said.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(words, 1)
    os.dup2(words, 2)
    code = 1
    try:
        work(*arguments)
        code = 0
    except Exception:  # noqa: BLE001 - whatever it is, the round tells it
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    # At once: Dagster's threads would be waited for.
    os._exit(code)


def _work(writer: Writer, bucket: Bucket, folder: Path, fault: str) -> None:
    if fault:
        planted.plant(fault)
    _note_overtakings(folder / "overtaken")
    _watch(folder, {"stops": writer.stops, "dies": writer.dies})
    time.sleep(writer.delay)
    settings, deployment = _deployed(bucket, folder)
    if writer.by == "tally sync":
        _sync(settings, deployment, writer)
        return
    key = BronzeKey(writer.data_type, day(), f"writer-{writer.number}")
    at = clock.now().strftime("%H:%M:%S.%f")
    bucket.lake.write_bronze(key, capture(key, rows(writer.shows), at=at))
    if writer.by == "a sensor":
        _sense(settings, deployment)
    else:
        _refine(deployment, [writer.data_type])


def _note_overtakings(file: Path) -> None:
    """Adds a byte to the file for each error that says that another writer was quicker."""
    made = OvertakenError.__init__

    def noted(self: OvertakenError, *arguments: object) -> None:
        with file.open("ab") as found:
            found.write(b".")
        made(self, *arguments)

    mock.patch.object(OvertakenError, "__init__", noted).start()


def _watch(folder: Path, places: dict[str, Place | None]) -> None:
    """Stop or kill this process at its places; a file of that name tells that it came there."""
    signals = {"stops": signal.SIGSTOP, "dies": signal.SIGKILL}
    passed: Counter[tuple[str, str]] = Counter()
    put, get, choose = obstore.put, obstore.get, Captures.choose

    def arrive(what: str, key: str) -> None:
        for name, place in places.items():
            if place is None or place.what != what or not key.startswith(place.key):
                continue
            passed[name, place.key] += 1
            if passed[name, place.key] == place.nth:
                (folder / name).touch()
                os.kill(os.getpid(), signals[name])

    def watched_put(store: Any, key: str, *arguments: Any, **options: Any) -> Any:
        arrive("put", key)
        return put(store, key, *arguments, **options)

    def watched_get(store: Any, key: str, **options: Any) -> Any:
        found = get(store, key, **options)
        is_look = (options.get("options") or {}).get("range") == {"suffix": 1}
        arrive("looked" if is_look else "read", key)
        return found

    def watched_choose(self: Captures, *arguments: Any) -> Any:
        chosen = choose(self, *arguments)
        arrive("chose", chosen.key.data_type)
        return chosen

    mock.patch.object(Captures, "choose", watched_choose).start()
    mock.patch.object(obstore, "put", watched_put).start()
    mock.patch.object(obstore, "get", watched_get).start()


def _deployed(bucket: Bucket, folder: Path) -> tuple[Settings, Deployment]:
    """The parts of a fleet on AWS, without Athena and CloudWatch."""
    environ = {
        "TALLY_HOME": str(folder / "home"),
        "TALLY_SOURCE": "sandbox",
        "TALLY_PAGES_POPULAR_SHOWS": "2",
        "TMDB_REQUESTS_PER_SECOND": "1000",
    }
    (folder / "home").mkdir()
    settings = load_settings(environ | ({"TMDB_BASE_URL": bucket.tmdb} if bucket.tmdb else {}), dotenv=None)
    engine = CachedDuckDbEngine(bucket.lake.store, folder / "mirror", TABLES)
    deployment = replace(
        deploy(settings),
        lake=bucket.lake,
        object_events=SqsObjectEvents(bucket.aws, bucket.lake.store, PLACES, wait_seconds=0),
        query_engine=engine,
        analytics_engine=engine,
    )
    return settings, deployment


def _refine(deployment: Deployment, names: Sequence[str]) -> None:
    """Refine today of these lists, and make everything below. Raises `RuntimeError` when a step fails."""
    definitions = build_definitions(deployment)
    selected = automation.below(definitions.resolve_asset_graph(), names)
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def(automation.refine.name).execute_in_process(
            instance=instance,
            asset_selection=sorted(selected, key=str),
            partition_key=day(),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )
        if not result.success:
            raise RuntimeError(str(failures.by_list(result.all_events)))


def _sense(settings: Settings, deployment: Deployment) -> None:
    """Look as a sensor that has looked before today, so that it knows nothing but what the queue tells."""
    first_day.look(settings, deployment.lake)
    swept = json.dumps({"swept": day()})
    cursor = json.dumps({"arrivals": swept, "looked_back": gold.VERSION, "looked_on": day()})
    with dg.DagsterInstance.ephemeral() as instance:
        succeeded = ticks.look_on(deployment, build_definitions(deployment), instance, cursor)
    if not all(succeeded):
        raise RuntimeError("a run that the sensor launched failed")


def _sync(settings: Settings, deployment: Deployment, writer: Writer) -> None:
    with mock.patch.object(sync_command, "deploy", return_value=deployment):
        code = sync_command.sync(settings, [list_named(writer.data_type)], None, details=False, as_json=False)
    if code:
        raise RuntimeError(f"tally sync ended with {code}")


def _refine_once(bucket: Bucket, folder: Path, names: Sequence[str]) -> None:
    _, deployment = _deployed(bucket, folder)
    _refine(deployment, names)


def _sense_once(bucket: Bucket, folder: Path) -> None:
    """Raises `RuntimeError` if messages are left after a time, or became dead letters."""
    settings, deployment = _deployed(bucket, folder)
    end = time.monotonic() + _SETTLE_SECONDS
    while True:
        _sense(settings, deployment)
        left = messages_in(bucket.aws, str(bucket.settings.events_queue_url))
        if not left or time.monotonic() > end:
            break
        time.sleep(0.3)
    dead = messages_in(bucket.aws, str(bucket.settings.dead_letters_queue_url))
    if left or dead:
        raise RuntimeError(f"{left} messages are left in the queue, {dead} became dead letters")
