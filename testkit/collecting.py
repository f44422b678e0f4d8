"""Runs the real `tally collect` as a process of its own, and reads what it leaves."""

from __future__ import annotations

import atexit
import gzip
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import requests

from testkit.events import body, event
from testkit.running import TALLY, bare

_SAID = re.compile(r"POST http://127\.0\.0\.1:(\d+)/v1/events")


class Collecting:
    """A `tally collect` on a port of its own, whose lake and journal lie in `home`."""

    def __init__(
        self,
        home: Path,
        settings: Mapping[str, str] | None = None,
        command: Sequence[str | Path] = (TALLY, "collect"),
        seconds: float = 60,
    ) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        self._words = home / "words.txt"
        with self._words.open("w") as words:
            self.process = subprocess.Popen(
                command,
                cwd=home,
                env=bare(
                    {
                        "TALLY_HOME": str(home),
                        "TALLY_DOTENV": os.devnull,
                        "TALLY_COLLECT_PORT": "0",
                        "PYTHONUNBUFFERED": "1",
                        **(settings or {}),
                    }
                ),
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        # A test that fails leaves no process behind.
        atexit.register(self.process.kill)
        until = time.monotonic() + seconds
        while not (found := _SAID.search(self.words)):
            if self.process.poll() is not None or time.monotonic() > until:
                self.process.kill()
                raise AssertionError(f"tally collect does not listen:\n{self.words}")
            time.sleep(0.02)
        self.url = f"http://127.0.0.1:{found[1]}"

    @property
    def words(self) -> str:
        """Its output so far."""
        return self._words.read_text()

    def end(self, number: int, seconds: float = 60) -> int:
        """Send a signal; returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(seconds)


def session() -> requests.Session:
    """An HTTP session that no proxy is between."""
    made = requests.Session()
    made.trust_env = False
    return made


@dataclass
class Sender:
    """Sends requests, one after the other, until the collector is gone or `stop` is set.

    Each event's number is new, from `first` on: `acknowledged` and `in_flight` hold them.
    """

    url: str
    first: int
    stop: threading.Event
    events: int = 5
    acknowledged: list[int] = field(default_factory=list)
    in_flight: list[int] = field(default_factory=list)

    def run(self) -> None:
        """Send."""
        http, number = session(), self.first
        while not self.stop.is_set():
            numbers = list(range(number, number + self.events))
            try:
                reply = http.post(f"{self.url}/v1/events", data=body(*map(event, numbers)), timeout=60)
            except requests.RequestException:
                self.in_flight = numbers
                return
            if reply.status_code == 202:
                self.acknowledged += numbers
            number += self.events


def lines(lake: Path) -> Iterator[bytes]:
    """The lines of bronze, by the objects' keys."""
    for path in sorted((lake / "bronze" / "events").rglob("*.jsonl.gz")):
        yield from gzip.decompress(path.read_bytes()).splitlines()


def numbers(of: Iterable[bytes]) -> list[int]:
    """The events' numbers, of lines."""
    return [msgspec.json.decode(line)["event"]["seq"] for line in of]
