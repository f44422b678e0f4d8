"""Serves the lake's tables on AWS: Athena runs the SQL, Glue says what the tables are.

Athena bills the bytes that a query reads, 10 MB at least, and S3 each folder that it has to list: a query without a
filter on `dt` lists every day of every list. The workgroup limits the bytes that one query may read.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from botocore.exceptions import BotoCoreError, ClientError

from tally_pipeline.aws.errors import explained
from tally_pipeline.aws.session import Aws
from tally_pipeline.query import athena_errors, dialect, glue
from tally_pipeline.query.engine import Answer, QueryError, Remedies, Rows, in_schema
from tally_pipeline.query.tables import TableSpec

TIME_LIMIT = 300.0
"""Seconds after which a query is stopped."""

UNLOADED = "unload"
"""The folder in the results' bucket for results as Parquet; the bucket's lifecycle rules remove them."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 2.0
_PAGE = 1000


@dataclass(frozen=True)
class _Execution:
    """A finished query, as Athena describes it."""

    response: Mapping[str, Any]

    @property
    def state(self) -> str:
        return str(self.response["Status"]["State"])

    @property
    def reason(self) -> str:
        """Athena's reason for its failure."""
        status = self.response["Status"]
        return str(status.get("StateChangeReason") or status.get("AthenaError", {}).get("ErrorMessage") or "")

    @property
    def bytes_scanned(self) -> int:
        return int(self.response.get("Statistics", {}).get("DataScannedInBytes", 0))


