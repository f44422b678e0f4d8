"""The table that people query, over real Parquet files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tally_pipeline.datasets.shows import contract
from tally_pipeline.lake.layout import quarantine_key
from tally_pipeline.query.duckdb_engine import DuckDbEngine
from tally_pipeline.query.engine import BATCH, QueryEngine, QueryError
from tally_pipeline.query.tables import TABLES
from tally_pipeline_tests.query.conftest import Lake, days_ago, show
from testkit.pinned import real_now


def test_the_engine_is_a_query_engine(lake: Lake) -> None:
    engine: QueryEngine = lake.engine
    assert engine.name == "DuckDB"
    assert engine.tables() == tuple(table.name for table in TABLES)
    assert engine.tables()[:2] == ("silver_shows", "quarantine_shows")
    assert str(lake.root) in engine.describe()


def test_a_row_is_read_back_as_it_was_written_with_its_day_from_the_path(lake: Lake) -> None:
    row = show(7, genre_ids=[18, 35], origin_country=["US", "GB"], title="O'Brien")
    lake.put("2026-01-01", [row])
    assert lake.rows("SELECT * FROM silver_shows") == [row | {"dt": "2026-01-01"}]


COLUMNS = [*(name for name in contract.SILVER.names if name != "data_type"), "data_type", "dt"]
"""Silver's columns as a query presents them: the partition keys last, as on Athena."""


def test_columns_come_in_the_contracts_order_with_the_partition_keys_last(lake: Lake) -> None:
    lake.put("2026-01-01", [show(1)])
    assert lake.engine.query("SELECT * FROM silver_shows").column_names == COLUMNS


def test_the_tables_columns_are_the_contracts_in_athenas_types(lake: Lake) -> None:
    lake.put("2026-01-01", [show(1)])
    types = {column.name: column.athena_type for column in contract.COLUMNS} | {"dt": "string"}
    assert lake.engine.columns("silver_shows") == [(name, types[name]) for name in COLUMNS]
    assert lake.engine.differences("silver_shows") == []


def test_a_table_without_files_is_empty_and_has_its_columns(lake: Lake) -> None:
    answer = lake.engine.query("SELECT * FROM silver_shows")
    assert answer.num_rows == 0
    assert answer.column_names == COLUMNS
    assert lake.engine.columns("quarantine_shows")[-1] == ("dt", "string")
    assert lake.engine.columns("silver_shows")[0] == ("show_id", "bigint")


def test_a_lake_whose_folder_does_not_exist_yet_is_an_empty_one(tmp_path: Path) -> None:
    engine = DuckDbEngine(tmp_path / "nowhere", TABLES)
    assert engine.query("SELECT count(*) AS n FROM silver_shows").to_pylist() == [{"n": 0}]


def test_a_day_written_after_the_engine_was_made_is_there_at_once(lake: Lake) -> None:
    lake.put("2026-01-01", [show(1)])
    assert len(lake.rows("SELECT show_id FROM silver_shows")) == 1
    lake.put("2026-01-02", [show(1), show(2)])
    assert len(lake.rows("SELECT show_id FROM silver_shows")) == 3


def test_quarantined_rows_are_a_table_of_their_own(lake: Lake) -> None:
    path = lake.root / quarantine_key("popular_shows", "2026-01-01")
    path.parent.mkdir(parents=True)
    row = {"raw": "{}", "rules": ["field_missing"], "data_type": "popular_shows"}
    pa.parquet.write_table(pa.Table.from_pylist([row], schema=contract.QUARANTINE), path)
    answer = lake.rows("SELECT dt, raw, rules[1] AS first_rule FROM quarantine_shows")
    assert answer == [{"dt": "2026-01-01", "raw": "{}", "first_rule": "field_missing"}]


def test_columns_tell_of_a_column_that_no_file_has_any_more(lake: Lake) -> None:
    without_rank = pa.schema([field for field in contract.SILVER if field.name != "rank"])
    lake.put("2026-01-01", [show(1)], schema=without_rank)
    assert "rank" not in dict(lake.engine.columns("silver_shows"))


