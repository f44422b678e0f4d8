"""Prints, pages or writes the answer of a query."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pyarrow as pa

from tally_pipeline.cli import terminal
from tally_pipeline.cli.query import formats
from tally_pipeline.cli.query.grid import Column, Grid, grid
from tally_pipeline.deployment import Settings, deploy
from tally_pipeline.plurals import noun
from tally_pipeline.query.engine import Rows
from tally_pipeline.tmdb.lists import LISTS

Format = Literal["table", "csv", "json"]

SHOWN = 20
"""The rows of a table that are shown by default."""


def query(
    settings: Settings,
    sql: str,
    form: Format,
    *,
    limit: int | None = None,
    whole: bool = False,
    paged: bool = True,
    output: Path | None = None,
) -> int:
    """Print the query's answer, or write it to `output`.

    `limit`: the most rows; without one a table has the first `SHOWN`, or all if `whole`. `paged`: a table higher than
    the terminal goes through a pager. Raises `QueryError`, `SettingsError`.
    """
    if output is not None:
        formats.suffix(output)
    deployment = deploy(settings)
    engine = deployment.query_engine
    try:
        if form != "table" and output is None:
            there = _print_stream(engine.stream(sql), form, limit)
        else:
            answer = engine.query(sql)
            there = answer.num_rows
            _put(answer, limit, whole=whole, paged=paged, output=output)
    except KeyboardInterrupt:
        print("Interrupted: the query was stopped.", file=sys.stderr)
        raise
    if not there and not any(deployment.lake.silver_days(one.name) for one in LISTS):
        terminal.words().print(
            f"The lake {deployment.lake.store.root} holds no day of shows yet: `tally sync` captures today's.",
            markup=False,
        )
    return 0


def _print_stream(rows: Rows, form: Literal["csv", "json"], limit: int | None) -> int:
    """Print the rows as they come, until their reader leaves; returns their number."""
    printed = 0

    def heard() -> Iterator[pa.RecordBatch]:
        nonlocal printed
        for batch in rows.batches:
            wanted = batch if limit is None else batch.slice(0, limit - printed)
            printed += wanted.num_rows
            yield wanted
            sys.stdout.flush()
            if printed == limit or not terminal.is_heard():
                return

    found = Rows(rows.schema, heard())
    if form == "json":
        terminal.print_json(formats.as_json(found))
    else:
        terminal.exact().writelines(formats.as_csv(found))
    return printed


def _put(answer: pa.Table, limit: int | None, *, whole: bool, paged: bool, output: Path | None) -> None:
    """Print the answer as a table, or write it to `output`."""
    asked = answer if limit is None else answer.slice(0, limit)
    if output is None:
        _print_table(asked if whole or limit is not None else asked.slice(0, SHOWN), answer, paged=paged)
        return
    replaced = formats.write(asked, output)
    instead = ", in place of the file that was there" if replaced else ""
    print(f"{_of(asked, answer)} written to {output}{instead}.", file=sys.stderr)


def _print_table(rows: pa.Table, answer: pa.Table, *, paged: bool) -> None:
    console = terminal.out()
    columns = [_column(field, column) for field, column in zip(rows.schema, rows.columns, strict=True)]
    found = grid(columns, console.width, in_ascii=not terminal.takes(sys.stdout, "│─┼…"))
    if paged and console.is_terminal and len(found.lines) + 2 > console.height:
        found = grid(columns, None)
        terminal.page("\n".join([*found.lines, ""]))
    else:
        print("\n".join(found.lines))
        sys.stdout.flush()
    print(_closing(rows, answer, found), file=sys.stderr)


def _column(field: pa.Field, column: pa.ChunkedArray) -> Column:
    texts = ["" if text is None else terminal.on_one_line(text) for text in formats.texts(column)]
    return Column(terminal.on_one_line(field.name), texts, formats.is_numeric(field.type))


def _closing(rows: pa.Table, answer: pa.Table, found: Grid) -> str:
    """A note on the shown part of the answer, and on the way to get the rest."""
    told = _of(rows, answer)
    if rows.num_rows < answer.num_rows:
        told += "; --all, --limit N or --output FILE for more"
    missing = [f"{len(found.left_out)} of {answer.num_columns} columns"] if found.left_out else []
    missing += [f"the end of {found.cut:,} {noun(found.cut, 'cell')}"] if found.cut else []
    if missing:
        told += f". Left out to fit: {' and '.join(missing)}; --format csv or --output FILE has them"
    return f"{told}."


def _of(rows: pa.Table, answer: pa.Table) -> str:
    shown, all_ = rows.num_rows, answer.num_rows
    if shown < all_:
        return f"{shown:,} of {all_:,} rows"
    return f"{all_:,} {noun(all_, 'row')}"
