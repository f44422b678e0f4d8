"""Runs gold's SQL: one file a table, written for Athena, for one day at a time."""

from __future__ import annotations

import re
from datetime import date, timedelta
from importlib.resources import files

import pyarrow as pa

from tally_pipeline.catalog.engine import QueryEngine
from tally_pipeline.shows.gold import PRIOR_VOTES, SPANS, Table

_FOLDER = files("tally_pipeline.catalog") / "gold"
_PLACEHOLDER = re.compile(r":([a-z]\w*)")


def names() -> list[str]:
    """The tables that are made by SQL."""
    return sorted(file.name.removesuffix(".sql") for file in _FOLDER.iterdir() if file.name.endswith(".sql"))


def statement(table: str, day: str) -> str:
    """The query in Athena's SQL that answers the table's rows of `day` (YYYY-MM-DD).

    A file may name `:day`, the days before it that trends look back to (`:day_1`, `:day_7`, `:day_28`) and
    `:prior_votes`. Raises `ValueError` when `day` is no date, `KeyError` when a file names anything else.
    """
    then = date.fromisoformat(day)
    # Only what a date writes of itself gets into the SQL.
    days = {"day": then} | {f"day_{span}": then - timedelta(days=span) for span in SPANS}
    values = {name: f"'{value.isoformat()}'" for name, value in days.items()}
    values["prior_votes"] = str(PRIOR_VOTES)
    text = (_FOLDER / f"{table}.sql").read_text(encoding="utf-8")
    return _PLACEHOLDER.sub(lambda match: values[match[1]], text)


def compute(engine: QueryEngine, table: Table, day: str) -> pa.Table:
    """The table's rows of `day` in its schema, by its key. Raises `QueryError`."""
    rows = engine.rows(statement(table.name, day), table.schema)
    # By the key here, not by the SQL: Athena writes rows in parts, in no order.
    return rows.sort_by([(name, "ascending") for name in table.key]).combine_chunks()