def test_columns_tell_of_a_type_that_changed_in_one_file_and_of_a_column_too_many(lake: Lake) -> None:
    changed = contract.SILVER.set(5, pa.field("vote_count", pa.float64())).append(
        pa.field("new", pa.string())
    )
    lake.put("2026-01-01", [show(1)])
    lake.put("2026-01-02", [show(1, vote_count=1.0, new="x")], schema=changed)
    columns = lake.engine.columns("silver_shows")
    assert dict(columns)["vote_count"] == "double"
    assert columns[-3:] == [("new", "string"), ("data_type", "string"), ("dt", "string")]
    assert lake.engine.differences("silver_shows")[0] == {
        "place": "column 6",
        "contract": "vote_count bigint",
        "table": "vote_count double",
    }


def test_a_column_that_an_old_file_lacks_reads_as_null_there(lake: Lake) -> None:
    without_rank = pa.schema([field for field in contract.SILVER if field.name != "rank"])
    lake.put("2026-01-01", [show(5)], schema=without_rank)
    lake.put("2026-01-02", [show(5)])
    answer = lake.rows("SELECT dt, rank FROM silver_shows ORDER BY dt")
    assert answer == [{"dt": "2026-01-01", "rank": None}, {"dt": "2026-01-02", "rank": 5}]


@pytest.mark.parametrize(
    "condition",
    [
        f"dt = '{days_ago(1)}'",
        f"dt BETWEEN '{days_ago(1)}' AND '{days_ago(1)}'",
        "dt >= date_format(current_date - interval '1' day, '%Y-%m-%d')",
    ],
)
def test_a_filter_on_the_day_opens_only_that_days_file(lake: Lake, condition: str) -> None:
    for day in range(1, 11):
        lake.put(days_ago(day), [show(1)])
    plan = lake.rows(f"EXPLAIN SELECT count(title) FROM silver_shows WHERE {condition}")
    assert "1/10" in str(plan)


def test_times_are_utc_whatever_the_machines_timezone(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        before = real_now().date()
        (answer,) = lake.rows(
            "SELECT date_format(from_unixtime(0), '%Y-%m-%d %H:%i') AS epoch, current_date AS today"
        )
        assert answer["epoch"] == "1970-01-01 00:00"
        assert before <= answer["today"] <= real_now().date()
    finally:
        monkeypatch.undo()
        time.tzset()
        time.tzset()


def test_whole_numbers_add_and_divide_into_whole_numbers_as_on_athena(lake: Lake) -> None:
    lake.put("2026-01-01", [show(1, vote_count=3), show(2, vote_count=4)])
    answer = lake.engine.query(
        "SELECT sum(vote_count) AS total, sum(vote_count) / 2 AS half FROM silver_shows"
    )
    assert answer.schema.types == [pa.int64(), pa.int64()]
    assert answer.to_pylist() == [{"total": 7, "half": 3}]


def test_athenas_own_functions_are_translated(lake: Lake) -> None:
    lake.put("2026-01-01", [show(1, genre_ids=[18, 35]), show(2, genre_ids=[35])])
    sql = """
        SELECT genre, cardinality(array_agg(show_id)) AS shows, max_by(title, popularity) AS top
        FROM tally.silver_shows CROSS JOIN UNNEST(genre_ids) AS t (genre)
        GROUP BY genre ORDER BY genre
    """
    assert lake.rows(sql) == [
        {"genre": 18, "shows": 1, "top": "Show 1"},
        {"genre": 35, "shows": 2, "top": "Show 2"},
    ]


@pytest.mark.parametrize("sql", ["SHOW TABLES", "-- which are there?\nshow tables;"])
def test_show_tables_lists_them(lake: Lake, sql: str) -> None:
    assert lake.rows(sql) == [{"table": table.name} for table in TABLES]


@pytest.mark.parametrize("sql", ["DESCRIBE silver_shows", "SHOW COLUMNS IN silver_shows;"])
def test_describe_lists_a_tables_columns(lake: Lake, sql: str) -> None:
    assert lake.rows(sql)[0] == {"column": "show_id", "type": "bigint"}


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("", "there is no SQL to run"),
        ("-- only a comment", "there is no SQL to run"),
        ("SELECT * FROM gold", "there is no table 'gold'; the tables are: silver_shows, quarantine_shows"),
        ("DESCRIBE gold", "there is no table 'gold'; the tables are: silver_shows, quarantine_shows"),
        ("SELECT nope FROM silver_shows", "there is no column 'nope' here: silver_shows has show_id, title,"),
        (
            "SELECT s.nope FROM silver_shows s",
            "there is no column 'nope' here: silver_shows has show_id, title,",
        ),
        ("SELECT * FORM silver_shows", "the SQL cannot be read at line 1"),
        ("SELECT 'abc", "the SQL cannot be read"),
        ("SELECT (1 + ) FROM silver_shows", "the SQL cannot be read at line 1, column 13"),
        (
            "SELECT array_join(genre_ids) FROM silver_shows",
            "the function array_join lacks an argument at line 1, column 28",
        ),
        (
            "SELECT lower(split(concat(title, ')'))) FROM silver_shows",
            "the function split lacks an argument at line 1, column 38",
        ),
        ("SELECT CAST('x' AS integer)", "the text 'x' is no integer: TRY_CAST gives null for such"),
        ("SELECT 1; SELECT 2", "one query at a time, please: these are 2 statements"),
    ],
)
def test_a_mistake_is_answered_in_one_sentence(lake: Lake, sql: str, says: str) -> None:
    with pytest.raises(QueryError) as raised:
        lake.engine.query(sql)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


