"""Gold that is older than its inputs or its code is made anew, once, when nothing else is under way."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from tally_pipeline import clock
from tally_pipeline.gold import top_movers
from tally_pipeline.lake import layout, parquet
from tally_pipeline.orchestration import automation
from tally_pipeline.orchestration.assets import common
from tally_pipeline.tables import sources as gold_files
from tally_pipeline.tables.sources import GoldFooter
from tally_pipeline.tables.table import VERSION
from tally_pipeline_tests.orchestration.automation.folder_pipeline import QUIET, Pipeline, names, span


@pytest.mark.slow
def test_gold_of_days_that_came_before_an_older_one_looks_back_on_it_in_the_end(pipeline: Pipeline) -> None:
    days = [clock.today() - timedelta(days=ago) for ago in range(4)]
    for day in (days[0], days[1]):
        pipeline.arrive(day, "trending_shows")
    for _ in range(2):
        (refining,) = pipeline.tick()
        assert pipeline.carry_out(refining).success
    assert pipeline.days_seen(days[0]) == 1  # today was the first
    (again,) = pipeline.tick()
    assert span(again) == (days[0], days[0])
    assert names(again) == {"gold/show_popularity_trends", "gold/top_movers", "report"}
    assert pipeline.carry_out(again).success
    assert pipeline.days_seen(days[0]) == 2

    pipeline.arrive(days[3], "trending_shows")
    pipeline.tick()
    (refining,) = pipeline.tick()
    pipeline.carry_out(refining)
    running = pipeline.start(refining)
    assert pipeline.tick() == []  # only when nothing is under way
    pipeline.instance.report_run_failed(running)
    (again,) = pipeline.tick()
    assert span(again) == (days[1], days[1])
    assert pipeline.carry_out(again).success
    (again,) = pipeline.tick()
    assert span(again) == (days[0], days[0])
    assert names(again) == {"gold/show_popularity_trends", "report"}
    assert pipeline.carry_out(again).success
    assert [pipeline.days_seen(day) for day in days[:2]] == [3, 2]
    assert pipeline.tick() == []


@pytest.mark.slow
def test_what_was_filled_is_made_once(pipeline: Pipeline) -> None:
    days = [clock.today() - timedelta(days=ago) for ago in range(3, 0, -1)]
    for day in days:
        pipeline.arrive(day, "trending_shows")
    pipeline.tick()
    (request,) = pipeline.tick()
    assert pipeline.carry_out(request).success
    assert [pipeline.days_seen(day) for day in days] == [1, 2, 3]
    assert pipeline.tick() == pipeline.tick() == []


@pytest.mark.slow
def test_gold_of_an_earlier_version_is_made_anew_without_being_asked(pipeline: Pipeline) -> None:
    yesterday = clock.today() - timedelta(days=1)
    pipeline.arrive(yesterday, "trending_shows")
    pipeline.tick()
    (request,) = pipeline.tick()
    assert pipeline.carry_out(request).success
    assert pipeline.tick() == []
    lake, table = pipeline.deployment.lake, top_movers.TABLE
    footer = lake.footer(layout.gold_key(table.name, yesterday.isoformat()), GoldFooter)
    assert footer is not None
    rows_now = gold_files.read(lake, table.name, yesterday.isoformat())
    older = msgspec.structs.replace(footer, contract_version="1.0.0")
    lake.store.put(layout.gold_key(table.name, footer.dt), parquet.encode(rows_now, older))
    assert pipeline.cursor is not None
    pipeline.cursor = pipeline.cursor.replace(f'"looked_back":"{VERSION}"', '"looked_back":"1.0.0"')
    (again,) = pipeline.tick()
    assert names(again) == {"gold/top_movers", "report"}
    assert pipeline.carry_out(again).success
    assert pipeline.tick() == []


def test_gold_is_left_alone_while_somebody_fills_the_lake(pipeline: Pipeline) -> None:
    """Whoever fills it has a run in mind that makes gold look back on it: `tally up`'s past."""
    pipeline.arrive(clock.today(), "popular_shows")
    (request,) = pipeline.tick()
    assert pipeline.carry_out(request).success
    # Silver of a day before, made by hand: today's gold is stale.
    pipeline.arrive(clock.today() - timedelta(days=1), "popular_shows")
    yesterday = (clock.today() - timedelta(days=1)).isoformat()
    job = pipeline.definitions.resolve_job_def("refine")
    silver = [common.silver_of("popular_shows")]
    ran = job.execute_in_process(
        instance=pipeline.instance, partition_key=yesterday, asset_selection=silver, run_config=QUIET
    )
    assert ran.success
    with pipeline.deployment.lake.locks.hold(automation.FILLING, (), lambda _: None):
        assert pipeline.tick() == pipeline.tick() == []
    (request,) = pipeline.tick()
    assert "gold/show_popularity_trends" in names(request)
