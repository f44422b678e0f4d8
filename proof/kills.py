"""Killed at any moment: a sync or a rebuild that dies by SIGKILL loses nothing, shows nothing half, and is made good.

Each trial starts from a copy of the same folder, runs a command in a child, kills it (`pick`: before, within and
after every write, before and after every event of Dagster's, and by the clock), looks at the lake as it lies there,
runs the command again without disturbing it, and holds the lake against one that was never disturbed.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import dagster as dg

from proof.children import lakes
from proof.children.child import Command, Ended, Kill, pick, run
from proof.report import Proof, verdict
from tally_pipeline import clock
from tally_pipeline.orchestration.assets import common
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline.tmdb.sandbox import Sandbox, captures

TRIALS_LONG, TRIALS_SHORT = 240, 9
BACKFILL_DAYS = 3
SHOWN = 12

Rows = Mapping[str, Sequence[Mapping[str, object]]]
"""Silver of a day, by list. Nothing in a row tells one capture of the day from the next."""


@dataclass(frozen=True)
class Scenario:
    """A command to be killed, on copies of `base`; `worlds`: the rows silver may show, the last to be made."""

    name: str
    argv: Sequence[str]
    base: Path
    moments: Ended
    worlds: Sequence[Rows]
    should: Mapping[str, bytes] | None = None
    """The whole lake afterwards, where that is known beforehand: a rebuild is a pure function of bronze."""


@dataclass
class Trial:
    """The outcome of one kill: its place, and all problems afterwards."""

    scenario: str
    kill: Kill
    step: str = ""
    where: str = ""
    reached: bool = False
    staging: int = 0
    lost: list[str] = field(default_factory=list)
    unsound: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        return [*self.lost, *self.unsound, *self.differing]


def prove(long: bool, seed: int) -> Proof:
    """Kill as often as the form asks for, in three scenarios, and count what was lost or wrong."""
    draw = random.Random(seed)
    world = _World()
    with (
        tempfile.TemporaryDirectory(prefix="tally-kills-", dir=fast_folder()) as name,
        Sandbox(day=world) as sandbox,
    ):
        scenarios = _scenarios(Path(name), sandbox.base_url, world)
        world.ago = 0
        each = (TRIALS_LONG if long else TRIALS_SHORT) // len(scenarios)
        todo = [
            (scenario, kill) for scenario in scenarios for kill in pick(draw, scenario.moments.moments, each)
        ]
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
            trials = list(
                threads.map(
                    lambda numbered: _try(
                        Path(name) / f"trial-{numbered[0]}", sandbox.base_url, *numbered[1]
                    ),
                    enumerate(todo),
                )
            )
    return _proof(trials, seed)


class _World:
    """The day whose world the sandbox serves: `ago` days before today."""

    def __init__(self) -> None:
        self.ago = 1

    def __call__(self) -> date:
        return clock.today() - timedelta(days=self.ago)


def fast_folder() -> str | None:
    """A folder in memory where there is one: SIGKILL takes no page from the kernel, so no disk is needed."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


# --- scenarios ---------------------------------------------------------------------------------------------


def _scenarios(folder: Path, url: str, world: _World) -> list[Scenario]:
    """Each is played through once without a kill, which tells its moments and what must come of it."""
    empty, synced, filled = folder / "empty", folder / "synced", folder / "filled"
    empty.mkdir()
    world.ago = 0
    fresh, now = _played(folder / "fresh", empty, url, ["sync"])
    world.ago = 1
    _, before = _played(synced, empty, url, ["sync"])
    world.ago = 0
    second, again = _played(folder / "second", synced, url, ["sync"])
    _fill(filled, url)
    backfill, _ = _played(folder / "backfill", filled, url, ["rebuild"])
    should = lakes.objects(lakes.lake_of(folder / "backfill"))
    if now != again:
        raise RuntimeError("the sandbox served two worlds on one day: there is nothing to hold syncs against")
    return [
        Scenario("fresh day", ["sync"], empty, fresh, [now]),
        Scenario("second capture", ["sync"], synced, second, [before, now]),
        Scenario("backfill", ["rebuild"], filled, backfill, [], should),
    ]


