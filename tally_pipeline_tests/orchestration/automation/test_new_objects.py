"""Jobs, schedule and sensor, on a real Dagster instance and a real folder."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import msgspec
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill  # noqa: TID251 - as the UI

from tally_pipeline import clock
from tally_pipeline.datasets import GENRES, SERIES, named
from tally_pipeline.datasets.captures import choose
from tally_pipeline.datasets.shows import stored
from tally_pipeline.datasets.shows.footer import footer_for
from tally_pipeline.datasets.shows.refinement import refine
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import Deployment, deploy, load_settings
from tally_pipeline.gold import show_popularity_trends, top_movers
from tally_pipeline.gold import sources as gold_files
from tally_pipeline.gold.sources import GoldFooter
from tally_pipeline.gold.table import VERSION
from tally_pipeline.lake import layout, parquet
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.orchestration import automation
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.assets.io_manager import capture_outcome
from tally_pipeline.orchestration.assets.partition_events import record_without_run
from tally_pipeline.tmdb import sandbox
from tally_pipeline.tmdb.lists import LISTS, list_named
from testkit.pipeline import capture, row, rows
from testkit.stored_days import write_quarantine

DEPTHS = {show_list.name: 1 for show_list in LISTS}
BELOW_THE_TABLE = {
    "gold/show_popularity_trends",
    "gold/genre_analytics",
    "gold/top_movers",
    "gold/data_quality_daily",
    "report",
}
TRENDING = common.silver_of("trending_shows")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class Pipeline:
    """A deployment on a folder of its own, with the sensor's cursor kept from look to look."""

    deployment: Deployment
    definitions: dg.Definitions
    instance: dg.DagsterInstance
    cursor: str | None = None
    said: str | None = None
    """Why the sensor asked for no run when it looked last."""

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
        self.cursor, self.said = result.cursor, result.skip_message
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

    def put(self, day: date, shows: Sequence[Any], execution_id: str = "by-hand", **how: Any) -> BronzeKey:
        """A capture of popular shows with these rows, put there by another hand."""
        key = BronzeKey("popular_shows", day.isoformat(), execution_id)
        self.deployment.lake.write_bronze(key, capture(key, shows, **how))
        return key

    def start(self, request: dg.RunRequest) -> dg.DagsterRun:
        """The run that the daemon makes of a request, while it is under way."""
        return self.instance.create_run_for_job(
            self.definitions.resolve_job_def(automation.refine.name),
            asset_selection=frozenset(request.asset_selection or ()),
            status=dg.DagsterRunStatus.STARTED,
        )

    def backfill(self, day: date, asset: dg.AssetKey) -> PartitionBackfill:
        """A backfill of an asset as the UI launches it, before it has a run."""
        backfill = PartitionBackfill.from_asset_partitions(
            backfill_id="backfill",
            asset_graph=self.definitions.get_repository_def().asset_graph,
            partition_names=[day.isoformat()],
            asset_selection=[asset],
            backfill_timestamp=clock.now().timestamp(),
            tags={},
            dynamic_partitions_store=self.instance,
            all_partitions=False,
            title=None,
            description=None,
            run_config=None,
        )
        self.instance.add_backfill(backfill)
        return backfill

    def refine(self, day: date, asset: dg.AssetKey) -> None:
        """An asset and all that is made from it, made by somebody else than the sensor."""
        below = dg.AssetSelection.assets(asset).downstream().resolve(self.definitions.resolve_asset_graph())
        request = dg.RunRequest(partition_key=day.isoformat(), asset_selection=sorted(below, key=str))
        assert self.carry_out(request).success

    def days_seen(self, day: date) -> int:
        """The days on which gold of the day saw the show that it saw most often."""
        trends = gold_files.read(self.deployment.lake, show_popularity_trends.TABLE.name, day.isoformat())
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
    settings = load_settings({"TALLY_HOME": str(tmp_path), "TALLY_FIRST_DAY": "2020-01-01"}, dotenv=None)
    deployment = deploy(settings)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Pipeline(deployment, build_definitions(deployment), instance)


