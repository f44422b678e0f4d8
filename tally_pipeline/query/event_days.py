"""Runs the refining of events in DuckDB over staged files, within bounded memory: what is larger goes to disk.

Apart from `duckdb_engine`, whose connections take few tables and no settings: here one query may sort a whole day.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from tally_pipeline.datasets.events.contract import LINES
from tally_pipeline.datasets.events.refinement import TABLE
from tally_pipeline.query import dialect

BATCH = 100_000
"""Rows of a batch."""


@contextmanager
def batches(
    root: Path, sql: str, schema: pa.Schema, spill: Path, memory: str = "1GB", threads: int = 2
) -> Iterator[pa.RecordBatchReader]:
    """The rows of a query in Athena's SQL over a lake's staged lines, in `schema` and the query's order.

    `root` is the lake's folder, `spill` one for what exceeds `memory` (as DuckDB writes it, "1GB"); it is emptied at
    the end. Raises `query.engine.QueryError` for SQL that cannot be read, and `duckdb.Error` (disk full, no memory).
    """
    query = dialect.read(sql, {TABLE})
    if not isinstance(query, dialect.Query):
        raise TypeError("this is no query")
    paths = sorted(str(path) for path in root.glob("silver/event_lines/dt=*/*.parquet"))
    with duckdb.connect(
        config={"memory_limit": memory, "threads": threads, "temp_directory": str(spill)}
    ) as connection:
        connection.execute(_view(paths))
        reader = connection.sql(query.duckdb).to_arrow_reader(BATCH)
        yield pa.RecordBatchReader.from_batches(schema, (batch.cast(schema) for batch in reader))


def _view(paths: Sequence[str]) -> str:
    if paths:
        names = ", ".join("'" + glob.escape(path).replace("'", "''") + "'" for path in paths)
        return (
            f"CREATE TEMP VIEW {TABLE} AS FROM read_parquet([{names}], hive_partitioning = true,"
            " hive_types = {dt: VARCHAR})"
        )
    columns = ", ".join(f'"{field.name}" {_TYPES[field.type]}' for field in LINES)
    return f"CREATE TEMP TABLE {TABLE} ({columns}, dt VARCHAR)"


_TYPES = {
    pa.string(): "VARCHAR",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.timestamp("ms"): "TIMESTAMP_MS",
    pa.list_(pa.string()): "VARCHAR[]",
}
