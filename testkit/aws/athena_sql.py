"""Runs a statement of Athena's as Athena would: over the tables in Glue, with their partitions.

sqlglot writes the SQL for DuckDB, which reads copies of the files. A table or a column that is not in Glue, a
day outside the projection, a file of other types fail or are skipped as on Athena; the messages are Athena's.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import boto3
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot
from botocore.exceptions import ClientError
from sqlglot import exp
from sqlglot.errors import SqlglotError

from tally_pipeline.contracts.contract import athena_type

_UNLOAD = re.compile(
    r"UNLOAD\s*\((?P<query>.*)\)\s*TO\s*'s3://(?P<bucket>[^/']+)/(?P<folder>[^']*)'\s*WITH\s*\((?P<how>[^)]*)\)",
    re.IGNORECASE | re.DOTALL,
)
_EXPLAIN = re.compile(r"EXPLAIN\s+(?P<query>.*)", re.IGNORECASE | re.DOTALL)
_SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET integer_division = true",
    # Bytes read after planning are then those of the needed columns.
    "SET parquet_metadata_cache = true",
    "SET python_enable_replacements = false",
)
_UNLOAD_FILES = 4
"""Files that rows are unloaded to: several, so that no caller relies on their order."""


class UnreadableError(Exception):
    """Not a statement; Athena refuses it before it runs."""


class FailedError(Exception):
    """A query failed; the message is Athena's."""


@dataclass(frozen=True)
class Statement:
    """A query; `unload` is the bucket and folder for its rows."""

    tree: exp.Query | exp.Values
    unload: tuple[str, str] | None = None
    explains: bool = False


@dataclass(frozen=True)
class Done:
    """A query's answer, and the number of bytes that it read from files."""

    rows: pa.Table
    bytes_scanned: int
    explains: bool = False


@dataclass(frozen=True)
class File:
    """An object of a table, and its partition."""

    bucket: str
    key: str
    etag: str
    partition: Mapping[str, str]


def read(sql: str) -> Statement:
    """Parse a statement; raises `UnreadableError`."""
    text = sql.strip().rstrip(";")
    if match := _UNLOAD.fullmatch(text):
        if "parquet" not in match["how"].lower():
            raise UnreadableError("this stand-in unloads Parquet alone")
        return Statement(_parsed(match["query"]), unload=(match["bucket"], match["folder"]))
    if match := _EXPLAIN.fullmatch(text):
        return Statement(_parsed(match["query"]), explains=True)
    return Statement(_parsed(text))


