"""The table on AWS: Glue is the contract's, Athena counts what silver wrote, and what it took is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from tally_pipeline.aws.session import Aws
from tally_pipeline.lake import layout
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.assets.table import TABLE_CHECKS
from tally_pipeline.query.athena_engine import AthenaEngine
from tally_pipeline.query.tables import SILVER_SHOWS
from testkit.aws.athena_server import athena, athena_url, put_table, table_input, upload
from testkit.pipeline import POPULAR, Pipeline, checks, day, failures, put, rows

__all__ = ["athena", "athena_url"]


@pytest.fixture
def on_aws(pipeline: Pipeline, athena: AthenaEngine, aws: Aws) -> Pipeline:
    """A pipeline whose lake, with 20 popular shows of today, is in S3 as well, and is queried there."""
    put(pipeline.lake, day(), rows(20))
    assert pipeline.refine().success
    upload(aws, Path(pipeline.lake.store.root))
    return Pipeline(replace(pipeline.deployment, query_engine=athena), pipeline.instance)


def compared(pipeline: Pipeline) -> dg.ExecuteInProcessResult:
    return pipeline.run("refine", assets=[common.TABLE])


def test_a_day_whose_rows_are_there_is_published_with_what_the_query_took(on_aws: Pipeline) -> None:
    result = compared(on_aws)
    assert result.success
    found = checks(result, common.TABLE)
    assert {found[check.name] for check in TABLE_CHECKS} == {"passed"}
    shown = on_aws.metadata(common.TABLE)
    assert shown["dagster/partition_row_count"] == 20
    assert shown["engine"] == "Athena in eu-central-1, workgroup tally-test, Glue database tally_test"
    assert shown["bytes scanned"] >= 0
    assert shown["query time (s)"] > 0
    assert shown["query"].startswith(
        "https://eu-central-1.console.aws.amazon.com/athena/home?region=eu-central-1#/"
    )


def test_a_table_that_was_changed_in_glue_is_told_place_by_place(on_aws: Pipeline, aws: Aws) -> None:
    table = table_input(aws, SILVER_SHOWS)
    table["StorageDescriptor"]["Columns"][0]["Type"] = "string"
    table["Parameters"]["projection.data_type.values"] = "popular_shows"
    put_table(aws, table, anew=True)
    result = compared(on_aws)
    assert checks(result, common.TABLE)["schema_is_the_contracts"] == "failed"
    (why,) = failures(result).values()
    assert "differs from the contract in 2 places: column 1 is show_id string, not show_id bigint;" in why
    assert "projection.data_type.values is popular_shows, not popular_shows,trending_shows," in why
    assert "terraform apply" in why


def test_a_table_that_glue_does_not_have_is_told_with_what_to_do(on_aws: Pipeline, aws: Aws) -> None:
    aws.client("glue").delete_table(DatabaseName=aws.settings.database, Name="silver_shows")
    (why,) = failures(compared(on_aws)).values()
    assert "the table cannot be read" in why
    assert "tally_test.silver_shows" in why
    assert "terraform apply" in why


def test_a_day_before_the_tables_first_is_told(on_aws: Pipeline, aws: Aws) -> None:
    put_table(aws, table_input(aws, SILVER_SHOWS, first_day="2999-01-01"), anew=True)
    result = compared(on_aws)
    assert checks(result, common.TABLE)["counts_equal_silvers"] == "failed"
    (why,) = failures(result).values()
    assert "0 rows in the table, 20 in silver" in why
    assert "projection.dt.range" in why


def test_a_file_that_is_missing_in_s3_is_told(on_aws: Pipeline, aws: Aws) -> None:
    key = layout.silver_key(POPULAR.name, day())
    aws.client("s3").delete_object(Bucket=aws.settings.lake_bucket, Key=key)
    (why,) = failures(compared(on_aws)).values()
    assert "0 rows in the table, 20 in silver" in why
