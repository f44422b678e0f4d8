"""What Terraform is told of the tables, and how a table in Glue is held against it."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tally_pipeline.aws.session import Aws
from tally_pipeline.datasets import SERIES
from tally_pipeline.query import glue, samples
from tally_pipeline.query.tables import GOLD, SILVER_SHOWS, TABLES, TableSpec
from tally_pipeline.tmdb.lists import LISTS
from testkit.aws.athena_server import table_input
from testkit.aws.moto_server import settings_at

ROOT = Path(__file__).parents[2]
AWS = Aws(settings_at("http://127.0.0.1:9"))
BUCKET = AWS.settings.lake_bucket
Table = dict[str, Any]


def test_the_file_that_terraform_reads_is_the_contracts() -> None:
    check = subprocess.run(
        [sys.executable, "scripts/contract.py", "--check"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.returncode == 0, check.stderr


def test_the_contract_names_every_table_list_and_sample() -> None:
    told = glue.glue_contract()
    assert list(told["tables"]) == [spec.name for spec in TABLES]
    assert told["lists"] == [one.name for one in LISTS]
    assert told["sample_queries"]["total_shows"] == {
        "description": samples.question("total_shows"),
        "sql": samples.read("total_shows"),
    }


def test_where_tables_are_and_how_their_folders_are_named() -> None:
    told = glue.glue_contract()["tables"]
    where = {name: (told[name]["prefix"], told[name]["template"]) for name in told}
    assert where["silver_shows"] == ("silver/shows", "${data_type}/dt=${dt}")
    assert where["quarantine_shows"] == ("quarantine/shows", "${data_type}/dt=${dt}")
    assert where["silver_series"] == ("silver/series", "dt=${dt}")
    assert where["gold_top_movers"] == ("gold/top_movers", "dt=${dt}")


@pytest.mark.parametrize("spec", TABLES, ids=lambda spec: spec.name)
def test_a_partition_key_is_never_a_column_and_every_column_is_explained(spec: TableSpec) -> None:
    told = glue.glue_contract()["tables"][spec.name]
    names = [one["name"] for one in told["columns"]]
    keys = [one["name"] for one in told["partition_keys"]]
    assert not set(names) & set(keys)
    assert [*names, *keys] == spec.presented.names
    assert set(spec.schema.names) == {*names, *(set(keys) & set(spec.schema.names))}
    # Glue takes 255 characters of a comment.
    assert all(0 < len(one["comment"]) <= 255 for one in told["columns"])
    assert spec.description


def test_a_gold_tables_list_is_a_column_of_its_files() -> None:
    assert all(spec.partitions == ("dt",) for spec in GOLD)


@pytest.mark.parametrize("spec", TABLES, ids=lambda spec: spec.name)
def test_a_table_made_from_the_contract_does_not_differ(spec: TableSpec) -> None:
    assert glue.differences(table_input(AWS, spec), spec, BUCKET) == []


def differing(
    change: Callable[[Table], object], spec: TableSpec = SILVER_SHOWS
) -> dict[str, tuple[str, str]]:
    """What is told, by place, of a table that was changed."""
    table = copy.deepcopy(table_input(AWS, spec))
    change(table)
    found = glue.differences(table, spec, BUCKET)
    return {one["place"]: (one["contract"], one["table"]) for one in found}


def test_another_type_is_told_by_column() -> None:
    def change(table: Table) -> None:
        table["StorageDescriptor"]["Columns"][0]["Type"] = "string"
        table["StorageDescriptor"]["Columns"][7]["Type"] = "ARRAY< bigint >"

    assert differing(change) == {"column 1": ("show_id bigint", "show_id string")}


def test_a_column_too_many_or_too_few_is_told() -> None:
    columns = len(SILVER_SHOWS.columns.names)
    more = differing(lambda t: t["StorageDescriptor"]["Columns"].append({"Name": "mood", "Type": "int"}))
    assert more == {f"column {columns + 1}": ("nothing", "mood int")}
    assert differing(lambda t: t["StorageDescriptor"]["Columns"].pop()) == {
        f"column {columns}": ("rank int", "nothing")
    }


def test_what_a_crawler_makes_of_the_partitions_is_told() -> None:
    def change(table: Table) -> None:
        table["PartitionKeys"][0]["Name"] = "partition_0"
        table["Parameters"] = {}

    found = differing(change)
    assert found["partition key 1"] == ("data_type string", "partition_0 string")
    assert found["projection.enabled"] == ("true", "nothing")
    assert found["projection.dt.range"] == ("YYYY-MM-DD,NOW", "nothing")


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("projection.enabled", "false"),
        ("projection.data_type.values", "popular_shows"),
        ("projection.dt.format", "yyyyMMdd"),
        ("projection.dt.range", "2025-12-24,2026-01-01"),
        ("projection.dt.range", "NOW-30DAYS,NOW-1DAYS"),
        ("storage.location.template", f"s3://{BUCKET}/silver/shows/dt=${{dt}}/"),
    ],
)
def test_another_projection_is_told(parameter: str, value: str) -> None:
    found = differing(lambda table: table["Parameters"].update({parameter: value}))
    assert list(found) == [parameter]
    assert found[parameter][1] == value.rstrip("/")


def test_another_bucket_or_format_is_told() -> None:
    def change(table: Table) -> None:
        table["StorageDescriptor"]["Location"] = "s3://elsewhere/silver/series/"
        table["StorageDescriptor"]["SerdeInfo"] = {}

    assert differing(change, SERIES.silver_table) == {
        "location": (f"s3://{BUCKET}/silver/series", "s3://elsewhere/silver/series"),
        "SerDe": (glue.SERDE, "nothing"),
    }


def test_a_table_without_anything_is_told_and_no_error() -> None:
    assert glue.differences({}, SERIES.silver_table, BUCKET)
