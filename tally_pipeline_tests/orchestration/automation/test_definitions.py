"""Names, groups, descriptions and pools of the assets, jobs and checks, as Dagster shows them."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from tally_pipeline.datasets import GENRES, SERIES
from tally_pipeline.datasets.details import DETAILS
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import deploy, load_settings
from tally_pipeline.orchestration import automation
from tally_pipeline.orchestration.assets import common
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline_tests.orchestration.automation.folder_pipeline import Pipeline


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
    lists = ("popular_shows", "trending_shows", "airing_today", "on_the_air")
    # Others may come beside them.
    assert {key.to_user_string() for key in repository.asset_graph.get_all_asset_keys()} >= {
        *(f"bronze_shows/{name}" for name in lists),
        *(f"silver_shows/{name}" for name in lists),
        "athena/silver_shows",
        "bronze_series_export",
        "silver_series",
        "bronze_genres",
        "silver_genres",
        "bronze_details",
        "silver_details",
        "silver_seasons",
        "silver_offers",
        "silver_providers",
        "gold/show_popularity_trends",
        "gold/genre_analytics",
        "gold/top_movers",
        "gold/data_quality_daily",
        "gold/availability",
        "gold/availability_changes",
        "gold/release_calendar",
        "report",
    }
    assert {job.name for job in automation.JOBS} == {
        "sync",
        "capture",
        "capture_export",
        "capture_genres",
        "capture_details",
        "refine",
        "watch",
        "watch_published",
    }
    assert {check.name for check in repository.asset_graph.asset_check_keys} >= {
        "not_empty",
        "page_set_complete",
        "as_many_as_promised",
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
        "what_is_published_is_current",
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


def test_what_is_below_bronzes_details_is_named_in_full(pipeline: Pipeline) -> None:
    graph = pipeline.definitions.resolve_asset_graph()
    below = dg.AssetSelection.assets(common.silver_key(DETAILS)).downstream().resolve(graph)
    assert set(automation.BELOW_DETAILS) == below


def test_details_have_a_pool_of_their_own_and_come_last_in_a_run(pipeline: Pipeline) -> None:
    """A run of both captures the lists first; a list never waits for a capture of details in another run."""
    graph = pipeline.definitions.get_repository_def().asset_graph
    assert graph.get(common.bronze_key(DETAILS)).pools == {"tmdb_details"}
    details = pipeline.definitions.get_assets_def(common.bronze_key(DETAILS))
    assert details.op.tags["dagster/priority"] == "-10"


def test_a_sync_of_today_leaves_details_to_their_own_job(pipeline: Pipeline) -> None:
    graph = pipeline.definitions.resolve_asset_graph()
    synced = automation.sync.selection.resolve(graph)
    assert not {common.bronze_key(DETAILS), *automation.BELOW_DETAILS} & synced


def test_captures_hold_the_pool_that_keeps_all_runs_to_one_rate(pipeline: Pipeline) -> None:
    graph = pipeline.definitions.get_repository_def().asset_graph
    for key in (*map(common.bronze_key, LISTS), common.bronze_key(SERIES), common.bronze_key(GENRES)):
        assert graph.get(key).pools == {common.TMDB_POOL}
