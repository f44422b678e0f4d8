"""`tally rebuild`: a backfill of silver and everything downstream, for past days, from stored bronze."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date

import dagster as dg

from tally_pipeline import clock
from tally_pipeline.cli import terminal
from tally_pipeline.datasets.details import DETAILS
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import Deployment, Settings, SettingsError, deploy, first_day
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.orchestration import automation
from tally_pipeline.orchestration.automation import Batch, run_metrics
from tally_pipeline.orchestration.runs import dagster_home, failures, in_process
from tally_pipeline.plurals import counted
from tally_pipeline.tmdb.lists import LISTS


def rebuild(settings: Settings, first: str | None, last: str | None) -> int:
    """Rebuild the days from `first` to `last` (YYYY-MM-DD; by default every day in bronze).

    Only lists with captures of a day are rebuilt: one that was added later, or that TMDB did not serve, has none.
    Returns 0 if all were published. Raises `SettingsError` if bronze has none of the days, or some are outside the
    partitions, `KeyboardInterrupt` if it is interrupted, after a message.
    """
    words, deployment = terminal.words(), deploy(settings)
    held = _held(deployment.lake)
    if held:
        first_day.record(settings, date.fromisoformat(min(held)))
    start = first_day.first_day(settings).isoformat()
    first, last = _within(start, clock.today().isoformat(), first, last)
    wanted = {day: names for day, names in held.items() if first <= day <= last}
    if not wanted:
        raise SettingsError(
            f"bronze holds no capture of these days in {deployment.lake.store.root}: give days that `tally status`"
            " shows, or capture today with `tally sync`"
        )
    try:
        days = f"{min(wanted)} to {max(wanted)}"
        words.print(
            f"{days}: rebuilding {counted(len(wanted), 'day')} in {settings.lake_place}", markup=False
        )
        results = _execute(settings, deployment, automation.batches(wanted, len(wanted)))
    except KeyboardInterrupt:
        words.print(
            "[yellow]Interrupted. What was made before that is published, whole files only;"
            f" `tally rebuild --first {min(wanted)} --last {max(wanted)}` makes the rest.[/yellow]"
        )
        raise
    failures.tell(words, failures.by_list([event for result in results for event in result.all_events]))
    success = all(result.success for result in results)
    words.print("Rebuilt." if success else "Not everything was published; what was good is.")
    return 0 if success else 1


def _execute(
    settings: Settings, deployment: Deployment, batches: Sequence[Batch[frozenset[str]]]
) -> list[dg.ExecuteInProcessResult]:
    """Execute one run for each batch of adjacent days with the same lists: their silver, and all downstream."""
    definitions = build_definitions(deployment)
    graph, results = definitions.resolve_asset_graph(), []
    with dagster_home.opened(settings) as instance:
        for batch in batches:
            run_id = str(uuid.uuid4())
            results.append(
                in_process.execute(
                    settings,
                    instance,
                    definitions.resolve_job_def(automation.refine.name),
                    run_id,
                    command="rebuild",
                    assets=sorted(automation.below(graph, batch.what), key=str),
                    tags={
                        "dagster/asset_partition_range_start": batch.first,
                        "dagster/asset_partition_range_end": batch.last,
                    },
                )
            )
            deployment.metrics.send(run_metrics.of_run(instance, run_id))
    return results


def _within(start: str, end: str, first: str | None, last: str | None) -> tuple[str, str]:
    """The requested days, by default all from `start` to `end`; raises `SettingsError` for days beyond these."""
    for option, day in (("--first", first), ("--last", last)):
        if day is not None and day < start:
            raise SettingsError(
                f"{option} is {day}, and the days begin on {start}: give that day or a later one"
            )
        if day is not None and day > end:
            raise SettingsError(
                f"{option} is {day}, which is to come (it is {end} in UTC): give {end} or an earlier day"
            )
    first, last = first or start, last or end
    if first > last:
        raise SettingsError(
            f"--first is {first} and --last is {last}: give a first day that is not after the last"
        )
    return first, last


def _held(lake: Lake) -> dict[str, frozenset[str]]:
    """The lists and the details with captures in bronze, by day; no days before TMDB's first, and no future ones."""
    today = clock.today().isoformat()
    days = {one.name: lake.bronze_days(one.name) for one in LISTS}
    details = (layout.day_of(name) for name in lake.store.folders(DETAILS.place.folder))
    days[DETAILS.name] = [day for day in details if day]
    return automation.by_day(
        (day, name) for name, held in days.items() for day in held if layout.EARLIEST <= day <= today
    )
