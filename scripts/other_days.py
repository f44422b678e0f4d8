"""Runs the fast tests, and a first `tally up`, on other days than today, by libfaketime.

    .venv/bin/python scripts/other_days.py tests [DAY …] [--quick] [PYTEST'S OPTIONS]
    .venv/bin/python scripts/other_days.py up [DAY …]

Clocks go on from a moment of that day, in every process; monotonic clocks and files' times stay real. Chromium and
Terraform are not run so: they do not load the library, or do not work with it.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tally_pipeline import clock
from tally_pipeline.datasets import SERIES
from tally_pipeline.lake import layout
from tally_pipeline.tmdb.lists import LISTS

REPOSITORY = Path(__file__).parents[1]
PATIENCE_SECONDS = 400
"""How long a step of `tally up` may take; on a quiet machine it is half a minute."""

ATTEMPTS = 3
"""How often tests are tried that libfaketime crashes."""

QUICK = ("new-year", "leap-day")
"""The days, and below the files, that the gate tries: what reads the calendar, within a minute and a half."""
QUICK_FILES = (
    "orchestration/assets",
    "orchestration/automation",
    "gold/test_assets.py",
    "cli/test_rebuild.py",
    "query/test_samples.py",
)


@dataclass(frozen=True)
class Day:
    """A moment (UTC) to begin at, and the machine's timezone.

    `awaits`: where bronze has how many objects of the day at least, once its schedules and the first sync are done.
    """

    begins: datetime
    timezone: str = "UTC"
    awaits: tuple[str, int] = (layout.bronze_prefix(LISTS[0].name), 1)

    @property
    def dts(self) -> list[str]:
        """The day's partition and the next one's."""
        return [f"{self.begins + timedelta(days=ahead):%Y-%m-%d}" for ahead in (0, 1)]


def days(today: date) -> dict[str, Day]:
    """The days that are tried, by name: the next ones of their kind."""
    leap = next(year for year in range(today.year + 1, today.year + 9) if _is_leap(year))
    twice = (layout.bronze_prefix(LISTS[0].name), 2)
    export = (SERIES.place.folder, 1)
    tomorrow = today + timedelta(days=1)
    return {
        "new-year": Day(datetime(today.year, 12, 31, 23, 59, 30, tzinfo=UTC)),
        "leap-day": Day(datetime(leap, 2, 29, 10, tzinfo=UTC)),
        "spring-in-berlin": Day(_at(_sunday(today.year + 1, 3, last=True), 0, 59), "Europe/Berlin"),
        "autumn-in-new-york": Day(_at(_sunday(today.year + 1, 11), 5, 59), "America/New_York"),
        "after-midnight": Day(_at(tomorrow, 0, 30)),
        "at-the-capture": Day(_at(tomorrow, 2, 57), awaits=twice),
        "at-the-export": Day(_at(tomorrow, 8, 42), awaits=export),
        "a-year-on": Day(_at(today + timedelta(days=365), 12, 0)),
    }


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _at(day: date, hour: int, minute: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, 30, tzinfo=UTC)


def _sunday(year: int, month: int, *, last: bool = False) -> date:
    """The first or the last Sunday of a month of 30 or 31 days."""
    first = date(year, month, 1)
    sunday = first + timedelta(days=(6 - first.weekday()) % 7)
    return sunday + timedelta(days=(31 - sunday.day) // 7 * 7) if last else sunday


def library() -> Path:
    """libfaketime for programs with threads. Exits with a sentence where it is not."""
    folders = [*Path("/usr/lib").glob("*/faketime"), *map(Path, ("/usr/lib/faketime", "/usr/lib64/faketime"))]
    for folder in (*folders, Path("/usr/local/lib/faketime")):
        if (folder / "libfaketimeMT.so.1").exists():
            return folder / "libfaketimeMT.so.1"
    sys.exit(
        "libfaketime is not on this machine: install it (Debian's package faketime), then run this again."
    )


def environment(day: Day) -> dict[str, str]:
    """An environment whose processes live on that day from now on."""
    # An offset, not a moment to begin at: every process would begin there anew.
    ahead = int((day.begins - clock.now()).total_seconds())
    return {
        **os.environ,
        "LD_PRELOAD": str(library()),
        "FAKETIME": f"{ahead:+d}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        # It would look at its variables again and again, and that crashes while another thread sets one.
        "FAKETIME_CACHE_DURATION": "1000000000",
        # Python's own look at files is not faked, so SQLite's is not either.
        "NO_FAKE_STAT": "1",
        "PYTHONPATH": str(REPOSITORY / "scripts" / "faketime"),
        "TZ": day.timezone,
    }


def tests(day: Day, options: Sequence[str]) -> bool:
    """The fast tests on a day: those that `options` name, or all, folder by folder."""
    root = REPOSITORY / "tally_pipeline_tests"
    if any(option.startswith(root.name) for option in options):
        return _pass(day, options)
    parts = [path for path in sorted(root.iterdir()) if path.is_dir() or path.name.startswith("test_")]
    passed = [_pass(day, [*options, str(part.relative_to(REPOSITORY))]) for part in parts]
    return all(passed)


def _pass(day: Day, options: Sequence[str]) -> bool:
    """Whether these tests pass. libfaketime crashes processes with many threads now and then: then they are tried
    again."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow and not browser", *options]
    if "--numprocesses" in options:
        # Where files stay together, the others would wait for what a crashed worker had in hand.
        command += ["--max-worker-restart", "0"]
    for _ in range(ATTEMPTS):
        ran = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=environment(day),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert ran.stdout is not None
        crashed = False
        for line in ran.stdout:
            crashed |= "Fatal Python error: Segmentation fault" in line
            sys.stdout.write(line)
            sys.stdout.flush()
        if not crashed:
            return ran.wait() in (0, pytest.ExitCode.NO_TESTS_COLLECTED)
        print("libfaketime crashed a process; these tests are tried again.", flush=True)
    return False


