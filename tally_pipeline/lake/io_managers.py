"""The IO manager of the lake: silver for whoever takes it as an input, and tables made of it.

    defs.load_asset_value(["silver_shows", "popular_shows"], partition_key="2025-12-24")

Bronze and silver do not write through it: bronze must be written before its checks fail, and silver day by day
within one run, each only once it has passed. A table asset below them does, and may return an Arrow table or a
pandas frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow as pa

from tally_pipeline.lake import layout, parquet
from tally_pipeline.lake.lake import Lake

if TYPE_CHECKING:
    # A second of import that only those who hand over a frame should pay.
    import pandas as pd


class ParquetIOManager(dg.IOManager):
    """Reads and writes one Parquet file a partition, at the keys of the layout, each write atomic."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def handle_output(self, context: dg.OutputContext, obj: pa.Table | pd.DataFrame) -> None:
        """Put the partition's table in place of the last; one partition a run."""
        table = obj if isinstance(obj, pa.Table) else pa.Table.from_pandas(obj, preserve_index=False)
        key = layout.table_key(context.asset_key.path, context.partition_key)
        self._lake.store.put(key, parquet.encode_table(table))
        context.add_output_metadata(
            {"dagster/partition_row_count": table.num_rows, "dagster/uri": self._lake.store.uri(key)}
        )

    def load_input(self, context: dg.InputContext) -> Any:
        """The partition as a pandas frame, or an Arrow table where the input is so annotated.

        An input of several partitions is one table, the partition's day in the column `dt`.
        """
        path = context.asset_key.path
        tables = []
        for day in context.asset_partition_keys:
            table = parquet.decode(self._lake.store.get(layout.table_key(path, day)))
            tables.append(table.append_column("dt", pa.array([day] * table.num_rows, pa.string())))
        # A column without a value on one day has no type there.
        whole = pa.concat_tables(tables, promote_options="default")
        return whole if context.dagster_type.typing_type is pa.Table else whole.to_pandas()
