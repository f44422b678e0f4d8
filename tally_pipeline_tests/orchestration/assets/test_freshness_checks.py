"""The standing checks: is today there, and is no day left broken?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tally_pipeline import clock
from tally_pipeline.lake import layout
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.assets.asset_metadata import WHAT_TO_DO
from tally_pipeline.orchestration.assets.freshness_checks import (
    GRACE,
    due_day,
    failures_finding,
    freshness_finding,
)
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline_tests.orchestration.assets.fire_times import latest_by_minutes
from testkit.pipeline import POPULAR, Pipeline, checks, day, put, row, rows

EVERY_HOUR = {"TALLY_SCHEDULE": "0 * * * *"}
"""With such a schedule today counts as due at any hour, so that the tests do not depend on the clock."""


def watched(pipeline: Pipeline) -> dg.ExecuteInProcessResult:
    job = pipeline.definitions.resolve_job_def("watch")
    config = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return job.execute_in_process(instance=pipeline.instance, run_config=config, raise_on_error=False)


def found(result: dg.ExecuteInProcessResult, check: str) -> dg.AssetCheckEvaluation:
    (one,) = [one for one in result.get_asset_check_evaluations() if one.check_name == check]
    return one


@pytest.mark.parametrize(
    ("now", "cron", "due"),
    [
        ("2026-03-14T02:59", "0 3 * * *", "2026-03-13"),
        ("2026-03-14T03:30", "0 3 * * *", "2026-03-13"),
        ("2026-03-14T03:59", "0 3 * * *", "2026-03-13"),
        ("2026-03-14T04:00", "0 3 * * *", "2026-03-14"),
        ("2026-03-14T23:59", "0 3 * * *", "2026-03-14"),
        ("2026-03-01T00:10", "30 0 * * *", "2026-02-28"),
        ("2026-03-14T23:59", "30 23 * * *", "2026-03-13"),
        # Several times a day: the first of them.
        ("2026-03-14T00:01", "*/15 * * * *", "2026-03-13"),
        ("2026-03-14T01:00", "*/15 * * * *", "2026-03-14"),
        ("2026-03-14T01:59", "0 1,13 * * *", "2026-03-13"),
        ("2026-03-14T02:00", "0 1,13 * * *", "2026-03-14"),
        # Weekly: the 9th was a Monday, and stays the newest that is due until the next.
        ("2026-03-14T12:00", "0 3 * * 1", "2026-03-09"),
        ("2026-03-16T03:59", "0 3 * * 1", "2026-03-09"),
        ("2026-03-16T04:00", "0 3 * * mon", "2026-03-16"),
        # Weekdays: on a Sunday it is Friday's.
        ("2026-03-15T23:00", "0 3 * * 1-5", "2026-03-13"),
        ("2026-03-01T12:00", "0 3 31 * *", "2026-01-31"),
        ("2026-03-14T12:00", "0 3 29 2 *", "2024-02-29"),
        ("2026-03-14T00:59", "@daily", "2026-03-13"),
        ("2026-03-14T01:00", "@daily", "2026-03-14"),
    ],
)
def test_a_day_is_due_an_hour_after_the_time_that_the_schedule_sets(now: str, cron: str, due: str) -> None:
    assert due_day(datetime.fromisoformat(now).replace(tzinfo=UTC), cron) == due


_BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


def _fields(least: int, most: int, *, least_step: int = 1) -> st.SearchStrategy[str]:
    number = st.integers(least, most)
    # Dagster takes `1-1` for the whole of the range.
    ends = st.lists(number, min_size=2, max_size=2, unique=True).map(sorted)
    span = ends.map(lambda ends: f"{ends[0]}-{ends[1]}")
    step = st.integers(least_step, 30)
    part = st.one_of(
        number.map(str),
        span,
        st.just("*"),
        step.map(lambda by: f"*/{by}"),
        st.tuples(span, step).map(lambda both: f"{both[0]}/{both[1]}"),
    )
    return st.lists(part, min_size=1, max_size=3).map(",".join)


_WEEKDAYS = st.just("*") | st.sets(st.integers(0, 6), min_size=1, max_size=6).map(
    lambda days: ",".join(map(str, sorted(days)))
)
"""Without ranges and steps: of these Dagster takes some, as `0-0`, for every day, and others, as `*/1`, for not. So
days of the month have no `*/1` either."""


@given(
    cron=st.tuples(
        _fields(0, 59), _fields(0, 23), _fields(1, 28, least_step=2), _fields(1, 12), _WEEKDAYS
    ).map(" ".join),
    now=st.integers(0, 9 * 365 * 24 * 60).map(lambda minutes: _BEGIN + timedelta(minutes=minutes)),
)
def test_the_day_that_is_due_is_the_same_when_every_minute_is_asked(cron: str, now: datetime) -> None:
    assert due_day(now, cron) == latest_by_minutes(cron, now - GRACE).date().isoformat()


def test_on_a_weekly_schedule_todays_partition_is_there_all_week(
    faulty: Callable[..., Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = faulty(TALLY_SCHEDULE="0 3 * * 1")
    monday = datetime(2026, 3, 9, 3, tzinfo=UTC)
    for show_list in LISTS:
        pipeline.lake.store.put(layout.silver_key(show_list.name, "2026-03-09"), b"")
    for hours, is_there in ((2, True), (6 * 24 + 23, True), (7 * 24 + 0.9, True), (7 * 24 + 1, False)):
        now = monday + timedelta(hours=hours)
        monkeypatch.setattr(clock, "now", lambda now=now: now)
        assert found(watched(pipeline), "todays_partition_is_there").passed is is_there, now


def test_a_list_that_is_late_or_was_never_there_is_named() -> None:
    finding = freshness_finding(
        {"a": "2026-03-14", "b": "2026-03-13", "c": None, "d": "2026-03-15"}, "2026-03-14"
    )
    assert not finding.passed
    assert finding.summary == "2 of 4 lists have silver of 2026-03-14 or newer"
    assert finding.offenders == [
        {"list": "b", "newest day": "2026-03-13"},
        {"list": "c", "newest day": "none"},
    ]


def test_no_failures_is_a_pass_and_twenty_are_named() -> None:
    assert failures_finding([]).passed
    many = [{"asset": "silver_shows/popular_shows", "day": str(n)} for n in range(30)]
    finding = failures_finding(many)
    assert not finding.passed
    assert len(finding.offenders) == 20
    assert finding.numbers == {"partitions_failed": 30}


def test_after_a_whole_sync_today_is_there_and_nothing_is_left_failed(pipeline: Pipeline) -> None:
    result = pipeline.run()
    assert checks(result, common.TABLE) == dict.fromkeys(
        (
            "schema_is_the_contracts",
            "counts_equal_silvers",
            "todays_partition_is_there",
            "no_partition_left_failed",
        ),
        "passed",
    )


def test_a_list_without_todays_silver_is_named(faulty: Callable[..., Pipeline]) -> None:
    pipeline = faulty(**EVERY_HOUR)
    put(pipeline.lake, day(), rows(20))
    assert pipeline.refine().success
    one = found(watched(pipeline), "todays_partition_is_there")
    told = str(one.metadata["offenders"].value).replace("\\", "")
    assert not one.passed
    assert "popular_shows" not in told
    assert all(f"| {name} | none |" in told for name in ("trending_shows", "airing_today", "on_the_air"))
    assert "tally sync" in str(one.metadata[WHAT_TO_DO].value)


def test_a_failed_day_is_named_until_it_is_mended(pipeline: Pipeline) -> None:
    put(pipeline.lake, day(2), [row(1, name="")] * 20)
    assert not pipeline.refine(on=day(2)).success
    one = found(watched(pipeline), "no_partition_left_failed")
    assert not one.passed
    told = str(one.metadata["offenders"].value).replace("\\", "")
    assert told.splitlines()[2:] == [f"| silver_shows/popular_shows | {day(2)} |"]

    put(pipeline.lake, day(2), rows(20), name="mended", at="04:00:00")
    assert pipeline.refine(on=day(2)).success
    assert found(watched(pipeline), "no_partition_left_failed").passed


def test_todays_failed_capture_is_named_but_a_past_days_cannot_be_mended(
    faulty: Callable[..., Pipeline],
) -> None:
    pipeline = faulty("unauthorized")
    bronze = [common.bronze_key(POPULAR)]
    pipeline.run("capture", assets=bronze, on=day(1))
    assert found(watched(pipeline), "no_partition_left_failed").passed
    pipeline.run("capture", assets=bronze)
    one = found(watched(pipeline), "no_partition_left_failed")
    assert not one.passed
    told = str(one.metadata["offenders"].value).replace("\\", "")
    assert f"| bronze_shows/popular_shows | {day()} |" in told
