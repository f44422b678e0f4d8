"""Commands of Tally in processes of their own that start within milliseconds and die at a given place.

A fork server imports everything once; each child is a fork of it, with its own settings, folder and output, and
does what the command `tally` does (or `tick`: a tick of the sensor, with its runs). SIGKILL takes all of it.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal

import dagster as dg
import msgspec
import obstore

from proof.children.ticks import tick
from tally_pipeline.cli import main, rebuild, status, sync  # noqa: F401

# What a command imports when it runs is there before the fork.
from tally_pipeline.datasets import PLACES

# So is what Dagster and Arrow import once they are at work.
for _name in ("alembic.command", "pandas", "sqlalchemy", "sqlite3", "structlog", "tqdm", "upath"):
    importlib.import_module(_name)
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])

When = Literal["before", "within", "after"]
WAIT_SECONDS = 600


class Moment(msgspec.Struct, frozen=True):
    """A place in a command's life: before, within or after its nth write or event of a name.

    `step` is the step that was at work, `at` the seconds since the command began, `took` how long the write was.
    """

    what: Literal["write", "event"]
    name: str
    nth: int
    when: When
    step: str
    at: float
    took: float = 0.0

    @property
    def place(self) -> tuple[str, str, int, str]:
        """The parts that are the same from one run to the next."""
        return self.what, self.name, self.nth, self.when


@dataclass(frozen=True)
class Kill:
    """The moment at which a child dies: at a place, or some seconds after its start.

    Within a write: `delay` seconds after that began, or as soon as its staging file is there (None).
    """

    place: tuple[str, str, int, str] | None = None
    seconds: float | None = None
    delay: float | None = None
    only_stop: bool = False
    """Stop there (SIGSTOP), as on a machine that is busy with something else; SIGCONT lets it go on."""


@dataclass(frozen=True)
class Command:
    """A command of `tally`, the folder it is run in, and the only settings of Tally's it finds."""

    folder: Path
    environ: Mapping[str, str]
    argv: Sequence[str]


@dataclass(frozen=True)
class Ended:
    """A child's end: its exit code (below zero: the signal that killed it) and the moments it passed."""

    code: int | None
    seconds: float
    moments: tuple[Moment, ...]
    said: str

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL

    @property
    def step(self) -> str:
        """The step that was at work last."""
        return self.moments[-1].step if self.moments else "start"


class Child:
    """A command under way."""

    def __init__(self, command: Command, kill: Kill | None = None, *, number: int = 0) -> None:
        self._command = command
        self._said = command.folder / f"said-{number}.txt"
        self._passed = command.folder / f"passed-{number}.jsonl"
        self._began = time.monotonic()
        self._kill = kill
        self.process: BaseProcess = _FORKS.Process(
            target=_live,
            args=(
                str(command.folder),
                dict(command.environ),
                list(command.argv),
                self._said,
                self._passed,
                kill,
            ),
        )
        self.process.start()

    @property
    def began(self) -> bool:
        """True if its run has started."""
        return any(moment.what == "event" for moment in self.passed)

    @property
    def passed(self) -> tuple[Moment, ...]:
        """The moments it has passed so far."""
        return _read(self._passed)

    @property
    def is_stopped(self) -> bool:
        """True if it is stopped at its place."""
        place = self._kill.place if self._kill else None
        return any(moment.place == place for moment in self.passed)

    def go_on(self) -> None:
        """Let it go on from where it was stopped."""
        if self.process.pid is not None and self.process.is_alive():
            os.kill(self.process.pid, signal.SIGCONT)

    def end(self) -> Ended:
        """Wait for its end, or kill it when its time has come."""
        limit = WAIT_SECONDS if self._kill is None or self._kill.seconds is None else self._kill.seconds
        self.process.join(max(0.0, self._began + limit - time.monotonic()))
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        return Ended(
            self.process.exitcode,
            time.monotonic() - self._began,
            _read(self._passed),
            self._said.read_text(errors="replace") if self._said.exists() else "",
        )


def run(command: Command, kill: Kill | None = None) -> Ended:
    """Run a command in a child, to its end or to the moment it is killed."""
    return Child(command, kill).end()


def _live(
    folder: str, environ: dict[str, str], argv: list[str], said: Path, passed: Path, kill: Kill | None
) -> None:
    """The life of a child: the command `tally ARGV…` in its folder, with its settings."""
    for name in list(os.environ):
        if name.startswith(("TMDB_", "TALLY_", "DAGSTER_")):
            del os.environ[name]
    os.environ.update({"TALLY_DOTENV": os.devnull, **environ})
    os.chdir(folder)
    words = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(words, 1)
    os.dup2(words, 2)
    with suppress(FileNotFoundError):
        passed.unlink()
    _Watch(passed, kill).install()
    sys.exit(tick() if argv == ["tick"] else main(argv))


