"""`python -m proof.same_bytes.history`: makes tally_pipeline_tests/history/before.tar.xz anew.

That is the home of a sandbox as the commit before left it, after `tally up` ran for some minutes of 2 March 2026:
two past days that were filled in, the first sync, the export of all series and the genres, the sensor that refined
what came, an hour's standing checks, a schedule that a person switched off, a second capture that was refused, and a
capture of the day to come, which waits in the sensor's cursor. `status.json` is what `tally status` said of it then.

The days come from libfaketime, in every process. What is left out: logs, what runs printed, and the scripts in the
pages of reports, which would be most of the archive.
"""

from __future__ import annotations

import lzma
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from proof.same_bytes.scenes import depths
from proof.same_bytes.trees import BEFORE, REPOSITORY, AbsentError, Tree, commit

ARCHIVE = REPOSITORY / "tally_pipeline_tests" / "history" / "before.tar.xz"
BEGINS = datetime(2026, 3, 2, 12, 3, 0, tzinfo=UTC)
"""A Monday, two minutes before the standing checks of the hour: they are run once."""

PAST_DAYS = 2
SERIES = 400
"""Series in an export of the sandbox: a whole one would be all that the archive holds."""

PATIENCE_SECONDS = 400
SWITCHED_OFF = "weekly_genres"
WAITING = "by-hand.json"
LEFT_OUT = re.compile(r"\.log$|\.lock$|/storage/|/\.logs_queue/|-(wal|shm)$|/turns/")

SCRIPTS = re.compile(rb"(<script[^>]*>).{10000,}?(</script>)", re.DOTALL)

_WHERE = 'repositoryLocationName: "tally_pipeline.definitions", repositoryName: "__repository__"'
_SCHEDULE = (
    f'{{ scheduleOrError(scheduleSelector: {{ {_WHERE}, scheduleName: "{SWITCHED_OFF}" }})'
    " { ... on Schedule { scheduleState { id } } } }"
)
_STOP = "mutation ($id: String!) { stopRunningSchedule(id: $id) { __typename } }"
_RUNS = "{ runsOrError { ... on Runs { results { jobName status } } } }"
_CURSOR = (
    f'{{ sensorOrError(sensorSelector: {{ {_WHERE}, sensorName: "new_bronze_objects" }})'
    " { ... on Sensor { sensorState { typeSpecificData { ... on SensorData { lastCursor } } } } } }"
)


def main() -> int:
    try:
        with (
            commit(BEFORE) as tree,
            tempfile.TemporaryDirectory(prefix="tally-history-") as folder,
        ):
            made = _Making(tree, Path(folder), time.time())
            made.live()
            made.pack()
    except AbsentError as absent:
        print(f"{absent}.", file=sys.stderr)
        return 1
    print(f"{ARCHIVE}: {ARCHIVE.stat().st_size / 1000:.0f} kB")
    return 0


def _libfaketime() -> Path:
    folders = [*Path("/usr/lib").glob("*/faketime"), Path("/usr/local/lib/faketime")]
    for folder in folders:
        if (folder / "libfaketimeMT.so.1").exists():
            return folder / "libfaketimeMT.so.1"
    raise AbsentError("libfaketime is not on this machine: install it (Debian's package faketime)")


