"""Past days that follow one another share a run, in portions, oldest first."""

from __future__ import annotations

from datetime import timedelta

from tally_pipeline import clock
from tally_pipeline.orchestration import automation
from tally_pipeline_tests.orchestration.automation.folder_pipeline import Pipeline, names, span


def test_a_flood_of_old_days_goes_in_portions_oldest_first_one_after_the_other(pipeline: Pipeline) -> None:
    count = automation.CATCH_UP_DAYS + 3
    days = [clock.today() - timedelta(days=ago) for ago in range(count, 0, -1)]
    for day in days:
        pipeline.arrive(day, "trending_shows")
    assert pipeline.tick() == []
    (first,) = pipeline.tick()
    assert span(first) == (days[0], days[automation.CATCH_UP_DAYS - 1])
    running = pipeline.start(first)
    assert pipeline.tick() == []
    pipeline.instance.report_run_failed(running)
    (second,) = pipeline.tick()
    assert span(second) == (days[automation.CATCH_UP_DAYS], days[-1])


def test_days_with_a_gap_or_with_other_lists_do_not_share_a_run(pipeline: Pipeline) -> None:
    days = [clock.today() - timedelta(days=ago) for ago in range(6, 0, -1)]
    for day in (*days[:2], *days[3:]):
        pipeline.arrive(day, "trending_shows")
    pipeline.arrive(days[5], "popular_shows")
    pipeline.tick()
    by_tick = [pipeline.tick() for _ in range(3)]
    assert [span(request) for (request,) in by_tick] == [
        (days[0], days[1]),
        (days[3], days[4]),
        (days[5], days[5]),
    ]
    assert "silver_shows/popular_shows" in names(by_tick[2][0])
