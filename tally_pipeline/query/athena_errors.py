"""Reads Athena's answers: its rows, which are text with a type beside it, and its reasons for failures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from tally_pipeline.aws.settings import AwsSettings
from tally_pipeline.query.engine import Rows
from tally_pipeline.query.tables import TableSpec

_TYPES: dict[str, pa.DataType] = {
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "real": pa.float32(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}
"""Athena's types whose text can be converted; values of others stay text."""

_REMEDIES: tuple[tuple[str, str], ...] = (
    (
        r"bytes scanned",
        "the query would have read more than the workgroup {workgroup} allows: filter on dt, so that it reads"
        " fewer days, or raise the workgroup's limit in deploy/",
    ),
    (
        r"COLUMN_NOT_FOUND.*?Column '(?P<column>[^']+)'",
        "there is no column {column!r} here: {columns}",
    ),
    (
        r"TABLE_NOT_FOUND.*?Table '(?P<table>[^']+)'",
        "Glue has no table {table}: run `terraform apply` in deploy/, which makes it in {database}",
    ),
    (
        r"access ?denied|permission|not authorized",
        "Athena was refused something it needs ({reason}): give your role the policy that deploy/ makes, for the"
        " buckets {lake_bucket} and {results_bucket} and the Glue database {database}",
    ),
    (
        r"HIVE_INVALID_METADATA",
        "Glue's table contradicts itself ({reason}): run `terraform apply` in deploy/",
    ),
    (
        r"HIVE_(BAD_DATA|CURSOR_ERROR|CANNOT_OPEN_SPLIT)",
        "a file of the table cannot be read ({reason}): rebuild its day, or remove it when Tally did not write it",
    ),
    (
        r"throttl|slow ?down|exhausted resources|too many requests",
        "AWS had too much to do ({reason}): ask again in a while",
    ),
)
"""Parts of Athena's reasons for failures, and their meaning here."""


def rows(pages: Iterable[Mapping[str, Any]]) -> Rows:
    """The rows of a result's pages, as GetQueryResults returns them. The first may begin with the columns' names."""
    pages = iter(pages)
    first = next(pages)
    info: Sequence[Mapping[str, Any]] = first["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    names = [column["Name"] for column in info]
    texts = _texts(first)
    # The result of a SELECT has them, that of an EXPLAIN has not.
    beginning = _batch(info, texts[1:] if texts[:1] == [names] else texts)

    def batches() -> Iterator[pa.RecordBatch]:
        yield beginning
        for page in pages:
            yield _batch(info, _texts(page))

    return Rows(beginning.schema, batches())


def table(pages: Iterable[Mapping[str, Any]]) -> pa.Table:
    """The rows of all pages."""
    found = rows(pages)
    return pa.Table.from_batches(found.batches, found.schema)


def _texts(page: Mapping[str, Any]) -> list[list[str | None]]:
    """The page's rows; a null is None."""
    return [
        [cell.get("VarCharValue") for cell in row.get("Data", [])]
        for row in page["ResultSet"].get("Rows", [])
    ]


def _batch(info: Sequence[Mapping[str, Any]], texts: Sequence[Sequence[str | None]]) -> pa.RecordBatch:
    columns = [_column(column, [row[place] for row in texts]) for place, column in enumerate(info)]
    return pa.RecordBatch.from_arrays(columns, names=[column["Name"] for column in info])


def _column(info: Mapping[str, Any], texts: Sequence[str | None]) -> pa.Array:
    values = pa.array(texts, pa.string())
    if info["Type"] == "decimal":
        return values.cast(pa.decimal128(info["Precision"], info["Scale"]))
    return values.cast(_TYPES.get(info["Type"], pa.string()))


def explained_failure(reason: str, tables: Sequence[TableSpec], settings: AwsSettings) -> str:
    """The meaning of a failed query's `reason` (Athena's text) and the remedy, in one sentence."""
    one_line = " ".join(reason.split()) or "Athena gives no reason"
    for pattern, words in _REMEDIES:
        if match := re.search(pattern, one_line, re.IGNORECASE):
            has = "; ".join(f"{spec.name} has {', '.join(spec.presented.names)}" for spec in tables)
            known = {
                "reason": one_line,
                "columns": has,
                "workgroup": settings.workgroup,
                "database": settings.database,
                "lake_bucket": settings.lake_bucket,
                "results_bucket": settings.results_bucket,
            }
            return words.format(**known, **match.groupdict())
    return f"Athena cannot answer this: {one_line}"
