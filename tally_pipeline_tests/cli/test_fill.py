"""`tally sandbox fill`: the days it writes are known to Dagster, with metadata and checks, and are partitions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from tally_pipeline import clock
from tally_pipeline.datasets.shows import checks
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import Settings, deploy, first_day, load_settings
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.runs import dagster_home
from tally_pipeline.tmdb.lists import LISTS
from testkit import tally
from testkit.pipeline import environment

DAYS = 3


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which two days were filled, and then three."""
    home = tmp_path_factory.mktemp("filled")
    for days in ("2", str(DAYS)):
        ran = tally.run(home, settings_of(home), "sandbox", "fill", "--days", days)
        assert ran.code == 0, ran.err
    # Each day has the lists and the details.
    assert f"{len(LISTS) + 1} captures" in ran.out
    assert f"{2 * (len(LISTS) + 1)} were there already" in ran.out
    return home


@pytest.fixture(scope="module")
def settings(home: Path) -> Settings:
    return load_settings(settings_of(home), dotenv=None)


@pytest.fixture(scope="module")
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    with dagster_home.opened(settings) as instance:
        yield instance


def settings_of(home: Path) -> dict[str, str]:
    """No server is set, so it is the sandbox; nor a first day, so that is the lake's."""
    return {name: text for name, text in environment(home).items() if name != "TALLY_FIRST_DAY"}


def day(ago: int) -> str:
    return (clock.today() - timedelta(days=ago)).isoformat()


def test_every_day_that_was_filled_is_materialized_once(instance: dg.DagsterInstance) -> None:
    for show_list in LISTS:
        wanted = dg.AssetRecordsFilter(common.bronze_of(show_list.name))
        records = instance.fetch_materializations(wanted, limit=100).records
        assert sorted(record.partition_key or "" for record in records) == [day(ago) for ago in (3, 2, 1)]


def test_it_is_told_as_a_run_would_tell_it(instance: dg.DagsterInstance, settings: Settings) -> None:
    wanted = dg.AssetRecordsFilter(common.bronze_of("popular_shows"), asset_partitions=[day(1)])
    (record,) = instance.fetch_materializations(wanted, limit=5).records
    event = record.asset_materialization
    assert event is not None
    told = {name: value.value for name, value in event.metadata.items()}
    assert (told["verdict"], told["source"], told["dagster/partition_row_count"]) == (
        "complete",
        "sandbox",
        40,
    )
    assert Path(str(told["dagster/uri"])).is_relative_to(settings.lake_folder)
    keys = [dg.AssetCheckKey(common.bronze_of("popular_shows"), check.name) for check in checks.BRONZE_CHECKS]
    found = instance.event_log_storage.get_asset_check_partition_info(keys, partition_keys=[day(1)])
    assert {info.latest_execution_status.value for info in found} == {"SUCCEEDED"}
    assert len(found) == len(keys)
    assert {info.latest_target_materialization_storage_id for info in found} == {record.storage_id}


def test_partitions_begin_with_the_first_day_that_was_filled(settings: Settings) -> None:
    definitions = build_definitions(deploy(settings))
    spec = definitions.resolve_asset_graph().get(common.TABLE)
    assert spec.partitions_def is not None
    assert spec.partitions_def.get_partition_keys() == [day(ago) for ago in (3, 2, 1, 0)]


def test_the_setting_may_say_an_earlier_day_and_no_later_one(settings: Settings, home: Path) -> None:
    for told, begin in ((day(9), day(9)), (day(1), day(3))):
        other = load_settings(environment(home, TALLY_FIRST_DAY=told), dotenv=None)
        assert first_day.first_day(other).isoformat() == begin
