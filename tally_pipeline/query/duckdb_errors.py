"""Explains DuckDB's errors in the terms of the person's query: Athena's functions and types."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp
from sqlglot.errors import SqlglotError

from tally_pipeline.query.tables import TableSpec

_PREFIX = re.compile(r"^[A-Z][A-Za-z ]* Error: ")
"""The class of DuckDB's error, which adds nothing to its message."""

_ASIDE = re.compile(
    r"\s*(?:You might need to add explicit type casts|In order to select one, please add explicit type casts"
    r"|Candidate functions:|Did you mean|when casting from source column|LINE \d+:).*",
    re.DOTALL,
)
"""DuckDB's proposals: its own functions, in its own types."""

_OWN_TYPES = {
    "STRING_LITERAL": "varchar",
    "INTEGER_LITERAL": "integer",
    "BOOL": "boolean",
    "INT8": "tinyint",
    "INT16": "smallint",
    "INT32": "integer",
    "INT64": "bigint",
    "HUGEINT": "bigint",
    "INT128": "bigint",
    "UINT64": "bigint",
    "UBIGINT": "bigint",
}
"""DuckDB's types without a name in Athena, and their nearest names there."""

_NAMED = (
    *("VARCHAR", "BIGINT", "INTEGER", "SMALLINT", "TINYINT", "DOUBLE", "FLOAT", "DECIMAL", "BOOLEAN", "BLOB"),
    *("DATE", "TIMESTAMP", "TIME", "INTERVAL"),
)
_TYPE = re.compile(
    r"\b(?:(?:MAP|STRUCT|DECIMAL)\((?:[^()]|\([^()]*\))*\)"
    rf"|(?:{'|'.join([*_NAMED, *_OWN_TYPES])})(?: WITH TIME ZONE|_NS|_MS|_S)?\b)(?:\[\d*\])*"
)

_DAYS_ARE_TEXT = (
    "days (dt, first_air_date) are text here, YYYY-MM-DD: write CAST(… AS date), or compare them with text, as in"
    " date_format(current_date, '%Y-%m-%d')"
)
_CAST = "CAST(… AS …) gives a value another type"

_OF_TIME = re.compile(r"(?:date|day|week|month|quarter|year|hour|last_day|to_unixtime|to_iso8601)")

_OPERATORS = {"~~": "LIKE", "!~~": "NOT LIKE", "//": "/", "||": "||"}


def explained(message: str, tables: Sequence[TableSpec], names: Mapping[str, str] | None = None) -> str:
    """Explain DuckDB's message in one sentence. `names`: Athena's names of functions by DuckDB's, lower case."""
    for pattern, words in _MEANINGS:
        if match := pattern.search(message):
            return words(match, tables, names or {})
    first = _ASIDE.sub("", " ".join(message.split("\n\n")[0].split()))
    return in_athenas_types(_PREFIX.sub("", first))


def in_athenas_types(text: str) -> str:
    """The text with Athena's names in place of DuckDB's types: `array(varchar)` for `VARCHAR[]`."""
    return _TYPE.sub(lambda match: _athena_type(match[0]), text)


def _athena_type(duckdb: str) -> str:
    for own, name in _OWN_TYPES.items():
        duckdb = re.sub(rf"\b{own}\b", name.upper(), duckdb)
    duckdb = re.sub(r"\bTIMESTAMP_(?:NS|MS|S)\b", "TIMESTAMP", duckdb)
    try:
        return exp.DataType.build(duckdb, dialect="duckdb").sql("athena").lower()
    except SqlglotError:
        return duckdb.lower()


# --- DuckDB's messages and their meanings -------------------------------------------------------------------

_Words = Callable[[re.Match[str], Sequence[TableSpec], Mapping[str, str]], str]


def _unknown_column(match: re.Match[str], tables: Sequence[TableSpec], _: Mapping[str, str]) -> str:
    column = match["column"] or match["of_table"]
    if not tables:
        return f"there is no column {column!r} here: the query names no table"
    has = "; ".join(f"{table.name} has {', '.join(table.presented.names)}" for table in tables)
    return f"there is no column {column!r} here: {has}"


def _no_such_call(match: re.Match[str], _: Sequence[TableSpec], names: Mapping[str, str]) -> str:
    name, types = match["name"].strip('"'), in_athenas_types(match["types"])
    if not name.isidentifier():
        operands = types.replace(", ", " and ") or "this"
        return f"{_OPERATORS.get(name, name)} cannot be applied to {operands}: {_remedy(types)}"
    arguments = f"({types})" if types else "nothing"
    name = names.get(name.lower(), name)
    remedy = _DAYS_ARE_TEXT if _OF_TIME.match(name) and "varchar" in types else _remedy(types)
    return f"the function {name} does not take {arguments}: {remedy}"


