"""Tally's commands as processes of their own, as a user starts them, in folders that go away afterwards."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

TALLY = Path(sys.executable).with_name("tally")

_STOP_SECONDS = 60
_SAID = 4000  # characters of output that an error shows


class BenchmarkError(Exception):
    """A part of a benchmark did not do what is measured; the message holds what it said."""


def environment(home: Path, **settings: str) -> dict[str, str]:
    """The environment without anybody's settings of Tally or Dagster but these."""
    ours = ("TMDB_", "TALLY_", "DAGSTER_")
    # Without bytecode every start compiles all of Dagster anew, which no user's does.
    neutral = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(ours) and name != "PYTHONDONTWRITEBYTECODE"
    }
    return {**neutral, "TALLY_HOME": str(home), "TALLY_DOTENV": os.devnull, **settings}


def run(command: Sequence[object], environ: Mapping[str, str], folder: Path) -> str:
    """Run a command to its end in a folder; returns its output, raises `BenchmarkError` unless it succeeds."""
    arguments = [str(part) for part in command]
    done = subprocess.run(arguments, env=environ, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        what = " ".join(arguments)
        raise BenchmarkError(f"`{what}` ended with exit code {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


@contextmanager
def running(command: Sequence[object], environ: Mapping[str, str], folder: Path) -> Iterator[Path]:
    """A command that runs meanwhile; yields the file with its output. Ends it with SIGINT, as Ctrl-C would."""
    arguments = [str(part) for part in command]
    log = folder / "output.log"
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            arguments,
            env=environ,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            process_group=0,
        )
        try:
            yield log
        except BenchmarkError as error:
            said = log.read_text(encoding="utf-8", errors="replace")[-_SAID:]
            raise BenchmarkError(f"{error}\nMeanwhile `{' '.join(arguments)}` said:\n{said}") from error
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def announced_url(log: Path) -> str | None:
    """The first address that a command named in its output."""
    found = re.search(r"http://[\w.:/]+", log.read_text(encoding="utf-8"))
    return found[0] if found else None


def until(what: str, ask: Callable[[], T | None], *, seconds: float, every: float = 0.2) -> T:
    """Ask until there is an answer; raises `BenchmarkError` after so many seconds without one."""
    end = time.monotonic() + seconds
    while (answer := ask()) is None:
        if time.monotonic() > end:
            raise BenchmarkError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(every)
    return answer


def peak_bytes() -> int:
    """The most memory this process has held so far."""
    status = Path("/proc/self/status")
    if status.exists():
        # Linux hands ru_maxrss on from the process that started this one; VmHWM begins anew.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS
