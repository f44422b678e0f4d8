"""What went wrong in a run, in the words of the asset that failed."""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

from tally_pipeline.shows.lists import LISTS

_LISTS = {
    f"{layer}_{show_list.name}": show_list.name for show_list in LISTS for layer in ("bronze", "silver")
}


def by_list(events: Iterable[dg.DagsterEvent]) -> dict[str, str]:
    """The failures among a run's events, by list (or by step, where it is not a list's)."""
    found: dict[str, str] = {}
    for event in events:
        if event.is_step_failure:
            failure = event.step_failure_data
            told = failure.user_failure_data
            text = told.description if told and told.description else None
            step = event.step_key or "the run"
            message = failure.error.message.strip() if failure.error else "failed"
            found[_LISTS.get(step, step)] = text or message
    return found