DUCKDBS = re.compile(
    r"[A-Z]+\[\]|VARCHAR|BIGINT|INT(?:32|64)|_LITERAL|MAP\(|Candidate|strftime|arg_max|list_|array_length"
)


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        (
            "SELECT sum(origin_country) FROM silver_shows",
            "the function sum does not take (array(varchar)): CAST",
        ),
        (
            "SELECT date_format(dt, '%Y') FROM silver_shows",
            "the function date_format does not take (varchar, varchar): days (dt, first_air_date) are text here",
        ),
        ("SELECT cardinality(title) FROM silver_shows", "the function cardinality does not take (varchar)"),
        ("SELECT max_by(title) FROM silver_shows", "the function max_by does not take (varchar)"),
        ("SELECT regexp_like(rank, 'a') FROM silver_shows", "regexp_like does not take (integer, varchar)"),
        ("SELECT sum(ranks) FROM gold_show_popularity_trends", "sum does not take (map(varchar, integer))"),
        ("SELECT nope(title) FROM silver_shows", "there is no function 'nope' here"),
        ("SELECT title + 1 FROM silver_shows", "+ cannot be applied to varchar and integer: CAST("),
        ("SELECT 1 FROM silver_shows WHERE rank LIKE '1%'", "LIKE cannot be applied to integer and varchar"),
        (
            "SELECT 1 FROM silver_shows WHERE dt >= current_date",
            "varchar and date cannot be compared: days (dt, first_air_date) are text here, YYYY-MM-DD: write CAST(",
        ),
        (
            "SELECT 1 FROM silver_shows WHERE first_air_date BETWEEN date '2020-01-01' AND date '2021-01-01'",
            "varchar and date cannot be mixed in BETWEEN: days",
        ),
        (
            "SELECT dt + interval '1' day FROM silver_shows",
            "+ cannot be applied to varchar and interval: days",
        ),
        ("SELECT genre_ids > 5 FROM silver_shows", "array(bigint) and integer cannot be compared"),
        (
            "SELECT 1 FROM silver_shows WHERE origin_country = 'US'",
            "varchar cannot become array(varchar): contains(list, value) looks into a list",
        ),
        ("SELECT CAST(genre_ids AS bigint) FROM silver_shows", "array(bigint) cannot become bigint"),
        (
            "SELECT 1 FROM silver_shows WHERE dt = 20260101",
            "the text '2026-01-01' of the column dt is no integer",
        ),
        ("SELECT CAST('soon' AS date)", 'the text "soon" is no date, YYYY-MM-DD'),
        ("SELECT 1 / 0", "something is divided by zero: divide by NULLIF(…, 0)"),
        ("SELECT 9223372036854775807 + 1", "Overflow in addition of bigint"),
        ("SELECT greatest(title, 1) FROM silver_shows", "varchar and integer cannot be mixed: CAST("),
        (
            "SELECT json_extract(title, '$.a') FROM silver_shows",
            'the text "Show 1" is no JSON: TRY(…) around the function gives null for such',
        ),
        (
            "SELECT (SELECT x FROM UNNEST(ARRAY[1, 2]) AS t (x)) FROM silver_shows",
            "a subquery that stands for one value has more than one row: take one of them, as by max(…) or LIMIT 1",
        ),
        (
            "SELECT 1 FROM silver_shows WHERE rank IN (SELECT rank, title FROM silver_shows)",
            "a subquery that should have 1 has 2 columns",
        ),
    ],
)
def test_errors_speak_of_athenas_functions_and_types_as_the_query_does(
    lake: Lake, sql: str, says: str
) -> None:
    lake.put("2026-01-01", [show(1)])
    with pytest.raises(QueryError) as raised:
        lake.engine.query(sql)
    told = str(raised.value)
    assert says in told
    assert DUCKDBS.search(told) is None
    assert "Error:" not in told


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        (
            "SELECT count(*), title, upper(title) FROM silver_shows GROUP BY title",
            ["_col0", "title", "_col2"],
        ),
        ("SELECT CAST(dt AS date), 1 AS one FROM silver_shows", ["_col0", "one"]),
        ("SELECT count(*) FROM silver_shows UNION ALL SELECT 1", ["_col0"]),
        ("WITH a AS (SELECT dt FROM silver_shows) (SELECT max(dt) FROM a)", ["_col0"]),
    ],
)
def test_a_column_without_a_name_is_called_as_athena_calls_it(lake: Lake, sql: str, names: list[str]) -> None:
    assert lake.engine.query(sql).column_names == names


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE silver_shows",
        "CREATE TABLE x AS SELECT 1",
        "INSERT INTO silver_shows SELECT * FROM silver_shows",
        "DELETE FROM silver_shows",
        "UNLOAD (SELECT 1) TO 's3://somewhere'",
        "COPY silver_shows TO 'stolen.csv'",
        "SET lock_configuration = false",
        "ATTACH 'other.db'",
        "EXPLAIN DROP TABLE silver_shows",
        "WITH x AS (INSERT INTO silver_shows VALUES (1) RETURNING 1) SELECT * FROM x",
    ],
)
def test_nothing_but_a_question_is_let_through(lake: Lake, sql: str) -> None:
    file = lake.put("2026-01-01", [show(1)])
    before = file.read_bytes()
    with pytest.raises(QueryError):
        lake.engine.query(sql)
    assert [path for path in lake.root.rglob("*") if path.is_file()] == [file]
    assert file.read_bytes() == before


