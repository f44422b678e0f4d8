"""Faults with their expected outcomes, and the home in which they are tried."""

from __future__ import annotations

import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from proof.report import verdict
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.orchestration.runs import failures
from tally_pipeline.tmdb.sandbox import Sandbox, parse_fault
from testkit.pipeline import POPULAR, Pipeline, assert_sound, contents, day

PAGES = 3
SILVER = layout.silver_key(POPULAR.name, day())

COLUMNS = ("of", "fault", "what must happen", "what happened", "verdict")


class BrokenError(AssertionError):
    """The outcome is not the expected one; the message describes it."""


@dataclass(frozen=True)
class Case:
    """`happens` causes the fault and returns the outcome; it raises `AssertionError` if that is wrong."""

    side: str
    fault: str
    must: str
    happens: Callable[[], str]


def tried(cases: Iterable[Case]) -> Iterator[tuple[Sequence[object], bool]]:
    """Each case's row of the table, and whether it held; told on standard error as it comes."""
    for case in cases:
        began = time.monotonic()
        try:
            happened, held = case.happens(), True
        except Exception as error:  # noqa: BLE001 - whatever a fault brings about is what happened
            at = traceback.extract_tb(error.__traceback__)[-1]
            kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
            told = glimpse(f"{kind}{error}", 400) or at.line
            happened, held = f"{told} ({Path(at.filename).name}:{at.lineno})", False
        seconds = time.monotonic() - began
        print(
            f"{seconds:6.1f} s  {'holds ' if held else 'BROKEN'}  {case.side}: {case.fault}", file=sys.stderr
        )
        yield (case.side, case.fault, case.must, happened, verdict(held)), held


def demand(holds: object, otherwise: str) -> None:
    """Raises `BrokenError` with `otherwise` unless it holds."""
    if not holds:
        raise BrokenError(otherwise)


def glimpse(said: str, letters: int = 110) -> str:
    """The beginning of what was said, on one line."""
    line = " ".join(said.split())
    return line if len(line) <= letters else f"{line[:letters]}…"


@dataclass(frozen=True)
class Ran:
    """The end of a run: its error message (empty without an error), and its duration."""

    result: dg.ExecuteInProcessResult
    said: str
    seconds: float
    asked: int = 0

    @property
    def published(self) -> bool:
        return self.result.success


def ran(run: Callable[[], dg.ExecuteInProcessResult]) -> Ran:
    began = time.monotonic()
    result = run()
    said = "\n".join(failures.by_list(result.all_events).values())
    return Ran(result, said, time.monotonic() - began)


class Home:
    """A home whose lake in a folder holds today's popular shows, published; put back before every fault."""

    def __init__(
        self, folder: Path, instance: dg.DagsterInstance, settings: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.instance = instance
        self._settings = dict(settings or {})
        first = self.sync()
        demand(first.published, f"the first sync did not publish: {first.said}")
        self.lake = self._pipeline("http://127.0.0.1:1/3").lake
        self.root = Path(self.lake.store.root)
        self._good = shutil.copytree(self.root, folder / "good")
        self.before = contents(self.lake)
        self.truth = rows(self.lake)

    def sync(self, *faults: str) -> Ran:
        """Today's popular shows end to end while TMDB has these faults."""
        # Impatient only where that is what is tried: a busy machine is slow without any fault.
        timeout = "1" if any(fault.startswith("timeout") for fault in faults) else "30"
        with Sandbox(faults=[parse_fault(fault) for fault in faults]) as sandbox:
            pipeline = self._pipeline(sandbox.base_url, TMDB_TIMEOUT_SECONDS=timeout)
            found = ran(pipeline.sync)
        return Ran(found.result, found.said, found.seconds, len(sandbox.requests))

    def restore(self) -> None:
        """Puts the lake back as it was."""
        for path in self.root.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        shutil.copytree(self._good, self.root, dirs_exist_ok=True)

    def nothing_lost(self, *, published: bool, truthful: bool = True) -> None:
        """Bronze as it was, every file whole, silver the last good one or (`published`) TMDB's own rows."""
        after = contents(self.lake)
        lost = [
            key for key, body in self.before.items() if key.startswith("bronze") and after.get(key) != body
        ]
        demand(not lost, f"bronze objects lost or changed: {lost}")
        assert_sound(self.lake)
        if not published:
            demand(after.get(SILVER) == self.before[SILVER], "silver is not the last good file any more")
        elif truthful:
            false = [show for show, row in rows(self.lake).items() if self.truth.get(show) != row]
            demand(not false, f"silver holds rows that TMDB did not send: {false[:5]}")

    def heals(self) -> None:
        """The next sync, without the fault, ends as if there had never been one."""
        next_one = self.sync()
        demand(next_one.published, f"the next sync did not publish: {glimpse(next_one.said)}")
        demand(rows(self.lake) == self.truth, "the next sync published something else")
        self.nothing_lost(published=True)

    def _pipeline(self, base_url: str, **changes: str) -> Pipeline:
        settings = {"TALLY_PAGES_POPULAR_SHOWS": str(PAGES), "TMDB_REQUESTS_PER_SECOND": "500"}
        settings |= {**self._settings, **changes}
        return Pipeline.at(self.folder, self.instance, base_url, **settings)

    @contextmanager
    def pipeline(self) -> Iterator[Pipeline]:
        """The product against a TMDB without faults."""
        with Sandbox() as sandbox:
            yield self._pipeline(sandbox.base_url, TMDB_TIMEOUT_SECONDS="30")


def rows(lake: Lake) -> dict[int, dict[str, Any]]:
    """Today's silver, by show."""
    return {row["show_id"]: row for row in lake.read_silver(POPULAR.name, day()).to_pylist()}
