"""The tables of the lake: the files of each, and their contracted columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from tally_pipeline import gold
from tally_pipeline.contracts.contract import athena_type
from tally_pipeline.datasets import DATASETS, DERIVED
from tally_pipeline.datasets.dataset import Dataset
from tally_pipeline.datasets.shows import QUARANTINE_SHOWS, SILVER_SHOWS
from tally_pipeline.lake.tables import TableSpec
from tally_pipeline.tables.table import Table

__all__ = [
    "GOLD",
    "QUARANTINE_SHOWS",
    "SILVER_SHOWS",
    "TABLES",
    "TableSpec",
    "athena_columns",
    "gold_spec",
    "of_datasets",
]


def athena_columns(schema: pa.Schema) -> list[tuple[str, str]]:
    """Name and Athena type of each column of `schema`."""
    return [(field.name, athena_type(field.type)) for field in schema]


def of_datasets(datasets: Iterable[Dataset[Any, Any]] = DATASETS) -> tuple[TableSpec, ...]:
    """The tables of silver and quarantine; several datasets may share one."""
    tables = (table for one in datasets for table in (one.silver_table, one.quarantine_table) if table)
    return tuple(dict.fromkeys(tables))


def gold_spec(table: Table) -> TableSpec:
    """The specification of a table made from silver."""
    return TableSpec(table.sql_name, table.description, table.file_key("*"), table.schema)


GOLD: tuple[TableSpec, ...] = tuple(map(gold_spec, gold.TABLES))
"""The gold tables."""

TABLES: tuple[TableSpec, ...] = (
    *of_datasets(),
    *map(gold_spec, DERIVED),
    *GOLD,
)
"""Every queryable table."""
