"""Serves the lake's tables from a folder through DuckDB, in Athena's dialect of SQL.

Each query gets a database of its own in memory, with nothing to lock, nothing to go stale, and nothing shared between
threads. It may read the lake's folder and nothing else.

DuckDB opens a file more than once, so a file replaced meanwhile would be read half old, half new. The engine
compares the files before and after, and repeats the query if one was replaced.
"""

from __future__ import annotations

import glob
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import TypeVar

import duckdb
import pyarrow as pa

from tally_pipeline.query import dialect, duckdb_errors, interruptible
from tally_pipeline.query.engine import BATCH, Answer, QueryError, Remedies, Rows, compared, in_schema
from tally_pipeline.query.tables import TableSpec, athena_columns

_SETTINGS = (
    "SET TimeZone = 'UTC'",
    # In Athena the quotient of whole numbers is a whole number.
    "SET integer_division = true",
    # A file's footer is read once, not at each use by a query: half the time over a year of days.
    "SET parquet_metadata_cache = true",
    # Nothing is written to disk, not even data that does not fit into memory.
    "SET temp_directory = ''",
    # A table's name never refers to a variable of the calling Python code.
    "SET python_enable_replacements = false",
)

_SCHEMAS = """SELECT file_name, name, type, repetition_type, num_children, converted_type, logical_type
FROM parquet_schema({files})"""

_ATTEMPTS = 10

State = tuple[int, int, int]
"""The values of a file that change with its replacement: inode, size, time of writing (ns since the epoch)."""

Files = Mapping[Path, State]
"""A table's files."""

T = TypeVar("T")


