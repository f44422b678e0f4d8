"""Dagster's home: its preparation and opening, and the cleanup after killed commands."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from string import Template

import dagster as dg

from tally_pipeline.deployment import Settings
from tally_pipeline.lake import file_lock
from tally_pipeline.orchestration.automation import sync
from tally_pipeline.orchestration.automation.run_metrics import ABANDONED_TAG, COMMAND_TAG
from tally_pipeline.settings.errors import unusable_home

LOOK_SECONDS = 5.0
"""Seconds between a running command's checks for killed ones."""

STALE_SECONDS = 60.0
"""The age (seconds) at which an unheld lock without a run is removed."""

_OPENING = "opening.lock"
_STOPPED = "stopped"

_STORAGE = Template("""
# Dagster's own storage, but with its databases left open: an event costs a tenth.
storage:
  custom:
    module: tally_pipeline.orchestration.storage.sqlite_storage
    class: History
    config:
      base_dir: $home
""")


def prepare(settings: Settings) -> Path:
    """Create Dagster's home with the project's dagster.yaml in it; returns it. Raises `SettingsError`."""
    home = settings.dagster_home
    text = _dagster_yaml(settings)
    config = home / "dagster.yaml"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not config.exists() or config.read_text(encoding="utf-8") != text:
            fresh = config.with_suffix(f".{os.getpid()}")
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(config)
        # Even readers of the history write into its folder: a lock, SQLite's log.
        (home / _OPENING).touch()
    except OSError as error:
        raise unusable_home(settings.home, error) from error
    return home


def _dagster_yaml(settings: Settings) -> str:
    """Dagster's settings. On AWS the output of runs is kept beside the lake, because the machine may go away."""
    text = files("tally_pipeline").joinpath("dagster.yaml").read_text() + _STORAGE.substitute(
        # JSON strings are YAML strings.
        home=json.dumps(str(settings.dagster_home.absolute()), ensure_ascii=False)
    )
    if settings.aws is None:
        return text
    on_aws = files("tally_pipeline").joinpath("dagster.aws.yaml").read_text()
    return f"{text}\n{Template(on_aws).substitute(bucket=settings.aws.results_bucket, region=settings.aws.region)}"


def mark_stopped(settings: Settings) -> None:
    """Remember that the daemon was stopped now; a crash leaves no such mark."""
    (settings.dagster_home / _STOPPED).touch()


def stopped_at(settings: Settings) -> float:
    """The time (seconds since the epoch) at which the daemon was last stopped, 0 if never."""
    return _stopped_at(settings.dagster_home)


def _stopped_at(home: Path) -> float:
    with suppress(FileNotFoundError):
        return (home / _STOPPED).stat().st_mtime
    return 0.0


@contextmanager
def opened(settings: Settings, *, launched_are_dead: bool = False) -> Iterator[dg.DagsterInstance]:
    """Dagster's history, with its dead runs marked as failed; see `close_dead_runs`."""
    home = prepare(settings)
    os.environ["DAGSTER_HOME"] = str(home)
    with _one_at_a_time(home):
        instance = dg.DagsterInstance.from_config(str(home))
        # Each creates its tables on first use; two processes that do so at once collide.
        _ = (instance.run_storage, instance.event_log_storage, instance.schedule_storage)
    with instance:
        close_dead_runs(instance, home, launched_are_dead=launched_are_dead)
        yield instance


@contextmanager
def _one_at_a_time(home: Path) -> Iterator[float]:
    """Admits one process at a time; yields the time of entry, by the clock of file times in `home`."""
    with (home / _OPENING).open("w") as lock:
        file_lock.acquire(lock)
        yield os.fstat(lock.fileno()).st_mtime


@contextmanager
def alive(settings: Settings, run_id: str) -> Iterator[None]:
    """While this lasts, the run counts as alive: the lock ends with the process, however that ends.

    Meanwhile killed commands are looked for, because they may hold the place in the pool that this one waits for.
    """
    path = _lock_path(settings.dagster_home, run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        file_lock.acquire(lock)
        try:
            with _closing_dead_runs(settings.dagster_home):
                yield
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def _closing_dead_runs(home: Path) -> Iterator[None]:
    """While this lasts, the runs of killed commands are closed soon after their end."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            if not _locks_of_the_dead(home):
                continue
            with dg.DagsterInstance.from_config(str(home)) as instance:
                close_dead_runs(instance, home)

    looking = threading.Thread(target=look, name="dead-runs", daemon=True)
    looking.start()
    try:
        yield
    finally:
        over.set()
        looking.join()


def close_dead_runs(
    instance: dg.DagsterInstance, home: Path, *, launched_are_dead: bool = False
) -> list[str]:
    """Mark runs whose process was killed as failed, and free their pool slots; returns their ids.

    One that nobody starts again, and that was under way when the daemon was stopped, is marked as canceled instead.

    Without this they seem to run for ever, and captures wait for their slots in the pool. The lock of a command's run
    shows that it is alive. Runs that the daemon launched have none: only a caller that knows that no daemon is up,
    and so none of its runs alive, may pass `launched_are_dead`.
    """
    unfinished = dg.RunsFilter(
        statuses=[
            dg.DagsterRunStatus.NOT_STARTED,
            dg.DagsterRunStatus.STARTING,
            dg.DagsterRunStatus.STARTED,
            dg.DagsterRunStatus.CANCELING,
        ],
        tags={} if launched_are_dead else {COMMAND_TAG: ["sync", "rebuild"]},
    )
    closed = []
    with _one_at_a_time(home) as now:
        for record in instance.get_run_records(unfinished):
            run = record.dagster_run
            if not _is_alive(home, run.run_id):
                was_stopped = launched_are_dead and record.create_timestamp.timestamp() < _stopped_at(home)
                _close(instance, run, was_stopped=was_stopped)
                closed.append(run.run_id)
        for lock in _locks_of_the_dead(home):
            # A new one may not be locked yet.
            with suppress(FileNotFoundError):
                if lock.stem in closed or now - lock.stat().st_mtime > STALE_SECONDS:
                    lock.unlink()
    return closed


def _close(instance: dg.DagsterInstance, run: dg.DagsterRun, *, was_stopped: bool) -> None:
    is_retried = run.job_name != sync.name and run.tags.get("dagster/max_retries") != "0"
    if run.job_name == sync.name:
        # The daemon would restart a dead run with its partition, but a sync is for the day it was launched on.
        instance.add_run_tags(run.run_id, {"dagster/max_retries": "0"})
    if COMMAND_TAG in run.tags:
        instance.add_run_tags(run.run_id, {ABANDONED_TAG: "true"})
    if was_stopped and not is_retried:
        instance.report_run_canceled(run, "`tally up` was stopped while this run was under way.")
    else:
        instance.report_run_failed(run, "The process that executed this run was killed.")
    instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def _is_alive(home: Path, run_id: str) -> bool:
    return file_lock.is_held(_lock_path(home, run_id))


def _locks_of_the_dead(home: Path) -> list[Path]:
    """The unheld locks, which killed commands leave."""
    return [lock for lock in (home / "alive").glob("*.lock") if not _is_alive(home, lock.stem)]


def _lock_path(home: Path, run_id: str) -> Path:
    return home / "alive" / f"{run_id}.lock"
