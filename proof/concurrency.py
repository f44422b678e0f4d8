"""Concurrent commands on one lake end like the same commands one after the other.

Every command is a process of its own. The sandbox serves another world every other request, so each capture
differs from the one before it, and silver or gold of an older one would show.
"""

from __future__ import annotations

import bisect
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from proof.children import lakes
from proof.children.child import Child, Command, Ended, Kill, run
from proof.kills import fast_folder
from proof.report import Proof, verdict
from tally_pipeline import clock
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline.tmdb.sandbox import ReceivedRequest, Sandbox, captures

SYNCS_LONG, SYNCS_SHORT = 10, 4
ROUNDS_LONG = 3
WORLDS = 5
DEEP_PAGES = 12
RATE = 10.0
"""Requests a second: low, so that each process alone would use it up."""

STUCK_SECONDS = 8.0
"""A sync that passes no moment for so long waits for the one that is stopped."""

OVERTAKEN = (
    "silver/shows/popular_shows",
    "quarantine/shows/on_the_air",
    "silver/shows/trending_shows",
    "gold/show_popularity_trends",
    "gold/data_quality_daily",
    "gold/genre_analytics",
    "gold/top_movers",
    "reports/dt=",
    "reports/latest",
)
"""Writes before which a sync is overtaken by another."""

LATE_SECONDS = 0.25
"""The most seconds by which a request may be recorded late: on a busy machine threads wait."""


@dataclass(frozen=True)
class Case:
    """Concurrent commands, and their outcome."""

    what: str
    happened: str
    wrong: Sequence[str]


def prove(long: bool, seed: int) -> Proof:
    """Run each case (in the long form several times) and hold the lake against one that nobody shared."""
    syncs, overtaken = (SYNCS_LONG, OVERTAKEN) if long else (SYNCS_SHORT, OVERTAKEN[::4])
    cases = [case for _ in range(ROUNDS_LONG if long else 1) for case in _cases(syncs, overtaken)]
    wrong = [f"{case.what}: {problem[:700]}" for case in cases for problem in case.wrong]
    return Proof(
        name="concurrency",
        title="at the same time, as if one after the other",
        columns=("at once", "what happened", ""),
        rows=[(case.what, case.happened, verdict(not case.wrong)) for case in cases],
        holds=not wrong,
        notes=(
            "What must happen: every process ends well; all files read; every capture is in bronze, whole; silver,"
            " quarantine, gold and reports equal, byte for byte, what one process alone makes of that bronze.",
            f"The rate: in no span of time did the sandbox receive more than {RATE:.0f} requests a second, all"
            f" processes together, give or take {LATE_SECONDS} s by which a busy machine is late. It is one rate for"
            " a TALLY_HOME and source (captures take turns in Dagster's pool); two homes have one each.",
            "Overtaken: a sync is stopped (SIGSTOP) right before a write, another is started and, once it ended or"
            " waits, the first goes on.",
            *wrong,
        ),
        seed=seed,
    )


def _cases(syncs: int, overtaken: Sequence[str]) -> list[Case]:
    cases: list[Callable[[Path], Case]] = [
        partial(_syncs, count=syncs),
        partial(_at_the_rate, count=min(syncs, 4)),
        partial(_rebuilds_and_syncs, syncs=2),
        _two_sensors,
        partial(_one_is_killed, count=min(syncs, 4)),
        *(partial(_overtaken, written=written) for written in overtaken),
    ]
    return [_in_folder(case) for case in cases]


def _in_folder(case: Callable[[Path], Case]) -> Case:
    with tempfile.TemporaryDirectory(prefix="tally-concurrency-", dir=fast_folder()) as name:
        return case(Path(name))


# --- cases -------------------------------------------------------------------------------------------------


def _syncs(folder: Path, count: int) -> Case:
    with _worlds() as sandbox:
        home = _new(folder / "home")
        environ = lakes.environment(home, sandbox.base_url)
        ended = _all_at_once([Command(home, environ, ["sync"])] * count)
        wrong = [*_judged(home, environ, ended), *_captured(home, count)]
        return Case(f"{count} syncs of one day", _told(ended, sandbox.requests), wrong)


