"""The specification of a table over files of the lake."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class TableSpec:
    """One table over Parquet files in folders.

    `pattern` is a glob of its files' keys below the lake's root, with one `*` for each partition key, in their
    order. `schema` has the columns that the files should hold, in their order. `partitions` are the keys in the
    path, all strings; a file may repeat one in a column of its own, and then the path counts. `values` are the values
    of the first key, where it has few: files of another one are in the lake, but not in the table.
    """

    name: str
    description: str
    pattern: str
    schema: pa.Schema
    partitions: tuple[str, ...] = ("dt",)
    values: tuple[str, ...] = ()

    @property
    def columns(self) -> pa.Schema:
        """The columns that only the files hold: the schema without the partition keys."""
        return pa.schema([field for field in self.schema if field.name not in self.partitions])

    @property
    def presented(self) -> pa.Schema:
        """The schema as a query should see it: the files' columns, then the partition keys."""
        keys = [pa.field(key, pa.string()) for key in self.partitions]
        return pa.schema([*self.columns, *keys])

    @property
    def patterns(self) -> tuple[str, ...]:
        """The globs of its files: one for each of `values`, or `pattern`."""
        return tuple(self.pattern.replace("*", value, 1) for value in self.values) or (self.pattern,)

    @property
    def prefix(self) -> str:
        """The folder of the table's files below the lake's root, without a slash at the end."""
        return self._folders(slice(None, self._fixed))

    @property
    def template(self) -> str:
        """The folder of one partition below `prefix`, as Athena's projection writes it: `dt=${dt}`."""
        template = self._folders(slice(self._fixed, None))
        for key in self.partitions:
            template = template.replace("*", f"${{{key}}}", 1)
        return template

    @property
    def _fixed(self) -> int:
        """The number of leading folders of the path that all files share."""
        return self.pattern[: self.pattern.index("*")].count("/")

    def _folders(self, which: slice) -> str:
        return "/".join(self.pattern.split("/")[:-1][which])
