"""The sync that `tally up` launches: a run like any in the UI, with its progress in the terminal."""

from __future__ import annotations

import time
from collections.abc import Callable

import dagster as dg
from rich.console import Console
from rich.markup import escape

from tally_pipeline import clock
from tally_pipeline.cli import summary
from tally_pipeline.cli.sync import closing_table, tell_warnings
from tally_pipeline.cli.up.ui import Ui, UiError
from tally_pipeline.datasets import SERIES
from tally_pipeline.datasets.captures import capture_keys
from tally_pipeline.datasets.details import DETAILS
from tally_pipeline.deployment import Settings, deploy
from tally_pipeline.lake.lake import Lake
from tally_pipeline.orchestration import automation
from tally_pipeline.orchestration.runs import failures
from tally_pipeline.tmdb.lists import LISTS

ATTEMPTS = 5
"""Attempts at launching the sync; the waits between are 2, 4, 8 and 16 s."""

QUEUED_SECONDS = 15
"""Seconds in the queue after which the terminal says so."""

_STEP_ENDED = {
    dg.DagsterEventType.STEP_SUCCESS: "[green]✓[/green]",
    dg.DagsterEventType.STEP_FAILURE: "[red]✗[/red]",
    dg.DagsterEventType.STEP_SKIPPED: "· left out:",
}

Pause = Callable[[float], None]


def sync_today(
    settings: Settings, instance: dg.DagsterInstance, ui: Ui, pause: Pause, words: Console
) -> bool:
    """Sync today unless it is published; a sync in progress is watched.

    Returns True if today is published in the end. A failure is printed, not raised.
    """
    lake, day = deploy(settings).lake, clock.today().isoformat()
    if _is_there(lake, day):
        words.print(f"Silver of {day} is there for every list; no sync is launched.")
        return True
    started = time.monotonic()
    run_id = _started(instance, ui, day, pause, words)
    if run_id is None:
        return False
    succeeded = _watched(instance, run_id, pause, words)
    errors = failures.by_list(_events(instance, run_id, set(_STEP_ENDED)))
    found = summary.by_list(lake, LISTS, day, run_id, errors)
    words.print(closing_table(found, words.width))
    tell_warnings(words, found)
    failures.tell(words, errors)
    if succeeded:
        words.print(f"The sync took {time.monotonic() - started:.0f} s.")
    elif clock.today().isoformat() > day:
        words.print(
            f"{day} is over (UTC), and what it lacks cannot be captured any more: the new day is next."
        )
        return sync_today(settings, instance, ui, pause, words)
    else:
        words.print(f"[red]The sync failed.[/red] What it published stays. See {ui.run_url(run_id)}")
    return succeeded


def make_up(
    settings: Settings,
    instance: dg.DagsterInstance,
    ui: Ui,
    due: automation.Due,
    pause: Pause,
    words: Console,
) -> None:
    """Sync today if its capture was missed: due, absent from bronze, and left to nobody else.

    A failure is printed, not raised.
    """
    lake, day = deploy(settings).lake, due.at.date().isoformat()
    missing = [one.name for one in LISTS if not lake.bronze_keys(one.name, day)]
    if not missing or clock.today() != due.at.date():
        return
    words.print(
        f"The capture of {due.at:%H:%M} (UTC) was missed: bronze holds no {', '.join(missing)} of {day}."
    )
    if due.left_to:
        words.print(f"No sync is launched, for {due.left_to}.")
        return
    words.print("It is made up for now.")
    sync_today(settings, instance, ui, pause, words)


def launch_export(settings: Settings, ui: Ui, words: Console) -> None:
    """Launch the download of the day's export if it is available and missing, and say so; the sensor refines it."""
    deployment, day = deploy(settings), clock.today()
    if capture_keys(deployment.lake, SERIES, day.isoformat()):
        return
    if not settings.sandbox_embedded:
        with deployment.tmdb.exports() as client:
            if not client.is_there(day):
                words.print(
                    f"TMDB has no export of all series of {day} yet (it has from about 08:00 UTC on): the"
                    " schedule daily_export looks for it."
                )
                return
    try:
        run_id = ui.launch(automation.capture_export.name, _for_day(day.isoformat()))
    except UiError as refusal:
        words.print(
            f"[yellow]The export of all series was not launched:[/yellow] {escape(str(refusal))}. The schedule"
            " daily_export looks for it."
        )
        return
    words.print(f"The export of all series of {day} is downloaded and refined: {ui.run_url(run_id)}")


