"""`tally sync`: today end to end, through Dagster and into the same history as the UI's runs."""

from __future__ import annotations

import importlib
import json
import sys
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from tally_pipeline import automation, clock
from tally_pipeline.assets import common
from tally_pipeline.cli import failures, history, summary, terminal
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import Settings, deploy
from tally_pipeline.monitoring import runs
from tally_pipeline.shows.lists import LISTS, ShowList
from tally_pipeline.tmdb.capture import PageProgress


def sync(settings: Settings, lists: Sequence[ShowList], pages: int | None, *, as_json: bool) -> int:
    """Capture, refine and check today; 0 only when everything that was asked for was published."""
    words = terminal.words()
    day, run_id = clock.today().isoformat(), str(uuid.uuid4())
    words.print(f"{day}, from {described_source(settings)}, into {settings.lake_place}", markup=False)
    words.print(f"settings from {settings.told_by}", markup=False)
    with _progress(words) as on_page:
        deployment = deploy(settings, on_page)
        with history.opened(settings) as instance, history.alive(settings, run_id):
            # pyarrow wants pandas as soon as it meets a null: better while TMDB is waited for than after.
            threading.Thread(target=importlib.import_module, args=("pandas",), name="import-ahead").start()
            result = _execute(build_definitions(deployment), instance, lists, day, pages, run_id)
            deployment.metrics.send(runs.of_run(instance, run_id))
    errors = failures.by_list(result.all_events)
    found = summary.by_list(deployment.lake, lists, day, run_id, errors)
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        terminal.out().print(closing_table(found))
    for name, error in errors.items():
        words.print(f"[red]✗[/red] {name}:")
        words.print(f"  {error}", markup=False)
    published = result.success and all(of_list["published"] for of_list in found.values())
    return 0 if published else 1


def described_source(settings: Settings) -> str:
    """Whose data it is, in words nobody can miss."""
    if settings.source == "tmdb":
        return "TMDB"
    return "the SANDBOX (invented shows; set TMDB_API_TOKEN to capture TMDB)"


def closing_table(found: dict[str, dict[str, Any]]) -> Table:
    """The summary by list as a table."""
    table = Table(header_style="bold")
    for column in ("list", "verdict", "pages", "rows", "repeats", "quarantined", "silver", ""):
        table.add_column(column, justify="left" if column in ("list", "verdict", "") else "right")
    for name, of_list in found.items():
        table.add_row(
            name,
            of_list["verdict"] or "not captured",
            *(str(of_list[count]) for count in ("pages", "rows", "repeats", "quarantined", "silver_rows")),
            "[green]published[/green]" if of_list["published"] else "[red]not published[/red]",
        )
    return table


def _execute(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    lists: Sequence[ShowList],
    day: str,
    pages: int | None,
    run_id: str,
) -> dg.ExecuteInProcessResult:
    bronze = dg.AssetSelection.assets(*map(common.bronze_key, lists))
    selected = bronze.downstream().resolve(definitions.resolve_asset_graph())
    every = len(lists) == len(LISTS)
    ops = {f"bronze_{show_list.name}": {"config": {"pages": pages}} for show_list in lists} if pages else {}
    return definitions.resolve_job_def(automation.sync.name).execute_in_process(
        instance=instance,
        partition_key=day,
        asset_selection=None if every else sorted(selected, key=str),
        run_config={"ops": ops, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        tags={runs.COMMAND_TAG: "sync"},
        run_id=run_id,
        raise_on_error=False,
    )


@contextmanager
def _progress(console: Console) -> Iterator[Any]:
    """Pages as they come: bars on a terminal, else a line for each list when it is done."""
    if not sys.stderr.isatty():

        def line(at: PageProgress) -> None:
            if at.pages_done == at.pages_planned:
                console.print(f"{at.list_name}: {at.pages_done} pages, {at.rows} rows")

        yield line
        return
    tasks: dict[str, TaskID] = {}
    columns = (TextColumn("{task.description:16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bars:

        def bar(at: PageProgress) -> None:
            if at.list_name not in tasks:
                tasks[at.list_name] = bars.add_task(at.list_name)
            bars.update(tasks[at.list_name], completed=at.pages_done, total=at.pages_planned)

        yield bar
