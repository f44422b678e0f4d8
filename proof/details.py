"""Details killed at any moment: no show is asked for twice but those under way, no reply is lost, the day is whole.

A process captures the details of many shows from a sandbox in another process, which answers after 50 ms and writes
down each request. It is killed by SIGKILL over and over, at a request drawn by chance or by the clock, and before,
within or after the writing of a part to an emulator of S3; then started again. Between its lives the parts in the
lake and its journal are read, and held against what was asked for.
"""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

import boto3
import dagster as dg
import obstore
import pyarrow as pa

from proof.report import Proof, verdict
from tally_pipeline import clock
from tally_pipeline.aws.session import Aws
from tally_pipeline.aws.settings import AwsSettings
from tally_pipeline.bronze import details_capture
from tally_pipeline.bronze.details_capture import APPENDED, Head
from tally_pipeline.datasets.details import DETAILS
from tally_pipeline.datasets.shows.contract import SILVER
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import deploy, load_settings
from tally_pipeline.lake import layout, parquet
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import Store
from tally_pipeline.orchestration.automation.jobs import BELOW_DETAILS
from tally_pipeline.orchestration.runs import failures
from tally_pipeline.query.cached_duckdb import CachedDuckDbEngine
from tally_pipeline.query.tables import TABLES
from tally_pipeline.tmdb.sandbox import Sandbox, details_body, world
from tally_pipeline.tmdb.sandbox.invented import FIRST_ID
from tally_pipeline.tmdb.sandbox.replies import Reply, show_of
from tally_pipeline.tmdb.settings import TmdbSettings
from testkit.aws.moto_server import REGION, settings_at
from testkit.pipeline import day, row

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])

SHOWS_LONG, SHOWS_SHORT = 2700, 150
KILLS_LONG, KILLS_SHORT = 50, 4
LATENCY_MS, PER_SECOND = 50, 40
CONNECTIONS = TmdbSettings.connections

OF_A_PART = 25
"""Replies of a part here, so that many parts are written."""

WAIT_SECONDS = 240
_SETTLED_SECONDS = 0.3
_NUMBERS = ("shows", "kills", "requests", "under way at kills", "most at one", "kept beside parts")
_JOBS = (("capture_details", None), ("refine", BELOW_DETAILS))

When = Literal["before", "within", "after"]


@dataclass(frozen=True)
class Trap:
    """A kill before, within or after the nth writing of a part."""

    nth: int
    when: When


@dataclass
class Tally:
    """What was seen over all lives of a capture."""

    kills: int = 0
    requests: int = 0
    in_flight: list[int] = field(default_factory=list)
    left_in_journal: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


def prove(long: bool, seed: int) -> Proof:
    """Kill a capture in a folder and one on S3 as often as the form asks for; count what was lost or asked twice."""
    dice = random.Random(seed)
    shows, kills = (SHOWS_LONG, KILLS_LONG) if long else (SHOWS_SHORT, KILLS_SHORT)
    with tempfile.TemporaryDirectory(prefix="tally-details-") as folder, _sandbox(Path(folder)) as server:
        of_folder = _killed(Home(Path(folder) / "home"), server, shows, kills, dice)
        with _s3() as url:
            on_s3 = Home(Path(folder) / "aws", url)
            of_s3 = _killed(on_s3, server, 6 * OF_A_PART, 12 if long else 3, dice)
    tried = {"a folder, at any request": of_folder, "S3, while a part is written": of_s3}
    wrong = [f"{name}: {one}" for name, tally in tried.items() for one in tally.wrong]
    return Proof(
        name="details",
        title="a capture of details that is killed asks for nothing twice and loses nothing",
        columns=(
            "the lake",
            "shows",
            "kills",
            "requests",
            "under way at kills",
            "most at one",
            "kept beside parts",
            "",
        ),
        rows=[
            (
                name,
                number,
                tally.kills,
                tally.requests,
                sum(tally.in_flight),
                max(tally.in_flight, default=0),
                tally.left_in_journal,
                verdict(not tally.wrong),
            )
            for (name, tally), number in zip(tried.items(), (shows, 6 * OF_A_PART), strict=True)
        ],
        holds=not wrong,
        notes=(
            f"{LATENCY_MS} ms a reply, {PER_SECOND} requests a second, {CONNECTIONS} connections, parts of"
            f" {OF_A_PART} replies; {of_folder.seconds:.0f} s in the folder, {of_s3.seconds:.0f} s on S3.",
            "What must happen: a show is asked for once, and once more for each kill that met its request under way,"
            f" of which there are at most {CONNECTIONS} a kill; whatever was in a part or the journal once is there"
            " ever after, and not asked for again; at the end the manifest names each show once, each reply is TMDB's"
            " byte for byte, the audit finds nothing, and silver and the tables below hold every show.",
            *wrong[:20],
        ),
        seed=seed,
        numeric=_NUMBERS,
    )


