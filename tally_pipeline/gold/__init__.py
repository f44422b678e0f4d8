"""The gold tables: each one module beside its SQL.

To add one: a module here whose `TABLE` says all there is to say about it, its SQL beside it, its name below.
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
"""Every gold table, in the order in which people see them."""