def test_a_file_outside_the_lake_cannot_be_read(lake: Lake) -> None:
    secret = lake.root.parent / "secret.csv"
    secret.write_text("token\nhunter2\n")
    for sql in (
        f"SELECT * FROM '{secret}'",
        f'SELECT * FROM "{secret}"',
        f"SELECT * FROM read_csv('{secret}')",
        f"SELECT * FROM read_text('{lake.root}/../secret.csv')",
        f"SELECT * FROM silver_shows CROSS JOIN LATERAL read_csv('{secret}')",
        f"SELECT (SELECT content FROM read_text('{secret}'))",
        f"SELECT * FROM glob('{secret.parent}/*')",
    ):
        with pytest.raises(QueryError) as raised:
            lake.engine.query(sql)
        assert "hunter2" not in str(raised.value)


def test_a_link_in_the_lake_leads_the_tables_files_to_where_they_are(tmp_path: Path) -> None:
    Lake(tmp_path / "real").put("2026-01-01", [show(1)])
    (tmp_path / "link").symlink_to(tmp_path / "real")
    engine = DuckDbEngine(tmp_path / "link", TABLES)
    assert engine.query("SELECT show_id FROM silver_shows").num_rows == 1


def test_a_lake_named_by_a_relative_path_stays_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Lake(tmp_path / "lake").put("2026-01-01", [show(1)])
    monkeypatch.chdir(tmp_path)
    engine = DuckDbEngine(Path("lake"), TABLES)
    monkeypatch.chdir("/")
    assert engine.query("SELECT show_id FROM silver_shows").num_rows == 1


def test_a_lake_in_a_folder_with_an_odd_name_is_read(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "it's [a] *lake* ü")
    lake.put("2026-01-01", [show(1)])
    assert lake.rows("SELECT show_id FROM silver_shows") == [{"show_id": 1}]