class _Watch:
    """Stands beside every write to the store and every event of Dagster's, notes it, and kills at one of them."""

    def __init__(self, passed: Path, kill: Kill | None) -> None:
        self._file = os.open(passed, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._kill = kill
        self._began = time.monotonic()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._step = "start"
        self._lock = threading.Lock()

    def install(self) -> None:
        self._wrap_writes()
        self._wrap_events()

    def _wrap_writes(self) -> None:
        put: Callable[..., Any] = obstore.put

        def watched(store: Any, key: str, body: bytes, **options: Any) -> Any:
            name = _without_execution(key)
            nth = self._pass("write", name, "before")
            if self._dies("write", name, nth, "within"):
                folder = Path(store.prefix, key).parent
                threading.Thread(target=self._die_within, args=(folder,), daemon=True).start()
            began = time.perf_counter()
            done = put(store, key, body, **options)
            took = time.perf_counter() - began
            self._note("write", name, nth, "within", took)
            if self._dies("write", name, nth, "within"):
                # The write was quicker than its killer, who waits for a file that is no longer there.
                os.kill(os.getpid(), signal.SIGKILL)
            self._note("write", name, nth, "after", took)
            return done

        obstore.put = watched  # type: ignore[assignment]

    def _wrap_events(self) -> None:
        handle = dg.DagsterInstance.handle_new_event

        def watched(instance: dg.DagsterInstance, event: dg.EventLogEntry, **options: Any) -> Any:
            told = event.dagster_event
            if told is None:
                return handle(instance, event, **options)
            if told.event_type == dg.DagsterEventType.STEP_START:
                self._step = told.step_key or self._step
            name = f"{told.step_key or 'run'}: {told.event_type.value}"
            nth = self._pass("event", name, "before")
            done = handle(instance, event, **options)
            self._note("event", name, nth, "after")
            if told.event_type in _RUN_ENDS:
                self._step = "end"
            return done

        dg.DagsterInstance.handle_new_event = watched  # type: ignore[method-assign, assignment]

    def _pass(self, what: Literal["write", "event"], name: str, when: When) -> int:
        with self._lock:
            self._counts[what, name] += 1
            nth = self._counts[what, name]
        self._note(what, name, nth, when)
        return nth

    def _note(
        self, what: Literal["write", "event"], name: str, nth: int, when: When, took: float = 0.0
    ) -> None:
        at = time.monotonic() - self._began
        line = msgspec.json.encode(Moment(what, name, nth, when, self._step, at, took)) + b"\n"
        os.write(self._file, line)
        if when != "within" and self._dies(what, name, nth, when):
            os.kill(os.getpid(), signal.SIGSTOP if self._kill and self._kill.only_stop else signal.SIGKILL)

    def _dies(self, what: str, name: str, nth: int, when: When) -> bool:
        return self._kill is not None and self._kill.place == (what, name, nth, when)

    def _die_within(self, folder: Path) -> None:
        delay = self._kill.delay if self._kill else None
        if delay is None:
            while not _staging_file_in(folder):
                pass
        else:
            time.sleep(delay)
        os.kill(os.getpid(), signal.SIGKILL)


_RUN_ENDS = (dg.DagsterEventType.RUN_SUCCESS, dg.DagsterEventType.RUN_FAILURE)


def _staging_file_in(folder: Path) -> bool:
    try:
        return any("#" in path.name for path in folder.iterdir())
    except FileNotFoundError:
        return False


def _without_execution(key: str) -> str:
    """The key of a capture without the execution that made it, which is another each time."""
    parsed = PLACES.parse(key)
    return key if parsed is None else key.replace(parsed.execution_id, "<run>")


def _read(passed: Path) -> tuple[Moment, ...]:
    if not passed.exists():
        return ()
    return tuple(
        msgspec.json.decode(line, type=Moment)
        for line in passed.read_bytes().splitlines()
        if line.endswith(b"}")
    )


def pick(draw: random.Random, moments: Sequence[Moment], count: int) -> list[Kill]:
    """Kills spread over what a command passed through: half at writes, a quarter at events, the rest by the clock.

    Writes are hit before, within and after; of writes and of events each step has its turn.
    """
    last = moments[-1].at
    writes = _in_turn(draw, [moment for moment in moments if moment.what == "write"], count // 2)
    events = _in_turn(draw, [moment for moment in moments if moment.what == "event"], count // 4)
    placed = [Kill(moment.place, delay=_delay(draw, moment)) for moment in [*writes, *events]]
    by_clock = [Kill(seconds=draw.uniform(0.0, last)) for _ in range(count - len(placed))]
    return [*placed, *by_clock]


def _in_turn(draw: random.Random, moments: Sequence[Moment], count: int) -> list[Moment]:
    """So many of the moments, each step in turn, none twice."""
    by_step: dict[str, list[Moment]] = {}
    for moment in draw.sample(moments, len(moments)):
        by_step.setdefault(moment.step, []).append(moment)
    turns = [one for group in zip_longest(*by_step.values()) for one in group if one is not None]
    return turns[:count]


def _delay(draw: random.Random, moment: Moment) -> float | None:
    return draw.choice((None, draw.uniform(0.0, moment.took)))
