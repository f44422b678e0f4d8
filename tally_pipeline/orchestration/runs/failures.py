"""The failures of a run, in the words of the failed assets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import dagster as dg
from rich.console import Console
from rich.markup import escape

from tally_pipeline.tmdb.lists import LISTS

_LISTS = {
    f"{layer}_{show_list.name}": show_list.name for show_list in LISTS for layer in ("bronze", "silver")
}

THE_RUN = "the run"
"""The name of a failure that is no step's."""

_OURS = re.compile(r"^tally_pipeline\.[\w.]+: ")
"""The class of an error of Tally's, which adds nothing to its message."""


def by_list(events: Iterable[dg.DagsterEvent]) -> dict[str, str]:
    """The failures among a run's events, by list (or by step, if it is not a list's)."""
    reasons: dict[str, str] = {}
    for event in events:
        if event.is_step_failure:
            failure = event.step_failure_data
            failure_data = failure.user_failure_data
            text = failure_data.description if failure_data and failure_data.description else None
            step = event.step_key or "the run"
            reasons[_LISTS.get(step, step)] = text or _reason(failure.error)
    return reasons


def tell(words: Console, errors: Mapping[str, str]) -> None:
    """Print failures by list or step. Only names start at the margin, so that foreign text cannot pass for one."""
    for name, error in errors.items():
        words.print(f"[red]✗[/red] {escape(name)}:")
        words.print("  " + error.replace("\n", "\n  "), markup=False)


def of_run(instance: dg.DagsterInstance, run_id: str) -> dict[str, str]:
    """The reasons why a run of the history failed; without a failed step, Dagster's message about the run."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    entries = instance.all_logs(run_id, of_type=kinds)
    events = [entry.dagster_event for entry in entries if entry.dagster_event is not None]
    messages = [event.message for event in events if event.event_type == dg.DagsterEventType.RUN_FAILURE]
    return by_list(events) or {THE_RUN: next(filter(None, messages), "failed")}


def _reason(error: dg.SerializableErrorInfo | None) -> str:
    """The error and its causes in words, without the empty messages that Dagster wraps around errors."""
    messages = []
    while error is not None:
        if not (error.cls_name or "").startswith("DagsterExecution") or error.cause is None:
            messages.append(_OURS.sub("", error.message.strip()))
        error = error.cause
    return "\n".join(messages[:1] + [f"caused by: {message}" for message in messages[1:]]) or "failed"