def test_a_broken_file_is_named(lake: Lake) -> None:
    file = lake.put("2026-01-01", [show(1)])
    file.write_bytes(b"not Parquet at all, but long enough to look")
    with pytest.raises(QueryError, match="dt=2026-01-01"):
        lake.engine.query("SELECT * FROM silver_shows")
    with pytest.raises(QueryError, match="dt=2026-01-01"):
        lake.engine.columns("silver_shows")


def test_a_file_of_a_day_that_the_query_leaves_out_is_opened_once_and_then_no_more(lake: Lake) -> None:
    # DuckDB takes the columns from the first one.
    _, old, _ = (lake.put(day, [show(1)]) for day in ("2026-01-01", "2026-01-02", "2026-01-03"))
    of_one_day = "SELECT show_id FROM silver_shows WHERE dt = '2026-01-03'"
    assert lake.rows(of_one_day) == [{"show_id": 1}]
    state = old.stat()
    with old.open("r+b") as file:
        file.write(b"?" * state.st_size)
    os.utime(old, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert lake.rows(of_one_day) == [{"show_id": 1}]
    with pytest.raises(QueryError, match="dt=2026-01-02"):
        lake.engine.query("SELECT show_id FROM silver_shows")


def test_columns_that_come_and_go_with_the_files_are_seen_at_once(lake: Lake) -> None:
    days = ("2026-01-01", "2026-01-02", "2026-01-03")
    for day in days[:2]:
        lake.put(day, [show(1)])
    assert [row["rank"] for row in lake.rows("SELECT rank FROM silver_shows")] == [show(1)["rank"]] * 2
    for day in (days[0], days[2]):  # the first one, and one that is new
        path = lake.put(day, [show(2)])
        pq.write_table(pq.read_table(path, partitioning=None).drop_columns("rank"), path)
    by_day = "SELECT dt, rank FROM silver_shows ORDER BY dt"
    expected: list[int | None] = [None, show(1)["rank"], None]
    assert [row["rank"] for row in lake.rows(by_day)] == expected
    lake.put(days[0], [show(1)])
    assert [row["rank"] for row in lake.rows(by_day)] == [show(1)["rank"], show(1)["rank"], None]


class DisturbedEngine(DuckDbEngine):
    """Replaces a file at the worst moment: when the rows were read, before the answer is given."""

    def __init__(self, root: Path, disturbances: Iterable[Callable[[], object]]) -> None:
        super().__init__(root, TABLES)
        self._disturbances = iter(disturbances)

    def _try(self, *arguments: Any) -> pa.Table:
        try:
            return super()._try(*arguments)
        finally:
            next(self._disturbances, lambda: None)()


def test_a_file_replaced_during_a_query_is_read_again(lake: Lake) -> None:
    """DuckDB opens a file more than once; half old and half new, it fails or answers wrongly."""
    lake.put("2026-01-01", [show(1)])
    engine = DisturbedEngine(lake.root, [lambda: lake.put("2026-01-01", [show(2), show(3)])])
    assert engine.query("SELECT show_id FROM silver_shows").to_pylist() == [{"show_id": 2}, {"show_id": 3}]


def test_an_error_over_a_file_that_was_replaced_meanwhile_is_no_error(lake: Lake) -> None:
    lake.put("2026-01-01", [show(1)]).write_bytes(b"half a file, as a reader may see it while it is replaced")
    engine = DisturbedEngine(lake.root, [lambda: lake.put("2026-01-01", [show(2)])])
    assert engine.query("SELECT show_id FROM silver_shows").to_pylist() == [{"show_id": 2}]


def test_a_day_that_arrives_during_a_query_does_not_hold_it_up(lake: Lake) -> None:
    lake.put("2026-01-01", [show(1)])
    engine = DisturbedEngine(lake.root, [lambda: lake.put("2026-01-02", [show(2)])])
    assert engine.query("SELECT show_id FROM silver_shows").to_pylist() == [{"show_id": 1}]


def test_a_day_with_other_columns_that_arrives_during_a_query_changes_none_of_its_values(lake: Lake) -> None:
    for day in ("2026-01-02", "2026-01-03"):
        lake.put(day, [show(1)])

    class Early(DuckDbEngine):
        def _try(self, *arguments: Any) -> pa.Table:
            path = lake.put("2026-01-01", [show(2)])
            pq.write_table(pq.read_table(path, partitioning=None).drop_columns("rank"), path)
            return super()._try(*arguments)

    answer = Early(lake.root, TABLES).query("SELECT rank FROM silver_shows WHERE show_id = 1")
    assert answer.to_pylist() == [{"rank": show(1)["rank"]}] * 2


def test_a_lake_that_never_holds_still_is_said_to_do_so(lake: Lake) -> None:
    lake.put("2026-01-01", [show(1)])
    disturbances = ((lambda n=n: lake.put("2026-01-01", [show(n)])) for n in count(1))
    with pytest.raises(QueryError, match="replaced during each of 10 tries; ask again"):
        DisturbedEngine(lake.root, disturbances).query("SELECT show_id FROM silver_shows")


def test_many_threads_may_ask_at_once(lake: Lake) -> None:
    for day in range(1, 6):
        lake.put(f"2026-01-0{day}", [show(number) for number in range(1, 21)])
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda _: lake.rows("SELECT count(*) AS n FROM silver_shows"), range(24))
    assert list(answers) == [[{"n": 100}]] * 24