class AthenaEngine:
    """Answers Athena's SQL through a workgroup, about the tables of a Glue database; a `QueryEngine`.

    A query is stopped if it takes longer than `time_limit` seconds or if its caller is interrupted.
    """

    name = "Athena"
    remedies = Remedies(
        schema="The table in Glue was changed, or was made by an older deploy/: run `terraform apply` there.",
        counts="A day before the table's first has no rows: see projection.dt.range in Glue (retention_days and"
        " first_ingest_date in deploy/). Else rebuild the day's silver (materialize silver_shows for it), and look"
        " for stray files below silver/shows.",
        unreadable="When it names a file, rebuild its day (materialize silver_shows for it); when it names a table,"
        " run `terraform apply` in deploy/. Then materialize this again.",
    )

    def __init__(self, aws: Aws, tables: Sequence[TableSpec], *, time_limit: float = TIME_LIMIT) -> None:
        self._aws = aws
        self._settings = aws.settings
        self._tables = {table.name: table for table in tables}
        self._time_limit = time_limit

    def describe(self) -> str:
        """The engine and the place of its data, in one line."""
        settings = self._settings
        return (
            f"Athena in {settings.region}, workgroup {settings.workgroup}, Glue database {settings.database}"
        )

    def tables(self) -> tuple[str, ...]:
        """The names of the tables that may be queried."""
        return tuple(self._tables)

    def query(self, sql: str) -> pa.Table:
        """The result of one statement in Athena's SQL, in its order. Raises `QueryError`."""
        return self.measure(sql).rows

    def measure(self, sql: str) -> Answer:
        """As `query`, with its cost; Glue answers SHOW and DESCRIBE, which cost nothing."""
        started = time.monotonic()
        match dialect.read(sql, self._tables):
            case dialect.Query() as query:
                execution = self._run(query.athena, query)
                query_id = execution.response["QueryExecutionId"]
                rows = athena_errors.table(self._pages(query_id))
                seconds = time.monotonic() - started
                return Answer(rows, seconds, execution.bytes_scanned, query_id, self._link(query_id))
            case asked:
                return Answer(self._about_tables(asked), time.monotonic() - started)

    def stream(self, sql: str) -> Rows:
        """As `query`, page by page. Raises `QueryError`."""
        match dialect.read(sql, self._tables):
            case dialect.Query() as query:
                execution = self._run(query.athena, query)
                return athena_errors.rows(self._pages(execution.response["QueryExecutionId"]))
            case asked:
                return Rows.of(self._about_tables(asked))

    def _about_tables(self, asked: dialect.ShowTables | dialect.ShowColumns) -> pa.Table:
        if isinstance(asked, dialect.ShowTables):
            return pa.table({"table": list(self._tables)})
        columns = self.columns(asked.table)
        return pa.table({"column": [name for name, _ in columns], "type": [type_ for _, type_ in columns]})

    def rows(self, sql: str, schema: pa.Schema, days: Collection[str] | None = None) -> pa.Table:
        """The query's rows in `schema`, in no order: Athena writes them as Parquet. Raises `QueryError`."""
        query = dialect.read(sql, self._tables)
        if not isinstance(query, dialect.Query) or query.explain:
            raise QueryError("only a SELECT has rows of a schema")
        bucket, folder = self._settings.results_bucket, f"{UNLOADED}/{uuid4()}/"
        self._run(
            f"UNLOAD (\n{query.athena}\n) TO 's3://{bucket}/{folder}'"
            " WITH (format = 'PARQUET', compression = 'SNAPPY')",
            query,
        )
        # A query without rows writes no file.
        parts = [in_schema(part, schema) for part in self._unloaded_tables(bucket, folder)]
        return pa.concat_tables([schema.empty_table(), *parts]).combine_chunks()

    def columns(self, table: str) -> list[tuple[str, str]]:
        """Name and Athena type of each column in Glue, partition keys last. Raises `QueryError`."""
        return glue.columns(self._in_glue(table))

    def differences(self, table: str) -> list[dict[str, str]]:
        """The differences of Glue's table from the contract: columns, folder, projection. Raises `QueryError`."""
        return glue.differences(self._in_glue(table), self._tables[table], self._settings.lake_bucket)

    def _in_glue(self, table: str) -> Mapping[str, Any]:
        name = dialect.known_table(table, self._tables)
        with explained("read", f"Glue table {self._settings.database}.{name}", QueryError):
            table_: Mapping[str, Any] = self._aws.client("glue").get_table(
                DatabaseName=self._settings.database, Name=name
            )["Table"]
        return table_

    def _run(self, sql: str, query: dialect.Query) -> _Execution:
        """Run `sql`, the text of `query`, to its end; raises `QueryError` unless it succeeds."""
        with self._explained("start a query in"):
            query_id = self._athena.start_query_execution(
                QueryString=sql,
                QueryExecutionContext={"Database": self._settings.database},
                WorkGroup=self._settings.workgroup,
            )["QueryExecutionId"]
        execution = self._wait_or_stop(query_id)
        if execution.state != "SUCCEEDED":
            tables = [self._tables[name] for name in sorted(query.tables)]
            why = athena_errors.explained_failure(execution.reason, tables, self._settings)
            raise QueryError(f"{why} ({execution.state.lower()}: {self._link(query_id)})")
        return execution

    def _wait_or_stop(self, query_id: str) -> _Execution:
        """Wait for the query. If the wait ends early, the query is stopped, so that it costs nothing more."""
        execution = None
        try:
            execution = self._wait(query_id)
        finally:
            if execution is None:
                with suppress(ClientError, BotoCoreError):
                    self._athena.stop_query_execution(QueryExecutionId=query_id)
        return execution

    def _wait(self, query_id: str) -> _Execution:
        deadline = time.monotonic() + self._time_limit
        pause = _FIRST_PAUSE
        while True:
            with self._explained("learn what became of a query in"):
                response = self._athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
            execution = _Execution(response)
            if execution.state not in ("QUEUED", "RUNNING"):
                return execution
            seconds_left = deadline - time.monotonic()
            if seconds_left <= 0:
                raise QueryError(
                    f"the query took longer than {self._time_limit:g} s and was stopped: filter on dt, so that it"
                    f" reads fewer days, or ask again when Athena is less busy ({self._link(query_id)})"
                )
            time.sleep(min(pause, seconds_left))
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _pages(self, query_id: str) -> Iterator[Mapping[str, Any]]:
        """The pages of a result; the first begins with the columns' names."""
        with self._explained("read a query's rows from"):
            yield from self._athena.get_paginator("get_query_results").paginate(
                QueryExecutionId=query_id, PaginationConfig={"PageSize": _PAGE}
            )

    def _unloaded_tables(self, bucket: str, folder: str) -> Iterator[pa.Table]:
        """The tables in the files that a query wrote."""
        s3 = self._aws.client("s3")
        with explained("read what Athena wrote to", f"s3://{bucket}/{folder}", QueryError):
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder):
                for item in page.get("Contents", []):
                    body = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
                    yield pq.ParquetFile(pa.BufferReader(body)).read(use_threads=False)

    @cached_property
    def _athena(self) -> Any:
        return self._aws.client("athena")

    def _explained(self, doing: str) -> Any:
        return explained(doing, f"Athena workgroup {self._settings.workgroup}", QueryError)

    def _link(self, query_id: str) -> str:
        """The query in Athena's console, where it stays for 45 days."""
        region = self._settings.region
        home = f"https://{region}.console.aws.amazon.com/athena/home?region={region}"
        return f"{home}#/query-editor/history/{query_id}"