class DuckDbEngine:
    """Answers Athena's SQL about the Parquet files below `lake_root`; a `QueryEngine`.

    A column is null in files that lack it, as in Athena. `current_date` is the UTC day.
    """

    name = "DuckDB"
    remedies = Remedies(
        schema="A file under silver/shows was written under another contract or by other hands: rebuild its day"
        " (backfill silver_shows), or remove the stray file.",
        counts="Rebuild the day's silver (materialize silver_shows for it); if it stays so, look for stray files"
        " below silver/shows.",
        unreadable="Look at the file it names: remove it, and rebuild its day (materialize silver_shows for it).",
    )

    def __init__(self, lake_root: Path, tables: Sequence[TableSpec]) -> None:
        self._root = lake_root.resolve()
        self._tables = {table.name: table for table in tables}
        self._schemas: dict[Path, tuple[State, int]] = {}

    def describe(self) -> str:
        """The engine and the place of its data, in one line."""
        return f"DuckDB over the folder {self._root}"

    def tables(self) -> tuple[str, ...]:
        """The names of the tables that may be queried."""
        return tuple(self._tables)

    def query(self, sql: str) -> pa.Table:
        """The result of one statement in Athena's SQL. Raises `QueryError`."""
        match dialect.read(sql, self._tables):
            case dialect.Query() as query:
                tables = self._of(query)
                with _explained(query, tables):
                    return self._run(query.duckdb, tables)
            case asked:
                return self._about_tables(asked)

    def stream(self, sql: str) -> Rows:
        """As `query`, without ever holding all rows. Raises `QueryError`.

        The rows are those of one state of the files: iterating raises `QueryError` once a file is replaced.
        """
        match dialect.read(sql, self._tables):
            case dialect.Query() as query:
                tables = self._of(query)
                with _explained(query, tables):
                    rows = self._unmixed(tables, lambda files: self._begin(query.duckdb, tables, files))
                return Rows(rows.schema, _explaining(rows.batches, query, tables))
            case asked:
                return Rows.of(self._about_tables(asked))

    def rows(self, sql: str, schema: pa.Schema, days: Collection[str] | None = None) -> pa.Table:
        """The query's rows in `schema`, which names and types its columns. Raises `QueryError`."""
        return in_schema(self.query(sql), schema)

    def measure(self, sql: str) -> Answer:
        """The query's rows and duration; DuckDB does not report the bytes read. Raises `QueryError`."""
        started = time.monotonic()
        rows = self.query(sql)
        return Answer(rows, seconds=time.monotonic() - started)

    def columns(self, table: str) -> list[tuple[str, str]]:
        """Name and Athena type of each column in the table's files: the contract's first, `dt` last.

        If files differ, the columns of all of them, each with a type that holds all values. A table without files
        has the contract's columns. Raises `QueryError`.
        """
        spec = self._tables[dialect.known_table(table, self._tables)]
        if not (files := self._files(spec)):
            return athena_columns(spec.presented)
        scan = _scan(spec, files, same=False)
        return athena_columns(_in_order(self._run(f"FROM {scan} LIMIT 0", [spec]).schema, spec))

    def differences(self, table: str) -> list[dict[str, str]]:
        """The differences of the columns in the table's files from the contract. Raises `QueryError`."""
        return compared(athena_columns(self._tables[table].presented), self.columns(table), "column")

    def _of(self, query: dialect.Query) -> list[TableSpec]:
        return [self._tables[name] for name in sorted(query.tables)]

    def _about_tables(self, asked: dialect.ShowTables | dialect.ShowColumns) -> pa.Table:
        if isinstance(asked, dialect.ShowTables):
            return pa.table({"table": list(self._tables)})
        names, types = zip(*self.columns(asked.table), strict=True)
        return pa.table({"column": names, "type": types})

    def _run(self, sql: str, tables: Sequence[TableSpec]) -> pa.Table:
        """The query's rows, read from files that did not change meanwhile."""
        return self._unmixed(tables, lambda files: self._try(sql, tables, files))

    def _unmixed(self, tables: Sequence[TableSpec], ask: Callable[[Sequence[Files]], T]) -> T:
        """The result of `ask` on the tables' files; it is asked again if they changed meanwhile."""
        for _ in range(_ATTEMPTS):
            before = [self._files(table) for table in tables]
            try:
                found = ask(before)
            except QueryError:
                # A new file may have columns that were not expected.
                if before == [self._files(table) for table in tables]:
                    raise
            else:
                if _are_unchanged(before):
                    return found
        raise QueryError(
            f"the lake's files were replaced during each of {_ATTEMPTS} tries; ask again in a while"
        )

    def _try(self, sql: str, tables: Sequence[TableSpec], files: Sequence[Files]) -> pa.Table:
        def all_rows(connection: duckdb.DuckDBPyConnection) -> pa.Table:
            with closing(connection), _as_query_errors(tables):
                relation, whole = self._open(connection, sql, tables, files)
                return _with_bigints(relation.to_arrow_table(), whole)

        return interruptible.run(duckdb.connect(), all_rows)

    def _begin(self, sql: str, tables: Sequence[TableSpec], files: Sequence[Files]) -> Rows:
        """The query's rows; the first batch is there already."""
        connection = duckdb.connect()

        def begin(
            opened: duckdb.DuckDBPyConnection,
        ) -> tuple[pa.RecordBatchReader, list[int], pa.RecordBatch | None]:
            with _as_query_errors(tables):
                relation, whole = self._open(opened, sql, tables, files)
                reader = relation.to_arrow_reader(BATCH)
                return reader, whole, _next(reader)

        try:
            reader, whole, first = interruptible.run(connection, begin)
        except BaseException:
            connection.close()
            raise

        def batches() -> Iterator[pa.RecordBatch]:
            with closing(connection):
                batch = first
                while batch is not None:
                    yield from _with_bigints(pa.Table.from_batches([batch]), whole).to_batches()
                    with _as_query_errors(tables):
                        batch = interruptible.run(connection, lambda _: _next(reader))
                    if not _are_unchanged(files):
                        raise QueryError(
                            "the lake's files were replaced while these rows were read, and the rest of them is gone:"
                            " ask again"
                        )

        return Rows(_with_bigints(reader.schema.empty_table(), whole).schema, batches())

    def _open(
        self,
        connection: duckdb.DuckDBPyConnection,
        sql: str,
        tables: Sequence[TableSpec],
        files: Sequence[Files],
    ) -> tuple[duckdb.DuckDBPyRelation, list[int]]:
        """The query, and the places of the columns with DuckDB's 128-bit numbers."""
        for setting in _SETTINGS:
            connection.execute(setting)
        for table, present in zip(tables, files, strict=True):
            self._make_view(connection, table, present)
        self._restrict(connection)
        relation = connection.sql(sql)
        return relation, [place for place, type_ in enumerate(relation.types) if str(type_) == "HUGEINT"]

    def _make_view(self, connection: duckdb.DuckDBPyConnection, table: TableSpec, files: Files) -> None:
        """Make a view: the contract's columns without rows, then the files' rows by name. No files: an empty view."""
        # Written as SQL: given an Arrow table, DuckDB imports pandas, which takes longer than most queries.
        columns = athena_columns(table.presented)
        definitions = ", ".join(f'"{name}" {dialect.duckdb_type(type_)}' for name, type_ in columns)
        connection.execute(f"CREATE TEMP TABLE contract_of_{table.name} ({definitions})")
        view = f"CREATE TEMP VIEW {table.name} AS FROM contract_of_{table.name}"
        if files:
            same = self._have_one_schema(connection, files)
            view += f" UNION ALL BY NAME FROM {_scan(table, files, same=same)}"
        connection.execute(view)

    def _have_one_schema(self, connection: duckdb.DuckDBPyConnection, files: Files) -> bool:
        """True if all files have the same columns of the same types. Each is opened once, and then remembered."""
        known = self._schemas
        new = [path for path, state in files.items() if path not in known or known[path][0] != state]
        if len(files) > 1 and new:
            wanted = _list(glob.escape(str(path)) for path in new)
            try:
                found = connection.execute(_SCHEMAS.format(files=wanted)).fetchall()
            except duckdb.Error:
                return False  # the scan says what cannot be read
            for name, of_file in groupby(found, key=itemgetter(0)):
                if (path := Path(name)) in files:
                    known[path] = (files[path], hash(tuple(field[1:] for field in of_file)))
        return len({known[path][1] if path in known else 0 for path in files}) == 1

    def _restrict(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Restrict the connection to the lake's files, for good."""
        # DuckDB checks the scan's pattern as written, then each file that matches.
        folders = _list(f"{folder}/" for folder in (str(self._root), glob.escape(str(self._root))))
        connection.execute(f"SET allowed_directories = {folders}")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")

    def _files(self, table: TableSpec) -> Files:
        """The table's files."""
        states = {}
        for path in chain.from_iterable(self._root.glob(pattern) for pattern in table.patterns):
            if (state := _state(path)) is not None:
                states[path] = state
        return states


@contextmanager
def _as_query_errors(tables: Sequence[TableSpec]) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise QueryError(duckdb_errors.explained(str(error), tables)) from error


@contextmanager
def _explained(query: dialect.Query, tables: Sequence[TableSpec]) -> Iterator[None]:
    """Explains DuckDB's errors with the names that the query's text has for functions."""
    try:
        yield
    except QueryError as error:
        if not isinstance(error.__cause__, duckdb.Error):
            raise
        explanation = duckdb_errors.explained(str(error.__cause__), tables, query.functions)
        raise QueryError(explanation) from error.__cause__


def _explaining(
    batches: Iterator[pa.RecordBatch], query: dialect.Query, tables: Sequence[TableSpec]
) -> Iterator[pa.RecordBatch]:
    with _explained(query, tables):
        yield from batches


def _state(path: Path) -> State | None:
    """The file's state; None without a file."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return (stat.st_ino, stat.st_size, stat.st_mtime_ns)


def _are_unchanged(before: Iterable[Files]) -> bool:
    """True if every file from before still exists unchanged. A new day does no harm."""
    return all(_state(path) == state for files in before for path, state in files.items())


def _next(reader: pa.RecordBatchReader) -> pa.RecordBatch | None:
    """The next batch; None after the last."""
    try:
        return next(reader, None)
    except (OSError, pa.ArrowException) as error:  # DuckDB's message, as Arrow passes it on
        raise duckdb.Error(str(error)) from error


def _scan(table: TableSpec, files: Iterable[Path], *, same: bool) -> str:
    """The SQL that scans these files of the table; `same` if all have one schema.

    A filter on a partition key skips files; DuckDB opens them nevertheless unless all are the same. The files are
    named, for one that arrives now may have other columns.
    """
    # Only the keys in the path: a list's folder is just its name, and its files hold it as well.
    keys = ", ".join(f"{key}: VARCHAR" for key in table.partitions if f"/{key}=" in table.pattern)
    names = _list(glob.escape(str(path)) for path in sorted(files))
    return (
        f"read_parquet({names}, union_by_name = {'false' if same else 'true'}, hive_partitioning = true,"
        f" hive_types = {{{keys}}})"
    )


def _with_bigints(rows: pa.Table, places: Iterable[int]) -> pa.Table:
    """The rows with sums as Athena's bigints in place of DuckDB's 128-bit numbers, in the columns at these places."""
    for place in places:
        name = rows.column_names[place]
        try:
            whole = rows.column(place).cast(pa.int64())
        except pa.ArrowInvalid as error:
            raise QueryError(f"column {name!r} is too large for a bigint") from error
        rows = rows.set_column(place, name, whole)
    return rows


def _in_order(schema: pa.Schema, spec: TableSpec) -> pa.Schema:
    """The files' columns in the order of a query: the contract's in their order, others, partition keys."""
    known = [name for name in spec.columns.names if name in schema.names]
    others = [name for name in schema.names if name not in spec.presented.names]
    keys = [name for name in spec.partitions if name in schema.names]
    return pa.schema([schema.field(name) for name in [*known, *others, *keys]])


def _text(value: str) -> str:
    """A SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def _list(values: Iterable[str]) -> str:
    """A SQL list of string literals."""
    return "[" + ", ".join(_text(value) for value in values) + "]"
