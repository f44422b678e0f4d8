"""DuckDB over a bucket's files, each fetched once and cached on this machine.

Gold and the report read months of small files every day. Athena would list every day of every list for every scan
in a query, which S3 bills: measured with gold's SQL, dollars a month on a year's lake. Here a query lists the tables
that it names, 1,000 files a request, and fetches new files.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from tally_pipeline.lake.store import LakeError, NoSuchObjectError, ObjectInfo, Store
from tally_pipeline.query import dialect
from tally_pipeline.query.duckdb_engine import DuckDbEngine, Files, T
from tally_pipeline.query.engine import QueryError
from tally_pipeline.query.tables import TableSpec

FETCHED_AT_ONCE = 16

_UNFETCHED = "the lake's files cannot be fetched: {error}"


class CachedDuckDbEngine(DuckDbEngine):
    """Answers Athena's SQL about the Parquet files of a store, from copies in `folder`; a `QueryEngine`.

    The folder may be removed at any time, and several processes may share it.
    """

    def __init__(self, store: Store, folder: Path, tables: Sequence[TableSpec]) -> None:
        super().__init__(folder, tables)
        self._store = store

    def describe(self) -> str:
        """The engine and the place of its data, in one line."""
        return f"DuckDB over copies of {self._store.root} in {self._root}"

    def columns(self, table: str) -> list[tuple[str, str]]:
        """As in `DuckDbEngine`, of the present files in the store."""
        if table in self._tables:
            self._refresh([self._tables[table]])
        return super().columns(table)

    def rows(self, sql: str, schema: pa.Schema, days: Collection[str] | None = None) -> pa.Table:
        """As in `DuckDbEngine`. With `days` only their files are fetched, for this query alone: they are large, and
        the next query reads others."""
        query = dialect.read(sql, self._tables)
        if days is None or not isinstance(query, dialect.Query):
            return super().rows(sql, schema)
        tables = [self._tables[name] for name in sorted(query.tables)]
        self._root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=self._root) as folder:
            try:
                for key in (table.pattern.replace("*", day) for table in tables for day in sorted(days)):
                    with suppress(NoSuchObjectError):
                        path = Path(folder, key)
                        body = self._store.get(key)
                        path.parent.mkdir(parents=True)
                        path.write_bytes(body)
            except LakeError as error:
                raise QueryError(_UNFETCHED.format(error=error)) from error
            return DuckDbEngine(Path(folder), tables).rows(sql, schema)

    def _unmixed(self, tables: Sequence[TableSpec], ask: Callable[[Sequence[Files]], T]) -> T:
        self._refresh(tables)
        return super()._unmixed(tables, ask)

    def _refresh(self, tables: Sequence[TableSpec]) -> None:
        """Make the folder hold exactly the store's files of these tables. Raises `QueryError`."""
        try:
            for table in tables:
                listed = [info for info in self._store.list(table.prefix) if info.key.endswith(".parquet")]
                stale = [info for info in listed if not self._holds(info)]
                with ThreadPoolExecutor(FETCHED_AT_ONCE) as threads:
                    list(threads.map(self._fetch, stale))
                self._remove_others(table, {info.key for info in listed})
        except LakeError as error:
            raise QueryError(_UNFETCHED.format(error=error)) from error

    def _holds(self, info: ObjectInfo) -> bool:
        try:
            stat = (self._root / info.key).stat()
        except FileNotFoundError:
            return False
        return (stat.st_size, stat.st_mtime_ns) == (info.size, _stamp(info.version))

    def _fetch(self, info: ObjectInfo) -> None:
        """Put the object into the folder atomically, with its version as the file's time: no index is needed."""
        path = self._root / info.key
        with suppress(NoSuchObjectError):  # removed since it was listed: the next listing shows it
            body = self._store.get(info.key)
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
            with os.fdopen(handle, "wb") as file:
                file.write(body)
            # Replaced since it was listed: the size or the stamp shows it to the next query.
            os.utime(name, ns=(_stamp(info.version), _stamp(info.version)))
            Path(name).replace(path)

    def _remove_others(self, table: TableSpec, keys: set[str]) -> None:
        for path in self._root.glob(table.pattern):
            if path.relative_to(self._root).as_posix() not in keys:
                path.unlink(missing_ok=True)


def _stamp(version: str) -> int:
    """A time (ns since the epoch) that encodes a version: the same version gives the same time."""
    return int.from_bytes(hashlib.sha256(version.encode()).digest()[:8]) % 10**18
