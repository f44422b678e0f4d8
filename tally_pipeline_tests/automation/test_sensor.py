"""Jobs, schedule and sensor, on a real Dagster instance and a real folder."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from tally_pipeline import automation, clock
from tally_pipeline.assets import common
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import Deployment, deploy, load_settings
from tally_pipeline.lake import gold as gold_files
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.shows import gold
from tally_pipeline.shows.lists import LISTS, list_named
from tally_pipeline.tmdb import sandbox

DEPTHS = {show_list.name: 1 for show_list in LISTS}
BELOW_THE_TABLE = {
    "gold/show_popularity_trends",
    "gold/genre_analytics",
    "gold/top_movers",
    "gold/data_quality_daily",
    "report",
}
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class Pipeline:
    """A deployment on a folder of its own, with the sensor's cursor kept from look to look."""

    deployment: Deployment
    definitions: dg.Definitions
    instance: dg.DagsterInstance
    cursor: str | None = None

    def tick(self) -> list[dg.RunRequest]:
        """One look of the sensor: the runs it asks for."""
        sensor = self.definitions.resolve_sensor_def("new_bronze_objects")
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            definitions=self.definitions,
            resources={"lake": self.deployment.lake, "arrivals": self.deployment.arrivals},
        )
        result = sensor.evaluate_tick(context)
        self.cursor = result.cursor
        return list(result.run_requests or [])

    def arrive(self, day: date, *lists: str, execution_id: str | None = None) -> list[BronzeKey]:
        """Captures of a day put there by another hand than Dagster's."""
        written = []
        chosen = [list_named(name) for name in lists]
        for key, body in sandbox.captures([day], lists=chosen, depths=DEPTHS):
            renamed = BronzeKey(key.data_type, key.dt, execution_id or str(uuid.uuid4()))
            told = body.replace(key.execution_id.encode(), renamed.execution_id.encode())
            self.deployment.lake.write_bronze(renamed, told)
            written.append(renamed)
        return written

    def days_seen(self, day: date) -> int:
        """The days on which gold of the day saw the show that it saw most often."""
        trends = gold_files.read(self.deployment.lake, gold.TRENDS, day.isoformat())
        return int(max(trends["days_seen"].to_pylist()))

    def carry_out(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """What the daemon does with a run request."""
        job = self.definitions.resolve_job_def(automation.refine.name)
        return job.execute_in_process(
            instance=self.instance,
            partition_key=request.partition_key,
            asset_selection=list(request.asset_selection or []),
            tags=dict(request.tags),
            run_config=QUIET,
            raise_on_error=False,
        )


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    settings = load_settings({"TALLY_HOME": str(tmp_path)}, dotenv=None)
    deployment = deploy(settings)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Pipeline(deployment, build_definitions(deployment), instance)


def names(request: dg.RunRequest) -> set[str]:
    return {key.to_user_string() for key in request.asset_selection or []}


def test_a_new_object_wakes_one_run_for_its_list_and_what_is_below_it(pipeline: Pipeline) -> None:
    assert pipeline.tick() == []
    pipeline.arrive(clock.today(), "trending_shows")
    (request,) = pipeline.tick()
    assert request.partition_key == clock.today().isoformat()
    assert names(request) == {"silver_shows/trending_shows", "athena/silver_shows"} | BELOW_THE_TABLE
    assert pipeline.carry_out(request).success
    assert pipeline.deployment.lake.silver_footer("trending_shows", clock.today().isoformat()) is not None


def test_objects_of_one_day_share_a_run_and_each_day_has_its_own(pipeline: Pipeline) -> None:
    yesterday = clock.today() - timedelta(days=1)
    pipeline.arrive(clock.today(), "popular_shows", "on_the_air")
    pipeline.arrive(yesterday, "popular_shows")
    requests = pipeline.tick()
    assert [request.partition_key for request in requests] == [
        clock.today().isoformat(),
        yesterday.isoformat(),
    ]
    assert names(requests[0]) == {
        "silver_shows/popular_shows",
        "silver_shows/on_the_air",
        "athena/silver_shows",
        *BELOW_THE_TABLE,
    }


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
    (request,) = pipeline.tick()
    assert request.partition_key == "2025-03-01"


def test_objects_that_arrive_around_a_look_are_neither_lost_nor_seen_twice(pipeline: Pipeline) -> None:
    seen: list[str] = []
    days = [clock.today() - timedelta(days=ago) for ago in range(6)]
    for day in days:
        pipeline.arrive(day, "popular_shows")
        seen += [request.partition_key or "" for request in pipeline.tick()]
    seen += [request.partition_key or "" for request in pipeline.tick()]
    assert sorted(seen) == sorted(day.isoformat() for day in days)


def test_what_a_full_run_refined_is_not_refined_again(pipeline: Pipeline) -> None:
    ops = {f"bronze_{show_list.name}": {"config": {"pages": 1}} for show_list in LISTS}
    job = pipeline.definitions.resolve_job_def(automation.sync.name)
    assert job.execute_in_process(
        instance=pipeline.instance, partition_key=clock.today().isoformat(), run_config={"ops": ops, **QUIET}
    ).success
    assert pipeline.tick() == []


def test_a_full_run_that_is_still_going_is_left_to_finish_and_looked_after_when_it_dies(
    pipeline: Pipeline,
) -> None:
    run = pipeline.instance.create_run_for_job(
        pipeline.definitions.resolve_job_def(automation.sync.name), status=dg.DagsterRunStatus.STARTED
    )
    pipeline.arrive(clock.today(), "popular_shows", execution_id=run.run_id)
    assert pipeline.tick() == []
    pipeline.instance.report_run_failed(run)
    (request,) = pipeline.tick()
    assert request.partition_key == clock.today().isoformat()


def test_a_flood_of_old_days_goes_in_portions_newest_first_and_all_are_launched(pipeline: Pipeline) -> None:
    days = [clock.today() - timedelta(days=ago) for ago in range(automation.DAYS_A_TICK + 3)]
    for day in days:
        pipeline.arrive(day, "trending_shows")
    first, second, third = pipeline.tick(), pipeline.tick(), pipeline.tick()
    launched = [request.partition_key for request in (*first, *second)]
    assert launched == [day.isoformat() for day in days]
    assert len(first) == automation.DAYS_A_TICK
    assert third == []


@pytest.mark.slow
def test_gold_of_days_that_came_before_an_older_one_looks_back_on_it_in_the_end(pipeline: Pipeline) -> None:
    days = [clock.today() - timedelta(days=ago) for ago in range(3)]
    for day in days:
        pipeline.arrive(day, "trending_shows")
    refining = pipeline.tick()
    assert all(pipeline.carry_out(request).success for request in refining)
    assert pipeline.days_seen(days[0]) == 1  # the newest day was the first

    (again,) = pipeline.tick()
    assert names(again) == BELOW_THE_TABLE - {"gold/data_quality_daily"}
    assert pipeline.carry_out(again).success
    assert [pipeline.days_seen(day) for day in days] == [3, 2, 1]
    assert pipeline.tick() == []


@pytest.mark.slow
def test_it_looks_back_only_when_all_is_refined(pipeline: Pipeline) -> None:
    for ago in range(3):
        pipeline.arrive(clock.today() - timedelta(days=ago), "trending_shows")
    for request in pipeline.tick():
        pipeline.carry_out(request)
    job = pipeline.definitions.resolve_job_def(automation.refine.name)
    running = pipeline.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert pipeline.tick() == []
    pipeline.instance.report_run_failed(running)
    assert len(pipeline.tick()) == 1


@pytest.mark.slow
def test_days_without_a_break_look_back_in_one_run(pipeline: Pipeline) -> None:
    for ago in (0, 2, 3):
        pipeline.arrive(clock.today() - timedelta(days=ago), "trending_shows")
    for request in pipeline.tick():
        pipeline.carry_out(request)
    for request in pipeline.tick():
        pipeline.carry_out(request)
    oldest = clock.today() - timedelta(days=5)
    pipeline.arrive(oldest, "trending_shows")
    (refining,) = pipeline.tick()
    pipeline.carry_out(refining)
    ranges = [
        [request.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end")]
        for request in pipeline.tick()
    ]
    newest, _, second, first = ((clock.today() - timedelta(days=ago)).isoformat() for ago in range(4))
    assert ranges == [[first, second], [newest, newest]]


def test_days_that_a_backfill_refined_meanwhile_are_not_launched(pipeline: Pipeline) -> None:
    days = [clock.today() - timedelta(days=ago) for ago in range(automation.DAYS_A_TICK + 2)]
    for day in days:
        pipeline.arrive(day, "trending_shows")
    pipeline.tick()
    for day in days[automation.DAYS_A_TICK :]:
        asked = dg.RunRequest(
            partition_key=day.isoformat(),
            asset_selection=[common.silver_key(list_named("trending_shows"))],
        )
        pipeline.carry_out(asked)
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


def test_the_schedule_captures_the_day_it_is_due_on(pipeline: Pipeline) -> None:
    due = datetime.combine(clock.today(), datetime.min.time(), UTC).replace(hour=3)
    (request,) = _scheduled(pipeline, due).run_requests or []
    assert request.partition_key == clock.today().isoformat()
    for show_list in LISTS:
        config = request.run_config["ops"][f"bronze_{show_list.name}"]["config"]
        assert config == {"retries": automation.CAPTURE_RETRIES}


def test_a_schedule_that_comes_a_day_late_says_why_it_does_nothing(pipeline: Pipeline) -> None:
    due = datetime.combine(clock.today() - timedelta(days=1), datetime.min.time(), UTC).replace(hour=3)
    result = _scheduled(pipeline, due)
    assert not result.run_requests
    assert "TMDB serves only the present" in (result.skip_message or "")


def test_schedule_and_sensor_run_by_default(pipeline: Pipeline) -> None:
    schedule = pipeline.definitions.resolve_schedule_def("daily_capture")
    sensor = pipeline.definitions.resolve_sensor_def("new_bronze_objects")
    assert schedule.cron_schedule == "0 3 * * *"
    assert schedule.execution_timezone == "UTC"
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING


def test_names_that_history_hangs_on_stay_the_same(pipeline: Pipeline) -> None:
    """Renaming an asset, a job or a check orphans all that Dagster recorded under its name."""
    repository = pipeline.definitions.get_repository_def()
    assert {key.to_user_string() for key in repository.asset_graph.get_all_asset_keys()} == {
        *(f"bronze_shows/{show_list.name}" for show_list in LISTS),
        *(f"silver_shows/{show_list.name}" for show_list in LISTS),
        "athena/silver_shows",
        "bronze_series_export",
        "silver_series",
        "bronze_genres",
        "silver_genres",
        *BELOW_THE_TABLE,
    }
    assert {job.name for job in automation.JOBS} == {
        "sync",
        "capture",
        "capture_export",
        "capture_genres",
        "refine",
        "watch",
    }
    assert {check.name for check in repository.asset_graph.asset_check_keys} == {
        "not_empty",
        "page_set_complete",
        "etags_match",
        "fields_known",
        "pass_rate",
        "show_id_unique",
        "accounts_for_every_row",
        "volume",
        "null_rates",
        "genres_known",
        "schema_is_the_contracts",
        "counts_equal_silvers",
        "every_show_once",
        "gaps_are_told",
        "totals_agree_with_silver",
        "shows_known",
        "numbers_agree_with_files",
        "download_whole",
        "accounts_for_every_line",
        "zero_popularity",
        "genre_id_unique",
        "genres_named",
        "genres_as_contracted",
        "small_enough",
        "every_list_in_it",
        "todays_partition_is_there",
        "no_partition_left_failed",
    }


def test_groups_read_as_the_architecture(pipeline: Pipeline) -> None:
    graph = pipeline.definitions.get_repository_def().asset_graph
    groups = {graph.get(key).group_name for key in graph.get_all_asset_keys()}
    assert groups == {"bronze", "silver", "catalog", "gold", "report"}


def test_every_asset_says_what_it_is_and_at_the_end_whose_data_it_holds(pipeline: Pipeline) -> None:
    graph = pipeline.definitions.get_repository_def().asset_graph
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.tags["tally/source"] == "sandbox"
        assert "sandbox" in node.kinds
        what, *_, whose = (node.description or "").split("\n\n")
        assert whose.startswith("**Sandbox data: every show is invented.**")
        assert "andbox" not in what
        assert list(node.owners) == ["team:tally"]


def test_tmdbs_assets_speak_of_no_sandbox(tmp_path: Path) -> None:
    settings = load_settings({"TALLY_HOME": str(tmp_path), "TMDB_API_TOKEN": "secret"}, dotenv=None)
    graph = build_definitions(deploy(settings)).get_repository_def().asset_graph
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.tags["tally/source"] == "tmdb"
        assert "sandbox" not in node.kinds
        assert "andbox" not in (node.description or "")


def test_what_is_below_bronzes_lists_is_named_in_full(pipeline: Pipeline) -> None:
    graph = pipeline.definitions.resolve_asset_graph()
    silver = dg.AssetSelection.assets(*map(common.silver_key, LISTS))
    assert set(automation.BELOW_BRONZE) == silver.downstream().resolve(graph)


def test_captures_hold_the_pool_that_keeps_all_runs_to_one_rate(pipeline: Pipeline) -> None:
    graph = pipeline.definitions.get_repository_def().asset_graph
    for key in (*map(common.bronze_key, LISTS), common.SERIES_EXPORT, common.BRONZE_GENRES):
        assert graph.get(key).pools == {common.TMDB_POOL}


def _scheduled(pipeline: Pipeline, due: datetime) -> dg.ScheduleExecutionData:
    schedule = pipeline.definitions.resolve_schedule_def("daily_capture")
    context = dg.build_schedule_context(
        instance=pipeline.instance,
        scheduled_execution_time=due,
        repository_def=pipeline.definitions.get_repository_def(),
    )
    return schedule.evaluate_tick(context)
