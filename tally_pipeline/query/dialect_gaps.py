"""SQL that DuckDB takes and Athena does not, so that no query works on a laptop alone.

Not all of it is known here: Athena's engine is Trino (https://trino.io/docs/current/sql/select.html,
https://trino.io/docs/current/functions.html), DuckDB's additions are described at
https://duckdb.org/docs/stable/sql/dialect/friendly_sql. What passes here and fails on Athena is told by Athena.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

import sqlglot
from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

FUNCTIONS: Mapping[str, str] = {
    "arg_max": "max_by",
    "arg_min": "min_by",
    "argmax": "max_by",
    "argmin": "min_by",
    "array_length": "cardinality",
    "date_sub": "date_diff",
    "datediff": "date_diff",
    "datesub": "date_diff",
    "epoch": "to_unixtime",
    "ifnull": "coalesce",
    "instr": "strpos",
    "isfinite": "is_finite",
    "isinf": "is_infinite",
    "isnan": "is_nan",
    "len": "length, or cardinality for an array",
    "list": "array_agg",
    "list_aggregate": "reduce",
    "list_concat": "concat",
    "list_contains": "contains",
    "list_distinct": "array_distinct",
    "list_extract": "element_at",
    "list_filter": "filter",
    "list_has": "contains",
    "list_has_any": "arrays_overlap",
    "list_intersect": "array_intersect",
    "list_max": "array_max",
    "list_min": "array_min",
    "list_position": "array_position",
    "list_reduce": "reduce",
    "list_reverse": "reverse",
    "list_slice": "slice",
    "list_sort": "array_sort",
    "list_sum": "reduce",
    "list_transform": "transform",
    "list_unique": "cardinality(array_distinct(…))",
    "list_value": "ARRAY[…]",
    "list_zip": "zip",
    "median": "approx_percentile(…, 0.5)",
    "quantile": "approx_percentile",
    "quantile_cont": "approx_percentile",
    "quantile_disc": "approx_percentile",
    "regexp_matches": "regexp_like",
    "str_split": "split",
    "strftime": "date_format",
    "string_agg": "listagg",
    "string_split": "split",
    "strptime": "date_parse",
    "struct_pack": "ROW(…)",
    "today": "current_date",
}
"""Functions of DuckDB's alone, in lower case, and what Athena has in their place."""

_SYNTAX: tuple[tuple[Callable[[exp.Expr], object], str], ...] = (
    (lambda it: isinstance(it, exp.Group) and it.args.get("all"), "GROUP BY ALL: name the columns"),
    (
        lambda it: isinstance(it, exp.Ordered) and it.this.name.upper() == "ALL" and not _quoted(it.this),
        "ORDER BY ALL: name the columns",
    ),
    (lambda it: isinstance(it, exp.Star) and it.args.get("except_"), "* EXCLUDE: name the columns"),
    (lambda it: isinstance(it, exp.Star) and it.args.get("replace"), "* REPLACE: name the columns"),
    (lambda it: isinstance(it, exp.Slice), "slices: write slice(array, start, length)"),
    (
        lambda it: isinstance(it, exp.Distinct) and it.args.get("on"),
        "DISTINCT ON: use max_by, or row_number()",
    ),
    (lambda it: isinstance(it, exp.ILike), "ILIKE: write lower(…) LIKE"),
    (lambda it: isinstance(it, exp.Join) and it.args.get("method") == "ASOF", "ASOF JOIN: join on a range"),
    (
        lambda it: isinstance(it, exp.Join) and it.args.get("kind") in ("SEMI", "ANTI"),
        "SEMI or ANTI JOIN: use IN",
    ),
    (lambda it: isinstance(it, exp.Pivot), "PIVOT: use CASE in aggregates"),
    (lambda it: isinstance(it, exp.Columns), "COLUMNS(…): name the columns"),
    (
        lambda it: isinstance(it, exp.Select) and any(isinstance(one, exp.Unnest) for one in it.expressions),
        "unnest in the list of columns: write CROSS JOIN UNNEST(…) AS t (name)",
    ),
)


def gaps(sql: str, tree: exp.Expr) -> Iterator[str]:
    """The parts of a query that Athena does not take, each with what to write instead."""
    # `WITH list (a) AS …` and `UNNEST(…) AS list (a)` name a table, and call nothing.
    aliases = {alias.name.lower() for alias in tree.find_all(exp.TableAlias)}
    for this, following in pairwise(sqlglot.tokenize(sql, read="athena")):
        name = this.text.lower()
        if name not in aliases and (instead := FUNCTIONS.get(name)) and _is_call(this, following):
            yield f"{this.text}(): use {instead}"
        if this.token_type == TokenType.DCOLON:
            yield ":: cast: use CAST(… AS …)"
        if this.token_type == TokenType.L_BRACE:
            yield "{…} literal: use ROW(…) or MAP(ARRAY[…], ARRAY[…])"
    for node in tree.walk():
        for is_gap, instead in _SYNTAX:
            if is_gap(node):
                yield instead


def _is_call(this: Token, following: Token) -> bool:
    return this.token_type != TokenType.STRING and following.token_type == TokenType.L_PAREN


def _quoted(name: exp.Expr) -> bool:
    return isinstance(name, exp.Column) and bool(name.this.args.get("quoted"))
