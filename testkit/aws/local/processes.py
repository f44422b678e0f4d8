"""The emulators as processes of this machine, on loopback only, and their traces in one folder."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

READY_SECONDS = 60.0
STOP_SECONDS = 10.0
REGION = "us-east-1"

_ROOT = Path(__file__).resolve().parents[3]

# Invented: the emulators accept any, and the user's must not reach them.
_KEYS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": REGION}
_USERS = ("AWS_", "TALLY_", "TMDB_", "DAGSTER_", "TF_VAR_")


class LocalError(Exception):
    """A part of AWS on this machine did not do what it should; the message says which, and where to look."""


@dataclass(frozen=True)
class Running:
    """The started emulators: addresses, and processes by name."""

    aws: str
    athena: str
    pids: dict[str, int]


def environment(running: Running | None = None, **more: str) -> dict[str, str]:
    """This process's environment without the user's own AWS and settings; with the emulators' addresses instead."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(_USERS)}
    endpoints = (
        {"AWS_ENDPOINT_URL": running.aws, "AWS_ENDPOINT_URL_ATHENA": running.athena} if running else {}
    )
    return {**plain, **_KEYS, **endpoints, "TALLY_DOTENV": os.devnull, **more}


def start(folder: Path) -> Running:
    """Start the emulator and the Athena beside it; their logs are in `folder`. Raises `LocalError`."""
    folder.mkdir(parents=True, exist_ok=True)
    aws, athena = free_port(), free_port()
    url = f"http://127.0.0.1:{aws}"
    emulator = environment(
        BIND_HOST="127.0.0.1",
        GATEWAY_PORT=str(aws),
        IOT_MTLS_ENABLED="0",
        S3_PERSIST="1",
        S3_DATA_DIR=str(folder / "s3"),
        TMPDIR=str(folder),
    )
    command = [sys.executable, "-m", "testkit.aws.emulator"]
    pids = {"ministack": spawn(command, emulator, folder / "ministack.log", _ROOT)}
    command = [sys.executable, "-m", "testkit.aws.athena", "--upstream", url, "--port", str(athena)]
    pids["athena"] = spawn(command, environment(AWS_ENDPOINT_URL=url), folder / "athena.log", _ROOT)
    running = Running(url, f"http://127.0.0.1:{athena}", pids)
    keep(folder, running)
    for name, port in (("ministack", aws), ("athena", athena)):
        _wait_for(name, port, running, folder)
    return running


def keep(folder: Path, running: Running) -> None:
    """Record the running emulators, for `stop` and for the next command."""
    (folder / "running.json").write_text(json.dumps(asdict(running), indent=2) + "\n")


def found(folder: Path) -> Running:
    """The emulators recorded before. Raises `LocalError`."""
    try:
        return Running(**json.loads((folder / "running.json").read_text()))
    except FileNotFoundError:
        raise LocalError("nothing runs here: start it with `make aws-local`") from None


def stop(running: Running) -> None:
    """End the processes, each with all its children; those that have ended already are skipped."""
    for harsh in (signal.SIGTERM, signal.SIGKILL):
        for pid in running.pids.values():
            with suppress(ProcessLookupError):
                os.killpg(pid, harsh)
        until = time.monotonic() + STOP_SECONDS
        while time.monotonic() < until and any(map(_is_alive, running.pids.values())):
            time.sleep(0.1)


def spawn(command: Sequence[str], environ: Mapping[str, str], log: Path, cwd: Path | None = None) -> int:
    """Start a command that outlives this process, in a group of its own; returns its process id."""
    with log.open("w", encoding="utf-8") as output:
        return subprocess.Popen(
            command,
            env=environ,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ).pid


def stop_gently(pid: int) -> None:
    """End a process as Ctrl-C would, and wait until it is gone. Raises `LocalError` when it stays."""
    os.kill(pid, signal.SIGINT)
    until = time.monotonic() + READY_SECONDS
    while _is_alive(pid):
        if time.monotonic() > until:
            os.killpg(pid, signal.SIGKILL)
            raise LocalError(f"process {pid} did not end within {READY_SECONDS:g} s of Ctrl-C")
        time.sleep(0.1)


def free_port() -> int:
    """A free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(name: str, port: int, running: Running, folder: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and _is_alive(running.pids[name]):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise LocalError(f"{name} did not start: its last words are in {folder / f'{name}.log'}")


def _is_alive(pid: int) -> bool:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