@dataclass
class _Making:
    tree: Tree
    home: Path
    began: float

    @property
    def lake(self) -> Path:
        return self.home / "sandbox" / "lake"

    def live(self) -> None:
        """Those minutes, until all that had to happen has, and nothing more does."""
        day = f"dt={BEGINS:%Y-%m-%d}"
        with self._serving() as url, self._serving("--fault", "bad-rows:list=trending_shows") as faulty:
            self._tally("sandbox", "fill", "--days", str(PAST_DAYS), TMDB_BASE_URL=url)
            with self._up(url) as ask:
                _until(lambda: (self.lake / "silver" / "series" / day).exists())
                _until(lambda: len(list((self.lake / "reports").glob("dt=*"))) == PAST_DAYS + 1)
                schedule = ask(_SCHEDULE, {})["scheduleOrError"]["scheduleState"]["id"]
                ask(_STOP, {"id": schedule})
                self._tally("sync", "--list", "trending_shows", TMDB_BASE_URL=faulty, may_fail=True)
                self._put_the_day_to_come()
                _until(lambda: ("watch", "SUCCESS") in _runs(ask))
                _until(lambda: not {status for _, status in _runs(ask)} & {"QUEUED", "STARTING", "STARTED"})
                self._until_quiet(ask)
        status = self._tally("status", "--json", may_fail=True)
        (self.home / "sandbox" / "status.json").write_text(status)

    def _put_the_day_to_come(self) -> None:
        """A capture by another hand, whose clock is a day ahead: it waits for its day."""
        days = self.lake / "bronze" / "tmdb" / "shows" / "popular_shows"
        (today,) = (days / f"dt={BEGINS:%Y-%m-%d}").iterdir()
        ahead = days / f"dt={BEGINS + timedelta(days=1):%Y-%m-%d}" / WAITING
        ahead.parent.mkdir()
        ahead.write_bytes(today.read_bytes().replace(today.stem.encode(), ahead.stem.encode()))

    def pack(self) -> None:
        """The home as an archive; what SQLite still holds beside its files is in them first."""
        for database in self.home.rglob("*.db"):
            with closing(sqlite3.connect(database)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.execute("PRAGMA journal_mode = DELETE")
                connection.execute("VACUUM")
        for page in (self.lake / "reports").rglob("*.html"):
            page.write_bytes(SCRIPTS.sub(rb"\1\2", page.read_bytes()))
        ARCHIVE.parent.mkdir(exist_ok=True)
        hardest = 9 | lzma.PRESET_EXTREME
        with lzma.open(ARCHIVE, "wb", preset=hardest) as out, tarfile.open(fileobj=out, mode="w") as archive:
            for path in sorted((self.home / "sandbox").rglob("*")):
                name = path.relative_to(self.home).as_posix()
                if path.is_file() and not LEFT_OUT.search(name):
                    archive.add(path, name, filter=_anybodys)

    def _until_quiet(self, ask: Callable[[str, Mapping[str, Any]], Any]) -> None:
        """Until the sensor has looked again and again, and its cursor says nothing new but when that was."""
        told: list[str] = []

        def is_quiet() -> bool:
            data = ask(_CURSOR, {})["sensorOrError"]["sensorState"]["typeSpecificData"] or {}
            told.append(re.sub(r"\d{10,}", "", data.get("lastCursor") or ""))
            time.sleep(3)
            return len(told) > 4 and told[-1] != "" and len(set(told[-4:])) == 1

        _until(is_quiet)

    @contextmanager
    def _up(self, url: str) -> Iterator[Callable[[str, Mapping[str, Any]], Any]]:
        port = _free_port()
        command = [*self._command, "up", "--port", str(port)]
        with (self.home / "up.txt").open("w") as said:
            up = subprocess.Popen(
                command, cwd=self.home, env=self._environment(TMDB_BASE_URL=url), stdin=subprocess.DEVNULL,
                stdout=said, stderr=subprocess.STDOUT,
            )  # fmt: skip

        def ask(query: str, variables: Mapping[str, Any]) -> Any:
            told = requests.post(
                f"http://127.0.0.1:{port}/graphql", json={"query": query, "variables": variables}, timeout=60
            ).json()
            if told.get("errors"):
                raise RuntimeError(str(told["errors"]))
            return told["data"]

        try:
            _until(lambda: "\nUp: " in (self.home / "up.txt").read_text() or up.poll() is not None)
            yield ask
        finally:
            up.send_signal(signal.SIGINT)
            up.wait(90)
            print((self.home / "up.txt").read_text())

    @contextmanager
    def _serving(self, *arguments: str) -> Iterator[str]:
        lines = (
            "import sys",
            "from tally_pipeline.tmdb.sandbox import exports",
            f"exports.SERIES = {SERIES}",
            "from tally_pipeline.cli import main",
            "sys.exit(main())",
        )
        command = [sys.executable, "-P", "-c", "\n".join(lines), "sandbox", "--port", "0", *arguments]
        with subprocess.Popen(
            command, cwd=self.home, env=self._environment(), stdout=subprocess.PIPE, text=True
        ) as server:
            assert server.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:\d+/3", server.stdout.readline())
            assert found is not None, "the sandbox does not serve"
            try:
                yield found[0]
            finally:
                server.terminate()

    def _tally(self, *arguments: str, may_fail: bool = False, **settings: str) -> str:
        """The command's output."""
        command = [*self._command, *arguments]
        return subprocess.run(
            command,
            cwd=self.home,
            env=self._environment(**settings),
            stdout=subprocess.PIPE,
            text=True,
            check=not may_fail,
        ).stdout

    @property
    def _command(self) -> list[str]:
        return [sys.executable, "-P", str(Path(sysconfig.get_path("scripts")) / "tally")]

    def _environment(self, **settings: str) -> dict[str, str]:
        # An offset, not a moment to begin at: every process would begin there anew.
        ahead = int(BEGINS.timestamp() - self.began)
        return {
            **self.tree.environment,
            "PYTHONPATH": os.pathsep.join(
                [str(self.tree.root), str(self.tree.root / "scripts" / "faketime")]
            ),
            "LD_PRELOAD": str(_libfaketime()),
            "FAKETIME": f"{ahead:+d}",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_CACHE_DURATION": "1000000000",
            "NO_FAKE_STAT": "1",
            "TALLY_HOME": str(self.home),
            "TALLY_SANDBOX_PAST_DAYS": "0",
            "TALLY_SENSOR_SECONDS": "2",
            **depths(1),
            **settings,
        }


def _runs(ask: Callable[[str, Mapping[str, Any]], Any]) -> list[tuple[str, str]]:
    found = ask(_RUNS, {})["runsOrError"]["results"]
    return [(run["jobName"], run["status"]) for run in found]


def _anybodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > end:
            raise RuntimeError("waited in vain: see what `tally up` said above")
        time.sleep(0.5)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