def _played(home: Path, base: Path, url: str, argv: Sequence[str]) -> tuple[Ended, Rows]:
    shutil.copytree(base, home)
    return _well(Command(home, lakes.environment(home, url), argv)), rows_of_today(home)


def _well(command: Command) -> Ended:
    ended = run(command)
    if ended.code != 0:
        raise RuntimeError(
            f"`tally {' '.join(command.argv)}` that nobody disturbed ended with {ended.code}:\n{ended.said}"
        )
    return ended


def _fill(home: Path, url: str) -> None:
    """Days with silver and gold of a first capture each, and a second one that was not refined yet."""
    home.mkdir()
    lake = lakes.lake_of(home)
    days = [clock.today() - timedelta(days=ago) for ago in range(BACKFILL_DAYS, 0, -1)]
    depths = {show_list.name: 2 for show_list in LISTS}
    for key, body in captures(days, depths=dict.fromkeys(depths, 1)):
        lake.write_bronze(key, body)
    _well(Command(home, lakes.environment(home, url), ["rebuild"]))
    for key, body in captures(days, depths=depths):
        later = body.replace(key.execution_id.encode(), b"second-" + key.execution_id.encode())
        later = later.replace(b"T03:00:00", b"T04:00:00", 1)
        lake.write_bronze(type(key)(key.data_type, key.dt, f"second-{key.execution_id}"), later)


def rows_of_today(home: Path) -> Rows:
    """Silver of today, by list."""
    lake, day = lakes.lake_of(home), clock.today().isoformat()
    there = [one.name for one in LISTS if day in lake.silver_days(one.name)]
    return {name: lake.read_silver(name, day).to_pylist() for name in there}


# --- one trial ---------------------------------------------------------------------------------------------


def _try(home: Path, url: str, scenario: Scenario, kill: Kill) -> Trial:
    trial = Trial(scenario.name, kill)
    environ = lakes.environment(home, url)
    command = Command(home, environ, scenario.argv)
    while True:
        began_on = clock.today()
        shutil.copytree(scenario.base, home)
        before = lakes.objects(lakes.lake_of(home))
        ended = run(command, kill)
        trial.reached, trial.step, trial.where = ended.killed, ended.step, _where(ended, kill)
        lake = lakes.lake_of(home)
        trial.staging = len(lakes.staging_files(lake))
        after = lakes.objects(lake)
        trial.lost = _lost(before, after)
        trial.unsound = [*lakes.problems(lake), *_mixed(scenario, home, before, after)]
        again = run(command)
        if clock.today() == began_on:
            break
        shutil.rmtree(home)  # a day that began meanwhile has silver of its own
    held = lakes.objects(lakes.lake_of(home))
    trial.lost += _lost(after, held)
    trial.differing = _wrong_at_the_end(scenario, home, environ, ended, again, after, held)
    shutil.rmtree(home)
    return trial


def _where(ended: Ended, kill: Kill) -> str:
    if kill.place is None or not ended.moments:
        return "by the clock"
    what, _, _, when = kill.place
    return f"{when} a write" if what == "write" else f"{when} an event"