class Athena:
    """Runs queries over the Glue and S3 of the emulator at `upstream`; `cache` keeps copies of the files."""

    def __init__(self, upstream: str, region: str, cache: Path) -> None:
        # boto3's default session would keep the credentials of its first user.
        session = boto3.Session(region_name=region)
        self._clients = {
            name: session.client(name, endpoint_url=upstream) for name in ("glue", "s3", "athena")
        }
        self._cache = cache

    def byte_limit(self, workgroup: str) -> int | None:
        """The most bytes that a query of the workgroup may read."""
        try:
            found = self._clients["athena"].get_work_group(WorkGroup=workgroup)["WorkGroup"]
        except ClientError:
            return None
        limit: int | None = found.get("Configuration", {}).get("BytesScannedCutoffPerQuery")
        return limit

    def run(self, statement: Statement, database: str, stop: threading.Event) -> Done:
        """Run it; raises `FailedError`. It is interrupted once `stop` is set."""
        tree = statement.tree.copy()
        views = [self._view(table, database, tree) for table in _tables(tree)]
        try:
            sql = tree.sql("duckdb")
            with closing(duckdb.connect()) as connection:
                for setting in (*_SETTINGS, *dict.fromkeys(views)):
                    connection.execute(setting)
                with _broken_off_by(stop, connection):
                    rows, scanned = _asked(connection, f"EXPLAIN {sql}" if statement.explains else sql)
        except duckdb.Error as error:
            raise FailedError(_in_athenas_words(error)) from error
        if statement.explains:
            return Done(pa.table({"Query Plan": rows.column(1).cast(pa.string())}), 0, explains=True)
        if statement.unload:
            self._unload(rows, *statement.unload)
            rows = pa.table({"rows": [rows.num_rows]}, schema=pa.schema([("rows", pa.int64())]))
        return Done(rows, scanned)

    def _view(self, table: exp.Table, database: str, tree: exp.Expr) -> str:
        """The SQL that creates the table for DuckDB as specified in Glue."""
        if not isinstance(table.this, exp.Identifier):
            raise FailedError(f"FUNCTION_NOT_FOUND: line 1:15: {table.sql('athena')} is no table")
        name, named = table.name.lower(), table.db.lower() or database
        table.set("db", None)
        table.set("catalog", None)
        try:
            told = self._clients["glue"].get_table(DatabaseName=named, Name=name)["Table"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "EntityNotFoundException":
                raise FailedError(f"Insufficient permissions to execute the query. {error}") from error
            raise FailedError(
                f"TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.{named}.{name}' does not exist"
            ) from error
        columns = {one["Name"]: one["Type"] for one in told["StorageDescriptor"]["Columns"]}
        keys = [one["Name"] for one in told.get("PartitionKeys", [])]
        if set(columns) & set(keys):
            raise FailedError(
                f"HIVE_INVALID_METADATA: Hive metadata for table {name} is invalid:"
                " Table descriptor contains duplicate columns"
            )
        paths = self._copies(list(self._files(told, keys)), keys)
        return f'CREATE TEMP VIEW "{name}" AS {_select(columns, keys, paths, tree)}'

    def _files(self, table: Mapping[str, Any], keys: Sequence[str]) -> Iterator[File]:
        """The table's files, each with its partition: projected, registered in Glue, or none."""
        parameters = table.get("Parameters", {})
        root = table["StorageDescriptor"]["Location"]
        if keys and parameters.get("projection.enabled", "").lower() == "true":
            template = parameters.get("storage.location.template") or "/".join(
                [root.rstrip("/"), *(f"{key}=${{{key}}}" for key in keys)]
            )
            yield from self._projected(template, _projections(table["Name"], parameters, keys))
        elif keys:
            pages = self._clients["glue"].get_paginator("get_partitions")
            for page in pages.paginate(DatabaseName=table["DatabaseName"], TableName=table["Name"]):
                for one in page["Partitions"]:
                    partition = dict(zip(keys, one["Values"], strict=True))
                    yield from self._below(one["StorageDescriptor"]["Location"], partition)
        else:
            yield from self._below(root, {})

    def _projected(self, template: str, allowed: Mapping[str, Projection]) -> Iterator[File]:
        """The files in folders that the template names for partitions of the projection."""
        pattern = re.escape(template.rstrip("/") + "/")
        for key in allowed:
            pattern = pattern.replace(re.escape(f"${{{key}}}"), f"(?P<{key}>[^/]+)", 1)
        for file in self._below(template.partition("$")[0], {}):
            match = re.match(pattern, f"s3://{file.bucket}/{file.key}")
            if match and all(projection.has(match[key]) for key, projection in allowed.items()):
                yield File(file.bucket, file.key, file.etag, match.groupdict())

    def _below(self, location: str, partition: Mapping[str, str]) -> Iterator[File]:
        """The objects below a location, except those that Athena ignores: empty, `_hidden`, `.hidden`."""
        where = urlsplit(location)
        pages = self._clients["s3"].get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=where.netloc, Prefix=where.path.lstrip("/")):
            for one in page.get("Contents", []):
                if one["Size"] and not one["Key"].rpartition("/")[2].startswith(("_", ".")):
                    yield File(where.netloc, one["Key"], one["ETag"].strip('"'), partition)

    def _copies(self, files: Sequence[File], keys: Sequence[str]) -> list[Path]:
        """The local copies of the files. Existing ones are not copied again."""
        paths = [self._copy(file, keys) for file in files]
        missing = [(file, path) for file, path in zip(files, paths, strict=True) if not path.exists()]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self._download, missing))
        return paths

    def _copy(self, file: File, keys: Sequence[str]) -> Path:
        name = hashlib.sha256(f"{file.bucket}/{file.key} {file.etag}".encode()).hexdigest()[:32]
        return self._cache.joinpath(*(f"{key}={file.partition[key]}" for key in keys), f"{name}.parquet")

    def _download(self, one: tuple[File, Path]) -> None:
        file, path = one
        body = self._clients["s3"].get_object(Bucket=file.bucket, Key=file.key)["Body"].read()
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{uuid4()}")
        part.write_bytes(body)
        part.replace(path)

    def _unload(self, rows: pa.Table, bucket: str, folder: str) -> None:
        """The rows as Parquet files, last rows first; no rows, no file. The folder has to be empty."""
        s3 = self._clients["s3"]
        if s3.list_objects_v2(Bucket=bucket, Prefix=folder, MaxKeys=1).get("KeyCount"):
            raise FailedError(
                f"HIVE_PATH_ALREADY_EXISTS: Target directory for table 'awsdatacatalog.unload' already exists:"
                f" s3://{bucket}/{folder}"
            )
        size = max(1, -(-rows.num_rows // _UNLOAD_FILES))
        for first in range(0, rows.num_rows, size):
            part = rows.slice(first, size)
            sink = pa.BufferOutputStream()
            pq.write_table(part.take(list(range(part.num_rows - 1, -1, -1))), sink, compression="snappy")
            s3.put_object(Bucket=bucket, Key=f"{folder.rstrip('/')}/{uuid4()}", Body=bytes(sink.getvalue()))


@dataclass(frozen=True)
class Projection:
    """The values that a partition key may have: those of a list, or the days of a range."""

    values: frozenset[str] = frozenset()
    first: date = date.min
    last: date = date.min

    def has(self, value: str) -> bool:
        if self.values:
            return value in self.values
        with suppress(ValueError):
            return len(value) == 10 and self.first <= date.fromisoformat(value) <= self.last
        return False


def _projections(table: str, parameters: Mapping[str, str], keys: Sequence[str]) -> dict[str, Projection]:
    missing = [key for key in keys if f"projection.{key}.type" not in parameters]
    if missing:
        raise FailedError(
            f"HIVE_METASTORE_ERROR: Table {table} is configured for partition projection, but the following"
            f" partition columns are missing projection configuration: [{', '.join(missing)}]"
        )
    return {key: _projection(parameters, f"projection.{key}") for key in keys}


def _projection(parameters: Mapping[str, str], name: str) -> Projection:
    match parameters[f"{name}.type"].lower():
        case "enum":
            return Projection(values=frozenset(v.strip() for v in parameters[f"{name}.values"].split(",")))
        case "date" if parameters.get(f"{name}.format") == "yyyy-MM-dd":
            first, last = (_day(end) for end in parameters[f"{name}.range"].split(","))
            return Projection(first=first, last=last)
    raise FailedError(f"INVALID_TABLE_PROPERTY: this stand-in does not know the projection of {name}")


def _day(text: str) -> date:
    """A day of a range: `2025-12-24`, `NOW`, `NOW+1DAY`."""
    if match := re.fullmatch(r"NOW\s*(?:(?P<days>[+-]\s*\d+)\s*DAYS?)?", text.strip(), re.IGNORECASE):
        return datetime.now(UTC).date() + timedelta(days=int((match["days"] or "0").replace(" ", "")))
    return date.fromisoformat(text.strip())


def _parsed(sql: str) -> exp.Query | exp.Values:
    try:
        statements = sqlglot.parse(sql, read="athena")
    except SqlglotError as error:
        raise UnreadableError(f"line 1:1: mismatched input. {error}") from error
    tree = statements[0] if len(statements) == 1 else None
    if not isinstance(tree, exp.Query | exp.Values):
        raise UnreadableError("Only one sql statement is allowed, and this stand-in runs only queries")
    return tree


def _tables(tree: exp.Expr) -> list[exp.Table]:
    made_here = {one.alias.lower() for one in tree.find_all(exp.CTE)}
    return [one for one in tree.find_all(exp.Table) if one.db or one.name.lower() not in made_here]


def _select(columns: Mapping[str, str], keys: Sequence[str], paths: Sequence[Path], tree: exp.Expr) -> str:
    """The files' rows by Glue's columns: other columns are ignored, one that a file lacks is null."""
    types = {
        name: exp.DataType.build(type_, dialect="athena").sql("duckdb") for name, type_ in columns.items()
    }
    if not paths:
        nothing = [f'CAST(NULL AS {type_}) AS "{name}"' for name, type_ in types.items()]
        nothing += [f'CAST(NULL AS VARCHAR) AS "{key}"' for key in keys]
        return f"SELECT {', '.join(nothing)} WHERE false"
    hive = "{" + ", ".join(f"'{key}': VARCHAR" for key in keys) + "}"
    scan = f"read_parquet([{', '.join(_text(str(path)) for path in paths)}], union_by_name = true"
    scan += f", hive_partitioning = true, hive_types = {hive})" if keys else ")"
    stored = _stored(paths)
    wanted = {column.name.lower() for column in tree.find_all(exp.Column)}
    everything = any(
        isinstance(one, exp.Star) for query in tree.find_all(exp.Select) for one in query.expressions
    )
    listed = []
    for name, type_ in columns.items():
        fits = stored.get(name) == {_plain(type_)}
        if name in stored and not fits and (everything or name in wanted):
            raise FailedError(
                f"HIVE_BAD_DATA: Malformed Parquet file. Field {name}'s type {', '.join(sorted(stored[name]))}"
                f" in a parquet file is incompatible with type {type_} defined in table schema"
            )
        listed.append(f'"{name}"' if fits else f'CAST(NULL AS {types[name]}) AS "{name}"')
    return f"SELECT {', '.join([*listed, *keys])} FROM {scan}"


def _stored(paths: Sequence[Path]) -> dict[str, set[str]]:
    """The types, by Glue's names, of each column in any of the files."""
    found: dict[str, set[str]] = {}
    for path in paths:
        for name, type_ in _stored_in(path):
            found.setdefault(name, set()).add(type_)
    return found


@cache
def _stored_in(path: Path) -> tuple[tuple[str, str], ...]:
    """Name and type of each column of a file, which never changes."""
    try:
        schema = pq.read_schema(path)
    except pa.ArrowException as error:
        raise FailedError(f"HIVE_BAD_DATA: Not valid Parquet file: {path.parent.name}") from error
    return tuple((field.name, athena_type(field.type)) for field in schema)


def _plain(type_: str) -> str:
    return type_.lower().replace(" ", "")


def _asked(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[pa.Table, int]:
    """The query's rows, and the number of bytes of the files' columns read for them."""
    relation = connection.sql(sql)
    connection.execute("CALL enable_logging('FileSystem', storage = 'memory')")
    connection.execute("CALL truncate_duckdb_logs()")
    rows = relation.to_arrow_table()
    connection.execute("CALL disable_logging()")
    scanned = connection.execute(
        "SELECT coalesce(sum(bytes), 0) FROM duckdb_logs_parsed('FileSystem') WHERE op = 'READ'"
    ).fetchall()
    for place, type_ in enumerate(relation.types):
        if str(type_) == "HUGEINT":
            whole = rows.column(place).cast(pa.int64())
            rows = rows.set_column(place, rows.column_names[place], whole)
    return rows, int(scanned[0][0])


@contextmanager
def _broken_off_by(stop: threading.Event, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Interrupts the connection when the event is set."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            if stop.is_set():
                connection.interrupt()

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()


def _in_athenas_words(error: duckdb.Error) -> str:
    message = " ".join(str(error).split("\n\n")[0].split())
    if match := re.search(r'column "([^"]+)" not found|column named "([^"]+)"', message, re.IGNORECASE):
        return f"COLUMN_NOT_FOUND: line 1:8: Column '{match[1] or match[2]}' cannot be resolved"
    if isinstance(error, duckdb.ConversionException):
        return f"INVALID_CAST_ARGUMENT: {message}"
    return f"GENERIC_USER_ERROR: {message}"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