# --- the lake and what it keeps ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Home:
    """A home whose lake lies in it, or in a bucket of the emulator at `s3`."""

    folder: Path
    s3: str = ""

    @property
    def lake(self) -> Lake:
        if not self.s3:
            return Lake(Store.in_folder(self.folder / "sandbox" / "lake"), "sandbox")
        settings = _aws(self.s3)
        return Lake(Store.on_s3(Aws(settings), settings.lake_bucket), "sandbox")

    @property
    def journal(self) -> Path:
        return self.folder / "sandbox" / "captures"

    def kept(self) -> tuple[dict[int, str], int]:
        """The SHA-256 of each show's reply that is in a part or the journal; the number in the journal alone."""
        lake, found = self.lake, dict[int, str]()
        for info in lake.store.list(DETAILS.place.parts_folder(day())):
            heads = (one.head for one in details_capture.decode_part(lake.store.get(info.key)))
            _take(found, heads)
        in_parts = len(found)
        for path in self.journal.glob("*.jsonl"):
            *lines, _ = path.read_bytes().split(b"\n")
            _take(found, (details_capture.decode_line(line).head for line in lines))
        return found, len(found) - in_parts

    def list_shows(self, show_ids: Sequence[int]) -> None:
        """Let the list of popular shows hold these."""
        rows = [
            {**row(show_id), "show_id": show_id, "rank": rank} for rank, show_id in enumerate(show_ids, 1)
        ]
        table = pa.Table.from_pylist(rows, schema=SILVER)
        self.lake.store.put(layout.silver_key("popular_shows", day()), parquet.encode_table(table))


def _take(found: dict[int, str], heads: Iterator[Head]) -> None:
    for head in heads:
        found[head.show_id] = head.sha256


# --- lives and kills ---------------------------------------------------------------------------------------


def _killed(home: Home, server: Server, shows: int, kills: int, dice: random.Random) -> Tally:
    """Live and die so many times, then live to the end."""
    began, tally = time.monotonic(), Tally()
    wanted = [FIRST_ID + show for show in list(world.ranked(clock.today()))[:shows]]
    home.list_shows(wanted)
    asked, before = Counter[int](), dict[int, str]()
    under_way = Counter[int]()
    while True:
        trap = _drawn(dice) if home.s3 and tally.kills < kills else None
        start = len(server.log())
        pace = (shows - len(before)) / (kills - tally.kills + 1)
        code = _life(home, server, trap, dice, pace if tally.kills < kills else None)
        life = Counter(server.log()[start:])
        asked += life
        kept, beside = home.kept()
        tally.wrong += _wrong_in(life, before, kept)
        if code != -signal.SIGKILL:
            break
        tally.kills += 1
        tally.left_in_journal += beside
        lost = [show_id for show_id in life if show_id not in kept]
        under_way.update(lost)
        tally.in_flight.append(len(lost))
        if len(lost) > CONNECTIONS:
            tally.wrong.append(f"kill {tally.kills} lost {len(lost)} requests, more than were under way")
        before = kept
    tally.requests = asked.total()
    if tally.kills < kills:
        tally.wrong.append(f"only {tally.kills} of {kills} kills met the capture alive")
    if code != 0:
        tally.wrong.append(f"the last life ended with {code}: {_said(home)[-800:]}")
    else:
        tally.wrong += [
            f"{show_id} was asked for {asked[show_id]} times, and {under_way[show_id]} kills met it under way"
            for show_id in wanted
            if asked[show_id] != 1 + under_way[show_id]
        ]
        tally.wrong += _wrong_at_the_end(home, wanted)
    tally.seconds = time.monotonic() - began
    return tally


