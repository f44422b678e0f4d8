"""`tally query`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal

import click

from tally_pipeline.cli.group import with_settings
from tally_pipeline.cli.parameters import Number, Sample
from tally_pipeline.settings.settings import Settings, SettingsError

MOST_ROWS = 1_000_000_000


def _not_an_option(ctx: click.Context, _: click.Parameter, sql: str | None) -> str | None:
    """The SQL, which may begin with a comment; raises `NoSuchOption` where it looks like an option instead."""
    if sql and sql != "-" and sql.startswith("-") and not any(map(str.isspace, sql)):
        names = [name for parameter in ctx.command.params for name in parameter.opts]
        raise click.NoSuchOption(sql, possibilities=names, ctx=ctx)
    return sql


# An unknown option is first taken for the SQL: that may begin with a comment, as in a file.
@click.command("query", context_settings={"ignore_unknown_options": True})
@click.argument("sql", metavar="[SQL]", required=False, callback=_not_an_option)
@click.option("--sample", type=Sample(), metavar="NAME", help="A sample query in place of SQL.")
@click.option("--samples", "lists_samples", is_flag=True, help="List the sample queries.")
@click.option(
    "--format", "form", type=click.Choice(("table", "csv", "json")), help="How to print.  [default: table]"
)
@click.option("--limit", type=Number(1, MOST_ROWS), metavar="N", help="At most so many rows.")
@click.option("--all", "whole", is_flag=True, help="Every row of a table, not only the first 20.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write every row to a file: .csv, .json or .parquet.",
)
@click.option("--no-pager", is_flag=True, help="Print a long table in one go.")
@with_settings
def command(
    settings: Settings,
    sql: str | None,
    sample: str | None,
    lists_samples: bool,
    form: Literal["table", "csv", "json"] | None,
    limit: int | None,
    whole: bool,
    output: Path | None,
    no_pager: bool,
) -> int:
    """Ask the lake's tables in Athena's SQL.

    SQL is one SELECT, or - to read it from standard input.
    """
    from tally_pipeline.cli.query.ask import query
    from tally_pipeline.query import samples

    if lists_samples:
        for name in samples.names():
            print(f"{name:24} {samples.question(name)}")
        return 0
    if (sql is None) == (sample is None):
        raise click.UsageError("give either SQL or --sample NAME; --samples lists the samples")
    if output and form:
        raise click.UsageError("give either --output or --format: the file's suffix says the format")
    if limit is not None and whole:
        raise click.UsageError("give either --limit or --all")
    return query(
        settings,
        samples.read(sample) if sample else _text(sql or ""),
        form or "table",
        limit=limit,
        whole=whole,
        paged=not no_pager,
        output=output,
    )


def _text(sql: str) -> str:
    """The query, as the argument or, for `-`, standard input has it."""
    try:
        # The bytes: where the locale knows ASCII alone, Python takes the rest for broken.
        return (sys.stdin.buffer.read() if sql == "-" else os.fsencode(sql)).decode("utf-8-sig")
    except UnicodeError:
        raise SettingsError("the SQL is not text in UTF-8: write it anew") from None
