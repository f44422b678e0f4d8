"""The past that `tally up` gives an empty lake of the sandbox: days filled and rebuilt, behind everything else."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, timedelta

import dagster as dg
from rich.console import Console
from rich.markup import escape

from tally_pipeline import automation, clock
from tally_pipeline.cli import failures, fill
from tally_pipeline.cli.ui import Ui, UiError
from tally_pipeline.deployment import Settings, deploy
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.shows.lists import LISTS
from tally_pipeline.tmdb import sandbox

LOOK_SECONDS = 1.0
"""How often it is looked whether the run has ended."""


def give(
    settings: Settings,
    instance: dg.DagsterInstance,
    ui: Ui,
    pause: Callable[[float], None],
    words: Console,
) -> None:
    """Fill the days that the lake should have had before its first, and rebuild them in one run; watch it to its end.

    Does nothing for TMDB's data, for a sandbox that somebody serves, for a lake with a past, or when switched off. A
    failure is told, not raised.
    """
    lake = deploy(settings).lake
    days = missing(settings, lake, clock.today())
    if not days:
        return
    run_id = automation.run_under_way(instance, {automation.PAST_TAG: "true"})
    try:
        if run_id is None:
            words.print(
                f"A past for the sandbox: {days[0]} to {days[-1]} are filled and rebuilt, behind all that you launch."
                " TALLY_SANDBOX_PAST_DAYS=0 switches it off."
            )
            # Until the run is there that refines them the sensor is to leave them alone.
            with lake.turns.take(automation.FILLING, (), words.print):
                fill.write(settings, instance, lake, days, say=lambda _: None, pause=lambda: pause(0))
                run_id = ui.launch(automation.refine.name, _tags(lake, days[0]), automation.BELOW_BRONZE)
        words.print(f"The past is rebuilt: {ui.run_url(run_id)}")
    except UiError as refusal:
        words.print(
            f"[red]The past was not rebuilt:[/red] {escape(str(refusal))}. The next `tally up` tries again;"
            " `tally rebuild` does it now."
        )
        return
    started = time.monotonic()
    while (run := instance.get_run_by_id(run_id)) is not None and not run.is_finished:
        pause(LOOK_SECONDS)
    if run is not None and run.is_success:
        words.print(
            f"The past is there after {time.monotonic() - started:.0f} s: {len(days)} days before the first."
            " Trends, movers and the calendar are in the report; reload its page."
        )
    else:
        reasons = failures.of_run(instance, run_id)
        words.print(f"[red]The past was not rebuilt whole.[/red] See {ui.run_url(run_id)}")
        for name, reason in reasons.items():
            words.print(f"  {name}: {reason}", markup=False)


def missing(settings: Settings, lake: Lake, today: date) -> list[date]:
    """The days before the lake's first own day that are to be filled or rebuilt, all of them or none, in order.

    A lake that was captured before today without ever being filled has a past of its own: nothing is missing.
    """
    if not settings.sandbox_embedded or not settings.sandbox_past_days:
        return []
    own = _first_own_day(lake, today)
    days = [own - timedelta(days=ago) for ago in range(settings.sandbox_past_days, 0, -1)]
    if own < today and not any(_is_filled(lake, name, day) for name in _NAMES for day in days):
        return []
    return days if any(not lake.store.exists(layout.report_key(day.isoformat())) for day in days) else []


_NAMES = [show_list.name for show_list in LISTS]


def _first_own_day(lake: Lake, today: date) -> date:
    """The first day of which bronze holds a capture that was not filled; today where there is none."""
    for day in sorted({day for name in _NAMES for day in lake.bronze_days(name)}):
        keys = (key for name in _NAMES for key in lake.bronze_keys(name, day))
        if any(key != sandbox.filled_key(key.data_type, date.fromisoformat(day)) for key in keys):
            return date.fromisoformat(day)
    return today


def _is_filled(lake: Lake, data_type: str, day: date) -> bool:
    return lake.store.exists(str(sandbox.filled_key(data_type, day)))


def _tags(lake: Lake, first: date) -> dict[str, str]:
    """The tags of one run from `first` to the last day held without a gap: days since then look back on these."""
    held = {day for name in _NAMES for day in lake.bronze_days(name)}
    last = first
    while (last + timedelta(days=1)).isoformat() in held:
        last += timedelta(days=1)
    return {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": last.isoformat(),
        # The next `tally up` launches its own.
        "dagster/max_retries": "0",
        automation.PAST_TAG: "true",
        **automation.BEHIND_PEOPLE,
    }
