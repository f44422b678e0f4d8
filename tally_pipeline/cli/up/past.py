"""The past that `tally up` gives an empty lake of the sandbox: days filled and rebuilt at low priority."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack
from datetime import date, timedelta

import dagster as dg
from rich.console import Console
from rich.markup import escape

from tally_pipeline import clock
from tally_pipeline.cli.sandbox import fill
from tally_pipeline.cli.up.ui import Ui, UiError
from tally_pipeline.datasets import named
from tally_pipeline.datasets.captures import NoCaptureError, choose
from tally_pipeline.datasets.details import DETAILS
from tally_pipeline.days import days_after
from tally_pipeline.deployment import Settings, deploy
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.orchestration import automation
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.automation import Batch
from tally_pipeline.orchestration.runs import failures
from tally_pipeline.plurals import counted
from tally_pipeline.tmdb import sandbox
from tally_pipeline.tmdb.lists import LISTS

LOOK_SECONDS = 1.0
"""Seconds between two checks for the run's end."""

Pause = Callable[[float], None]


class Turn:
    """The lock of a process that fills the lake. The sensor leaves past days, and gold, to its holder.

    As a context manager it is released at the end.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._held = ExitStack()
        self._is_held = False

    def __enter__(self) -> Turn:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()
        self._is_held = False

    def take_if_free(self) -> bool:
        """Take it unless another process has it, which keeps the sensor off as well; returns True if taken."""
        # To the kernel each open file is another holder, even in this process.
        if not self._is_held and not self._lake.locks.is_locked(automation.FILLING):
            self._held.enter_context(self._lake.locks.hold(automation.FILLING, (), lambda _: None))
            self._is_held = True
        return self._is_held

    def wait(self, pause: Pause, say: Callable[[str], None]) -> None:
        """Take it, waiting as long as that takes."""
        if not self.take_if_free():
            say("The lake is being filled; the past comes after that.")
        while not self.take_if_free():
            pause(LOOK_SECONDS)


def give(
    settings: Settings,
    instance: dg.DagsterInstance,
    ui: Ui,
    turn: Turn,
    pause: Pause,
    words: Console,
    filled: Callable[[], None] = lambda: None,
) -> None:
    """Fill the days of the sandbox's past before the lake's first day, and rebuild them; watch that to its end.

    Only missing or stale assets are made, the days before today in one run. Does nothing for TMDB's data, for a
    sandbox served elsewhere, for a lake with a past, or if switched off. A failure is printed, not raised. `filled`
    is called when all days are in bronze.
    """
    lake = deploy(settings).lake
    days = missing(settings, lake, clock.today())
    if not days:
        filled()
        return
    turn.wait(pause, words.print)
    started = time.monotonic()
    try:
        run_id = automation.run_under_way(instance, {automation.PAST_TAG: "true"})
        if run_id is None:
            words.print(
                f"A past for the sandbox: {days[0]} to {days[-1]} are filled and rebuilt, behind all that you launch."
                " TALLY_SANDBOX_PAST_DAYS=0 switches it off."
            )
            fill.write(settings, instance, lake, days, say=lambda _: None, pause=lambda: pause(0))
        filled()
        launched: list[Batch[frozenset[dg.AssetKey]]] = []
        said = "The past is rebuilt"
        while True:
            if run_id is None:
                batch = next(iter(_to_make(instance, lake, _held_from(lake, days[0]))), None)
                # A repeat would end the same way.
                if batch is None or batch in launched:
                    break
                launched.append(batch)
                if not batch.what & _SILVER:
                    said = "And what looks back on it"
                run_id = ui.launch(automation.refine.name, _tags(batch), sorted(batch.what, key=str))
            words.print(f"{said}: {ui.run_url(run_id)}")
            said = "And what looks back on it"
            if not _is_watched_to_success(instance, run_id, pause):
                _tell_failure(instance, run_id, ui, words)
                return
            run_id = None
    except UiError as refusal:
        words.print(
            f"[red]The past was not rebuilt:[/red] {escape(str(refusal))}. The next `tally up` tries again;"
            " `tally rebuild` does it now."
        )
        return
    words.print(
        f"The past is there after {time.monotonic() - started:.0f} s: {counted(len(days), 'day')} before the first."
        " Trends, movers and the calendar are in the report; reload its page."
    )


def _is_watched_to_success(instance: dg.DagsterInstance, run_id: str, pause: Pause) -> bool:
    """Wait until the run has ended; returns True if it succeeded."""
    while (run := instance.get_run_by_id(run_id)) is not None and not run.is_finished:
        pause(LOOK_SECONDS)
    return run is not None and run.is_success


def _tell_failure(instance: dg.DagsterInstance, run_id: str, ui: Ui, words: Console) -> None:
    words.print(f"[red]The past was not rebuilt whole.[/red] See {ui.run_url(run_id)}")
    for name, reason in failures.of_run(instance, run_id).items():
        words.print(f"  {name}: {reason}", markup=False)


def missing(settings: Settings, lake: Lake, today: date) -> list[date]:
    """The days before the lake's first own day to fill or rebuild, all of them or none, in order.

    A lake with captures before today that was never filled has a past of its own: nothing is missing.
    """
    if not settings.sandbox_embedded or not settings.sandbox_past_days:
        return []
    own = _first_own_day(lake, today)
    days = [own - timedelta(days=ago) for ago in range(settings.sandbox_past_days, 0, -1)]
    if own < today and not any(_is_filled(lake, name, day) for name in _NAMES for day in days):
        return []
    return days if any(not lake.store.exists(layout.report_key(day.isoformat())) for day in days) else []


_NAMES = [show_list.name for show_list in LISTS]
_SILVER = frozenset(map(common.silver_of, _NAMES))


def _first_own_day(lake: Lake, today: date) -> date:
    """The first day with a capture in bronze that was not filled; today without one."""
    for day in sorted({day for name in _NAMES for day in lake.bronze_days(name)}):
        keys = (key for name in _NAMES for key in lake.bronze_keys(name, day))
        if any(key != sandbox.filled_key(key.data_type, date.fromisoformat(day)) for key in keys):
            return date.fromisoformat(day)
    return today


def _is_filled(lake: Lake, data_type: str, day: date) -> bool:
    return lake.store.exists(str(sandbox.filled_key(data_type, day)))


def _held_from(lake: Lake, first: date) -> list[str]:
    """The days in bronze from `first` on without a gap: later days look back on these."""
    held = {day for name in _NAMES for day in lake.bronze_days(name)}
    days = [first.isoformat()]
    while (following := days_after(days[-1])) in held:
        days.append(following)
    return days


def _to_make(
    instance: dg.DagsterInstance, lake: Lake, days: Sequence[str]
) -> list[Batch[frozenset[dg.AssetKey]]]:
    """The batches to make of these days, oldest first: assets that are missing, unknown to Dagster, or stale."""
    every = (*automation.BELOW_BRONZE, *automation.BELOW_DETAILS)
    known = {key: instance.get_materialized_partitions(key) for key in every}
    stale, _ = automation.stale(instance, lake, days[0], len(days) + 1, lambda: True)
    return automation.batches(
        {day: anew for day in days if (anew := _anew(lake, day, known, stale.get(day, frozenset())))},
        len(days),
    )


def _anew(
    lake: Lake,
    day: str,
    known: Mapping[dg.AssetKey, AbstractSet[str]],
    stale: frozenset[dg.AssetKey],
) -> frozenset[dg.AssetKey]:
    """The assets to make of a day: with silver everything downstream."""
    silver = {
        common.silver_of(name)
        for name in _NAMES
        if not _is_refined(lake, name, day) or day not in known[common.silver_of(name)]
    }
    below = set(automation.BELOW_BRONZE) - _SILVER
    unknown = {key for key in below if day not in known[key]}
    return frozenset((silver | below if silver else stale | unknown) | _of_details(lake, day, known))


def _of_details(lake: Lake, day: str, known: Mapping[dg.AssetKey, AbstractSet[str]]) -> set[dg.AssetKey]:
    """The assets to make of the day's details, if bronze holds any."""
    if not lake.store.exists(str(DETAILS.place.key(day, _filled_id(DETAILS.name, day)))):
        return set()
    if _is_refined(lake, DETAILS.name, day) and day in known[common.silver_of(DETAILS.name)]:
        return {key for key in automation.BELOW_DETAILS_OF_PAST if day not in known[key]}
    return set(automation.BELOW_DETAILS_OF_PAST)


def _filled_id(data_type: str, day: str) -> str:
    return sandbox.filled_key(data_type, date.fromisoformat(day)).execution_id


def _is_refined(lake: Lake, data_type: str, day: str) -> bool:
    """True if silver was made from the capture that counts, or no capture can be refined."""
    try:
        capture = choose(lake, named(data_type), day)
    except NoCaptureError:
        return True
    return lake.is_made_from(named(data_type).silver_key(day), str(capture.key))


def _tags(batch: Batch[frozenset[dg.AssetKey]]) -> dict[str, str]:
    """The tags of one run of all days of the batch."""
    return {
        "dagster/asset_partition_range_start": batch.first,
        "dagster/asset_partition_range_end": batch.last,
        # The next `tally up` launches its own.
        "dagster/max_retries": "0",
        automation.PAST_TAG: "true",
        **automation.BEHIND_PEOPLE,
    }
