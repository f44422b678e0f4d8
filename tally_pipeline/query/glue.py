"""The contract of the Glue catalogue's tables, which Terraform creates and the pipeline checks.

A day is queryable as soon as its file exists, at no cost: partitions are not registered in Glue but projected from
the list names and a range of days (https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from tally_pipeline.datasets.shows.contract import PARTITION_KEYS
from tally_pipeline.query import samples
from tally_pipeline.query.engine import compared
from tally_pipeline.query.tables import TABLES, TableSpec, athena_columns
from tally_pipeline.tmdb.lists import LISTS

SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
"""The SerDe that reads Parquet by column names."""

INPUT_FORMAT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"

_DAYS = re.compile(r"(\d{4}-\d{2}-\d{2}|NOW-\d+DAYS),NOW(\+\d+DAYS?)?")
"""From the first day, or over the retention, to today: a day out of the range has no rows, without any error."""


def glue_contract(tables: Iterable[TableSpec] = TABLES) -> dict[str, Any]:
    """Everything that Terraform needs about the tables: columns, partition keys, folders, lists, sample queries.

    Partition keys are never among the columns: Athena would refuse every query (HIVE_INVALID_METADATA).
    """
    return {
        "lists": [one.name for one in LISTS],
        "tables": {spec.name: _table(spec) for spec in tables},
        "sample_queries": {
            name: {"description": samples.question(name), "sql": samples.read(name)}
            for name in samples.names()
        },
    }


def projection(spec: TableSpec, location: str) -> dict[str, str]:
    """The parameters for partition projection of a table at `location` (s3://…), except the range of days."""
    parameters = {
        "projection.enabled": "true",
        "projection.dt.type": "date",
        "projection.dt.format": "yyyy-MM-dd",
        "storage.location.template": f"{location}/{spec.template}",
    }
    if spec.values:
        parameters[f"projection.{spec.partitions[0]}.type"] = "enum"
        parameters[f"projection.{spec.partitions[0]}.values"] = ",".join(spec.values)
    return parameters


def location(spec: TableSpec, bucket: str) -> str:
    """The folder of a table in the lake's bucket, without a slash at the end."""
    return f"s3://{bucket}/{spec.prefix}"


def columns(table: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and type of each column of a table in Glue's GetTable response, partition keys last."""
    stored = table.get("StorageDescriptor", {}).get("Columns", [])
    return [(one["Name"], _type(one.get("Type", ""))) for one in [*stored, *table.get("PartitionKeys", [])]]


def differences(table: Mapping[str, Any], spec: TableSpec, bucket: str) -> list[dict[str, str]]:
    """The differences of a table in Glue's GetTable response from the contract; empty if there are none.

    Each difference has the `place`, and the values of the `contract` and of the `table` there.
    """
    storage = table.get("StorageDescriptor", {})
    keys = table.get("PartitionKeys", [])
    parts = {"StorageDescriptor": storage}, {"PartitionKeys": keys}
    return [
        *compared(athena_columns(spec.columns), columns(parts[0]), "column"),
        *compared([(key, "string") for key in spec.partitions], columns(parts[1]), "partition key"),
        *_storage_differences(storage, location(spec, bucket)),
        *_projection_differences(table.get("Parameters", {}), projection(spec, location(spec, bucket))),
    ]


def _storage_differences(storage: Mapping[str, Any], location: str) -> Iterator[dict[str, str]]:
    values = {
        "location": (location, storage.get("Location", "").rstrip("/")),
        "input format": (INPUT_FORMAT, storage.get("InputFormat", "")),
        "SerDe": (SERDE, storage.get("SerdeInfo", {}).get("SerializationLibrary", "")),
    }
    for place, (contract, table) in values.items():
        if contract != table:
            yield {"place": place, "contract": contract, "table": table or "nothing"}


def _projection_differences(
    parameters: Mapping[str, str], wanted: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    for name, value in wanted.items():
        actual = parameters.get(name, "nothing").rstrip("/")
        if actual != value:
            yield {"place": name, "contract": value, "table": actual}
    days = parameters.get("projection.dt.range", "nothing")
    if not _DAYS.fullmatch(days.replace(" ", "")):
        yield {"place": "projection.dt.range", "contract": "YYYY-MM-DD,NOW", "table": days}


def _table(spec: TableSpec) -> dict[str, Any]:
    return {
        "description": spec.description,
        "prefix": spec.prefix,
        "template": spec.template,
        "columns": [
            {"name": name, "type": type_, "comment": _comment(field)}
            for field, (name, type_) in zip(spec.columns, athena_columns(spec.columns), strict=True)
        ],
        "partition_keys": [
            {"name": key, "type": "string", "comment": PARTITION_KEYS[key]} for key in spec.partitions
        ],
    }


def _comment(field: pa.Field) -> str:
    return str((field.metadata or {}).get(b"comment", b"").decode())


def _type(text: str) -> str:
    """The type without case and blanks: Glue keeps a type as written, Athena ignores both."""
    return text.lower().replace(" ", "")
