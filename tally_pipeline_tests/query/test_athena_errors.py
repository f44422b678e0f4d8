"""What Athena answers, read: texts with types beside them, and reasons for which queries fail."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tally_pipeline.datasets import GENRES
from tally_pipeline.query import athena_errors
from testkit.aws.moto_server import settings_at

SETTINGS = settings_at("http://127.0.0.1:9")


def page(types: dict[str, str], *rows: list[str | None]) -> dict[str, object]:
    data = [{"Data": [{} if text is None else {"VarCharValue": text} for text in row]} for row in rows]
    info = [{"Name": name, "Type": type_, "Precision": 5, "Scale": 2} for name, type_ in types.items()]
    return {"ResultSet": {"Rows": data, "ResultSetMetadata": {"ColumnInfo": info}}}


def test_the_columns_names_are_no_row_but_a_row_like_them_is() -> None:
    types = {"a": "varchar", "b": "bigint"}
    assert athena_errors.table([page(types, ["a", "b"])]).num_rows == 0
    pages = [page(types, ["a", "b"], ["x", "1"]), page(types, [None, None])]
    assert athena_errors.table(pages).to_pylist() == [{"a": "x", "b": 1}, {"a": None, "b": None}]
    assert athena_errors.table([page({"a": "varchar"}, ["a"], ["a"])]).to_pylist() == [{"a": "a"}]


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        ("double", "1.0E7", 1e7),
        ("double", "Infinity", float("inf")),
        ("boolean", "false", False),
        ("tinyint", "-1", -1),
        ("array", "[a, b]", "[a, b]"),
        ("row", "{a=1}", "{a=1}"),
        ("json", '{"a":1}', '{"a":1}'),
        ("timestamp with time zone", "2026-01-01 00:00:00.000 UTC", "2026-01-01 00:00:00.000 UTC"),
    ],
)
def test_a_text_is_read_by_its_type(type_: str, text: str, value: object) -> None:
    read = athena_errors.table([page({"a": type_}, ["a"], [text], [None])])
    assert read["a"].to_pylist() == [value, None]


def test_types_are_those_of_duckdbs_answers() -> None:
    read = athena_errors.table([page({"a": "integer", "b": "varchar", "c": "double"}, ["a", "b", "c"])])
    assert read.schema == pa.schema([("a", pa.int32()), ("b", pa.string()), ("c", pa.float64())])


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        (
            "Query cancelled! : Bytes scanned limit was exceeded",
            "more than the workgroup tally-test allows: filter on dt",
        ),
        (
            "COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved or requester is not authorized to access"
            " requested resources",
            "there is no column 'nope' here: silver_genres has id, name, language, dt",
        ),
        (
            "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.tally_dev.silver_genres' does not exist",
            "Glue has no table awsdatacatalog.tally_dev.silver_genres: run `terraform apply` in deploy/",
        ),
        (
            "Permission denied on S3 path: s3://tally-datalake-dev/silver/genres/dt=2026-01-01",
            "dt=2026-01-01): give your role the policy that deploy/ makes, for the buckets tally-datalake-test and",
        ),
        (
            "HIVE_INVALID_METADATA: Hive metadata for table t is invalid: contains duplicate columns",
            "contradicts itself",
        ),
        ("HIVE_BAD_DATA: Not valid Parquet file: s3://b/k", "s3://b/k): rebuild its day"),
        ("Query exhausted resources at this scale factor", "ask again in a while"),
        ("SYNTAX_ERROR: line 1:1:\n  no", "Athena cannot answer this: SYNTAX_ERROR: line 1:1: no"),
        ("{weird} {0}", "Athena cannot answer this: {weird} {0}"),
        ("", "Athena gives no reason"),
    ],
)
def test_a_failure_says_what_it_means_and_what_to_do(reason: str, says: str) -> None:
    assert says in athena_errors.explained_failure(reason, [GENRES.silver_table], SETTINGS)