def _at_the_rate(folder: Path, count: int) -> Case:
    """Deep captures by several processes, each of which would use up the rate alone."""
    with Sandbox(latency_ms=20) as sandbox:
        home = _new(folder / "home")
        environ = lakes.environment(home, sandbox.base_url, TMDB_REQUESTS_PER_SECOND=f"{RATE:g}")
        ended = _all_at_once([Command(home, environ, ["sync", "--pages", str(DEEP_PAGES)])] * count)
        wrong = [*_failed(ended), *lakes.problems(lakes.lake_of(home)), *too_fast(sandbox.requests, RATE)]
        return Case(f"{count} syncs of {DEEP_PAGES} pages a list", _told(ended, sandbox.requests), wrong)


def _rebuilds_and_syncs(folder: Path, syncs: int) -> Case:
    """A backfill of days that syncs capture and refine meanwhile."""
    with _worlds() as sandbox:
        home = _new(folder / "home")
        environ = lakes.environment(home, sandbox.base_url)
        _fill(home, days=3)
        ended = [run(Command(home, environ, ["sync"]))]
        commands = [Command(home, environ, ["rebuild"]), *[Command(home, environ, ["sync"])] * syncs]
        commands.append(Command(home, environ, ["rebuild"]))
        ended += _all_at_once(commands)
        wrong = [*_judged(home, environ, ended), *_captured(home, 1 + syncs)]
        return Case(f"2 backfills of 4 days during {syncs} syncs", _told(ended, sandbox.requests), wrong)


def _two_sensors(folder: Path) -> Case:
    """Two Dagsters with histories of their own see the same new objects and launch the same runs."""
    with _worlds() as sandbox:
        home, other = _new(folder / "home"), _new(folder / "other")
        # One day: gold of a later day is not made anew when an earlier one arrives, with one sensor or with two.
        _fill(home, days=1)
        (other / "sandbox").mkdir()
        (other / "sandbox" / "lake").symlink_to(home / "sandbox" / "lake")
        ended = _all_at_once(
            [Command(place, lakes.environment(place, sandbox.base_url), ["tick"]) for place in (home, other)]
        )
        wrong = _judged(home, lakes.environment(home, sandbox.base_url), ended)
        return Case("two sensors on one lake", _told(ended, sandbox.requests), wrong)


def _one_is_killed(folder: Path, count: int) -> Case:
    """The fetching process dies; the others wait for its place, and no new command frees it."""
    with _worlds(latency_ms=300) as sandbox:
        home = _new(folder / "home")
        environ = lakes.environment(home, sandbox.base_url)
        # A page every second: it still fetches when all others wait.
        slow = {**environ, "TALLY_PAGES_AIRING_TODAY": "all", "TMDB_REQUESTS_PER_SECOND": "1"}
        first = Child(Command(home, slow, ["sync", "--list", "airing_today"]), number=count)
        _until(lambda: len(sandbox.requests) > 0)
        others = [Child(Command(home, environ, ["sync"]), number=number) for number in range(count - 1)]
        _until(lambda: all(child.began for child in others))
        first.process.kill()
        killed_after = len(sandbox.requests)
        first.end()
        ended = [child.end() for child in others]
        wrong = _judged(home, environ, ended)
        told = f"killed after {killed_after} requests; the others: {_told(ended, sandbox.requests)}"
        return Case(f"{count} syncs, the one that fetches is killed", told, wrong)


def _overtaken(folder: Path, written: str) -> Case:
    """A sync is stopped right before a write; another begins after it; then the first goes on and writes."""
    with _worlds() as sandbox:
        home = _new(folder / "home")
        environ = lakes.environment(home, sandbox.base_url)
        before = run(Command(home, environ, ["sync"]))
        [place] = {m.place for m in before.moments if m.name.startswith(written) and m.when == "before"}
        first = Child(Command(home, environ, ["sync"]), Kill(place, only_stop=True), number=1)
        _until(lambda: first.is_stopped)
        second = Child(Command(home, environ, ["sync"]), number=2)
        _until_ended_or_stuck(second)
        waited = second.process.is_alive()
        first.go_on()
        ended = [before, first.end(), second.end()]
        wrong = [*_judged(home, environ, ended), *_captured(home, 3)]
        told = (
            f"the other {'waited for it' if waited else 'ended before it'}; {_told(ended, sandbox.requests)}"
        )
        return Case(f"a sync is overtaken before it writes {written.removesuffix('/dt=')}", told, wrong)