def _wrong_in(life: Mapping[int, int], before: Mapping[int, str], kept: Mapping[int, str]) -> list[str]:
    """What one life did wrong, by what was kept before it and after it."""
    wrong = [f"{show_id} was asked for although its reply was there" for show_id in life if show_id in before]
    wrong += [
        f"{show_id} was asked for {times} times in one life" for show_id, times in life.items() if times > 1
    ]
    return wrong + [
        f"the reply about {one} was lost" for one, digest in before.items() if kept.get(one) != digest
    ]


def _wrong_at_the_end(home: Home, wanted: Sequence[int]) -> list[str]:
    """What is wrong with the capture, the audit and the tables below, after the last life."""
    lake = home.lake
    keys = [
        key
        for info in lake.store.list(DETAILS.place.day_folder(day()))
        if (key := DETAILS.place.parse(info.key))
    ]
    if len(keys) != 1:
        return [f"there are {len(keys)} manifests"]
    content = DETAILS.read(lake.store, keys[0]).content
    replies = [reply for part in content.manifest.parts for reply in content.read_part(part)]
    wrong = [] if content.manifest.verdict == "complete" else [f"the capture is {content.manifest.verdict}"]
    if sorted(reply.head.show_id for reply in replies) != sorted(wanted):
        wrong.append("the manifest does not name each show once")
    for reply in replies:
        sent = details_body(reply.head.show_id, APPENDED, clock.today()) or b""
        if hashlib.sha256(sent).digest() != hashlib.sha256(reply.body).digest():
            wrong.append(f"the reply about {reply.head.show_id} is not what was sent")
    wrong += DETAILS.audit(lake.store, keys[0], "sandbox").problems
    left = [path.name for path in home.journal.iterdir()]
    wrong += [f"the journal keeps {left}"] if left else []
    details = parquet.decode(lake.store.get(DETAILS.silver_key(day())))
    if details["show_id"].to_pylist() != sorted(wanted):
        wrong.append(f"silver holds {details.num_rows} shows of {len(wanted)}")
    stated = sum(map(len, details["offers"].to_pylist()))
    offers = parquet.decode(lake.store.get(layout.table_key("silver", "offers", day())))
    return wrong + ([] if offers.num_rows == stated else [f"{offers.num_rows} offers of {stated}"])


def _drawn(dice: random.Random) -> Trap:
    return Trap(dice.choice([1, 1, 2]), dice.choice(["before", "within", "after"]))


