"""SIGKILL in the middle, on both sides: what a reader then sees, and what the next run makes of it."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.dlt_pipeline import DATASET
from benchmarks.processes import environment, run, until
from proof.dlt_side.on_dlt import QUIET, RESULTS, Found, Job, Load
from proof.dlt_side.outcomes import Offer, Outcome
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import Store
from tally_pipeline.tmdb.sandbox import Sandbox
from testkit.pipeline import POPULAR, assert_sound, day

PAGES = 8
LATENCY_MS = 150
_WAIT_SECONDS = 180

TALLY = (sys.executable, "-c", "import sys; from tally_pipeline.cli import main; sys.exit(main())", "sync")
OFFER = Offer(20 * PAGES)


@dataclass(frozen=True)
class Moment:
    """The moment of a kill: after some requests, or (None) when the first file of the list exists, and some seconds
    later."""

    requests: int | None
    later: float = 0.0

    @property
    def name(self) -> str:
        exactly = f" and {self.later * 1000:.0f} ms" if self.later else ""
        return (
            f"after {self.requests} of {PAGES} requests" if self.requests else f"at its first file{exactly}"
        )


def tried(folder: Path, times: int, seed: int) -> Iterator[tuple[str, Outcome, Outcome]]:
    """Both sides killed: once while fetching and once while writing, then `times` - 1 times more at random.

    Yields what was done, in words, and what came of it on Tally and on dlt.
    """
    draw = random.Random(seed)
    moments = [Moment(PAGES // 2), Moment(None)]
    for _ in range(times - 1):
        moments += [Moment(draw.randint(1, PAGES)), Moment(None, draw.uniform(0, 0.05))]
    for number, moment in enumerate(moments):
        home = folder / str(number)
        tally = _tally(home / "tally", moment)
        dlt, complete = _dlt(home / "dlt", moment)
        late = " (dlt had marked its load complete: the day run twice)" if complete else ""
        yield f"SIGKILL {moment.name}{late}, then run again", tally, dlt


def _tally(home: Path, moment: Moment) -> Outcome:
    home.mkdir(parents=True)
    command = [*TALLY, "--list", POPULAR.name, "--pages", str(PAGES)]
    root = home / "sandbox" / "lake"
    with Sandbox(latency_ms=LATENCY_MS) as sandbox:
        environ = environment(home, TMDB_BASE_URL=sandbox.base_url, TMDB_REQUESTS_PER_SECOND="10")
        _killed(command, environ, home, moment, sandbox, root / "bronze", "*.json")
    lake = Lake(Store.in_folder(root), "sandbox")
    assert_sound(lake)
    with Sandbox() as sandbox:
        run(command, environment(home, TMDB_BASE_URL=sandbox.base_url), home)
    assert_sound(lake)
    silver = lake.read_silver(POPULAR.name, day())
    return Outcome(len(silver), len(set(silver["show_id"].to_pylist())), 0, len(silver), "")


def _dlt(home: Path, moment: Moment) -> tuple[Outcome, bool]:
    """The outcome, and whether dlt had marked the load complete before it was killed."""
    home.mkdir(parents=True)
    jobs, environ = home / "jobs.json", environment(home, **QUIET)
    command = [sys.executable, "-m", "proof.dlt_side.on_dlt", str(jobs)]
    dataset = home / "lake" / DATASET
    with Sandbox(latency_ms=LATENCY_MS) as sandbox:
        jobs.write_bytes(_job(home, sandbox))
        _killed(command, environ, home, moment, sandbox, dataset / POPULAR.name, "*.parquet")
    complete = any((dataset / "_dlt_loads").glob("*__*"))
    with Sandbox() as sandbox:
        jobs.write_bytes(_job(home, sandbox))
        run(command, environ, home)
    [found] = msgspec.json.decode((home / RESULTS).read_bytes(), type=list[Found])
    return Outcome(found.rows, found.shows, 0, found.rows, found.said[-1]), complete


def _job(home: Path, sandbox: Sandbox) -> bytes:
    loads = (Load(sandbox.base_url, day()),)
    return msgspec.json.encode([Job("killed", str(home), POPULAR.name, PAGES, loads)])


def _killed(
    command: Sequence[str],
    environ: dict[str, str],
    home: Path,
    moment: Moment,
    sandbox: Sandbox,
    place: Path,
    pattern: str,
) -> None:
    """Start the command and kill it at the moment; `place` and `pattern` say where its first file appears."""

    def is_there() -> bool | None:
        if moment.requests:
            return len(sandbox.requests) >= moment.requests or None
        return any(place.rglob(pattern)) or None

    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=environ, cwd=home, stdout=quiet, stderr=quiet) as process:
        try:
            until(f"the moment {moment.name}", is_there, seconds=_WAIT_SECONDS, every=0.002)
            time.sleep(moment.later)
        finally:
            process.kill()
