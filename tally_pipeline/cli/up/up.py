"""`tally up`: Dagster's UI with schedule and sensor on this machine, and the first sync to watch in it."""

from __future__ import annotations

import json
import os
import re
import socket
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from tally_pipeline import clock
from tally_pipeline.cli import terminal
from tally_pipeline.cli.up.services import POLL_SECONDS, ServiceDiedError, Services, StoppedError
from tally_pipeline.cli.up.ui import LOCATION, Ui, UiError
from tally_pipeline.deployment import Settings, deploy
from tally_pipeline.deployment.first_day import first_day, look, record
from tally_pipeline.lake import file_lock
from tally_pipeline.settings.errors import unusable_home

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from tally_pipeline.cli.up.past import Turn
    from tally_pipeline.orchestration.automation import Due

LOCK = "up.lock"
ANYWHERE = "/tmp"
"""The folder for temporary files that every machine has."""

SOCKET = "code.sock"
SOCKET_PATH_BYTES = 104
"""The kernel's limit on macOS, with the NUL at the end; Linux has 108."""

START_SECONDS = 180
"""After this the start counts as hung; a slow machine takes half a minute."""

_COLOUR = re.compile(r"\x1b\[[\d;]*m")
"""The colours in Dagster's log, which would be escaped like any foreign text."""

LOG_LINES = 20
"""The lines of the log that are shown after an unexpected end of a process."""


class FirstSync(Enum):
    """The starts that launch a sync of today."""

    NEVER = "never"
    WHEN_ABSENT = "when today is not published"
    WHEN_DUE = "when the day's capture is due and was missed"


class CannotStartError(Exception):
    """The start is impossible here and now; the message says why and what to do."""


def up(settings: Settings, *, port: int, first_sync: FirstSync) -> int:
    """Run until stopped. 0 if stopped, 1 if Dagster ended by itself. Raises `CannotStartError`."""
    words, ui, log = terminal.words(), Ui(port), settings.dagster_home / "up.log"
    try:
        settings.dagster_home.mkdir(parents=True, exist_ok=True)
        (settings.dagster_home / LOCK).touch()
    except OSError as error:
        raise unusable_home(settings.home, error) from None
    _sockets_folder()
    with _only_one(settings.dagster_home) as lock:
        _require_free(port)
        services = Services(log, shared=[lock])
        try:
            with services.attended():
                _banner(words, settings, ui, log)
                _run(services, settings, ui, first_sync, words)
        except StoppedError:
            from tally_pipeline.orchestration.runs import dagster_home

            dagster_home.mark_stopped(settings)
            words.print("Stopped.")
        except ServiceDiedError as error:
            words.print(f"[red]{error}.[/red] The end of {escape(str(log))}:")
            words.print(_tail(log), markup=False)
            return 1
    return 0


def _run(services: Services, settings: Settings, ui: Ui, first_sync: FirstSync, words: Console) -> None:
    """Ends only by `StoppedError` or `ServiceDiedError`."""
    # Imported here, so that a wrong port is reported at once: importing Dagster takes seconds.
    from tally_pipeline.cli.up import past
    from tally_pipeline.orchestration import automation
    from tally_pipeline.orchestration.runs import dagster_home

    started = time.monotonic()
    turn = past.Turn(deploy(settings).lake)
    # Before any other process: two that create the databases at the same time collide.
    with dagster_home.opened(settings, launched_are_dead=True) as instance, turn:
        services.pause(0)
        if _begin_partitions(settings, with_past=first_sync is FirstSync.WHEN_ABSENT):
            # Before the sensor starts: the past that an interrupted `tally up` left is not for it.
            turn.take_if_free()
        # Before the daemon starts, which may then capture by itself.
        due = automation.due_today(instance, settings) if first_sync is FirstSync.WHEN_DUE else None
        # Not in the lake's folder, which may be anywhere, at any length.
        with tempfile.TemporaryDirectory(prefix="tally-", dir=_sockets_folder()) as folder:
            _start(services, settings, ui, Path(folder))
            partitions = _Partitions(settings, ui, words)

            def attend(seconds: float = POLL_SECONDS) -> None:
                services.pause(seconds)
                partitions.look()

            words.print(f"Ready after {time.monotonic() - started:.0f} s.")
            if first_sync is FirstSync.WHEN_ABSENT:
                _first_minutes(settings, instance, ui, turn, attend, words)
            else:
                words.print(f"Up: {ui.url}. Ctrl-C stops it.")
            if due:
                _make_up(settings, instance, ui, due, attend, words)
            while True:
                attend()


