"""Diagnoses one row: every rule that it breaks, with field and value."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pyarrow as pa

from tally_pipeline.contracts import contract, rules
from tally_pipeline.contracts.contract import Column, RowContract, Rule
from tally_pipeline.contracts.row_decoder import Row, Values

Reason = tuple[Rule, str]
"""The rule that a row breaks, and a description: field, value and the expected value."""

_BLANK = re.compile(f"[{rules.WHITE_SPACE}]*")
_ABSENT: Any = object()


def diagnose(row: Row, of: RowContract) -> tuple[dict[str, Any], list[Reason]]:
    """The row as an object (empty if it is none) and every rule it breaks."""
    try:
        parsed = orjson.loads(memoryview(row))
    except orjson.JSONDecodeError as error:
        return {}, [("unreadable", f"the row cannot be read: {error.msg}")]
    if type(parsed) is not dict:
        return {}, [("not_an_object", f"the row is {_named(parsed)}, not an object")]
    offences = (_offence(column, parsed.get(column.field, _ABSENT)) for column in of.sourced)
    return parsed, [reason for reason in offences if reason]


def fields_of(row: Row) -> frozenset[str]:
    """The names of a row's fields; none when it is no object."""
    try:
        parsed = orjson.loads(memoryview(row))
    except orjson.JSONDecodeError:
        return frozenset()
    return frozenset(parsed) if type(parsed) is dict else frozenset()


def values_of(parsed: dict[str, Any], of: RowContract) -> Values:
    """The values of a sound row, in the order of `RowDecoder.decode`."""
    return tuple(_as_read(column, parsed.get(column.field or "")) for column in of.sourced)


def _as_read(column: Column, value: Any) -> Any:
    return float(value) if column.type == pa.float64() and value is not None else value


def _offence(column: Column, value: Any) -> Reason | None:
    """The rule that one value breaks, or None."""
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
        # Below the least 64-bit number the parser returns a float, which is the wrong type already.
        if any(item > rules.INT64_MAX for item in value):
            return "out_of_range", f"{field} holds a number beyond 64 bits"
    elif not pa.types.is_list(column.type) and not rules.least(column) <= value <= rules.most(column):
        if column.name == "show_id":
            return "impossible_id", f"{field} is {value}, outside {rules.least(column)} to {rules.INT64_MAX}"
        return "out_of_range", f"{field} is {value}, outside {rules.least(column)} to {rules.most(column):g}"
    return None


def _string_offence(column: Column, text: str) -> Reason | None:
    if _BLANK.fullmatch(text):
        return None if column.nullable else ("blank_name", f"{column.field} is blank")
    if column.name == "first_air_date" and not rules.is_day(text):
        description = f"{column.field} is {_glimpse(text)}, not a day of the calendar written YYYY-MM-DD"
        return "impossible_date", description
    return None


def _has_type(type_: pa.DataType, value: Any) -> bool:
    # `type() is`, because True is an int to isinstance.
    kind = type(value)
    if type_ == pa.float64():
        return kind is float or kind is int
    if type_ == contract.IDS:
        return kind is list and all(type(item) is int for item in value)
    if type_ == contract.STRINGS:
        return kind is list and all(type(item) is str for item in value)
    return kind is (int if type_ == pa.int64() else str)


def _named(value: Any) -> str:
    """A value's type in JSON's terms, with an excerpt of the value."""
    kinds = {bool: "a boolean", int: "a number", float: "a number", str: "text", list: "a list"}
    return "null" if value is None else f"{kinds.get(type(value), 'an object')} {_glimpse(value)}"


def _glimpse(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
