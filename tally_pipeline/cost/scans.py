"""Computes from a query's SQL alone which partitions Athena lists and reads.

An upper bound: Athena may push a filter further down than it is written, and may share scans that count twice here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import cast

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.scope import Scope, build_scope

from tally_pipeline.days import days_after

DT, DATA_TYPE = "dt", "data_type"


@dataclass(frozen=True)
class Scan:
    """One scan of a table: of the days from `first` to `last` (None: open), or only of `days`; only of `lists` if the
    query names some."""

    table: str
    first: str | None = None
    last: str | None = None
    days: frozenset[str] | None = None
    lists: frozenset[str] | None = None

    def days_within(self, first: date, last: date) -> int:
        """The number of days from `first` to `last` that it reads."""
        days = ((first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1))
        return sum(
            (self.first is None or self.first <= day)
            and (self.last is None or day <= self.last)
            and (self.days is None or day in self.days)
            for day in days
        )


def scans(sql: str) -> list[Scan]:
    """Every scan of a table in an Athena query. A query in a WITH is scanned again at each reference to it."""
    scope = build_scope(sqlglot.parse_one(sql, read="athena"))
    return list(_scans(scope)) if scope else []


def _scans(scope: Scope) -> Iterator[Scan]:
    for alias, (_, source) in scope.selected_sources.items():
        if isinstance(source, Scope):
            yield from _scans(source)
        else:
            yield _scan(source.name, alias, scope.expression)
    for below in (*scope.subquery_scopes, *scope.set_operation_scopes):
        yield from _scans(below)


def _scan(table: str, alias: str, select: exp.Expr) -> Scan:
    where = select.args.get("where")
    conditions = list(_ands(where.this)) if where else []
    first = last = None
    sets: dict[str, frozenset[str]] = {}
    for condition in conditions:
        match condition:
            case exp.EQ() | exp.In() if name := _key(condition.this, alias):
                if values := _literals(condition):
                    sets[name] = sets.get(name, values) & values
            case exp.Between() if _key(condition.this, alias) == DT:
                first = _later(first, _text(condition.args["low"]))
                last = _earlier(last, _text(condition.args["high"]))
            case exp.GTE() | exp.GT() if _key(condition.this, alias) == DT:
                first = _later(first, _moved(condition.expression, isinstance(condition, exp.GT)))
            case exp.LTE() | exp.LT() if _key(condition.this, alias) == DT:
                last = _earlier(last, _moved(condition.expression, -isinstance(condition, exp.LT)))
    return Scan(table, first, last, sets.get(DT), sets.get(DATA_TYPE))


def _ands(condition: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(condition, exp.And):
        yield from _ands(condition.left)
        yield from _ands(condition.right)
    elif isinstance(condition, exp.Paren):
        yield from _ands(condition.this)
    else:
        yield condition


def _key(column: exp.Expr, alias: str) -> str | None:
    """The partition key of this table that a condition is about, if any."""
    if not isinstance(column, exp.Column) or column.name not in (DT, DATA_TYPE):
        return None
    return column.name if column.table in ("", alias) else None


def _literals(condition: exp.Expr) -> frozenset[str] | None:
    """The texts that a condition allows a key; None if they are no plain literals."""
    values = condition.expressions if isinstance(condition, exp.In) else [condition.args.get("expression")]
    texts = [_text(value) for value in values]
    return frozenset(cast("list[str]", texts)) if texts and all(texts) else None


def _text(value: object) -> str | None:
    return value.name if isinstance(value, exp.Literal) and value.is_string else None


def _moved(value: object, days: int) -> str | None:
    """The day `days` later; None if `value` is no literal day."""
    try:
        return days_after(_text(value) or "", days)
    except ValueError:
        return None


def _later(one: str | None, other: str | None) -> str | None:
    return max(filter(None, (one, other)), default=None)


def _earlier(one: str | None, other: str | None) -> str | None:
    return min(filter(None, (one, other)), default=None)