def _begin_partitions(settings: Settings, *, with_past: bool) -> bool:
    """Record the lake's first day, before the code loads; returns True if the sandbox will get a past."""
    # Late, for it imports what the assets import.
    from tally_pipeline.cli.up import past

    lake = deploy(settings).lake
    look(settings, lake)
    days = past.missing(settings, lake, clock.today()) if with_past else []
    if days:
        record(settings, days[0])
    return bool(days)


class _Partitions:
    """Reloads the code when the lake's first day moves back: Dagster fixes its partitions on loading."""

    def __init__(self, settings: Settings, ui: Ui, words: Console) -> None:
        self._settings = settings
        self._ui = ui
        self._words = words
        self._begin = first_day(settings)

    def look(self) -> None:
        earlier = first_day(self._settings)
        if earlier >= self._begin:
            return
        self._begin = earlier
        try:
            self._ui.reload()
            self._words.print(f"The lake begins on {earlier}: its days are partitions now.")
        except UiError as error:
            self._words.print(
                f"The lake begins on {earlier}; its days are partitions once the code is loaded anew:"
            )
            self._words.print(
                f"  {error}. Reload the code location in the UI, under Deployment.", markup=False
            )


def _first_minutes(
    settings: Settings,
    instance: DagsterInstance,
    ui: Ui,
    turn: Turn,
    attend: Callable[[float], None],
    words: Console,
) -> None:
    """Today, what to do next, and in the sandbox a past."""
    # Also late, for it imports what the assets import.
    from tally_pipeline.cli.up import past
    from tally_pipeline.cli.up.first_sync import launch_details, launch_export, sync_today
    from tally_pipeline.cli.up.what_next import what_next
    from tally_pipeline.orchestration.assets.failures import complete_errors

    try:
        with turn:
            is_there = sync_today(settings, instance, ui, attend, words)
            if is_there:
                launch_export(settings, ui, words)
                words.print(what_next(settings, ui), markup=False)
            words.print(f"Up: {ui.url}. Ctrl-C stops it.")
            if is_there:
                # Today's details carry on what is known from the past.
                filled = partial(launch_details, settings, ui, words)
                past.give(settings, instance, ui, turn, attend, words, filled)
    except complete_errors() as error:
        # The UI stays up: the lake may be repaired meanwhile.
        words.print(f"[red]The first minutes broke off:[/red] {escape(str(error))}")
        words.print(f"Up: {ui.url}. Launch the job sync there once it is mended. Ctrl-C stops it.")


def _make_up(
    settings: Settings,
    instance: DagsterInstance,
    ui: Ui,
    due: Due,
    attend: Callable[[float], None],
    words: Console,
) -> None:
    """A capture that was missed while nothing ran here."""
    from tally_pipeline.cli.up.first_sync import make_up
    from tally_pipeline.orchestration.assets.failures import complete_errors

    try:
        make_up(settings, instance, ui, due, attend, words)
    except complete_errors() as error:
        words.print(f"[red]The look for a missed capture broke off:[/red] {escape(str(error))}")
        words.print(f"Launch the job sync at {ui.url} once it is mended.")


