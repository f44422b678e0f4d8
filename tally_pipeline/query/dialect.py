"""Parses SQL in Athena's dialect, accepts only queries of known tables, and writes them for an engine."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, ParseError, SqlglotError, UnsupportedError

from tally_pipeline.query.dialect_gaps import gaps
from tally_pipeline.query.engine import QueryError

_COMMENTS_FIRST = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
_SHOW_TABLES = re.compile(r"show\s+tables", re.IGNORECASE)
_SHOW_COLUMNS = re.compile(
    r"(?:describe|desc|show\s+columns\s+(?:in|from))\s+[`\"]?(?P<table>\w+)[`\"]?", re.IGNORECASE
)
_EXPLAIN = re.compile(r"explain\s+(?P<query>.+)", re.IGNORECASE | re.DOTALL)
_MISSING = re.compile(r"Required keyword: '\w+' missing for <class '[\w.]*?(?P<of>\w+)'>")
_QUERY_WORDS = ("SELECT", "WITH", "VALUES", "TABLE")


@dataclass(frozen=True)
class ShowTables:
    """`SHOW TABLES`: asks for the names of the tables."""


@dataclass(frozen=True)
class ShowColumns:
    """`DESCRIBE table` or `SHOW COLUMNS IN table`: asks for a table's columns."""

    table: str


@dataclass(frozen=True)
class Query:
    """A query, and the tables it reads. `text` is the query in Athena's SQL, in which no table names a database."""

    text: str
    tables: frozenset[str]
    tree: exp.Query | exp.Values
    explain: bool = False

    @property
    def athena(self) -> str:
        """The query for Athena, as it was written."""
        return self._explained(self.text)

    @property
    def duckdb(self) -> str:
        """The query for DuckDB. Raises `QueryError` for what has no counterpart there."""
        try:
            return self._explained(
                _with_column_names(self.tree).sql("duckdb", unsupported_level=ErrorLevel.RAISE)
            )
        except UnsupportedError as error:
            raise QueryError(f"DuckDB has no counterpart for a part of this query: {error}") from error

    @property
    def functions(self) -> dict[str, str]:
        """The query's names of functions by DuckDB's names, in lower case, if the two differ."""
        pairs = {}
        for function in self.tree.find_all(exp.Func):
            duckdb, athena = (_function_name(function.sql(dialect)) for dialect in ("duckdb", "athena"))
            if duckdb and athena and duckdb not in self.text.lower():
                pairs[duckdb] = athena
        return pairs

    def _explained(self, sql: str) -> str:
        return f"EXPLAIN {sql}" if self.explain else sql


def read(sql: str, tables: Collection[str]) -> ShowTables | ShowColumns | Query:
    """Parse one statement in Athena's SQL about `tables`.

    Raises `QueryError` if the text is no SQL, is several statements, would change something, or names an unknown
    table.
    """
    statement = sql[_end_of_comments(sql) :].strip().rstrip(";").rstrip()
    if not statement:
        raise QueryError("there is no SQL to run")
    if _SHOW_TABLES.fullmatch(statement):
        return ShowTables()
    if match := _SHOW_COLUMNS.fullmatch(statement):
        return ShowColumns(known_table(match["table"], tables))
    if match := _EXPLAIN.fullmatch(statement):
        return _query(match["query"], tables, explain=True)
    return _query(statement, tables)


def known_table(name: str, tables: Collection[str]) -> str:
    """The table's name as spelt here; raises `QueryError`, with the names of all tables, for an unknown one."""
    if name.lower() not in tables:
        raise QueryError(f"there is no table {name!r}; the tables are: {', '.join(tables)}")
    return name.lower()


@cache
def duckdb_type(athena_type: str) -> str:
    """DuckDB's name for a column type of Athena's: `array<bigint>` is `BIGINT[]`."""
    return exp.DataType.build(athena_type, dialect="athena").sql("duckdb")


def _end_of_comments(sql: str) -> int:
    match = _COMMENTS_FIRST.match(sql)
    return match.end() if match else 0


