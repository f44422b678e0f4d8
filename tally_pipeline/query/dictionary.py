"""The data dictionary: the contracts as Markdown tables, for README and for a page of its own."""

from __future__ import annotations

import pyarrow as pa

from tally_pipeline import gold, markdown
from tally_pipeline.contracts.contract import RULES, athena_type
from tally_pipeline.datasets.shows.contract import COLUMNS, PARTITION_KEYS
from tally_pipeline.query.tables import TABLES


def columns_table() -> str:
    """Every column of the table `silver_shows`: type, source, meaning."""
    rows = [
        (
            f"`{column.name}`",
            f"`{column.athena_type}`",
            "yes" if column.nullable else "no",
            f"`{column.field}`" if column.field else "Tally",
            column.description,
        )
        for column in COLUMNS
        if column.name not in PARTITION_KEYS
    ]
    rows += [
        (f"`{key}`", "`string`", "no", "the path", f"Partition. {meaning}")
        for key, meaning in PARTITION_KEYS.items()
    ]
    return markdown.table(("column", "type", "null", "from TMDB's", "meaning"), rows)


def gold_tables() -> str:
    """Every gold table: description, inputs, columns."""
    parts = []
    for table in gold.TABLES:
        rows = [
            (f"`{column.name}`", f"`{column.athena_type}`", column.description) for column in table.columns
        ]
        parts.append(
            f"#### `{table.sql_name}`\n\n{table.description} Made from {table.window}.\n\n"
            + markdown.table(("column", "type", "meaning"), rows)
        )
    return "\n\n".join(parts)


def every_table() -> str:
    """Every queryable table with its columns: a page of its own."""
    parts = [
        "# Data dictionary\n\nEvery table that `tally query` and Athena answer from, generated from the contracts."
        " All are partitioned; filter on `dt`, the day in UTC."
    ]
    for table in TABLES:
        rows = [
            (f"`{field.name}`", f"`{athena_type(field.type)}`", _comment(field)) for field in table.presented
        ]
        parts.append(
            f"## `{table.name}`\n\n{table.description} Files: `{table.pattern}`.\n\n"
            + markdown.table(("column", "type", "meaning"), rows)
        )
    return "\n\n".join(parts) + "\n"


def _comment(field: pa.Field) -> str:
    if field.name in PARTITION_KEYS and not field.metadata:
        return f"Partition. {PARTITION_KEYS[field.name]}"
    comment: bytes = (field.metadata or {}).get(b"comment", b"")
    return comment.decode().replace("|", "\\|")


def rules_table() -> str:
    """Every reason for a row's quarantine."""
    return markdown.table(
        ("rule", "a row is rejected when"), [(f"`{rule}`", why) for rule, why in RULES.items()]
    )
