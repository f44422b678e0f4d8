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
"""The text of one JSON value, valid or not."""

Values = tuple[Any, ...]
"""A row's values: those of the contract's fields in the order of its columns, then those of new fields."""

ABSENT = msgspec.UNSET
"""The value of a new field on a row without it."""

_MOST_NEW = 32
_Scalar = bool | int | float | str | None
_Extra = _Scalar | list[_Scalar] | msgspec.UnsetType
"""The types of a field whose value is not needed. The depth of anything else is for another parser to check."""


class RowDecoder:
    """Reads rows with the contract's fields, its extras and the fields `new`, and no others."""

    def __init__(self, of: RowContract, new: Iterable[str]) -> None:
        self.of = of
        self.new = tuple(sorted(new)[:_MOST_NEW])
        try:
            row = _struct(of, self.new)
        except ValueError:
            # msgspec takes no names with quotes or backslashes.
            self.new = ()
            row = _struct(of, self.new)
        self._decode_row = msgspec.json.Decoder(row).decode

    def decode(self, rows: Sequence[Row]) -> list[Values]:
        """The rows' values, those of `new` and maybe of extras last. Raises `ValueError` if any row does not fit."""
        return list(map(astuple, map(self._decode_row, rows)))


@lru_cache(maxsize=64)
def _struct(of: RowContract, new: Sequence[str]) -> type[msgspec.Struct]:
    fields: list[tuple[str, Any, Any]] = []
    for column in of.sourced:
        missing = msgspec.NODEFAULT if column.required else None
        fields.append((column.field or "", _type(column), missing))
    fields += [(name, _Extra, ABSENT) for name in (*new, *sorted(of.extras))]
    # TMDB may use any names; those of a struct must be Python's.
    names = {f"_{number}": name for number, (name, _, _) in enumerate(fields)}
    return msgspec.defstruct(
        "Row",
        [(own, type_, default) for own, (_, type_, default) in zip(names, fields, strict=True)],
        rename=names,
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