def _start(services: Services, settings: Settings, ui: Ui, folder: Path) -> None:
    """Start the three processes of Dagster and wait until the UI has the code.

    `dagster dev` does the same through two more processes, one after the other, and takes twice as long.
    """
    os.environ["TALLY_HOME"] = str(settings.home)
    # A run reads the settings again: this history stays this source's even if `.env` changes meanwhile.
    os.environ["TALLY_SOURCE"] = settings.source
    code, workspace = folder / SOCKET, folder / "workspace.yaml"
    # JSON is YAML, and quotes any character of a path.
    where = {"grpc_server": {"socket": str(code), "location_name": LOCATION}}
    workspace.write_text(json.dumps({"load_from": [where]}, ensure_ascii=False), encoding="utf-8")
    known = ["--workspace", str(workspace)]
    of_code = ["--module-name", LOCATION, "--socket", str(code), "--log-level", "warning"]
    # Not `dagster api grpc`, which cannot reload the code. The process that this one starts for it has a socket
    # of its own, among the temporary files.
    loads = [_script("dagster"), "code-server", "start", *of_code]
    services.start("the code server", ["env", f"TMPDIR={folder}", *loads])
    # The others do not wait for it: the daemon gives up runs that it should start again, and both fill the log.
    _wait(services, code.exists)
    services.start(
        "the webserver", [_script("dagster-webserver"), "-h", "127.0.0.1", "-p", str(ui.port), *known]
    )
    services.start("the daemon", [_script("dagster-daemon"), "run", *known])
    _wait(services, ui.is_ready)


def _wait(services: Services, is_there: Callable[[], bool]) -> None:
    until = time.monotonic() + START_SECONDS
    while not is_there():
        if time.monotonic() > until:
            raise ServiceDiedError(f"Dagster was not up after {START_SECONDS} s")
        services.pause()


def _banner(words: Console, settings: Settings, ui: Ui, log: Path) -> None:
    words.print(f"[bold]Tally[/bold]    {ui.url}")
    if settings.source == "tmdb":
        words.print("data     TMDB")
    elif settings.sandbox_embedded:
        words.print("data     [bold yellow]SANDBOX: every show is invented.[/bold yellow]")
        words.print("         For TMDB's shows put TMDB_API_TOKEN=… into .env and start again.")
        words.print("         A token is free: https://www.themoviedb.org/settings/api")
    else:
        words.print(f"data     [bold yellow]SANDBOX[/bold yellow], from {escape(settings.tmdb.base_url)}")
    words.print(f"settings {settings.told_by}", markup=False)
    for name, path in (("lake", settings.lake_place), ("history", settings.dagster_home), ("log", log)):
        words.print(f"{name:8} {path}", markup=False)
    words.print("Starting Dagster. Ctrl-C stops everything.")


def _sockets_folder() -> str:
    """The parent of a folder with a socket: the folder for temporary files, or /tmp if that is unsuitable."""
    for folder in (tempfile.gettempdir(), ANYWHERE):
        fits = len(f"{folder}/tally-12345678/{SOCKET}") < SOCKET_PATH_BYTES
        # gRPC takes the path as part of a URL: `%20` in it would be a blank.
        if fits and re.fullmatch(r"[\w./-]+", folder, re.ASCII) and os.access(folder, os.W_OK | os.X_OK):
            return folder
    raise CannotStartError(
        f"a socket in {tempfile.gettempdir()} would have too long a path, or an odd one, and {ANYWHERE} will not do"
        " either: set TMPDIR to a folder whose path has at most 70 letters, digits, dots, hyphens and slashes"
    )


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
def _only_one(home: Path) -> Iterator[int]:
    """The lock file that only one `tally up` holds: two daemons on one history would do everything twice."""
    with (home / LOCK).open("w") as lock:
        if not file_lock.try_to_acquire(lock):
            raise CannotStartError(
                f"another `tally up` runs on {home}: use that one, stop it, or set TALLY_HOME to another folder"
            )
        yield lock.fileno()


def _script(name: str) -> str:
    """A command of the Python environment of this process, on PATH or not."""
    return str(Path(sysconfig.get_path("scripts")) / name)


def _tail(log: Path) -> str:
    text = _COLOUR.sub("", log.read_text(encoding="utf-8", errors="replace"))
    return "\n".join(text.splitlines()[-LOG_LINES:])
