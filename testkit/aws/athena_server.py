"""Athena on loopback: moto with the Glue tables that `deploy/` makes, and the stand-in that runs the queries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tally_pipeline.aws.session import Aws
from tally_pipeline.query import glue
from tally_pipeline.query.athena_engine import AthenaEngine
from tally_pipeline.query.tables import TABLES, TableSpec
from testkit.aws.athena import serving

FIRST_DAY = "2020-01-01"
"""The first day of the tables' projection."""


@pytest.fixture(scope="session")
def athena_url(moto_url: str) -> Iterator[str]:
    """The address of the stand-in before moto's server."""
    with serving(moto_url) as url:
        yield url


@pytest.fixture
def athena(aws: Aws, athena_url: str, monkeypatch: pytest.MonkeyPatch) -> AthenaEngine:
    """The engine over an empty lake in S3, with every table in Glue."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_ATHENA", athena_url)
    aws.client("glue").create_database(DatabaseInput={"Name": aws.settings.database})
    aws.client("athena").create_work_group(Name=aws.settings.workgroup)
    for spec in TABLES:
        put_table(aws, table_input(aws, spec))
    return AthenaEngine(aws, TABLES)


def table_input(aws: Aws, spec: TableSpec, first_day: str = FIRST_DAY) -> dict[str, Any]:
    """A table as Terraform makes it from deploy/contract.json."""
    told = glue.glue_contract()["tables"][spec.name]
    where = glue.location(spec, aws.settings.lake_bucket)
    return {
        "Name": spec.name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {
            **glue.projection(spec, where),
            "projection.dt.range": f"{first_day},NOW",
            "storage.location.template": f"{where}/{told['template']}/",
        },
        "PartitionKeys": [{"Name": key["name"], "Type": key["type"]} for key in told["partition_keys"]],
        "StorageDescriptor": {
            "Columns": [
                {"Name": one["name"], "Type": one["type"], "Comment": one["comment"]}
                for one in told["columns"]
            ],
            "Location": f"{where}/",
            "InputFormat": glue.INPUT_FORMAT,
            "SerdeInfo": {"SerializationLibrary": glue.SERDE},
        },
    }


def put_table(aws: Aws, table: dict[str, Any], *, anew: bool = False) -> None:
    """Makes the table in Glue, or (`anew`) puts it in place of the one that is there."""
    client = aws.client("glue")
    call = client.update_table if anew else client.create_table
    call(DatabaseName=aws.settings.database, TableInput=table)


def upload(aws: Aws, folder: Path) -> None:
    """Copies a lake from its folder to its bucket, byte for byte."""
    for path in folder.rglob("*.parquet"):
        aws.client("s3").put_object(
            Bucket=aws.settings.lake_bucket, Key=path.relative_to(folder).as_posix(), Body=path.read_bytes()
        )
