"""Athena's engine against moto, and the stand-in that really runs the queries."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from tally_pipeline import clock
from tally_pipeline.aws.session import Aws
from tally_pipeline.query.athena_engine import AthenaEngine
from tally_pipeline.query.engine import QueryEngine, QueryError
from tally_pipeline.query.tables import SILVER_SHOWS, TABLES
from tally_pipeline_tests.query.conftest import Lake, days_ago, show
from testkit.aws.athena_server import put_table, table_input, upload

# Twenty shows, crossed with themselves, are more than anybody waits for.
ENDLESS = f"SELECT count(*) AS n FROM {', '.join(f'silver_shows AS t{n}' for n in range(9))} WHERE t0.popularity > 0"


@pytest.fixture
def lake(lake: Lake, aws: Aws) -> Lake:
    """A lake of three shows on two days, in a folder and in S3."""
    lake.put("2026-01-01", [show(1), show(2)])
    lake.put("2026-01-02", [show(2), show(3, genre_ids=[18, 35], title='O\'Brien, "the" one')])
    upload(aws, lake.root)
    return lake


def test_athena_is_a_query_engine_as_duckdb_is(athena: AthenaEngine, aws: Aws) -> None:
    engine: QueryEngine = athena
    assert engine.name == "Athena"
    assert engine.tables() == tuple(table.name for table in TABLES)
    assert engine.describe() == "Athena in eu-central-1, workgroup tally-test, Glue database tally_test"


def test_rows_come_in_the_querys_order_with_the_same_types_as_duckdbs(
    athena: AthenaEngine, lake: Lake
) -> None:
    sql = (
        "SELECT dt, data_type, show_id, title, popularity, rank, first_air_date, popularity > 1 AS liked"
        " FROM silver_shows WHERE dt >= '2026-01-01' ORDER BY dt DESC, show_id DESC"
    )
    assert athena.query(sql).equals(lake.engine.query(sql))
    assert [row["show_id"] for row in athena.query(sql).to_pylist()] == [3, 2, 2, 1]


def test_every_scalar_is_read_back_as_what_it_was(athena: AthenaEngine) -> None:
    sql = """
        SELECT '' AS blank, CAST(NULL AS varchar) AS nothing, 'a, "b"' AS quoted, true AS yes,
            CAST(7 AS bigint) AS big, 7 AS whole, 1e8 AS large, 0.1e0 AS tenth, CAST('NaN' AS double) AS nan,
            CAST('-Infinity' AS double) AS endless, DATE '2026-01-02' AS day,
            TIMESTAMP '2026-01-02 03:04:05.678' AS at, CAST(1.50 AS decimal(5, 2)) AS price
    """
    (row,) = athena.query(sql).to_pylist()
    assert row.pop("nan") != 0
    assert row == {
        "blank": "",
        "nothing": None,
        "quoted": 'a, "b"',
        "yes": True,
        "big": 7,
        "whole": 7,
        "large": 1e8,
        "tenth": 0.1,
        "endless": float("-inf"),
        "day": date(2026, 1, 2),
        "at": datetime(2026, 1, 2, 3, 4, 5, 678000),  # noqa: DTZ001
        "price": Decimal("1.50"),
    }
    assert athena.query(sql).schema.field("big").type == pa.int64()


def test_a_result_of_many_pages_is_read_to_its_end(athena: AthenaEngine, lake: Lake, aws: Aws) -> None:
    lake.put("2026-01-03", [show(number) for number in range(1, 2501)])
    upload(aws, lake.root)
    answer = athena.query("SELECT show_id FROM silver_shows WHERE dt = '2026-01-03' ORDER BY show_id")
    assert answer["show_id"].to_pylist() == list(range(1, 2501))


def test_lists_and_maps_are_text_in_a_query_and_themselves_in_rows(athena: AthenaEngine, lake: Lake) -> None:
    sql = "SELECT show_id, genre_ids, map(array['a'], array[rank]) AS ranks FROM silver_shows WHERE dt = '2026-01-02'"
    assert athena.query(f"{sql} ORDER BY show_id").to_pylist()[1] == {
        "show_id": 3,
        "genre_ids": "[18, 35]",
        "ranks": "{a=3}",
    }
    schema = pa.schema(
        [
            ("ranks", pa.map_(pa.string(), pa.int32())),
            ("show_id", pa.int32()),
            ("genre_ids", pa.list_(pa.int64())),
        ]
    )
    rows = athena.rows(sql, schema)
    assert rows.schema == schema
    assert rows.sort_by("show_id").equals(lake.engine.rows(sql, schema).sort_by("show_id"))


def test_no_rows_are_an_empty_table_in_the_schema(athena: AthenaEngine, lake: Lake) -> None:
    schema = pa.schema([("show_id", pa.int64())])
    rows = athena.rows("SELECT show_id FROM silver_shows WHERE dt = '1999-01-01'", schema)
    assert rows.equals(schema.empty_table())


@pytest.mark.parametrize("engine", ["athena", "duckdb"])
def test_rows_that_do_not_fit_their_schema_are_an_error(
    athena: AthenaEngine, lake: Lake, engine: str
) -> None:
    asked: QueryEngine = athena if engine == "athena" else lake.engine
    for schema in (pa.schema([("title", pa.int64())]), pa.schema([("nope", pa.string())])):
        with pytest.raises(QueryError, match="columns are not those that are declared"):
            asked.rows("SELECT title FROM silver_shows WHERE dt = '2026-01-01'", schema)


def test_what_a_query_took_is_told(athena: AthenaEngine, lake: Lake) -> None:
    one = athena.measure("SELECT title FROM silver_shows WHERE dt = '2026-01-01'")
    both = athena.measure("SELECT title FROM silver_shows WHERE dt >= '2026-01-01'")
    assert one.bytes_scanned is not None
    assert both.bytes_scanned is not None
    assert 0 < one.bytes_scanned < both.bytes_scanned
    assert one.seconds > 0
    assert one.link == (
        "https://eu-central-1.console.aws.amazon.com/athena/home?region=eu-central-1"
        f"#/query-editor/history/{one.query_id}"
    )
    local = lake.engine.measure("SELECT title FROM silver_shows")
    assert (local.rows.num_rows, local.bytes_scanned, local.link) == (4, None, None)


@pytest.mark.parametrize(
    "sql",
    ["SHOW TABLES", "DESCRIBE silver_shows", "SHOW COLUMNS IN Silver_Shows;"],
)
def test_what_tables_and_columns_there_are_costs_no_query(athena: AthenaEngine, lake: Lake, sql: str) -> None:
    answer = athena.measure(sql)
    assert answer.rows.equals(lake.engine.query(sql))
    assert answer.query_id is None


def test_a_tables_columns_are_those_that_glue_has(athena: AthenaEngine, aws: Aws) -> None:
    table = table_input(aws, SILVER_SHOWS)
    table["StorageDescriptor"]["Columns"] = [{"Name": "mood", "Type": "array<INT>"}]
    put_table(aws, table, anew=True)
    assert athena.columns("silver_shows") == [
        ("mood", "array<int>"),
        ("data_type", "string"),
        ("dt", "string"),
    ]


def test_a_query_that_names_a_database_runs_in_the_settings(athena: AthenaEngine, lake: Lake) -> None:
    sql = "SELECT count(*) AS n FROM tally.silver_shows WHERE dt = '2026-01-01'"
    assert athena.query(sql).to_pylist() == [{"n": 2}]


def test_a_query_may_be_explained(athena: AthenaEngine, lake: Lake) -> None:
    plan = athena.query("EXPLAIN SELECT title FROM silver_shows WHERE dt = '2026-01-01'")
    assert plan.num_rows > 0
    assert "2026-01-01" in str(plan.to_pylist())


def test_a_day_or_a_list_outside_the_projection_has_no_rows(
    athena: AthenaEngine, lake: Lake, aws: Aws
) -> None:
    future = (clock.today() + timedelta(days=2)).isoformat()
    lake.put(future, [show(1)])
    lake.put("2019-12-31", [show(1)])
    lake.put("2026-01-01", [show(1, "my_own")], data_type="my_own")
    upload(aws, lake.root)
    sql = "SELECT DISTINCT data_type, dt FROM silver_shows WHERE dt > '2000' ORDER BY dt"
    assert athena.query(sql).to_pylist() == [
        {"data_type": "popular_shows", "dt": "2026-01-01"},
        {"data_type": "popular_shows", "dt": "2026-01-02"},
    ]
    # In a folder the days are those that are there; the lists are the catalogue's on both.
    assert lake.engine.query(sql).to_pylist() == [
        {"data_type": "popular_shows", "dt": dt} for dt in ("2019-12-31", "2026-01-01", "2026-01-02", future)
    ]


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT nope FROM silver_shows", "there is no column 'nope' here: silver_shows has show_id, title,"),
        ("SELECT * FROM gold", "there is no table 'gold'; the tables are: silver_shows, quarantine_shows"),
        ("SELECT CAST(title AS bigint) FROM silver_shows", "INVALID_CAST_ARGUMENT"),
        ("SELECT * FORM silver_shows", "the SQL cannot be read at line 1"),
        ("DROP TABLE silver_shows", "the lake is only read here"),
        ("UNLOAD (SELECT 1) TO 's3://somewhere'", "the lake is only read here"),
        ("SELECT 1; DROP TABLE silver_shows", "one query at a time, please"),
    ],
)
def test_a_mistake_is_answered_in_one_sentence(athena: AthenaEngine, lake: Lake, sql: str, says: str) -> None:
    with pytest.raises(QueryError) as raised:
        athena.query(sql)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_only_a_select_has_rows_of_a_schema(athena: AthenaEngine) -> None:
    for sql in ("SHOW TABLES", "EXPLAIN SELECT 1"):
        with pytest.raises(QueryError, match="only a SELECT"):
            athena.rows(sql, pa.schema([]))


def test_a_table_that_glue_does_not_have_is_named_with_what_to_do(athena: AthenaEngine, aws: Aws) -> None:
    aws.client("glue").delete_table(DatabaseName=aws.settings.database, Name="silver_shows")
    with pytest.raises(
        QueryError, match=r"no table awsdatacatalog\.tally_test\.silver_shows: run `terraform apply`"
    ):
        athena.query("SELECT count(*) FROM silver_shows WHERE dt = '2026-01-01'")
    for ask in (athena.columns, athena.differences):
        with pytest.raises(QueryError, match=r"Glue table tally_test\.silver_shows.*terraform apply"):
            ask("silver_shows")


def test_a_query_over_the_byte_cap_says_to_filter_on_the_day(
    athena: AthenaEngine, lake: Lake, aws: Aws
) -> None:
    least = 10_000_000
    aws.client("athena").create_work_group(Name="narrow", Configuration={"BytesScannedCutoffPerQuery": least})
    narrow = AthenaEngine(Aws(replace(aws.settings, workgroup="narrow")), TABLES)
    lake.put("2026-01-03", [show(1, overview=random.Random(1).randbytes(least * 6 // 10).hex())])
    upload(aws, lake.root)
    with pytest.raises(
        QueryError, match=r"more than the workgroup narrow allows: filter on dt.*\(cancelled: https:"
    ):
        narrow.query("SELECT max(overview) AS last FROM silver_shows")
    assert (
        narrow.query("SELECT max(overview) AS last FROM silver_shows WHERE dt < '2026-01-03'").num_rows == 1
    )


def test_rows_come_page_by_page_and_the_whole_is_that_of_a_query(
    athena: AthenaEngine, aws: Aws, lake: Lake
) -> None:
    lake.put("2026-01-03", [show(number) for number in range(1, 2001)])
    upload(aws, lake.root)
    asked: list[str] = []
    aws.client("athena").meta.events.register(
        "before-call.athena.GetQueryResults", lambda **_: asked.append("page")
    )
    sql = "SELECT show_id, title FROM silver_shows WHERE dt = '2026-01-03' ORDER BY show_id"
    rows = athena.stream(sql)
    first = next(rows.batches)
    assert asked == ["page"]
    whole = pa.Table.from_batches([first, *rows.batches], rows.schema)
    assert len(asked) == 3
    assert whole.equals(athena.query(sql))


def test_a_query_that_takes_too_long_is_stopped(athena: AthenaEngine, aws: Aws, lake: Lake) -> None:
    lake.put("2026-01-03", [show(number) for number in range(1, 41)])
    upload(aws, lake.root)
    hasty = AthenaEngine(aws, TABLES, time_limit=0.5)
    with pytest.raises(QueryError, match=r"longer than 0\.5 s and was stopped: filter on dt") as raised:
        hasty.query(ENDLESS)
    assert _state(aws, str(raised.value)) == "CANCELLED"


def test_a_query_whose_asker_leaves_is_stopped(
    athena: AthenaEngine, aws: Aws, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.put("2026-01-03", [show(number) for number in range(1, 41)])
    upload(aws, lake.root)
    started: list[str] = []
    aws.client("athena").meta.events.register(
        "after-call.athena.StartQueryExecution",
        lambda parsed, **_: started.append(parsed["QueryExecutionId"]),
    )

    def leave(_: float) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(time, "sleep", leave)
        with pytest.raises(KeyboardInterrupt):
            athena.query(ENDLESS)
    assert _state(aws, started[0]) == "CANCELLED"


def test_athena_out_of_reach_is_told_with_the_workgroup(
    aws: Aws, athena: AthenaEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_ATHENA", "http://127.0.0.1:9")
    with pytest.raises(QueryError, match=r"Athena workgroup tally-test.*cannot be reached"):
        AthenaEngine(Aws(aws.settings), TABLES).query(
            f"SELECT 1 AS n FROM silver_shows WHERE dt = '{days_ago(0)}'"
        )


def _state(aws: Aws, named: str) -> str:
    """How the query ended, of which `named` ends in its id."""
    query_id = named.rstrip(")")[-36:]
    for _ in range(100):
        told = aws.client("athena").get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
        if told["Status"]["State"] != "RUNNING":
            break
        time.sleep(0.05)
    return str(told["Status"]["State"])