# --- what they share ---------------------------------------------------------------------------------------


def _worlds(latency_ms: float = 20) -> Sandbox:
    """A sandbox with another world for every capture of two pages."""
    sandbox = Sandbox(latency_ms=latency_ms, day=lambda: _world(sandbox))
    return sandbox


def _world(sandbox: Sandbox) -> date:
    return clock.today() - timedelta(days=(len(sandbox.requests) - 1) // 2 % WORLDS)


def _new(home: Path) -> Path:
    home.mkdir()
    return home


def _fill(home: Path, days: int) -> None:
    lake = lakes.lake_of(home)
    past = [clock.today() - timedelta(days=ago) for ago in range(days, 0, -1)]
    for key, body in captures(past, depths={one.name: 2 for one in LISTS}):
        lake.write_bronze(key, body)


def _all_at_once(commands: Sequence[Command]) -> list[Ended]:
    children = [Child(command, number=number) for number, command in enumerate(commands)]
    return [child.end() for child in children]


def _until(there: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not there():
        if time.monotonic() > end:
            raise RuntimeError("waited in vain for a child to get going")
        time.sleep(0.02)


def _until_ended_or_stuck(child: Child) -> None:
    passed, since = -1, time.monotonic()
    while child.process.is_alive() and time.monotonic() < since + STUCK_SECONDS:
        if (now := len(child.passed)) != passed:
            passed, since = now, time.monotonic()
        time.sleep(0.1)


def _judged(home: Path, environ: Mapping[str, str], ended: Sequence[Ended]) -> list[str]:
    """The problems of the lake, compared with the one that a single process makes of its bronze."""
    lake = lakes.lake_of(home)
    wrong = [*_failed(ended), *lakes.problems(lake)]
    if not lakes.bronze(lakes.objects(lake)):
        return [*wrong, "nothing was captured"]
    alone = lakes.undisturbed(home, environ, home.with_name("alone"))
    return [*wrong, *lakes.differing(lakes.objects(lake), alone)]


def _failed(ended: Sequence[Ended]) -> list[str]:
    return [
        f"ended with {one.code} after {one.seconds:.0f} s: {one.said[-500:]}"
        for one in ended
        if one.code != 0
    ]


def _captured(home: Path, syncs: int) -> list[str]:
    held = {
        show_list.name: lakes.lake_of(home).bronze_keys(show_list.name, clock.today().isoformat())
        for show_list in LISTS
    }
    return [f"{name}: {len(keys)} captures, not {syncs}" for name, keys in held.items() if len(keys) != syncs]


def _told(ended: Sequence[Ended], requests: Sequence[ReceivedRequest]) -> str:
    well = sum(one.code == 0 for one in ended)
    told = f"{well} of {len(ended)} ended well in {max(one.seconds for one in ended):.0f} s"
    if not requests:
        return told
    return f"{told}, {len(requests)} requests, {most_within(requests, 1.0)} at most within a second"


def most_within(requests: Sequence[ReceivedRequest], seconds: float) -> int:
    """The most requests that came within any span of so many seconds."""
    times = sorted(request.at for request in requests)
    return max((bisect.bisect_left(times, at + seconds) - place for place, at in enumerate(times)), default=0)


def too_fast(requests: Sequence[ReceivedRequest], rate: float) -> list[str]:
    """Spans in which more came than the rate allows, with what a late thread explains."""
    return [
        f"{found} requests within {seconds} s, at most {allowed:.0f} are allowed"
        for seconds in (0.5, 1.0, 5.0)
        if (found := most_within(requests, seconds)) > (allowed := rate * (seconds + LATE_SECONDS) + 1)
    ]
