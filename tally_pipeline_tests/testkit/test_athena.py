"""The stand-in behaves as Athena where emulators do not: it asks Glue, and fails in Athena's words."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from tally_pipeline.aws.session import Aws
from tally_pipeline_tests.testkit.conftest import RESULTS, Asked
from testkit.aws.athena import serving

ROOT = Path(__file__).parents[2]


def test_a_table_is_what_glue_says_and_not_what_the_files_hold(asked: Asked) -> None:
    asked.table({"n": "bigint", "new": "array<string>"})
    asked.put("2026-01-01", {"n": [1], "unknown": ["x"], "dt": ["a lie"]})
    asked.put("2026-01-02", {"n": [2], "new": [["a", "b"]]})
    assert asked.rows("SELECT * FROM t ORDER BY dt") == [
        ["1", None, "2026-01-01"],
        ["2", "[a, b]", "2026-01-02"],
    ]
    assert "Column 'unknown' cannot be resolved" in asked.failure("SELECT unknown FROM t")


def test_a_day_outside_the_projection_or_no_day_at_all_is_not_there(asked: Asked) -> None:
    asked.table({"n": "bigint"})
    for day in ("2025-12-31", "2026-01-01", "2999-01-01", "2026-1-2", "tomorrow"):
        asked.put(day, {"n": [1]})
    assert asked.rows("SELECT dt FROM d.t") == [["2026-01-01"]]


def test_a_file_that_was_replaced_is_read_anew_and_hidden_ones_are_not_seen(asked: Asked) -> None:
    asked.table({"n": "bigint"})
    asked.put("2026-01-01", {"n": [1]})
    asked.put_bytes("days/dt=2026-01-01/_SUCCESS", b"x")
    asked.put_bytes("days/dt=2026-01-01/", b"")
    assert asked.rows("SELECT n FROM t") == [["1"]]
    asked.put("2026-01-01", {"n": [2]})
    assert asked.rows("SELECT n FROM t") == [["2"]]


def test_a_type_that_is_not_glues_fails_only_when_the_column_is_read(asked: Asked) -> None:
    asked.table({"n": "bigint", "name": "string"})
    asked.put("2026-01-01", {"n": ["one"], "name": ["x"]})
    assert asked.rows("SELECT name, count(*) AS c FROM t GROUP BY name") == [["x", "1"]]
    for sql in ("SELECT n FROM t", "SELECT * FROM t"):
        assert asked.failure(sql).startswith("HIVE_BAD_DATA: Malformed Parquet file. Field n's type string")


def test_what_is_no_parquet_is_bad_data(asked: Asked) -> None:
    asked.table({"n": "bigint"})
    asked.put_bytes("days/dt=2026-01-01/data.parquet", b"hello")
    assert asked.failure("SELECT n FROM t").startswith("HIVE_BAD_DATA")


def test_a_column_that_is_a_partition_key_as_well_fails_every_query(asked: Asked) -> None:
    asked.table({"n": "bigint", "dt": "string"})
    assert asked.failure("SELECT n FROM t").startswith("HIVE_INVALID_METADATA")


def test_a_partition_key_without_a_projection_fails(asked: Asked) -> None:
    asked.table({"n": "bigint"}, keys=("kind", "dt"))
    assert "missing projection configuration: [kind]" in asked.failure("SELECT n FROM t")


def test_without_a_projection_only_the_partitions_in_glue_are_there(asked: Asked) -> None:
    asked.table({"n": "bigint"}, projection__enabled="false")
    asked.put("2026-01-01", {"n": [1]})
    assert asked.rows("SELECT n FROM t") == []
    asked.aws.client("glue").create_partition(
        DatabaseName="d",
        TableName="t",
        PartitionInput={
            "Values": ["2026-01-01"],
            "StorageDescriptor": {"Location": "s3://tally-datalake-test/days/dt=2026-01-01/"},
        },
    )
    assert asked.rows("SELECT n, dt FROM t") == [["1", "2026-01-01"]]


def test_unloading_writes_parquet_once_and_nothing_for_no_rows(asked: Asked) -> None:
    asked.table({"n": "bigint"})
    asked.put("2026-01-01", {"n": list(range(10))})
    unload = f"UNLOAD (SELECT n, dt FROM t) TO 's3://{RESULTS}/out/' WITH (format = 'PARQUET')"
    assert asked.ended(asked.start(unload))["Status"]["State"] == "SUCCEEDED"
    s3 = asked.aws.client("s3")
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=RESULTS, Prefix="out/")["Contents"]]
    assert len(keys) > 1
    found = []
    for key in keys:
        body = s3.get_object(Bucket=RESULTS, Key=key)["Body"].read()
        found += pq.read_table(pa.BufferReader(body))["n"].to_pylist()
    assert sorted(found) == list(range(10))
    assert found != list(range(10))
    assert asked.failure(unload).startswith("HIVE_PATH_ALREADY_EXISTS")
    nothing = unload.replace("out/", "none/").replace("FROM t", "FROM t WHERE n < 0")
    assert asked.ended(asked.start(nothing))["Status"]["State"] == "SUCCEEDED"
    assert s3.list_objects_v2(Bucket=RESULTS, Prefix="none/")["KeyCount"] == 0


def test_bytes_are_those_of_the_columns_and_days_that_were_read(asked: Asked) -> None:
    asked.table({"n": "bigint", "text": "string"})
    for day in ("2026-01-01", "2026-01-02"):
        asked.put(day, {"n": list(range(5000)), "text": [f"{n:050d}" for n in range(5000)]})

    def scanned(sql: str) -> int:
        return int(asked.ended(asked.start(sql))["Statistics"]["DataScannedInBytes"])

    one, both = scanned("SELECT sum(n) FROM t WHERE dt = '2026-01-01'"), scanned("SELECT sum(n) FROM t")
    assert 0 < one < both < scanned("SELECT sum(n), max(text) FROM t")


def test_values_are_written_as_athena_writes_them(asked: Asked) -> None:
    sql = """
        SELECT 1e7 AS a, 0.0001e0 AS b, 2.5e0 AS c, true AS d, TIMESTAMP '2026-01-02 03:04:05' AS e,
            map(array['k'], array[1]) AS f, CAST(NULL AS bigint) AS g, -1.25e300 AS h, CAST('NaN' AS double) AS i
    """
    assert asked.rows(sql) == [
        ["1.0E7", "1.0E-4", "2.5", "true", "2026-01-02 03:04:05.000", "{k=1}", None, "-1.25E300", "NaN"]
    ]
    query_id = asked.start(sql)
    asked.ended(query_id)
    info = asked.client.get_query_results(QueryExecutionId=query_id)["ResultSet"]["ResultSetMetadata"]
    types = [column["Type"] for column in info["ColumnInfo"]]
    assert types == [
        "double",
        "double",
        "double",
        "boolean",
        "timestamp",
        "map",
        "bigint",
        "double",
        "double",
    ]


def test_pages_are_as_long_as_asked_for_and_the_header_is_a_row_of_the_first(asked: Asked) -> None:
    asked.table({"n": "bigint"})
    asked.put("2026-01-01", {"n": [1, 2, 3]})
    query_id = asked.start("SELECT n FROM t ORDER BY n")
    asked.ended(query_id)
    pages: list[list[str]] = []
    token: dict[str, str] = {}
    while True:
        page = asked.client.get_query_results(QueryExecutionId=query_id, MaxResults=3, **token)
        pages.append([row["Data"][0]["VarCharValue"] for row in page["ResultSet"]["Rows"]])
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert pages == [["n", "1", "2"], ["3"]]


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT FROM WHERE", "mismatched input"),
        ("SELECT 1; SELECT 2", "Only one sql statement is allowed"),
        ("DROP TABLE t", "runs only queries"),
    ],
)
def test_what_is_no_query_is_refused_at_once(asked: Asked, sql: str, says: str) -> None:
    with pytest.raises(ClientError, match=f"InvalidRequestException.*{says}"):
        asked.start(sql)


def test_a_query_that_nobody_started_or_that_has_no_rows_has_no_results(asked: Asked) -> None:
    with pytest.raises(ClientError, match="QueryExecution nope was not found"):
        asked.client.get_query_results(QueryExecutionId="nope")
    query_id = asked.start("SELECT * FROM missing")
    assert (
        "Table 'awsdatacatalog.d.missing' does not exist"
        in asked.ended(query_id)["Status"]["StateChangeReason"]
    )
    with pytest.raises(ClientError, match=r"did not finish successfully\. Final query state: FAILED"):
        asked.client.get_query_results(QueryExecutionId=query_id)


def test_everything_else_is_the_emulators_to_answer(asked: Asked) -> None:
    asked.client.create_work_group(Name="mine", Description="passed on")
    assert asked.client.get_work_group(WorkGroup="mine")["WorkGroup"]["Description"] == "passed on"


class Refusing(BaseHTTPRequestHandler):
    """Refuses everything, as IAM would."""

    def do_POST(self) -> None:
        body = b'{"__type": "AccessDeniedException", "Message": "not for you"}'
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def refusing() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_what_the_emulator_refuses_stays_refused(
    bare_aws: Aws, refusing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(refusing) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_ATHENA", url)
        client = Aws(bare_aws.settings).client("athena")
        asked: list[tuple[Callable[..., object], dict[str, str]]] = [
            (client.start_query_execution, {"QueryString": "SELECT 1"}),
            (client.get_query_execution, {"QueryExecutionId": "x"}),
            (client.get_query_results, {"QueryExecutionId": "x"}),
            (client.stop_query_execution, {"QueryExecutionId": "x" * 32}),
        ]
        for ask, what in asked:
            with pytest.raises(ClientError, match=r"AccessDenied.*not for you"):
                ask(**what)


@pytest.mark.slow
def test_started_by_hand_it_says_where_it_is_and_leaves_nothing_behind(moto_url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "testkit.aws.athena", "--upstream", moto_url]
    environment = {"TMPDIR": str(tmp_path), "PATH": ""}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Athena at http://127.0.0.1:")
        assert len(list(tmp_path.iterdir())) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert list(tmp_path.iterdir()) == []
