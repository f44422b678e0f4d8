"""`tally up`: Dagster's UI with schedule and sensor on this machine, and the first sync to watch in it."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from tally_pipeline.cli import terminal
from tally_pipeline.cli.services import ServiceDiedError, Services, StoppedError
from tally_pipeline.cli.ui import LOCATION, Ui
from tally_pipeline.deployment import Settings

START_SECONDS = 180
"""After this it counts as hung; a slow machine takes half a minute."""

LOG_LINES = 20
"""The lines of the log that are shown when something ended that should not have."""


class CannotStartError(Exception):
    """It cannot start here and now; the message says why and what to do."""


def up(settings: Settings, *, port: int, first_sync: bool) -> int:
    """Run until somebody stops it. 0 when stopped, 1 when Dagster ended by itself. Raises `CannotStartError`."""
    _require_free(port)
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    with _only_one(settings.dagster_home):
        return _run(settings, Ui(port), port, first_sync)


def _run(settings: Settings, ui: Ui, port: int, first_sync: bool) -> int:
    words, log = terminal.words(), settings.dagster_home / "up.log"
    _banner(words, settings, ui, log)
    services = Services(log)
    try:
        with tempfile.TemporaryDirectory(prefix="tally-") as folder, services.attended():
            try:
                _start(services, settings, ui, port, Path(folder), words)
                if first_sync:
                    _sync_first(services, settings, ui, words)
                words.print(f"Up: {ui.url}. Ctrl-C stops it.")
                while True:
                    services.pause()
            except StoppedError:
                words.print("Stopping …")
    except ServiceDiedError as error:
        words.print(f"[red]{error}.[/red] The end of {log}:")
        words.print(_tail(log), markup=False)
        return 1
    return 0


def _start(services: Services, settings: Settings, ui: Ui, port: int, folder: Path, words: Console) -> None:
    """Start the three processes of Dagster and wait for the UI.

    `dagster dev` does the same through two more processes, one after the other: twice the time.
    """
    started = time.monotonic()
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    os.environ["TALLY_HOME"] = str(settings.home)
    # Short, unlike the lake's folder: a socket's path may have 104 characters.
    code, workspace = folder / "code.sock", folder / "workspace.yaml"
    server = {"socket": str(code), "location_name": LOCATION}
    # JSON is YAML, and quotes whatever a path may hold.
    workspace.write_text(json.dumps({"load_from": [{"grpc_server": server}]}))
    services.start(
        "the code server",
        "dagster",
        ["api", "grpc", "--module-name", LOCATION, "--socket", str(code), "--log-level", "warning"],
    )
    # Importing Dagster takes seconds, in which the code server starts. The database is made here, before
    # two others could try to at the same time.
    from tally_pipeline.cli import history

    with history.opened(settings, launched_are_dead=True):
        pass
    where = ["--workspace", str(workspace)]
    services.start("the webserver", "dagster_webserver", ["--host", "127.0.0.1", "--port", str(port), *where])
    services.start("the daemon", "dagster._daemon", ["run", *where])
    while not ui.is_ready():
        if time.monotonic() - started > START_SECONDS:
            raise ServiceDiedError(f"Dagster was not up after {START_SECONDS} s")
        services.pause()
    words.print(f"Ready after {time.monotonic() - started:.0f} s.")


def _sync_first(services: Services, settings: Settings, ui: Ui, words: Console) -> None:
    # Here, for they import Dagster and the definitions.
    from tally_pipeline.cli import history
    from tally_pipeline.cli.first_sync import sync_today

    with history.opened(settings) as instance:
        sync_today(settings, instance, ui, services.pause, words)


def _banner(words: Console, settings: Settings, ui: Ui, log: Path) -> None:
    words.print(f"[bold]Tally[/bold]    {ui.url}")
    if settings.source == "tmdb":
        words.print("data     TMDB")
    elif settings.sandbox_embedded:
        words.print("data     [bold yellow]SANDBOX: every show is invented.[/bold yellow]", end=" ")
        words.print("For TMDB's, set TMDB_API_TOKEN in .env and start again;")
        words.print("         a token is free: https://www.themoviedb.org/settings/api")
    else:
        words.print(f"data     [bold yellow]SANDBOX[/bold yellow], from {settings.tmdb.base_url}")
    words.print(f"lake     {settings.lake_folder}", markup=False)
    words.print(f"history  {settings.dagster_home}", markup=False)
    words.print(f"log      {log}", markup=False)
    words.print("Starting Dagster … Ctrl-C stops it.")


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CannotStartError(
                f"port {port} of 127.0.0.1 cannot be used ({error.strerror}): stop what uses it, or choose"
                " another with --port or TALLY_PORT"
            ) from None


@contextmanager
def _only_one(home: Path) -> Iterator[None]:
    """Two daemons on one history would do everything twice."""
    with (home / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStartError(
                f"another `tally up` runs on {home}: use that one, or stop it, or set TALLY_HOME to another folder"
            ) from None
        yield


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:])