def span(request: dg.RunRequest) -> tuple[date, date]:
    """The first and the last day of a run."""
    if request.partition_key:
        return date.fromisoformat(request.partition_key), date.fromisoformat(request.partition_key)
    first, last = (request.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end"))
    return date.fromisoformat(first), date.fromisoformat(last)


def names(request: dg.RunRequest) -> set[str]:
    return {key.to_user_string() for key in request.asset_selection or []}


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


def test_past_days_wait_until_no_more_of_them_come(pipeline: Pipeline) -> None:
    """As while a fill or a copy is at work: what it has yet to bring would be made in another run."""
    for ago in range(6, 0, -1):
        pipeline.arrive(clock.today() - timedelta(days=ago), "popular_shows")
        assert pipeline.tick() == []
    (request,) = pipeline.tick()
    assert span(request) == (clock.today() - timedelta(days=6), clock.today() - timedelta(days=1))


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
    asked = [pipeline.tick() for _ in range(3)]
    assert [span(request) for (request,) in asked] == [
        (days[0], days[1]),
        (days[3], days[4]),
        (days[5], days[5]),
    ]
    assert "silver_shows/popular_shows" in names(asked[2][0])


def test_nothing_is_launched_that_would_wait_for_a_run(pipeline: Pipeline) -> None:
    pipeline.arrive(clock.today(), "popular_shows")
    job = pipeline.definitions.resolve_job_def(automation.refine.name)
    running = pipeline.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert pipeline.tick() == []
    pipeline.instance.report_run_failed(running)
    assert len(pipeline.tick()) == 1


def test_a_run_that_only_captures_keeps_nobody_waiting(pipeline: Pipeline) -> None:
    pipeline.arrive(clock.today(), "popular_shows")
    job = pipeline.definitions.resolve_job_def(automation.capture.name)
    pipeline.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert len(pipeline.tick()) == 1


def test_days_that_a_backfill_is_going_to_refine_are_left_to_it(pipeline: Pipeline) -> None:
    """A backfill that was launched in the UI has no run for the first seconds."""
    yesterday = clock.today() - timedelta(days=1)
    pipeline.arrive(yesterday, "trending_shows")
    backfill = pipeline.backfill(yesterday, TRENDING)
    assert pipeline.tick() == pipeline.tick() == []
    pipeline.refine(yesterday, TRENDING)
    pipeline.instance.update_backfill(backfill._replace(status=BulkActionStatus.COMPLETED_SUCCESS))
    assert pipeline.tick() == pipeline.tick() == []


def test_days_that_a_backfill_refined_meanwhile_are_not_launched(pipeline: Pipeline) -> None:
    yesterday = clock.today() - timedelta(days=1)
    pipeline.arrive(yesterday, "trending_shows")
    pipeline.tick()
    pipeline.refine(yesterday, TRENDING)
    assert pipeline.tick() == pipeline.tick() == []


def test_a_capture_that_a_run_refused_is_one_red_run(pipeline: Pipeline) -> None:
    pipeline.put(clock.today(), [row(n, name="") for n in range(1, 21)])
    (request,) = pipeline.tick()
    assert not pipeline.carry_out(request).success
    assert pipeline.tick() == pipeline.tick() == []
    pipeline.cursor = None  # as after a look at everything
    assert pipeline.tick() == pipeline.tick() == []


def test_what_a_killed_run_left_in_quarantine_alone_is_refined(pipeline: Pipeline) -> None:
    (key,) = pipeline.arrive(clock.today(), "popular_shows")
    lake = pipeline.deployment.lake
    found = choose(lake, named(key.data_type), key.dt)
    refined = refine(found.content, data_type=key.data_type, dt=key.dt, key=str(key))
    footer = footer_for((found.ref,), "complete", "sandbox", refined.counts)
    write_quarantine(lake, key.data_type, key.dt, refined, footer)
    assert len(pipeline.tick()) == 1


def test_a_partial_capture_is_red_where_it_was_captured_and_nowhere_else(pipeline: Pipeline) -> None:
    job = pipeline.definitions.resolve_job_def(automation.capture.name)
    run = pipeline.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    key = pipeline.put(clock.today(), rows(20), execution_id=run.run_id, missing=[2])
    told = capture_outcome(pipeline.deployment.lake, named(key.data_type), key)
    record_without_run(pipeline.instance, common.bronze_of("popular_shows"), [told])
    pipeline.instance.report_run_failed(run)
    assert pipeline.tick() == pipeline.tick() == []


def test_a_partial_capture_of_another_hand_is_one_red_run(pipeline: Pipeline) -> None:
    pipeline.put(clock.today(), rows(20), missing=[2])
    (request,) = pipeline.tick()
    assert not pipeline.carry_out(request).success
    assert pipeline.tick() == pipeline.tick() == []


@pytest.mark.slow
def test_lists_that_are_there_reach_gold_although_another_failed(pipeline: Pipeline) -> None:
    pipeline.arrive(clock.today(), "trending_shows")
    pipeline.put(clock.today(), [row(n, name="") for n in range(1, 21)])
    (request,) = pipeline.tick()
    assert not pipeline.carry_out(request).success
    (again,) = pipeline.tick()
    assert names(again) == {"athena/silver_shows"} | BELOW_THE_TABLE
    assert pipeline.carry_out(again).success
    assert pipeline.days_seen(clock.today()) == 1
    assert pipeline.tick() == []


@pytest.mark.slow
def test_one_bad_day_of_many_does_not_cost_the_others_their_gold(pipeline: Pipeline) -> None:
    days = [clock.today() - timedelta(days=ago) for ago in range(3, 0, -1)]
    pipeline.arrive(days[0], "popular_shows")
    pipeline.put(days[1], [row(n, name="") for n in range(1, 21)])
    pipeline.arrive(days[2], "popular_shows")
    pipeline.tick()
    (request,) = pipeline.tick()
    assert span(request) == (days[0], days[2])
    assert not pipeline.carry_out(request).success
    for day in (days[0], days[2]):
        (again,) = pipeline.tick()
        assert span(again) == (day, day)
        assert pipeline.carry_out(again).success
    assert [pipeline.days_seen(day) for day in (days[0], days[2])] == [1, 2]
    assert pipeline.tick() == []


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
        "repeats_rare",
        "volume",
        "null_rates",
        "genres_known",
        "schema_is_the_contracts",
        "counts_equal_silvers",
        "every_show_once",
        "gaps_are_told",
        "totals_agree_with_silver",
        "movers_moved",
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
    for key in (*map(common.bronze_key, LISTS), common.bronze_key(SERIES), common.bronze_key(GENRES)):
        assert graph.get(key).pools == {common.TMDB_POOL}


def _scheduled(pipeline: Pipeline, due: datetime) -> dg.ScheduleExecutionData:
    schedule = pipeline.definitions.resolve_schedule_def("daily_capture")
    context = dg.build_schedule_context(
        instance=pipeline.instance,
        scheduled_execution_time=due,
        repository_def=pipeline.definitions.get_repository_def(),
    )
    return schedule.evaluate_tick(context)


@pytest.mark.slow
def test_gold_of_an_earlier_version_is_made_anew_without_being_asked(pipeline: Pipeline) -> None:
    yesterday = clock.today() - timedelta(days=1)
    pipeline.arrive(yesterday, "trending_shows")
    pipeline.tick()
    (request,) = pipeline.tick()
    assert pipeline.carry_out(request).success
    assert pipeline.tick() == []
    lake, table = pipeline.deployment.lake, top_movers.TABLE
    made = lake.footer(layout.gold_key(table.name, yesterday.isoformat()), GoldFooter)
    assert made is not None
    rows_now = gold_files.read(lake, table.name, yesterday.isoformat())
    older = msgspec.structs.replace(made, contract_version="1.0.0")
    lake.store.put(layout.gold_key(table.name, made.dt), parquet.encode(rows_now, older))
    assert pipeline.cursor is not None
    pipeline.cursor = pipeline.cursor.replace(f'"looked_back":"{VERSION}"', '"looked_back":"1.0.0"')
    (again,) = pipeline.tick()
    assert names(again) == {"gold/top_movers", "report"}
    assert pipeline.carry_out(again).success
    assert pipeline.tick() == []


def test_past_days_wait_for_the_end_of_a_fill_however_slow_it_is(pipeline: Pipeline) -> None:
    turns = pipeline.deployment.lake.turns
    with turns.take(automation.FILLING, (), lambda _: None):
        pipeline.arrive(clock.today() - timedelta(days=1), "popular_shows")
        pipeline.arrive(clock.today(), "popular_shows")
        assert [span(request)[0] for request in pipeline.tick()] == [clock.today()]
        assert pipeline.tick() == pipeline.tick() == []
    assert len(pipeline.tick()) == 1


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
    with pipeline.deployment.lake.turns.take(automation.FILLING, (), lambda _: None):
        assert pipeline.tick() == pipeline.tick() == []
    (request,) = pipeline.tick()
    assert "gold/show_popularity_trends" in names(request)


def test_it_says_how_many_wait_and_does_not_count_days_to_come(pipeline: Pipeline) -> None:
    tomorrow = clock.today() + timedelta(days=1)
    pipeline.arrive(tomorrow, *DEPTHS)
    assert pipeline.tick() == []
    assert pipeline.said == "nothing new in bronze"
    pipeline.arrive(clock.today() - timedelta(days=1), "popular_shows")
    assert pipeline.tick() == []
    assert pipeline.said == "1 list and day waits for what is under way"
    pipeline.arrive(clock.today() - timedelta(days=1), "on_the_air")
    assert pipeline.tick() == []
    assert pipeline.said == "2 lists and days wait for what is under way"
