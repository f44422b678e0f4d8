"""A failure whose message is complete by itself shows that message in Dagster, and no stack trace."""

from __future__ import annotations

from collections.abc import Callable

import dagster as dg
import pytest

from tally_pipeline.lake.layout import OWNERSHIP_MARKER
from tally_pipeline.orchestration.assets import capture as capture_assets
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.assets.failures import complete_messages
from testkit.pipeline import POPULAR, Pipeline, day, failures, put, rows

Faulty = Callable[..., Pipeline]


def errors(
    result: dg.ExecuteInProcessResult, kind: dg.DagsterEventType = dg.DagsterEventType.STEP_FAILURE
) -> list[tuple[str, list[str]]]:
    """Message and stack of what steps said, all that caused it included."""
    found = []
    for event in result.all_events:
        if event.event_type == kind:
            retried = kind == dg.DagsterEventType.STEP_UP_FOR_RETRY
            error = event.step_retry_data.error if retried else event.step_failure_data.error
            while error is not None:
                found.append((error.message, list(error.stack)))
                error = error.cause
    return found


def test_a_day_that_is_refused_says_why_without_a_stack(pipeline: Pipeline) -> None:
    put(pipeline.lake, day(), [{"no": "show"}])
    result = pipeline.refine()
    (why,) = failures(result).values()
    assert why.startswith(f"silver_shows/popular_shows for {day()} was not published: ")
    assert errors(result) == [(why, [])]


def test_a_day_refused_among_many_is_told_without_a_stack(pipeline: Pipeline) -> None:
    put(pipeline.lake, day(1), rows(3))
    result = pipeline.refine(on=(day(1), day()))
    (why,) = failures(result).values()
    assert why.startswith("1 of 2 days failed.")
    assert errors(result) == [(why, [])]


@pytest.mark.parametrize("fault", ["server-error", "unauthorized"])
def test_a_capture_that_does_not_come_says_why_without_a_stack(faulty: Faulty, fault: str) -> None:
    result = faulty(fault, TMDB_ATTEMPTS="1").run(assets=[common.bronze_key(POPULAR)])
    (why,) = failures(result).values()
    assert "HTTP" in why
    assert errors(result) == [(why, [])]


def test_a_capture_that_is_tried_again_says_why_without_a_stack_each_time_and_at_last(
    faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_assets, "RETRY_AFTER_SECONDS", 0.01)
    pipeline = faulty("server-error", TMDB_ATTEMPTS="1")
    result = pipeline.run(
        assets=[common.bronze_key(POPULAR)], config={"bronze_popular_shows": {"retries": 2}}
    )
    (why,) = failures(result).values()
    assert "HTTP 503" in why
    assert [stack for _, stack in errors(result, dg.DagsterEventType.STEP_UP_FOR_RETRY)] == [[], []]
    assert errors(result) == [(why, [])]


def test_a_lake_of_other_data_is_refused_without_a_stack(pipeline: Pipeline) -> None:
    pipeline.lake.store.put(OWNERSHIP_MARKER, b'{"source": "tmdb"}')
    for result in (pipeline.run(assets=[common.bronze_key(POPULAR)]), pipeline.refine()):
        (why,) = failures(result).values()
        assert "is a lake of tmdb data" in why
        assert errors(result) == [(why, [])]


def test_a_bug_keeps_its_stack() -> None:
    with pytest.raises(ZeroDivisionError), complete_messages():
        _ = 1 / 0