def _life(home: Home, server: Server, trap: Trap | None, dice: random.Random, pace: float | None) -> int:
    """One life of the capture; returns how it ended. It is killed by its trap, or after about `pace` requests."""
    home.folder.mkdir(parents=True, exist_ok=True)
    start = len(server.log())
    process = _FORKS.Process(target=_live, args=(home, server.url, trap, home.folder / "said.txt"))
    process.start()
    if trap is None and pace is not None:
        # One in eight dies by the clock, which may be before its first request or while it reads what is there.
        after = dice.randrange(1, max(2, int(1.6 * pace))) if dice.randrange(8) or pace < PER_SECOND else None
        until = time.monotonic() + (dice.random() * 2 if after is None else WAIT_SECONDS)
        while process.is_alive() and time.monotonic() < until:
            if after is not None and len(server.log()) - start >= after:
                time.sleep(dice.random() * LATENCY_MS / 1000)
                break
            time.sleep(0.005)
        process.kill()
    process.join(WAIT_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
        return 1
    server.settle()
    return process.exitcode if process.exitcode is not None else 1


def _said(home: Home) -> str:
    path = home.folder / "said.txt"
    return path.read_text(errors="replace") if path.exists() else ""


# --- in a process of its own -------------------------------------------------------------------------------


def _live(home: Home, url: str, trap: Trap | None, said: Path) -> None:
    words = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(words, 1)
    os.dup2(words, 2)
    details_capture.PART_REPLIES = OF_A_PART
    if trap:
        _set_trap(trap)
    try:
        for job, assets in _JOBS:
            _run(home, url, job, assets)
    except Exception:  # noqa: BLE001 - whatever it is, the proof tells it
        traceback.print_exc()
        sys.stdout.flush()
        os._exit(1)
    os._exit(0)


def _run(home: Home, url: str, job: str, assets: Sequence[dg.AssetKey] | None) -> None:
    """Run a job of today. Raises `RuntimeError` when a step fails."""
    environ = {
        "TALLY_HOME": str(home.folder),
        "TALLY_SOURCE": "sandbox",
        "TMDB_BASE_URL": url,
        "TMDB_REQUESTS_PER_SECOND": str(PER_SECOND),
    }
    deployment = deploy(load_settings(environ, dotenv=None))
    if home.s3:
        lake = home.lake
        engine = CachedDuckDbEngine(lake.store, home.folder / "mirror", TABLES)
        deployment = replace(deployment, lake=lake, query_engine=engine, analytics_engine=engine)
    definitions = build_definitions(deployment)
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def(job).execute_in_process(
            instance=instance,
            asset_selection=assets,
            partition_key=day(),
            run_config={"loggers": {"console": {"config": {"log_level": "INFO"}}}},
            raise_on_error=False,
        )
        if not result.success:
            raise RuntimeError(str(failures.by_list(result.all_events)))


def _set_trap(trap: Trap) -> None:
    """Kill this process at its nth writing of a part."""
    put, writes = obstore.put, 0

    def trapped(*arguments: Any, **options: Any) -> Any:
        nonlocal writes
        is_part = "/parts/" in arguments[1]
        writes += is_part
        hit = is_part and writes == trap.nth
        if hit and trap.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        if hit and trap.when == "within":
            threading.Timer(random.random() * 0.02, os.kill, (os.getpid(), signal.SIGKILL)).start()
        result = put(*arguments, **options)
        if hit:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    obstore.put = trapped


# --- the servers -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Server:
    """A sandbox in another process: its address, and the file to which it writes each show that it is asked for."""

    url: str
    path: Path

    def log(self) -> list[int]:
        """The shows asked for, in order."""
        return [int(line) for line in self.path.read_text().split()]

    def settle(self) -> None:
        """Wait until what a killed process sent last is written down."""
        size = -1
        while size != (size := self.path.stat().st_size):
            time.sleep(_SETTLED_SECONDS)


class _Logged(Sandbox):
    """A sandbox that writes down each show that it is asked for, as the request comes."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        super().__init__(latency_ms=LATENCY_MS)

    def answer(self, target: str, headers: Mapping[str, str]) -> Reply:
        of_show = show_of(target.partition("?")[0].removeprefix("/3"))
        if of_show is not None:
            os.write(self._file, f"{of_show[0]}\n".encode())
        return super().answer(target, headers)


@contextmanager
def _sandbox(folder: Path) -> Iterator[Server]:
    ours, theirs = _FORKS.Pipe()
    log = folder / "asked.txt"
    process = _FORKS.Process(target=_serve, args=(theirs, log), daemon=True)
    process.start()
    try:
        yield Server(ours.recv(), log)
    finally:
        process.kill()
        process.join()


def _serve(parent: Connection, log: Path) -> None:
    with _Logged(log) as sandbox:
        parent.send(sandbox.base_url)
        threading.Event().wait()


@contextmanager
def _s3() -> Iterator[str]:
    """An emulator of S3 on loopback, in a thread of this process, with the lake's bucket."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    try:
        settings = _aws(url)
        client = boto3.client("s3", endpoint_url=url, region_name=REGION)
        client.create_bucket(
            Bucket=settings.lake_bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        yield url
    finally:
        server.stop()


def _aws(url: str) -> AwsSettings:
    """The settings of the emulator at `url`, to which every client of this process then goes."""
    os.environ |= {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing-secret",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return settings_at(url)
