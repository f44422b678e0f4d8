"""`tally sync`: today end to end, through Dagster and into the same history as the UI's runs."""

from __future__ import annotations

import importlib
import json
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from tally_pipeline import clock
from tally_pipeline.cli import summary, terminal
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import Settings, deploy, first_day
from tally_pipeline.orchestration import automation
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.automation import run_metrics
from tally_pipeline.orchestration.runs import dagster_home, failures, in_process
from tally_pipeline.plurals import counted
from tally_pipeline.tmdb.capture import PageProgress
from tally_pipeline.tmdb.lists import LISTS, ShowList

_WIDTH_WITH_LINES = 100
"""The least width (columns) in which the closing table has lines between its columns."""


def sync(
    settings: Settings, lists: Sequence[ShowList], pages: int | None, *, details: bool, as_json: bool
) -> int:
    """Capture, refine and check today, the lists and then the details if wanted; 0 only if everything requested was
    published.

    Raises `KeyboardInterrupt` if it is interrupted, after a message about the lists published so far.
    """
    words = terminal.words()
    day, run_id = clock.today().isoformat(), str(uuid.uuid4())
    words.print(f"settings from {settings.told_by}", markup=False)
    try:
        with _progress(words) as on_page:
            deployment = deploy(settings, on_page)
            with dagster_home.opened(settings) as instance:
                # pyarrow imports pandas at the first null: better during the wait for TMDB than after it.
                threading.Thread(
                    target=importlib.import_module, args=("pandas",), name="import-ahead"
                ).start()
                first_day.look(settings, deployment.lake)
                definitions = build_definitions(deployment)
                # As late as possible: nothing of a day can be captured once it is over.
                day = clock.today().isoformat()
                words.print(
                    f"{day}, from {described_source(settings)}, into {settings.lake_place}", markup=False
                )
                result = _execute(settings, definitions, instance, lists, day, pages, run_id)
                deployment.metrics.send(run_metrics.of_run(instance, run_id))
                of_details = (
                    list(_details(settings, definitions, instance, day)) if details and result.success else []
                )
    except KeyboardInterrupt:
        found = summary.by_list(deploy(settings).lake, lists, day, run_id, {})
        words.print(f"[yellow]{_interrupted(day, found)}[/yellow]")
        raise
    events = [event for one in (result, *of_details) for event in one.all_events]
    errors = failures.by_list(events)
    found = summary.by_list(deployment.lake, lists, day, run_id, errors)
    if as_json:
        terminal.print_json(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        console = terminal.out()
        console.print(closing_table(found, console.width))
    tell_warnings(words, found)
    failures.tell(words, errors)
    if of_details and all(one.success for one in of_details):
        words.print(
            f"Details of {day} are published: silver_details, silver_offers and what is made from them."
        )
    published = all(one.success for one in (result, *of_details)) and all(
        of_list["published"] for of_list in found.values()
    )
    return 0 if published else 1


def described_source(settings: Settings) -> str:
    """The data's source, in unmistakable words."""
    if settings.source == "tmdb":
        return "TMDB"
    return "the SANDBOX (invented shows; set TMDB_API_TOKEN to capture TMDB)"


def closing_table(found: dict[str, dict[str, Any]], width: int) -> Table:
    """The summary by list as a table; without lines in a terminal too narrow for them. Names are never cut."""
    if width < _WIDTH_WITH_LINES:
        table = Table(header_style="bold", box=None, collapse_padding=True, pad_edge=False)
    else:
        table = Table(header_style="bold")
    for column in ("list", "verdict", "pages", "rows", "repeats", "quarantined", "silver", ""):
        table.add_column(
            column,
            justify="left" if column in ("list", "verdict", "") else "right",
            min_width=max(map(len, found), default=0) if column == "list" else None,
            overflow="fold",
        )
    for name, of_list in found.items():
        table.add_row(
            name,
            escape(of_list["verdict"] or "not captured"),
            *(str(of_list[count]) for count in ("pages", "rows", "repeats", "quarantined", "silver_rows")),
            "[green]published[/green]" if of_list["published"] else "[red]not published[/red]",
        )
    return table


def tell_warnings(words: Console, found: Mapping[str, Mapping[str, Any]]) -> None:
    """Print what is odd about captures that are complete nevertheless."""
    for name, of_list in found.items():
        if of_list["warning"]:
            words.print(f"[yellow]{name}: {escape(of_list['warning'])}.[/yellow]")


def _interrupted(day: str, found: Mapping[str, Mapping[str, Any]]) -> str:
    """A message on the results of an interrupted sync, and on the next step."""
    published = [name for name, of_list in found.items() if of_list["published"]]
    captured = [name for name, of_list in found.items() if of_list["keys"] and not of_list["published"]]
    said = f"Interrupted. Published before that: {', '.join(published) or 'nothing'}."
    if captured:
        said += (
            f" Captured and safe in bronze: {', '.join(captured)}; `tally rebuild --first {day} --last {day}`"
            " refines it."
        )
    return f"{said} `tally sync` starts anew; captures that are there stay."


def _execute(
    settings: Settings,
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
    return in_process.execute(
        settings,
        instance,
        definitions.resolve_job_def(automation.sync.name),
        run_id,
        command="sync",
        assets=None if every else sorted(selected, key=str),
        partition_key=day,
        ops=ops,
    )


def _details(
    settings: Settings, definitions: dg.Definitions, instance: dg.DagsterInstance, day: str
) -> Iterator[dg.ExecuteInProcessResult]:
    """The runs that capture the details of the day, and refine them if that succeeds."""
    for job, assets in (
        (automation.capture_details.name, None),
        (automation.refine.name, sorted([*automation.BELOW_DETAILS, common.REPORT], key=str)),
    ):
        result = in_process.execute(
            settings,
            instance,
            definitions.resolve_job_def(job),
            str(uuid.uuid4()),
            command="sync",
            assets=assets,
            partition_key=day,
        )
        yield result
        if not result.success:
            return


@contextmanager
def _progress(console: Console) -> Iterator[Any]:
    """The progress of pages: bars on a terminal, else a line for each finished list."""
    if not sys.stderr.isatty():
        said: set[str] = set()

        def line(at: PageProgress) -> None:
            rows = f", {counted(at.rows, 'row')}" if at.unit == "page" else ""
            text = f"{at.list_name}: {counted(at.pages_done, at.unit)}{rows}"
            # Pages that are asked for again finish a finished list again.
            if at.pages_done == at.pages_planned and text not in said:
                said.add(text)
                console.print(text)

        yield line
        return
    tasks: dict[str, TaskID] = {}
    columns = (TextColumn("{task.description:16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # Rich would interpret escape sequences in foreign output; the streams here escape them.
    with Progress(*columns, console=console, redirect_stdout=False, redirect_stderr=False) as bars:

        def bar(at: PageProgress) -> None:
            if at.list_name not in tasks:
                tasks[at.list_name] = bars.add_task(at.list_name)
            bars.update(tasks[at.list_name], completed=at.pages_done, total=at.pages_planned)

        yield bar
