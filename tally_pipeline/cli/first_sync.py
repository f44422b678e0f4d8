"""The sync that `tally up` launches: a run like any in the UI, told of in the terminal as it goes."""

from __future__ import annotations

import time
from collections.abc import Callable

import dagster as dg
from rich.console import Console

from tally_pipeline import automation, clock
from tally_pipeline.cli import failures, summary
from tally_pipeline.cli.sync import closing_table
from tally_pipeline.cli.ui import Ui, UiError
from tally_pipeline.deployment import Settings, deploy
from tally_pipeline.lake.lake import Lake
from tally_pipeline.shows.lists import LISTS

_STEP_ENDED = {
    dg.DagsterEventType.STEP_SUCCESS: "[green]✓[/green]",
    dg.DagsterEventType.STEP_FAILURE: "[red]✗[/red]",
    dg.DagsterEventType.STEP_SKIPPED: "· left out:",
}


def sync_today(
    settings: Settings,
    instance: dg.DagsterInstance,
    ui: Ui,
    pause: Callable[[], None],
    words: Console,
) -> None:
    """Sync today unless it is there; a sync that is under way already is watched. A failure is told, not raised."""
    lake, day = deploy(settings).lake, clock.today().isoformat()
    if _is_there(lake, day):
        words.print(f"Silver of {day} is there for every list; no sync is launched.")
        return
    run_id = _under_way(instance, day)
    try:
        # Started again it would be twice the sync: the next `tally up` launches its own.
        tags = {"dagster/partition": day, "dagster/max_retries": "0"}
        run_id = run_id or ui.launch(automation.sync.name, tags)
    except UiError as refusal:
        words.print(f"[red]The first sync was not launched:[/red] {refusal}. Launch the job sync in the UI.")
        return
    words.print(f"Sync of {day}: {ui.run_url(run_id)}")
    started = time.monotonic()
    succeeded = _watched(instance, run_id, pause, words)
    errors = failures.by_list(_events(instance, run_id))
    words.print(closing_table(summary.by_list(lake, LISTS, day, run_id, errors)))
    for name, error in errors.items():
        words.print(f"[red]✗[/red] {name}:")
        words.print(f"  {error}", markup=False)
    if succeeded:
        words.print(f"The sync took {time.monotonic() - started:.0f} s.")
    elif clock.today().isoformat() > day:
        words.print(
            f"{day} is over (UTC), and what it lacks cannot be captured any more: the new day is next."
        )
        sync_today(settings, instance, ui, pause, words)
    else:
        words.print(f"[red]The sync failed.[/red] What it published stays. See {ui.run_url(run_id)}")


def _is_there(lake: Lake, day: str) -> bool:
    return all(day in lake.silver_days(show_list.name) for show_list in LISTS)


def _under_way(instance: dg.DagsterInstance, day: str) -> str | None:
    """A sync of the day that somebody else runs, or that waits in the queue since before."""
    unfinished = dg.RunsFilter(
        job_name=automation.sync.name,
        tags={"dagster/partition": day},
        statuses=[
            dg.DagsterRunStatus.QUEUED,
            dg.DagsterRunStatus.NOT_STARTED,
            dg.DagsterRunStatus.STARTING,
            dg.DagsterRunStatus.STARTED,
        ],
    )
    return next((run.run_id for run in instance.get_runs(unfinished, limit=1)), None)


def _watched(instance: dg.DagsterInstance, run_id: str, pause: Callable[[], None], words: Console) -> bool:
    """Tell of each step as it ends, until the run has; whether it succeeded."""
    told = 0
    while True:
        run = instance.get_run_by_id(run_id)
        ended = [event for event in _events(instance, run_id) if event.event_type in _STEP_ENDED]
        for event in ended[told:]:
            words.print(f"  {_STEP_ENDED[event.event_type]} {event.step_key}")
        told = len(ended)
        if run is None or run.is_finished:
            return run is not None and run.is_success
        pause()


def _events(instance: dg.DagsterInstance, run_id: str) -> list[dg.DagsterEvent]:
    entries = instance.all_logs(run_id, of_type=set(_STEP_ENDED))
    return [entry.dagster_event for entry in entries if entry.dagster_event is not None]
