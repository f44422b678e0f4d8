"""The stand-in for Athena before moto, and one small table to ask about."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tally_pipeline.aws.session import Aws
from testkit.aws.athena import serving

BUCKET = "tally-datalake-test"
RESULTS = "tally-athena-results-test"
FOLDER = f"s3://{BUCKET}/days"


class Asked:
    """A client of the stand-in, and what it needs to make tables and files in moto."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.client = aws.client("athena")
        aws.client("glue").create_database(DatabaseInput={"Name": "d"})

    def table(self, columns: dict[str, str], keys: tuple[str, ...] = ("dt",), **parameters: str) -> None:
        """The table `t` over `days/`, by day from 2026-01-01."""
        projection = {
            "projection.enabled": "true",
            "projection.dt.type": "date",
            "projection.dt.format": "yyyy-MM-dd",
            "projection.dt.range": "2026-01-01,NOW",
            "storage.location.template": FOLDER + "/dt=${dt}/",
        }
        told = {name.replace("__", "."): value for name, value in parameters.items()}
        self.aws.client("glue").create_table(
            DatabaseName="d",
            TableInput={
                "Name": "t",
                "Parameters": projection | told,
                "PartitionKeys": [{"Name": key, "Type": "string"} for key in keys],
                "StorageDescriptor": {
                    "Columns": [{"Name": name, "Type": type_} for name, type_ in columns.items()],
                    "Location": f"{FOLDER}/",
                },
            },
        )

    def put(self, day: str, rows: dict[str, list[Any]]) -> None:
        sink = io.BytesIO()
        pq.write_table(pa.table(rows), sink)
        self.put_bytes(f"days/dt={day}/data.parquet", sink.getvalue())

    def put_bytes(self, key: str, body: bytes) -> None:
        self.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)

    def start(self, sql: str) -> str:
        return str(
            self.client.start_query_execution(QueryString=sql, QueryExecutionContext={"Database": "d"})[
                "QueryExecutionId"
            ]
        )

    def ended(self, query_id: str) -> dict[str, Any]:
        """What is told of the query once it is over."""
        for _ in range(400):
            told: dict[str, Any] = self.client.get_query_execution(QueryExecutionId=query_id)[
                "QueryExecution"
            ]
            if told["Status"]["State"] not in ("QUEUED", "RUNNING"):
                return told
            time.sleep(0.02)
        raise AssertionError(told)

    def rows(self, sql: str) -> list[list[str | None]]:
        """A query's rows without its header."""
        query_id = self.start(sql)
        status = self.ended(query_id)["Status"]
        assert status["State"] == "SUCCEEDED", status
        found = self.client.get_query_results(QueryExecutionId=query_id)["ResultSet"]["Rows"]
        return [[cell.get("VarCharValue") for cell in row["Data"]] for row in found[1:]]

    def failure(self, sql: str) -> str:
        """Why a query failed."""
        status = self.ended(self.start(sql))["Status"]
        assert status["State"] == "FAILED", status
        return str(status["StateChangeReason"])


@pytest.fixture(scope="session")
def athena_url(moto_url: str) -> Iterator[str]:
    with serving(moto_url) as url:
        yield url


@pytest.fixture
def asked(aws: Aws, athena_url: str, monkeypatch: pytest.MonkeyPatch) -> Asked:
    monkeypatch.setenv("AWS_ENDPOINT_URL_ATHENA", athena_url)
    return Asked(aws)