def up(day: Day) -> bool:
    """A first `tally up` on a day: its sync, and what the day's schedule then launches."""
    with tempfile.TemporaryDirectory(prefix="tally-day-") as temporary:
        home = Path(temporary)
        words = home / "words.txt"
        lake = home / "sandbox" / "lake"
        with words.open("w") as out:
            process = subprocess.Popen(
                [Path(sysconfig.get_path("scripts")) / "tally", "up", "--port", str(_free_port())],
                cwd=home,
                env=_without_settings(environment(day)) | {"TALLY_HOME": str(home)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            said = _until(lambda: "\nUp: " in words.read_text() or process.poll() is not None)
            # Of the day, or of the one that began meanwhile.
            there = any(
                all((lake / layout.silver_key(it.name, dt)).exists() for it in LISTS) for dt in day.dts
            )
            folder, count = day.awaits
            brought = _until(lambda: sum(_objects(lake / folder, dt) for dt in day.dts) >= count)
            log = home / "sandbox" / "dagster" / "up.log"
            # Before the end, which may come while Dagster starts a run: of that it tells by a traceback.
            logged = log.read_text() if log.exists() else ""
        finally:
            process.terminate()
            ended = process.wait(60)
        told = words.read_text()
        fine = said and there and brought and ended == 0 and "Traceback" not in told + logged
        if not fine:
            print(
                f"{told}\nsilver there: {there}, schedule's there: {brought}, exit code {ended}\n{logged[-3000:]}"
            )
        return fine


def _objects(folder: Path, dt: str) -> int:
    return sum(path.suffix in (".json", ".gz") for path in folder.glob(f"dt={dt}/*"))


def _without_settings(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if not name.startswith(("TALLY_", "TMDB_"))}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until(is_so: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(1)
    return True


def main() -> int:
    known = days(clock.today())
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("what", choices=("tests", "up"))
    arguments.add_argument("days", nargs="*", help=f"any of {', '.join(known)}; all if not given")
    arguments.add_argument("--quick", action="store_true", help="the part that the gate tries")
    told, options = arguments.parse_known_args()
    if unknown := set(told.days) - known.keys():
        arguments.error(f"no such day: {', '.join(sorted(unknown))}; the days are {', '.join(known)}")
    if told.quick:
        options += [f"tally_pipeline_tests/{file}" for file in QUICK_FILES]
    failed = []
    for name in told.days or (QUICK if told.quick else known):
        day, began = known[name], time.monotonic()
        print(
            f"== {name}: {told.what} from {day.begins:%Y-%m-%d %H:%M:%S} UTC, TZ={day.timezone}", flush=True
        )
        if not (up(day) if told.what == "up" else tests(day, options)):
            failed.append(name)
        print(
            f"== {name}: {'FAILED' if name in failed else 'good'}, {time.monotonic() - began:.0f} s",
            flush=True,
        )
    if failed:
        print(f"Failed on {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
