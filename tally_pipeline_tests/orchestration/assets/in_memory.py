"""A lake in memory, and an engine that answers from it: what the graph runs on where no disk is to be touched."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatch

import duckdb
import pyarrow as pa

from tally_pipeline.lake import parquet
from tally_pipeline.lake.store import Store
from tally_pipeline.query import dialect
from tally_pipeline.query.engine import Answer, Remedies, Rows, compared, in_schema
from tally_pipeline.query.tables import TABLES, TableSpec, athena_columns


class MemoryEngine:
    """Answers Athena's SQL from a store; a `QueryEngine`."""

    name = "DuckDB in memory"
    remedies = Remedies(schema="-", counts="-", unreadable="-")

    def __init__(self, store: Store, tables: Sequence[TableSpec] = TABLES) -> None:
        self._store = store
        self._tables = {table.name: table for table in tables}

    def describe(self) -> str:
        return self.name

    def tables(self) -> tuple[str, ...]:
        return tuple(self._tables)

    def query(self, sql: str) -> pa.Table:
        read = dialect.read(sql, self._tables)
        assert isinstance(read, dialect.Query)
        with duckdb.connect() as database:
            database.execute("SET TimeZone = 'UTC'; SET integer_division = true")
            for name in read.tables:
                database.register(name, self._table(self._tables[name]))
            return database.sql(read.duckdb).to_arrow_table()

    def stream(self, sql: str) -> Rows:
        return Rows.of(self.query(sql))

    def rows(self, sql: str, schema: pa.Schema, days: Collection[str] | None = None) -> pa.Table:
        return in_schema(self.query(sql), schema)

    def measure(self, sql: str) -> Answer:
        return Answer(self.query(sql), seconds=0.0)

    def columns(self, table: str) -> list[tuple[str, str]]:
        return athena_columns(self._table(self._tables[table]).schema)

    def differences(self, table: str) -> list[dict[str, str]]:
        return compared(athena_columns(self._tables[table].presented), self.columns(table), "column")

    def _table(self, spec: TableSpec) -> pa.Table:
        """All files of a table, its partition keys taken from their folders."""
        parts = [spec.presented.empty_table()]
        for info in self._store.list(spec.prefix):
            if fnmatch(info.key, spec.pattern):
                rows = parquet.decode(self._store.get(info.key)).select(spec.columns.names)
                folders = info.key.removeprefix(f"{spec.prefix}/").split("/")
                for name, folder in zip(spec.partitions, folders, strict=False):
                    value = folder.removeprefix("dt=")
                    rows = rows.append_column(name, pa.array([value] * rows.num_rows, pa.string()))
                parts.append(rows.cast(spec.presented))
        return pa.concat_tables(parts)
