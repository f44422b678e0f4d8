"""The base of the tables that are made from one day of `silver_details`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pyarrow as pa

from tally_pipeline.lake import layout, parquet
from tally_pipeline.tables.sources import Sources
from tally_pipeline.tables.table import Engine, Inputs, Table

DETAILS = "silver_details"


class OfDetails(Table):
    """A table of silver, made from the same day of `silver_details`; `reads` are the columns that it needs."""

    layer = "silver"
    follows = "details"
    window = "the same day of silver_details"
    looks_back = 0
    reads: ClassVar[Sequence[str]]

    def inputs(self, sources: Sources, day: str) -> Inputs:
        return Inputs(sources.named([_key(day)]))

    def rows(self, sources: Sources, engine: Engine, day: str) -> pa.Table:
        rows = self.made_from(self.details(sources, day))
        return rows.sort_by([(name, "ascending") for name in self.key]).combine_chunks()

    def details(self, sources: Sources, day: str) -> pa.Table:
        """The day's details, with the columns that the table needs."""
        return parquet.decode(sources.lake.store.get(_key(day)), columns=self.reads)

    def made_from(self, details: pa.Table) -> pa.Table:
        """The table's rows, in any order."""
        raise NotImplementedError


def unnested(details: pa.Table, name: str, beside: Sequence[str]) -> pa.Table:
    """A row for each element of the list of structs `name`: its fields, after the columns `beside` of its row."""
    details = details.combine_chunks()
    lists = details[name].chunk(0) if details.num_rows else pa.array([], details.schema.field(name).type)
    parents = pa.compute.list_parent_indices(lists)
    elements = lists.flatten()
    columns = {column: details[column].take(parents) for column in beside}
    for place, field in enumerate(elements.type):
        columns.setdefault(field.name, elements.field(place))
    return pa.table(columns)


def _key(day: str) -> str:
    return layout.table_key("silver", "details", day)