def _no_such_function(match: re.Match[str], _: Sequence[TableSpec], names: Mapping[str, str]) -> str:
    name = names.get(match["name"].lower(), match["name"])
    return f"there is no function {name!r} here: use one of Athena's (Trino's), or another if DuckDB lacks it"


def _apart(match: re.Match[str], _: Sequence[TableSpec], __: Mapping[str, str]) -> str:
    one, other = in_athenas_types(match["one"]), in_athenas_types(match["other"])
    does = (
        "compared" if match["verb"].lower() == "compare" else "joined" if "conc" in match["verb"] else "mixed"
    )
    where = f" in {match['where'].split()[0]}" if match["where"] else ""
    return f"{one} and {other} cannot be {does}{where}: {_remedy(f'{one}, {other}')}"


def _no_cast(match: re.Match[str], _: Sequence[TableSpec], __: Mapping[str, str]) -> str:
    of = f" of the column {match['column']}" if match["column"] else ""
    return (
        f"the text {match['text']}{of} is no {in_athenas_types(match['type'])}: TRY_CAST gives null for such, or"
        " compare it with text"
    )


def _no_date(match: re.Match[str], _: Sequence[TableSpec], __: Mapping[str, str]) -> str:
    return f"the text {match['text']} is no date, YYYY-MM-DD: TRY_CAST gives null for such"


def _no_way(match: re.Match[str], _: Sequence[TableSpec], __: Mapping[str, str]) -> str:
    one, other = in_athenas_types(match["one"]), in_athenas_types(match["other"])
    look = ": contains(list, value) looks into a list" if other.startswith("array(") else ""
    return f"{one} cannot become {other}{look}"


def _by_zero(_: re.Match[str], __: Sequence[TableSpec], ___: Mapping[str, str]) -> str:
    return "something is divided by zero: divide by NULLIF(…, 0), which gives null there"


def _no_json(match: re.Match[str], _: Sequence[TableSpec], __: Mapping[str, str]) -> str:
    return f"the text {match['text']} is no JSON: TRY(…) around the function gives null for such"


def _many_rows(_: re.Match[str], __: Sequence[TableSpec], ___: Mapping[str, str]) -> str:
    return "a subquery that stands for one value has more than one row: take one of them, as by max(…) or LIMIT 1"


def _many_columns(match: re.Match[str], _: Sequence[TableSpec], __: Mapping[str, str]) -> str:
    return f"a subquery that should have {match['wanted']} has {match['has']} columns: select as many"


def _remedy(types: str) -> str:
    mixed = "varchar" in types and re.search(r"\b(?:date|timestamp|interval)\b", types)
    return _DAYS_ARE_TEXT if mixed else _CAST


_MEANINGS: tuple[tuple[re.Pattern[str], _Words], ...] = (
    (
        re.compile(
            r'Referenced column "(?P<column>[^"]+)" not found|does not have a column named "(?P<of_table>[^"]+)"'
        ),
        _unknown_column,
    ),
    (
        re.compile(
            r"(?:No function matches the given name and argument types '"
            r"|Could not choose a best candidate function for the function call \")"
            r"(?P<name>[^(]+)\((?P<types>.*?)\)['\"]\. "
        ),
        _no_such_call,
    ),
    (
        re.compile(
            r"(?:Scalar|Aggregate|Table|Window)?\s?Function with name \"?(?P<name>[\w.]+)\"? does not exist"
        ),
        _no_such_function,
    ),
    (
        re.compile(
            r"Cannot (?P<verb>compare|mix|concatenate|combine) (?:values of )?types? (?:of )?(?P<one>.+?)"
            r" and (?:type )?(?P<other>.+?)(?: in (?P<where>[\w ]+?))? - an explicit cast is required"
        ),
        _apart,
    ),
    (
        re.compile(
            r"Could not convert string (?P<text>'.*?') to (?P<type>[A-Z]\w*(?:\[\])*)"
            r"(?: when casting from source column (?P<column>\w+))?",
            re.DOTALL,
        ),
        _no_cast,
    ),
    (re.compile(r"invalid (?:date|timestamp) field format: (?P<text>\".*?\")", re.DOTALL), _no_date),
    (
        re.compile(
            r"Type (?P<one>\S+) with value .* can't be cast to the destination type (?P<other>\S+)", re.DOTALL
        ),
        _no_way,
    ),
    (re.compile(r"Unimplemented type for cast \((?P<one>.+?) -> (?P<other>.+?)\)(?= |\n|$)"), _no_way),
    (re.compile(r"[Dd]ivision by zero"), _by_zero),
    (re.compile(r"Malformed JSON .*?Input: (?P<text>\".*\")", re.DOTALL), _no_json),
    (re.compile(r"More than one row returned by a subquery"), _many_rows),
    (re.compile(r"Subquery returns (?P<has>\d+) columns - expected (?P<wanted>\d+)"), _many_columns),
)
