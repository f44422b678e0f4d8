"""The gold tables: one module each, beside its SQL.

To add one, write a module whose `TABLE` declares everything about it, put its SQL beside it, and list its name below.
"""

from importlib import import_module

from tally_pipeline.datasets import DERIVED
from tally_pipeline.declaration import DeclarationError, name_faults, require
from tally_pipeline.tables.table import OF_LISTS, VERSION, Table

__all__ = ["ALL_TABLES", "OF_SHOWS", "TABLES", "VERSION"]

_MODULES = (
    "show_popularity_trends",
    "genre_analytics",
    "top_movers",
    "data_quality_daily",
    "availability",
    "availability_changes",
    "release_calendar",
    "watchlists",
    "subscription_plans",
)


def declared(name: str) -> Table:
    """The table of a module here. Raises `DeclarationError`."""
    where = f"tally_pipeline/gold/{name}.py"
    try:
        table = import_module(f"{__name__}.{name}").TABLE
    except (ModuleNotFoundError, AttributeError) as error:
        raise DeclarationError(
            f"{where}: the list in gold/__init__.py names it, and there is no module with a `TABLE`"
            f" ({type(error).__name__}: {error})"
        ) from error
    if not isinstance(table, Table):
        raise DeclarationError(f"{where}: `TABLE` is {table!r}, and must be an instance of the table's class")
    try:
        faults = list(table.faults())
    except AttributeError as error:
        raise DeclarationError(f"{where}: {type(table).__name__} declares too little: {error}") from error
    if table.name != name:
        faults.append(f"the table's name is {table.name!r}, its module's {name!r}: they must be the same")
    require(where, faults)
    return table


require("tally_pipeline/gold/__init__.py", name_faults("gold table", _MODULES))
TABLES: tuple[Table, ...] = tuple(map(declared, _MODULES))
"""Every gold table, in display order."""

OF_SHOWS: tuple[Table, ...] = tuple(table for table in TABLES if table.follows == OF_LISTS)
"""Those made on every day with silver of a list; the others have the days of the dataset that they follow."""

ALL_TABLES: tuple[Table, ...] = (*DERIVED, *TABLES)
"""Every table made from silver: those of silver itself first."""
