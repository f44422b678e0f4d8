"""`tally rebuild`: silver and everything below it, for past days, from stored bronze: a backfill by command."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date

import dagster as dg

from tally_pipeline import automation, clock
from tally_pipeline.cli import failures, history, in_process, terminal
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import Deployment, Settings, SettingsError, deploy, first_day
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.monitoring import runs
from tally_pipeline.shows.lists import LISTS


def rebuild(settings: Settings, first: str | None, last: str | None) -> int:
    """Rebuild the days from `first` to `last` (YYYY-MM-DD; by default every day that bronze holds).

    0 when all were published. Raises `SettingsError` when bronze holds none of them, `KeyboardInterrupt` when it is
    interrupted, after it has said so.
    """
    words, run_id = terminal.words(), str(uuid.uuid4())
    deployment = deploy(settings)
    days = _held(deployment.lake, first or layout.EARLIEST, last or clock.today().isoformat())
    if not days:
        raise SettingsError(
            f"bronze holds no capture of these days in {deployment.lake.store.root}: give days that `tally status`"
            " shows, or capture today with `tally sync`"
        )
    first_day.record(settings, date.fromisoformat(days[0]))
    try:
        words.print(
            f"{days[0]} to {days[-1]}: rebuilding {len(days)} days in {settings.lake_place}", markup=False
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
    with history.opened(settings) as instance:
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
        deployment.metrics.send(runs.of_run(instance, run_id))
    return result


def _held(lake: Lake, first: str, last: str) -> list[str]:
    """The days between, in order, of which bronze holds captures of any list."""
    held = {day for show_list in LISTS for day in lake.bronze_days(show_list.name)}
    return sorted(day for day in held if first <= day <= last)


def _selected(definitions: dg.Definitions) -> set[dg.AssetKey]:
    """Silver of the lists, and everything below."""
    silver = dg.AssetSelection.key_prefixes("silver_shows")
    return set(silver.downstream().resolve(definitions.resolve_asset_graph()))
