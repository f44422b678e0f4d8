"""Refines a chunk of rows one by one, and says of each rejected row every rule it breaks, with field and value."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

import msgspec
import orjson
import pyarrow as pa

from tally_pipeline.shows import contract, rules
from tally_pipeline.shows.chunk import Reason, RefinedChunk
from tally_pipeline.shows.contract import SHOWS, Column, RowContract

_BLANK = re.compile(f"[{rules.WHITE_SPACE}]*")
_ABSENT: Any = object()


def refine_chunk(rows: Sequence[bytes | msgspec.Raw], of: RowContract = SHOWS) -> RefinedChunk:
    """The sound rows as columns, the reasons of all others by their index."""
    broken: dict[int, list[Reason]] = {}
    objects: list[dict[str, Any]] = []
    for index, raw in enumerate(rows):
        row, reasons = _examine(raw, of)
        if reasons:
            broken[index] = reasons
        objects.append(row)
    sound = [row for index, row in enumerate(objects) if index not in broken]
    fields = Counter(chain.from_iterable(objects))
    return RefinedChunk(
        columns={
            column.name: pa.array([_cast(column, row) for row in sound], column.type) for column in of.sourced
        },
        broken=broken,
        seen=of.fields & fields.keys(),
        unknown={name: n for name, n in fields.items() if name not in of.known_fields},
    )


def _examine(raw: bytes | msgspec.Raw, of: RowContract) -> tuple[dict[str, Any], list[Reason]]:
    """A row as an object (empty when it is none) and every rule it breaks."""
    try:
        row = orjson.loads(memoryview(raw))
    except orjson.JSONDecodeError as error:
        return {}, [("unreadable", f"the row cannot be read: {error.msg}")]
    if type(row) is not dict:
        return {}, [("not_an_object", f"the row is {_named(row)}, not an object")]
    found = (_offence(column, row.get(column.field, _ABSENT)) for column in of.sourced)
    return row, [reason for reason in found if reason]


def _offence(column: Column, value: Any) -> Reason | None:
    """Why one value is not as the contract wants it, or None."""
    field = column.field
    if value is _ABSENT:
        return ("field_missing", f"{field} is not there") if column.required else None
    if value is None and column.nullable:
        return None
    if not _has_type(column.type, value):
        return "wrong_type", f"{field} is {_named(value)}, not {column.athena_type}"
    if column.type == pa.string():
        return _string_offence(column, value)
    if column.type == contract.IDS:
        # Below the least 64-bit number the parser gives a double, which is of the wrong type already.
        if any(item > rules.INT64_MAX for item in value):
            return "out_of_range", f"{field} holds a number beyond 64 bits"
    elif not pa.types.is_list(column.type) and not rules.least(column) <= value <= rules.most(column):
        if column.name == "show_id":
            return "impossible_id", f"{field} is {value}"
        return "out_of_range", f"{field} is {value}, outside {rules.least(column)} to {rules.most(column):g}"
    return None


def _string_offence(column: Column, text: str) -> Reason | None:
    if _BLANK.fullmatch(text):
        return None if column.nullable else ("blank_name", f"{column.field} is blank")
    if column.name == "first_air_date" and not rules.is_day(text):
        return "impossible_date", f"{column.field} is {_glimpse(text)}, not a date"
    return None


def _has_type(type_: pa.DataType, value: Any) -> bool:
    # `type() is`, for True is an int to isinstance.
    kind = type(value)
    if type_ == pa.float64():
        return kind is float or kind is int
    if type_ == contract.IDS:
        return kind is list and all(type(item) is int for item in value)
    if type_ == contract.STRINGS:
        return kind is list and all(type(item) is str for item in value)
    return kind is (int if type_ == pa.int64() else str)


def _cast(column: Column, row: dict[str, Any]) -> Any:
    """A sound value as silver holds it: blanks null, whole numbers doubles, each genre once."""
    value = row.get(column.field or "")
    if value is None:
        return None
    if column.type == pa.string() and _BLANK.fullmatch(value):
        return None
    if column.type == pa.float64():
        return float(value)
    return list(dict.fromkeys(value)) if column.type == contract.IDS else value


def _named(value: Any) -> str:
    """A value's type in JSON's words, with a glimpse of it."""
    kinds = {bool: "a boolean", int: "a number", float: "a number", str: "text", list: "a list"}
    return "null" if value is None else f"{kinds.get(type(value), 'an object')} {_glimpse(value)}"


def _glimpse(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
