"""The gold tables: one module each, beside its SQL.

To add one, write a module whose `TABLE` declares everything about it, put its SQL beside it, and list its name below.
"""

from importlib import import_module

from tally_pipeline.gold.table import VERSION, Table

__all__ = ["TABLES", "VERSION"]

TABLES: tuple[Table, ...] = tuple(
    import_module(f"{__name__}.{name}").TABLE
    for name in (
        "show_popularity_trends",
        "genre_analytics",
        "top_movers",
        "data_quality_daily",
    )
)
"""Every gold table, in display order."""
