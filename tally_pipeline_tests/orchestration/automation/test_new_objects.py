"""New objects in bronze wake runs: of which days and lists, in which order, and once."""

from __future__ import annotations

import os
from datetime import date, timedelta

from tally_pipeline import clock
from tally_pipeline.datasets.shows import stored
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.orchestration import automation
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline_tests.orchestration.automation.folder_pipeline import (
    BELOW_THE_TABLE,
    QUIET,
    Pipeline,
    names,
)


def test_a_new_object_wakes_one_run_for_its_list_and_what_is_below_it(pipeline: Pipeline) -> None:
    assert pipeline.tick() == []
    pipeline.arrive(clock.today(), "trending_shows")
    (request,) = pipeline.tick()
    assert request.partition_key == clock.today().isoformat()
    assert names(request) == {"silver_shows/trending_shows", "athena/silver_shows"} | BELOW_THE_TABLE
    assert pipeline.carry_out(request).success
    assert (
        stored.silver_footer(pipeline.deployment.lake, "trending_shows", clock.today().isoformat())
        is not None
    )


def test_lists_of_today_share_a_run(pipeline: Pipeline) -> None:
    pipeline.arrive(clock.today(), "popular_shows", "on_the_air")
    (request,) = pipeline.tick()
    assert request.partition_key == clock.today().isoformat()
    assert names(request) == {
        "silver_shows/popular_shows",
        "silver_shows/on_the_air",
        "athena/silver_shows",
        *BELOW_THE_TABLE,
    }


def test_today_goes_first_and_what_is_caught_up_with_stands_behind_in_the_queue(pipeline: Pipeline) -> None:
    yesterday = clock.today() - timedelta(days=1)
    pipeline.arrive(yesterday, "popular_shows")
    pipeline.tick()
    pipeline.arrive(clock.today(), "popular_shows")
    (today,) = pipeline.tick()
    assert today.partition_key == clock.today().isoformat()
    assert "dagster/priority" not in today.tags
    pipeline.carry_out(today)
    (before,) = pipeline.tick()
    assert before.partition_key == yesterday.isoformat()
    assert int(before.tags["dagster/priority"]) < 0


def test_an_object_is_refined_once_however_often_the_sensor_looks(pipeline: Pipeline) -> None:
    pipeline.arrive(clock.today(), "popular_shows")
    (request,) = pipeline.tick()
    assert pipeline.tick() == []
    pipeline.carry_out(request)
    assert pipeline.tick() == []


def test_a_second_capture_of_the_day_is_refined_wherever_its_name_sorts(pipeline: Pipeline) -> None:
    pipeline.arrive(clock.today(), "popular_shows", execution_id="zzz")
    (first,) = pipeline.tick()
    pipeline.carry_out(first)
    pipeline.arrive(clock.today(), "popular_shows", execution_id="aaa")
    (second,) = pipeline.tick()
    assert second.run_key != first.run_key


def test_a_late_object_under_an_old_day_is_seen_even_with_an_old_time(pipeline: Pipeline) -> None:
    pipeline.tick()
    long_ago = date(2025, 3, 1)
    (key,) = pipeline.arrive(long_ago, "airing_today")
    path = pipeline.deployment.settings.lake_folder / str(key)
    os.utime(path, (0, 0))
    assert pipeline.tick() == []
    (request,) = pipeline.tick()
    assert request.partition_key == "2025-03-01"


def test_what_a_full_run_refined_is_not_refined_again(pipeline: Pipeline) -> None:
    ops = {f"bronze_{show_list.name}": {"config": {"pages": 1}} for show_list in LISTS}
    job = pipeline.definitions.resolve_job_def(automation.sync.name)
    assert job.execute_in_process(
        instance=pipeline.instance, partition_key=clock.today().isoformat(), run_config={"ops": ops, **QUIET}
    ).success
    assert pipeline.tick() == []


def test_an_object_of_an_unknown_list_is_left_alone(pipeline: Pipeline) -> None:
    pipeline.deployment.lake.write_bronze(
        BronzeKey("no_such_list", clock.today().isoformat(), "x"), b'{"results": []}'
    )
    assert pipeline.tick() == []


def test_a_cursor_of_another_version_means_a_look_at_everything(pipeline: Pipeline) -> None:
    pipeline.arrive(clock.today(), "popular_shows")
    pipeline.cursor = "gibberish"
    assert len(pipeline.tick()) == 1
