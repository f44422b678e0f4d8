"""The data dictionary: the contract as a Markdown table, for README."""

from __future__ import annotations

from collections.abc import Sequence

from tally_pipeline import gold
from tally_pipeline.shows.contract import COLUMNS, PARTITION_KEYS, RULES


def columns_table() -> str:
    """Every column of the table `silver_shows`, its type, where it comes from, and what it means."""
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
    return _table(("column", "type", "null", "from TMDB's", "meaning"), rows)


def gold_tables() -> str:
    """Every gold table: what it says, what it depends on, and its columns."""
    parts = []
    for table in gold.TABLES:
        rows = [
            (f"`{column.name}`", f"`{column.athena_type}`", column.description) for column in table.columns
        ]
        parts.append(
            f"#### `{table.sql_name}`\n\n{table.description} Made from {table.window}.\n\n"
            + _table(("column", "type", "meaning"), rows)
        )
    return "\n\n".join(parts)


def rules_table() -> str:
    """Every reason for which a row goes to quarantine."""
    return _table(("rule", "a row is rejected when"), [(f"`{rule}`", why) for rule, why in RULES.items()])


def _table(names: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [names, tuple("---" for _ in names), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
