"""Runs the real `tally up` as a process of its own, as `make run` does, and inspects its remains."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tally_pipeline.lake import layout
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline.tmdb.sandbox import Sandbox
from tally_pipeline.tmdb.sandbox.replies import Reply

TALLY = Path(sysconfig.get_path("scripts")) / "tally"

_PROC = Path("/proc")


def bare(environ: dict[str, str]) -> dict[str, str]:
    """The environment of a process: this one's without settings of Tally's, plus these."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TALLY_", "TMDB_", "DAGSTER_"))
    }
    return {**kept, **environ}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _heed_hangups() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Halting(Sandbox):
    """A sandbox that answers some requests only after `go` is set: until then their senders wait.

    `halts` selects them by path and query; `halted` is set once there was one.
    """

    def __init__(self, halts: Callable[[str], bool]) -> None:
        self.halted, self.go = threading.Event(), threading.Event()
        self._halts = halts
        super().__init__()

    def __enter__(self) -> Halting:
        return self

    def answer(self, target: str, headers: Mapping[str, str]) -> Reply:
        if self._halts(target):
            self.halted.set()
            self.go.wait()
        return super().answer(target, headers)

    def close(self) -> None:
        self.go.set()
        super().close()


class Up:
    """A `tally up` whose lake and history lie in `home`; `command` is the `tally` of another environment."""

    def __init__(
        self,
        home: Path,
        *arguments: str,
        settings: Mapping[str, str] | None = None,
        command: Path = TALLY,
    ) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.dagster_home = home / "sandbox" / "dagster"
        self.started_at = time.time()
        self.busy = os.getloadavg()[0] > (os.cpu_count() or 1)
        home.mkdir(parents=True, exist_ok=True)
        self._words = home / "words.txt"
        # A proxy in the shell's environment is not used for pages of this machine.
        ours = {
            "TALLY_HOME": str(home),
            "TALLY_DOTENV": os.devnull,
            # Only tests of the past make one.
            "TALLY_SANDBOX_PAST_DAYS": "0",
            "NO_PROXY": "127.0.0.1",
            **(settings or {}),
        }
        inherited = {
            name: text for name, text in os.environ.items() if not name.startswith(("TALLY_", "TMDB_"))
        }
        self._environment = inherited | ours
        with self._words.open("w") as words:
            self.process = subprocess.Popen(
                [command, "up", "--port", str(self.port), *arguments],
                cwd=home,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # Tests that run under nohup ignore SIGHUP, and their children would as well.
                preexec_fn=_heed_hangups,
            )

    @property
    def words(self) -> str:
        """Its output so far."""
        return self._words.read_text()

    @property
    def today(self) -> str:
        """The newest day with silver: the process has its own clock, and midnight may have passed."""
        days = (self.home / "sandbox" / "lake" / layout.SILVER / LISTS[0].name).glob("dt=*")
        return max(day.name for day in days).removeprefix("dt=")

    def until(self, said: str, seconds: float = 240) -> None:
        """Wait until its output contains `said`."""
        until = time.monotonic() + seconds
        while said not in self.words:
            if self.process.poll() is not None:
                pytest.fail(f"tally up ended with {self.process.returncode} before {said!r}:\n{self.words}")
            if time.monotonic() > until:
                pytest.fail(f"tally up did not say {said!r} within {seconds} s:\n{self.words}")
            time.sleep(0.1)

    def tally(self, *arguments: str) -> str:
        """Run another command on the same home to its end; returns its output."""
        command = [str(TALLY), *arguments]
        ran = subprocess.run(command, cwd=self.home, env=self._environment, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def end(self, number: int = signal.SIGINT, seconds: float = 40) -> int:
        """Send a signal; returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def processes(self) -> list[str]:
        """The command of every running process that was started for this home, by any process."""
        return [command for command, _ in self.environments()]

    def environments(self) -> list[tuple[str, list[str]]]:
        """The same processes, each with its environment, as `NAME=value`."""
        if not _PROC.is_dir():
            pytest.skip("needs /proc to see whose a process is")
        mark = f"TALLY_HOME={self.home}"
        found = []
        for process in _PROC.iterdir():
            if process.name.isdecimal():
                try:
                    environment = (process / "environ").read_bytes().decode(errors="replace").split("\0")
                    command = (process / "cmdline").read_bytes()
                except OSError:  # It ended meanwhile.
                    continue
                if mark in environment and command:
                    found.append((command.replace(b"\0", b" ").decode(errors="replace"), environment))
        return found


@contextmanager
def running(
    home: Path, *arguments: str, settings: Mapping[str, str] | None = None, command: Path = TALLY
) -> Iterator[Up]:
    """`tally up`, ended at the end if it still runs."""
    up = Up(home, *arguments, settings=settings, command=command)
    try:
        yield up
    finally:
        if up.process.poll() is None:
            up.end()