def _query(sql: str, tables: Collection[str], *, explain: bool = False) -> Query:
    tree = _parse(sql)
    if missing := list(dict.fromkeys(gaps(sql, tree))):
        raise QueryError(f"Athena, whose SQL this is, has no {'; no '.join(missing)}")
    read = _tables_read(tree)
    qualified = any(table.db for table in read)
    names = frozenset(_bind(table, tables) for table in read)
    # Rewritten only to remove a database's name: Athena should get the text that a person wrote.
    return Query(tree.sql("athena") if qualified else sql, names, tree, explain)


def _parse(sql: str) -> exp.Query | exp.Values:
    first = re.match(r"[\s(]*(\w*)", sql)
    word = first[1].upper() if first else ""
    if word not in _QUERY_WORDS:
        raise _not_a_query(word)
    try:
        statements = sqlglot.parse(sql, read="athena")
    except ParseError as error:
        place = error.errors[0]
        where = f"line {place['line']}, column {place['col']}"
        if name := _lacking_an_argument(place):
            raise QueryError(f"the function {name} lacks an argument at {where}") from error
        raise QueryError(f"the SQL cannot be read at {where}, near {place['highlight']!r}") from error
    except SqlglotError as error:
        raise QueryError(f"the SQL cannot be read: {error}") from error
    if len(statements) != 1:
        raise QueryError(f"one query at a time, please: these are {len(statements)} statements")
    tree = statements[0]
    if not isinstance(tree, exp.Query | exp.Values) or tree.find(exp.DML, exp.DDL) is not None:
        raise _not_a_query(word)
    return tree


def _lacking_an_argument(place: Mapping[str, Any]) -> str | None:
    """The name of the function whose call ends too early at this place of an error; None for other errors."""
    missing = _MISSING.match(str(place["description"]))
    if missing is None or not issubclass(getattr(exp, missing["of"], exp.Expression), exp.Func):
        return None
    closed, before = 0, re.sub(r"'[^']*'", "''", str(place["start_context"]))
    for at, character in reversed(list(enumerate(before))):
        closed += (character == ")") - (character == "(")
        if closed < 0:
            name = re.search(r"\w+$", before[:at])
            return name[0].lower() if name else None
    return None


def _not_a_query(word: str) -> QueryError:
    may = "SELECT, WITH, SHOW TABLES, DESCRIBE or EXPLAIN"
    return QueryError(f"the lake is only read here, with {may}; {word or 'this'} is none of them")


def _with_column_names(tree: exp.Query | exp.Values) -> exp.Expr:
    """The query with a name for every column that has none: Athena says `_col1`, DuckDB repeats its own SQL."""
    tree = tree.copy()
    select: object = tree
    while isinstance(select, exp.SetOperation | exp.Subquery):
        select = select.this
    if isinstance(select, exp.Select) and not any(column.is_star for column in select.expressions):
        for place, column in enumerate(select.expressions):
            if not isinstance(column, exp.Alias | exp.Aliases | exp.Column | exp.Dot):
                column.replace(exp.alias_(column.copy(), f"_col{place}"))
    return tree


def _function_name(sql: str) -> str:
    """The function that a call in SQL names, in lower case; empty if the text is no call."""
    match = re.match(r"(\w+)\(", sql)
    return match[1].lower() if match else ""


def _tables_read(tree: exp.Expr) -> list[exp.Table]:
    """Every table named in the query, except its own, WITH … AS."""
    made_here = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    tables = tree.find_all(exp.Table)
    return [table for table in tables if table.db or table.name.lower() not in made_here]


def _bind(table: exp.Table, tables: Collection[str]) -> str:
    """The known table of this name. A database's name is removed, so that the same SQL runs on both engines."""
    if not isinstance(table.this, exp.Identifier):
        raise QueryError(f"{table.sql('athena')} is no table; the tables are: {', '.join(tables)}")
    name = known_table(table.name, tables)
    table.set("db", None)
    table.set("catalog", None)
    return name