# --- rows as they come -------------------------------------------------------------------------------------

NUMBERS = "SELECT x FROM UNNEST(sequence(1, 9999)) AS t (x)"


def test_the_first_rows_of_a_hundred_million_come_at_once_and_the_rest_is_held_nowhere(lake: Lake) -> None:
    held = pa.total_allocated_bytes()
    began = time.monotonic()
    rows = lake.engine.stream(f"SELECT a.x, b.x AS y, 2 * a.x AS z FROM ({NUMBERS}) a, ({NUMBERS}) b")
    first, second = next(rows.batches), next(rows.batches)
    assert time.monotonic() - began < 2
    assert rows.schema == first.schema == second.schema
    assert 0 < first.num_rows + second.num_rows <= 2 * BATCH
    assert pa.total_allocated_bytes() - held < 2**22


def test_a_stream_has_the_types_and_the_errors_of_a_query(lake: Lake) -> None:
    lake.put("2026-01-01", [show(1, popularity=1.0), show(2, popularity=2.0)])
    sql = "SELECT title, count(*) AS n, sum(show_id) AS ids FROM silver_shows GROUP BY title ORDER BY title"
    rows = lake.engine.stream(sql)
    assert pa.Table.from_batches(rows.batches, rows.schema).equals(lake.engine.query(sql))
    for asked in (
        "SHOW TABLES",
        "DESCRIBE silver_shows",
        "SELECT sum(show_id) AS n FROM silver_shows WHERE false",
    ):
        rows = lake.engine.stream(asked)
        assert pa.Table.from_batches(rows.batches, rows.schema).equals(lake.engine.query(asked))
    late = "CAST(CASE b.x WHEN 9000 THEN 'no' ELSE '1' END AS bigint)"
    rows = lake.engine.stream(f"SELECT {late} AS n FROM ({NUMBERS}) a, ({NUMBERS}) b WHERE a.x < 99")
    with pytest.raises(QueryError, match="the text 'no' is no bigint: TRY_CAST gives null for such"):
        list(rows.batches)


def test_a_stream_ends_in_an_error_once_a_file_is_replaced(lake: Lake) -> None:
    lake.put("2026-01-01", [show(number) for number in range(3 * BATCH)])
    rows = lake.engine.stream("SELECT title FROM silver_shows")
    next(rows.batches)
    lake.put("2026-01-01", [show(number) for number in range(2 * BATCH)])
    with pytest.raises(QueryError, match=r"were replaced while these rows were read.*ask again"):
        list(rows.batches)


# --- interrupted -------------------------------------------------------------------------------------------

# For minutes, however fast the machine: the signal must come while it computes.
_LONG = f"SELECT count(*) FROM ({NUMBERS}) a, ({NUMBERS}) b, ({NUMBERS}) c WHERE a.x * b.x % 7 < c.x"

_INTERRUPTED = f"""
import ctypes, os, signal, threading
from pathlib import Path
from tally_pipeline.query.duckdb_engine import DuckDbEngine
signal.signal(signal.SIGINT, signal.default_int_handler)
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    DuckDbEngine(Path("."), []).query("{_LONG}")
except KeyboardInterrupt as error:
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(error))
"""


def test_an_interrupted_query_whose_error_is_kept_leaves_a_process_that_ends_without_a_word(
    tmp_path: Path,
) -> None:
    # As Dagster keeps a step's error.
    ran = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
