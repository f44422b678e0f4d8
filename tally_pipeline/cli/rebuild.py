"""`tally rebuild`: silver and everything below it, for past days, from stored bronze: a backfill by command."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date

import dagster as dg

from tally_pipeline import clock
from tally_pipeline.cli import terminal
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import Deployment, Settings, SettingsError, deploy, first_day
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.orchestration import automation
from tally_pipeline.orchestration.automation import run_metrics
from tally_pipeline.orchestration.runs import dagster_home, failures, in_process
from tally_pipeline.plurals import counted
from tally_pipeline.tmdb.lists import LISTS


def rebuild(settings: Settings, first: str | None, last: str | None) -> int:
    """Rebuild the days from `first` to `last` (YYYY-MM-DD; by default every day that bronze holds).

    0 when all were published. Raises `SettingsError` when bronze holds none of them, or some lie outside the days
    that have partitions, `KeyboardInterrupt` when it is interrupted, after it has said so.
    """
    words, run_id = terminal.words(), str(uuid.uuid4())
    deployment = deploy(settings)
    held = _held(deployment.lake)
    if held:
        first_day.record(settings, date.fromisoformat(held[0]))
    start = first_day.first_day(settings).isoformat()
    first, last = _within(start, clock.today().isoformat(), first, last)
    days = [day for day in held if first <= day <= last]
    if not days:
        raise SettingsError(
            f"bronze holds no capture of these days in {deployment.lake.store.root}: give days that `tally status`"
            " shows, or capture today with `tally sync`"
        )
    try:
        words.print(
            f"{days[0]} to {days[-1]}: rebuilding {counted(len(days), 'day')} in {settings.lake_place}",
            markup=False,
        )
        result = _execute(settings, deployment, days, run_id)
    except KeyboardInterrupt:
        words.print(
            "[yellow]Interrupted. What was made before that is published, whole files only;"
            f" `tally rebuild --first {days[0]} --last {days[-1]}` makes the rest.[/yellow]"
        )
        raise
    failures.tell(words, failures.by_list(result.all_events))
    words.print("Rebuilt." if result.success else "Not everything was published; what was good is.")
    return 0 if result.success else 1


def _execute(
    settings: Settings, deployment: Deployment, days: Sequence[str], run_id: str
) -> dg.ExecuteInProcessResult:
    definitions = build_definitions(deployment)
    with dagster_home.opened(settings) as instance:
        result = in_process.execute(
            settings,
            instance,
            definitions.resolve_job_def(automation.refine.name),
            run_id,
            command="rebuild",
            assets=sorted(_selected(definitions), key=str),
            tags={
                "dagster/asset_partition_range_start": days[0],
                "dagster/asset_partition_range_end": days[-1],
            },
        )
        deployment.metrics.send(run_metrics.of_run(instance, run_id))
    return result


def _within(start: str, end: str, first: str | None, last: str | None) -> tuple[str, str]:
    """The days asked for, by default all from `start` to `end`; raises `SettingsError` for days beyond these."""
    if first is not None and first < start:
        raise SettingsError(
            f"--first is {first}, and the days begin on {start}: give that day or a later one"
        )
    if last is not None and last > end:
        raise SettingsError(
            f"--last is {last}, which is to come (it is {end} in UTC): give {end} or an earlier day"
        )
    first, last = first or start, last or end
    if first > last:
        raise SettingsError(
            f"--first is {first} and --last is {last}: give a first day that is not after the last"
        )
    return first, last


def _held(lake: Lake) -> list[str]:
    """The days, in order, of which bronze holds captures of any list; days before TMDB and days to come are none."""
    held = {day for show_list in LISTS for day in lake.bronze_days(show_list.name)}
    return sorted(day for day in held if layout.EARLIEST <= day <= clock.today().isoformat())


def _selected(definitions: dg.Definitions) -> set[dg.AssetKey]:
    """Silver of the lists, and everything below."""
    silver = dg.AssetSelection.key_prefixes("silver_shows")
    return set(silver.downstream().resolve(definitions.resolve_asset_graph()))
