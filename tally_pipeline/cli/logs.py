"""`tally logs`: the latest runs of Dagster's history, with the reasons of failures."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import dagster as dg
from rich.console import Console
from rich.markup import escape

from tally_pipeline import clock
from tally_pipeline.cli import terminal
from tally_pipeline.deployment import Settings
from tally_pipeline.orchestration.runs import dagster_home, failures
from tally_pipeline.tmdb.redaction import Scrub, redactor

POLL_SECONDS = 1.0

_MARKS = {
    dg.DagsterRunStatus.SUCCESS: "[green]✓[/green]",
    dg.DagsterRunStatus.FAILURE: "[red]✗[/red]",
    dg.DagsterRunStatus.CANCELED: "[yellow]![/yellow]",
}
_RUN_ENDED = "What it published stands. For the rest `tally sync` launches today's again, the UI other days'."
_OVERLAP = timedelta(seconds=5)
"""The overlap of polls: a run's time of change is taken before it is stored."""


def logs(settings: Settings, runs: int, *, follow: bool) -> int:
    """Print the latest runs, the newest last; with `follow` go on until interrupted or the reader is gone."""
    out, scrub = terminal.out(), redactor(settings.tmdb.token, settings.tmdb.api_key)
    with dagster_home.opened(settings) as instance:
        started = clock.now()
        latest = list(reversed(instance.get_run_records(limit=runs)))
        for record in latest:
            _tell(out, instance, record, scrub)
        if not latest:
            terminal.words().print(f"No run yet in {settings.dagster_home}.", markup=False)
        if follow:
            _follow(out, instance, started, latest, scrub)
    return 0


def _follow(
    out: Console,
    instance: dg.DagsterInstance,
    since: datetime,
    told: Iterable[dg.RunRecord],
    scrub: Scrub,
) -> None:
    """Print every run that begins, changes its state or ends from now on."""
    known = {record.dagster_run.run_id: record.dagster_run.status for record in told}
    while terminal.is_heard():
        now = clock.now()
        changed = instance.get_run_records(dg.RunsFilter(updated_after=since - _OVERLAP), ascending=True)
        for record in changed:
            run = record.dagster_run
            if known.get(run.run_id) != run.status:
                known[run.run_id] = run.status
                _tell(out, instance, record, scrub)
        since = now
        time.sleep(POLL_SECONDS)


def _tell(out: Console, instance: dg.DagsterInstance, record: dg.RunRecord, scrub: Scrub) -> None:
    run = record.dagster_run
    at = record.create_timestamp.replace(tzinfo=UTC).strftime("%Y-%m-%d %H:%M:%S")
    mark = _MARKS.get(run.status, "·")
    state = run.status.value.lower()
    told = terminal.on_one_line(f"{_what(run):40} {_days(run):24} {_duration(record):>8}  {run.run_id}")
    out.print(f"{at} {mark} {state:9} {escape(told)}", soft_wrap=True)
    if run.is_failure:
        told_errors = failures.of_run(instance, run.run_id)
        if failures.THE_RUN in told_errors:
            told_errors[failures.THE_RUN] += f"\n{_RUN_ENDED}"
        for name, error in told_errors.items():
            for number, line in enumerate(scrub(error).split("\n")):
                out.print(
                    f"    {name}: {line}" if number == 0 else f"    {line}", markup=False, soft_wrap=True
                )


def _what(run: dg.DagsterRun) -> str:
    """The job's name; for a run of single assets their names, because Dagster's name of its job says nothing."""
    if not run.job_name.startswith("__"):
        return run.job_name
    assets = sorted(key.to_user_string() for key in run.asset_selection or ())
    more = f" and {len(assets) - 1} more" if len(assets) > 1 else ""
    return f"{assets[0]}{more}" if assets else "assets"


def _days(run: dg.DagsterRun) -> str:
    """The run's day, or the first and the last of its days."""
    tags = run.tags
    if "dagster/asset_partition_range_start" in tags:
        return f"{tags['dagster/asset_partition_range_start']}..{tags['dagster/asset_partition_range_end']}"
    return tags.get("dagster/partition", "")


def _duration(record: dg.RunRecord) -> str:
    """The run's duration so far; empty before its start."""
    if record.start_time is None:
        return ""
    seconds = (record.end_time or clock.now().timestamp()) - record.start_time
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"
