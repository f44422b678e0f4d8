"""Tables pass through a real Dagster job: written by day, read back as pandas or Arrow."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pytest

from tally_pipeline.datasets.shows.footer import footer_for
from tally_pipeline.datasets.shows.refinement import refine
from tally_pipeline.lake.parquet import decode
from tally_pipeline.orchestration.assets.io_manager import LakeIOManager
from tally_pipeline_tests.lake.conftest import FolderLake
from testkit.captures import bare, show
from testkit.stored_days import publish_silver

DAILY = dg.DailyPartitionsDefinition("2025-12-20")
MONDAY, TUESDAY = "2025-12-22", "2025-12-23"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def materialize(
    lake: FolderLake, instance: dg.DagsterInstance, *assets: dg.AssetsDefinition, day: str = MONDAY
) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        assets, partition_key=day, instance=instance, resources={"io_manager": LakeIOManager(lake)}
    )


@dg.asset(key=["gold", "frame"], partitions_def=DAILY)
def frame(context: dg.AssetExecutionContext) -> pd.DataFrame:
    return pd.DataFrame({"day": [context.partition_key] * 2, "n": [1, 2]}, index=[7, 9])


@dg.asset(key=["gold", "arrow"], partitions_def=DAILY)
def arrow(context: dg.AssetExecutionContext) -> pa.Table:
    values = [None] if context.partition_key == MONDAY else ["x"]
    return pa.table({"ids": pa.array([[1, 2]]), "note": values})


def test_a_pandas_frame_and_an_arrow_table_come_back_as_they_were(
    lake: FolderLake, instance: dg.DagsterInstance
) -> None:
    seen: dict[str, object] = {}

    @dg.asset(
        partitions_def=DAILY,
        ins={"frame": dg.AssetIn(["gold", "frame"]), "arrow": dg.AssetIn(["gold", "arrow"])},
    )
    def reads_pandas(frame: pd.DataFrame, arrow: pd.DataFrame) -> pd.DataFrame:
        seen.update(frame=frame, arrow=arrow)
        return frame

    @dg.asset(partitions_def=DAILY, ins={"arrow": dg.AssetIn(["gold", "arrow"])})
    def reads_arrow(arrow: pa.Table) -> pa.Table:
        seen.update(table=arrow)
        return arrow

    assert materialize(lake, instance, frame, arrow, reads_pandas, reads_arrow).success

    assert isinstance(seen["frame"], pd.DataFrame)
    assert seen["frame"].to_dict("list") == {"day": [MONDAY] * 2, "n": [1, 2], "dt": [MONDAY] * 2}
    assert isinstance(seen["arrow"], pd.DataFrame)
    assert isinstance(seen["table"], pa.Table)
    assert seen["table"].to_pylist() == [{"ids": [1, 2], "note": None, "dt": MONDAY}]


def test_each_day_is_one_file_that_names_itself_in_the_materialization(
    lake: FolderLake, instance: dg.DagsterInstance
) -> None:
    for day in (MONDAY, TUESDAY):
        assert materialize(lake, instance, frame, day=day).success

    assert [info.key for info in lake.store.list("gold")] == [
        f"gold/frame/dt={day}/data.parquet" for day in (MONDAY, TUESDAY)
    ]
    event = instance.get_latest_materialization_event(frame.key)
    assert event is not None
    assert event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    assert metadata["dagster/partition_row_count"].value == 2
    assert metadata["dagster/uri"].value == f"{lake.root}/gold/frame/dt={TUESDAY}/data.parquet"


def test_materializing_a_day_again_replaces_its_file(lake: FolderLake, instance: dg.DagsterInstance) -> None:
    lake.path(f"gold/frame/dt={MONDAY}/data.parquet").write_bytes(b"something else")

    assert materialize(lake, instance, frame).success

    table = decode(lake.store.get(f"gold/frame/dt={MONDAY}/data.parquet"))
    assert table.to_pydict() == {"day": [MONDAY] * 2, "n": [1, 2]}


def test_several_days_are_read_as_one_table_even_where_a_column_is_empty_on_one(
    lake: FolderLake, instance: dg.DagsterInstance
) -> None:
    tables: list[pa.Table] = []

    @dg.asset(
        partitions_def=DAILY,
        ins={
            "arrow": dg.AssetIn(
                ["gold", "arrow"],
                partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=0),
            )
        },
    )
    def two_days(arrow: pa.Table) -> None:
        tables.append(arrow)

    for day in (MONDAY, TUESDAY):
        assert materialize(lake, instance, arrow, day=day).success
    assert dg.materialize(
        [two_days, arrow],
        selection=[two_days],
        partition_key=TUESDAY,
        instance=instance,
        resources={"io_manager": LakeIOManager(lake)},
    ).success

    assert tables[0].select(["note", "dt"]).to_pylist() == [
        {"note": None, "dt": MONDAY},
        {"note": "x", "dt": TUESDAY},
    ]


def test_silver_is_read_by_whoever_takes_it_as_an_input(
    lake: FolderLake, instance: dg.DagsterInstance
) -> None:
    made = refine(bare(show(1), show(2)), data_type="popular_shows", dt=MONDAY, key="k")
    publish_silver(lake, "popular_shows", MONDAY, made, footer_for((), "complete", "tmdb", made.counts))
    silver = dg.AssetSpec(["silver_shows", "popular_shows"], partitions_def=DAILY)

    definitions = dg.Definitions(assets=[silver], resources={"io_manager": LakeIOManager(lake)})
    loaded: Any = definitions.load_asset_value(
        ["silver_shows", "popular_shows"], partition_key=MONDAY, python_type=pa.Table, instance=instance
    )

    assert loaded.drop(["dt"]).equals(made.silver)
    assert loaded["dt"].to_pylist() == [MONDAY] * 2


def test_a_day_that_is_not_there_fails_and_is_named(lake: FolderLake, instance: dg.DagsterInstance) -> None:
    @dg.asset(partitions_def=DAILY, ins={"frame": dg.AssetIn(["gold", "frame"])})
    def reads(frame: pd.DataFrame) -> None:
        """Is never reached."""

    result = dg.materialize(
        [reads, frame],
        selection=[reads],
        partition_key=MONDAY,
        instance=instance,
        resources={"io_manager": LakeIOManager(lake)},
        raise_on_error=False,
    )

    [failure] = result.filter_events(lambda event: event.is_step_failure)
    missing = f"there is no object {lake.root}/gold/frame/dt={MONDAY}/data.parquet"
    assert missing in failure.step_failure_data.error_display_string