def _lost(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[str]:
    """Bronze objects that are gone or not what they were."""
    return [
        f"{key} was lost or changed" for key, body in lakes.bronze(before).items() if after.get(key) != body
    ]


def _mixed(
    scenario: Scenario, home: Path, before: Mapping[str, bytes], after: Mapping[str, bytes]
) -> list[str]:
    """Objects that are neither what they were nor what they become."""
    if scenario.should is not None:
        return [
            f"{key} is neither the old nor the new"
            for key, body in after.items()
            if body not in (before.get(key), scenario.should.get(key))
        ]
    return [
        f"silver of {name} is of no world there was"
        for name, rows in rows_of_today(home).items()
        if rows not in [world[name] for world in scenario.worlds]
    ]


def _wrong_at_the_end(
    scenario: Scenario,
    home: Path,
    environ: Mapping[str, str],
    ended: Ended,
    again: Ended,
    after: Mapping[str, bytes],
    held: Mapping[str, bytes],
) -> list[str]:
    """The differences from an undisturbed lake, after the command was run once more."""
    if again.code != 0:
        return [f"the next `tally {' '.join(scenario.argv)}` ended with {again.code}: {again.said[-600:]}"]
    found = lakes.problems(lakes.lake_of(home))
    fetches = "sync" in scenario.argv
    new = len(lakes.bronze(held)) - len(lakes.bronze(after))
    # A sync captures every list, and the genres.
    if new != (len(LISTS) + 1 if fetches else 0):
        found.append(f"{new} bronze objects came with the next command")
    if fetches and rows_of_today(home) != scenario.worlds[-1]:
        found.append("silver is not what TMDB serves")
    should = scenario.should
    if should is None:
        should = lakes.undisturbed(home, environ, home.with_name(f"{home.name}-alone"))
        shutil.rmtree(home.with_name(f"{home.name}-alone"))
    return found + lakes.differing(held, should) + _history(home)


def _history(home: Path) -> list[str]:
    """Runs that look as if they still went on, and places in the pool that nobody frees."""
    with dg.DagsterInstance.from_config(str(home / "sandbox" / "dagster")) as instance:
        going = [run.run_id for run in instance.get_runs() if not run.is_finished]
        held = instance.event_log_storage.get_concurrency_info(common.TMDB_POOL).active_slot_count
    return [f"run {run_id} is not told as ended" for run_id in going] + (["the pool is held"] if held else [])


# --- the table ---------------------------------------------------------------------------------------------


def _proof(trials: Sequence[Trial], seed: int) -> Proof:
    kills = [trial for trial in trials if trial.reached]
    by_step: dict[str, list[Trial]] = defaultdict(list)
    for trial in kills:
        by_step[trial.step].append(trial)
    rows = [_row(step, found) for step, found in by_step.items()] + [_row("all", kills)]
    wrong = [trial for trial in trials if trial.wrong]
    where = Counter(trial.where for trial in kills)
    notes = [
        f"Kills by place: {', '.join(f'{count} {place}' for place, count in sorted(where.items()))};"
        f" {sum(bool(trial.staging) for trial in kills)} left a staging file behind, which no listing shows."
        f" {len(trials) - len(kills)} commands ended before their moment came, and were held to the same.",
        "After each kill: all objects are read (Parquet whole, footers against rows and bronze, JSON, pages),"
        " bronze is held against its hashes; silver shows one world whole, the old or the new. After the command"
        " was run again: silver, quarantine, gold and reports equal, byte for byte, what a process that nobody"
        " disturbed makes of the same bronze in an empty lake; no run looks alive, no place in the pool is held.",
        *(f"{trial.scenario}, {trial.kill}: {'; '.join(trial.wrong)[:900]}" for trial in wrong[:SHOWN]),
    ]
    return Proof(
        name="kills",
        title=f"killed {len(kills)} times with SIGKILL",
        columns=_COLUMNS,
        rows=rows,
        holds=not wrong and bool(kills),
        notes=notes,
        seed=seed,
        numeric=_COLUMNS[1:-1],
    )


_COUNTS: tuple[tuple[str, Callable[[Trial], bool]], ...] = (
    ("kills", lambda trial: True),
    ("fresh day", lambda trial: trial.scenario == "fresh day"),
    ("second capture", lambda trial: trial.scenario == "second capture"),
    ("backfill", lambda trial: trial.scenario == "backfill"),
    ("at a write", lambda trial: trial.where.endswith("write")),
    ("bronze lost or changed", lambda trial: bool(trial.lost)),
    ("unreadable or half", lambda trial: bool(trial.unsound)),
    ("differs after the next", lambda trial: bool(trial.differing)),
)
_COLUMNS = ("killed in step", *(name for name, _ in _COUNTS), "")


def _row(step: str, trials: Sequence[Trial]) -> tuple[object, ...]:
    counts = [sum(counted(trial) for trial in trials) for _, counted in _COUNTS]
    return (step, *counts, verdict(not any(trial.wrong for trial in trials)))
