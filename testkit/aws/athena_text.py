"""Writes values and types as in Athena's GetQueryResults: every value is text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import pyarrow as pa

_NAMES = {
    pa.string(): "varchar",
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "integer",
    pa.int64(): "bigint",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.binary(): "varbinary",
}


def column_info(schema: pa.Schema) -> list[dict[str, Any]]:
    """The columns as in a result's metadata."""
    return [
        {
            "CatalogName": "hive",
            "SchemaName": "",
            "TableName": "",
            "Name": field.name,
            "Label": field.name,
            "Type": _name(field.type),
            "Precision": field.type.precision if pa.types.is_decimal(field.type) else 0,
            "Scale": field.type.scale if pa.types.is_decimal(field.type) else 0,
            "Nullable": "UNKNOWN",
            "CaseSensitive": False,
        }
        for field in schema
    ]


def texts(rows: pa.Table) -> list[list[str | None]]:
    """Every row's values as text; None for null."""
    columns = [[_value(value) for value in column.to_pylist()] for column in rows.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def _name(type_: pa.DataType) -> str:
    if pa.types.is_list(type_):
        return "array"
    if pa.types.is_map(type_):
        return "map"
    if pa.types.is_struct(type_):
        return "row"
    if pa.types.is_decimal(type_):
        return "decimal"
    if pa.types.is_timestamp(type_):
        return "timestamp"
    return _NAMES.get(type_, "unknown")


def _value(value: Any) -> str | None:
    return None if value is None else _text(value)


def _text(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case float():
            return _double(value)
        case datetime():
            return value.isoformat(sep=" ", timespec="milliseconds")
        case date():
            return value.isoformat()
        case bytes():
            return value.hex(" ")
        case Mapping():
            return "{" + ", ".join(f"{name}={_text(one)}" for name, one in value.items()) + "}"
        case [(_, _), *_] if all(isinstance(one, tuple) for one in value):
            return "{" + ", ".join(f"{_text(key)}={_text(one)}" for key, one in value) + "}"
        case list():
            return "[" + ", ".join(_text(one) for one in value) + "]"
        case _:
            return str(value)


def _double(value: float) -> str:
    """As Java writes it: `1.0E7`, `NaN`, `Infinity`."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return _plain(value)
    digits, exponent = _scientific(value)
    return f"{digits}E{exponent}"


def _plain(value: float) -> str:
    text = repr(value)
    return text if "e" not in text else format(value, "f")


def _scientific(value: float) -> tuple[str, int]:
    """The shortest digits that read back as `value`, with a point after the first, and the power of ten."""
    for places in range(17):
        text = f"{value:.{places}e}"
        if float(text) == value:
            break
    digits, _, exponent = text.partition("e")
    return digits if "." in digits else f"{digits}.0", int(exponent)
