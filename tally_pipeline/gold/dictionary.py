"""The gold tables' part of the data dictionary, for README."""

from __future__ import annotations

from tally_pipeline.gold import TABLES
from tally_pipeline.shows.dictionary import markdown_table


def gold_tables() -> str:
    """Every gold table: what it says, what it depends on, and its columns."""
    parts = []
    for table in TABLES:
        rows = [
            (f"`{column.name}`", f"`{column.athena_type}`", column.description) for column in table.columns
        ]
        parts.append(
            f"#### `{table.sql_name}`\n\n{table.description} Made from {table.window}.\n\n"
            + markdown_table(("column", "type", "meaning"), rows)
        )
    return "\n\n".join(parts)