def launch_details(settings: Settings, ui: Ui, words: Console) -> None:
    """Launch the capture of today's details if bronze has none, and say so; the sensor refines it."""
    lake, day = deploy(settings).lake, clock.today().isoformat()
    if not settings.details_budget or capture_keys(lake, DETAILS, day):
        return
    try:
        run_id = ui.launch(automation.capture_details.name, _for_day(day) | automation.BEHIND_PEOPLE)
    except UiError as refusal:
        words.print(
            f"[yellow]The capture of details was not launched:[/yellow] {escape(str(refusal))}. The schedule"
            " daily_details captures those of tomorrow; the job capture_details today's."
        )
        return
    words.print(f"Details of shows, and where to watch them, are captured and refined: {ui.run_url(run_id)}")


def _is_there(lake: Lake, day: str) -> bool:
    return all(day in lake.silver_days(show_list.name) for show_list in LISTS)


def _for_day(day: str) -> dict[str, str]:
    # A restart would run it twice: the next `tally up` launches its own.
    return {"dagster/partition": day, "dagster/max_retries": "0"}


def _started(instance: dg.DagsterInstance, ui: Ui, day: str, pause: Pause, words: Console) -> str | None:
    """The id of a sync of the day with a started step, or that has ended; None if it did not start."""
    for wait in [*(2**attempt for attempt in range(1, ATTEMPTS)), None]:
        try:
            run_id = automation.run_under_way(instance, {"dagster/partition": day}, automation.sync.name)
            run_id = run_id or ui.launch(automation.sync.name, _for_day(day))
            words.print(f"Sync of {day}: {ui.run_url(run_id)}")
            if _begins(instance, run_id, pause, words):
                return run_id
            why = "; ".join(failures.of_run(instance, run_id).values())
        except UiError as refusal:
            why = str(refusal)
        said = f"[red]The first sync did not start:[/red] {escape(why.rstrip('.'))}."
        if wait is None:
            words.print(f"{said} It was tried {ATTEMPTS} times: launch the job sync in the UI.")
        else:
            words.print(f"{said} It is tried again in {wait} s.")
            pause(wait)
    return None


def _begins(instance: dg.DagsterInstance, run_id: str, pause: Pause, words: Console) -> bool:
    """Wait until a step of the run has begun; returns True if one did before the run ended."""
    since, told = time.monotonic(), False
    while True:
        run = instance.get_run_by_id(run_id)
        if _events(instance, run_id, {dg.DagsterEventType.STEP_START}):
            return True
        if run is None or run.is_finished:
            return False
        waits = run.status == dg.DagsterRunStatus.QUEUED and time.monotonic() - since > QUEUED_SECONDS
        if waits and not told:
            words.print("The sync waits in the queue: other runs are at work, see the UI's Runs.")
            told = True
        pause(0.2)


def _watched(instance: dg.DagsterInstance, run_id: str, pause: Pause, words: Console) -> bool:
    """Print each step at its end, until the run ends; returns True if it succeeded."""
    told = 0
    while True:
        run = instance.get_run_by_id(run_id)
        ended = _events(instance, run_id, set(_STEP_ENDED))
        for event in ended[told:]:
            words.print(f"  {_STEP_ENDED[event.event_type]} {escape(event.step_key or '')}")
        told = len(ended)
        if run is None or run.is_finished:
            return run is not None and run.is_success
        pause(0.2)


def _events(
    instance: dg.DagsterInstance, run_id: str, kinds: set[dg.DagsterEventType]
) -> list[dg.DagsterEvent]:
    entries = instance.all_logs(run_id, of_type=kinds)
    return [entry.dagster_event for entry in entries if entry.dagster_event is not None]
