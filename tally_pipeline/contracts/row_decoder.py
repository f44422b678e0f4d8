"""Reads rows with msgspec straight into the types and ranges of a contract, or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Annotated, Any

import msgspec
import pyarrow as pa
from msgspec.structs import astuple

from tally_pipeline.contracts import contract, rules
from tally_pipeline.contracts.contract import Column, RowContract

Row = bytes | msgspec.Raw
"""The text of one JSON value, or of what should have been one."""

Values = tuple[Any, ...]
"""What a row holds: the values of the contract's fields in the order of its columns, then those of the new ones."""

ABSENT = msgspec.UNSET
"""Stands for a new field that a row does not have."""

_MOST_NEW = 32
_Scalar = bool | int | float | str | None
_Extra = _Scalar | list[_Scalar] | msgspec.UnsetType
"""What a field may hold whose value nobody needs. How deep anything else nests only another parser tells."""


class RowDecoder:
    """Reads rows that have the contract's fields, its extras and the fields `new`, and no others."""

    def __init__(self, of: RowContract, new: Iterable[str]) -> None:
        self.of = of
        self.new = tuple(sorted(new)[:_MOST_NEW])
        try:
            row = _struct(of, self.new)
        except ValueError:
            # msgspec takes no names with quotes and the like.
            self.new = ()
            row = _struct(of, self.new)
        self._decode_row = msgspec.json.Decoder(row).decode

    def decode(self, rows: Sequence[Row]) -> list[Values]:
        """The rows' values; may go on behind those of `new`. Raises `ValueError` when any row does not fit."""
        return list(map(astuple, map(self._decode_row, rows)))


@lru_cache(maxsize=64)
def _struct(of: RowContract, new: Sequence[str]) -> type[msgspec.Struct]:
    fields: list[tuple[str, Any, Any]] = []
    for column in of.sourced:
        missing = msgspec.NODEFAULT if column.required else None
        fields.append((column.field or "", _type(column), missing))
    fields += [(name, _Extra, ABSENT) for name in (*new, *sorted(of.extras))]
    # TMDB's names may be any; a struct's are Python's.
    named = {f"_{number}": name for number, (name, _, _) in enumerate(fields)}
    return msgspec.defstruct(
        "Row",
        [(own, type_, default) for own, (_, type_, default) in zip(named, fields, strict=True)],
        rename=named,
        kw_only=True,
        forbid_unknown_fields=True,
        gc=False,
    )


def _type(column: Column) -> Any:
    if column.type == contract.IDS:
        type_: Any = list[Annotated[int, msgspec.Meta(ge=rules.INT64_MIN, le=rules.INT64_MAX)]]
    elif column.type == contract.STRINGS:
        type_ = list[str]
    elif column.type == pa.string():
        type_ = str
    else:
        kind = float if column.type == pa.float64() else int
        type_ = Annotated[kind, msgspec.Meta(ge=kind(rules.least(column)), le=kind(rules.most(column)))]
    return type_ | None if column.nullable else type_
