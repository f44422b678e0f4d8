"""The table: what people query is what silver wrote, under the contract, or the day is not published."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tally_pipeline.lake import layout
from tally_pipeline.orchestration.assets import common
from testkit.pipeline import POPULAR, Pipeline, checks, day, failures, put, rows

KEY = layout.silver_key(POPULAR.name, day())
BOTH_PASS = {"schema_is_the_contracts": "passed", "counts_equal_silvers": "passed"}


@pytest.fixture
def published(pipeline: Pipeline) -> Pipeline:
    """A pipeline whose lake holds 20 popular shows of today."""
    put(pipeline.lake, day(), rows(20))
    assert pipeline.refine().success
    return pipeline


def compared(pipeline: Pipeline) -> dg.ExecuteInProcessResult:
    return pipeline.run("refine", assets=[common.TABLE])


def offenders(result: dg.ExecuteInProcessResult, check: str) -> str:
    (found,) = [one for one in result.get_asset_check_evaluations() if one.check_name == check]
    return str(found.metadata["offenders"].value).replace("\\", "")


def test_counts_by_list_equal_silvers(pipeline: Pipeline) -> None:
    result = pipeline.run()
    assert result.success
    assert checks(result, common.TABLE).items() >= BOTH_PASS.items()
    shown = pipeline.metadata(common.TABLE)
    silver = {
        name: pipeline.lake.read_silver(name, day()).num_rows for name in pipeline.deployment.tmdb.depths
    }
    assert shown["dagster/partition_row_count"] == sum(silver.values())
    for name, held in silver.items():
        assert f"| {name} | {held} | {held} |" in shown["rows by list"].replace("\\", "")


def test_a_day_without_silver_is_refused_in_words(pipeline: Pipeline) -> None:
    assert failures(compared(pipeline)) == {
        "athena_silver_shows": f"athena/silver_shows for {day()} was not published:"
        f" there is no silver of {day()}; materialize silver_shows for it first."
    }


def test_rows_that_silver_did_not_write_are_told_by_list(published: Pipeline) -> None:
    path = Path(published.lake.store.root, KEY)
    pq.write_table(pq.read_table(path).slice(0, 5), path)
    result = compared(published)
    assert checks(result, common.TABLE)["counts_equal_silvers"] == "failed"
    assert "| popular_shows | 20 | 5 |" in offenders(result, "counts_equal_silvers")
    (why,) = failures(result).values()
    assert "5 rows in the table, 20 in silver" in why
    assert not published.was_materialized(common.TABLE, day())


def test_the_silver_of_a_list_that_was_retired_stays_in_the_lake_and_out_of_the_table(
    published: Pipeline,
) -> None:
    stray = Path(published.lake.store.root, layout.silver_key("my_own_list", day()))
    stray.parent.mkdir(parents=True)
    whole = pq.read_table(Path(published.lake.store.root, KEY))
    mine = pa.array(["my_own_list"] * whole.num_rows)
    pq.write_table(whole.set_column(whole.schema.get_field_index("data_type"), "data_type", mine), stray)
    result = compared(published)
    assert result.success
    assert "my_own_list" not in offenders(result, "counts_equal_silvers")
    assert stray.exists()


def test_another_schema_is_told_column_by_column_even_on_another_day(published: Pipeline) -> None:
    stray = Path(published.lake.store.root, layout.silver_key(POPULAR.name, day(3)))
    stray.parent.mkdir(parents=True)
    pq.write_table(pa.table({"show_id": ["one"], "mood": [1]}), stray)
    result = compared(published)
    assert checks(result, common.TABLE)["schema_is_the_contracts"] == "failed"
    told = offenders(result, "schema_is_the_contracts")
    assert "| column 1 | show_id bigint | show_id string |" in told
    assert "| column 16 | data_type string | mood bigint |" in told
    (why,) = failures(result).values()
    assert "remove the stray file" in why


def _without_our_footer(path: Path) -> None:
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)


def _no_parquet(path: Path) -> None:
    path.write_bytes(b"hello")


@pytest.mark.parametrize("spoil", [_without_our_footer, _no_parquet])
def test_a_file_that_tally_did_not_write_is_named_and_refused(
    published: Pipeline, spoil: Callable[[Path], None]
) -> None:
    path = Path(published.lake.store.root, KEY)
    spoil(path)
    result = compared(published)
    (why,) = failures(result).values()
    assert str(path) in why
    assert "failed" in checks(result, common.TABLE).values()
    # It is made anew, and all is well.
    assert published.refine().success
    assert compared(published).success


def test_one_unreadable_file_is_named_whatever_its_day(published: Pipeline) -> None:
    stray = Path(published.lake.store.root, layout.silver_key(POPULAR.name, day(3)))
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"hello")
    (why,) = failures(compared(published)).values()
    assert "the table cannot be read" in why
    assert str(stray) in why
