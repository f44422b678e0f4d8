"""The processes of `tally up`: started one by one, watched, and stopped all together."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

POLL_SECONDS = 0.2

# Seconds that each signal gets to end the processes before the next, harsher one.
_PATIENCE = ((signal.SIGINT, 20.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))

# Ends the group when the pipe on its input closes: that is, when its parent is gone for any reason.
_GUARD = "cat; kill -s INT -- -$1; sleep 10; kill -s KILL -- -$1"


class StoppedError(Exception):
    """A request to stop: Ctrl-C, SIGTERM, or the terminal was closed."""


class ServiceDiedError(Exception):
    """One of the processes ended by itself; the message says which, and its exit code."""


class Services:
    """Commands run as processes of one group, which ends as a whole; their output goes to `log`.

    They hold the file descriptors `shared` open as well: a lock on one lasts until the last of them is gone.
    """

    def __init__(self, log: Path, shared: Sequence[int] = ()) -> None:
        self._log = log.open("w", encoding="utf-8")
        self._shared = shared
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._guard: subprocess.Popen[bytes] | None = None
        self._signals = 0

    @property
    def group(self) -> int | None:
        """The id of the process group; None before the first start."""
        return next((process.pid for process in self._running.values()), None)

    def start(self, name: str, command: Sequence[str]) -> None:
        """Run a command, under a name for messages."""
        self._running[name] = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            pass_fds=self._shared,
            # A group of its own: Ctrl-C in the terminal reaches this process alone, which stops the others in order.
            process_group=self.group or 0,
        )
        if self._guard is None:
            self._guard = subprocess.Popen(
                ["sh", "-c", _GUARD, "guard", str(self.group)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                process_group=0,
            )

    def pause(self, seconds: float = POLL_SECONDS) -> None:
        """Wait. Raises `StoppedError` when a signal came, `ServiceDiedError` when a process ended."""
        until = time.monotonic() + seconds
        while True:
            if self._signals:
                raise StoppedError
            for name, process in self._running.items():
                if process.poll() is not None:
                    raise ServiceDiedError(f"{name} ended with exit code {process.returncode}")
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, POLL_SECONDS))

    @contextmanager
    def attended(self) -> Iterator[None]:
        """While this lasts signals make `pause` end; at its end no process is left."""
        with _handling(self._count_signal):
            try:
                yield
            finally:
                self._stop()
                self._log.close()

    def _count_signal(self) -> None:
        self._signals += 1

    def _stop(self) -> None:
        """End the group, politely at first. Another signal meanwhile: at once."""
        asked = self._signals
        for number, seconds in _PATIENCE:
            if not self._signal(number):
                break
            until = time.monotonic() + seconds
            while self._signal(0) and time.monotonic() < until and self._signals == asked:
                time.sleep(POLL_SECONDS / 4)
        if self._guard is not None:
            os.killpg(self._guard.pid, signal.SIGKILL)
            self._guard.communicate()

    def _signal(self, number: int) -> bool:
        """Send a signal to the group (0 only tests it); returns True if a process is left."""
        if self.group is None:
            return False
        for process in self._running.values():
            process.poll()  # A child that is not reaped stays in the group as a zombie.
        try:
            os.killpg(self.group, number)
        except (ProcessLookupError, PermissionError):  # macOS refuses where only zombies are left.
            return False
        return True


@contextmanager
def _handling(on_signal: Callable[[], None]) -> Iterator[None]:
    """Call `on_signal` for every signal that requests an end."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        on_signal()

    # SIGINT even if it is ignored, as in `tally up &` of a script: children would ignore it as well.
    # SIGHUP not if it is ignored: that is the purpose of nohup.
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
