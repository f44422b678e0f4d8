"""A query's answer as text (cells, CSV, JSON) and as a file. Pure, except for writing the file.

CSV and JSON are written batch by batch: the first line does not wait for the last, and no text is held for longer.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import msgspec
import pyarrow as pa

from tally_pipeline.deployment import SettingsError
from tally_pipeline.lake import parquet
from tally_pipeline.query.engine import QueryError, Rows

Suffix = Literal["csv", "json", "parquet"]
SUFFIXES: tuple[Suffix, ...] = get_args(Suffix)

Column: TypeAlias = pa.ChunkedArray | pa.Array

_JSON = msgspec.json.Encoder(decimal_format="number")
_BEYOND_NUMBERS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_QUOTED = re.compile(r'[",\r\n]|^\s|\s$')


def texts(column: Column) -> list[str | None]:
    """A column's values as text: lists, maps and rows as JSON, days and times as ISO 8601 writes them."""
    return [None if value is None else _text(value) for value in _values(column)]


def is_numeric(type_: pa.DataType) -> bool:
    return bool(pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_))


def as_json(answer: Rows) -> Iterator[str]:
    """A list of objects, in parts. Maps are objects, decimals numbers, NaN and the infinities null.

    Raises `QueryError`.
    """
    _require_apart(answer.schema, "a JSON object")
    names, before = answer.schema.names, "[\n"
    for batch in answer.batches:
        for row in _rows(batch, _values):
            yield f"{before}  {_json(dict(zip(names, row, strict=True)))}"
            before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def as_csv(answer: Rows) -> Iterator[str]:
    """The lines as in RFC 4180, except for their ends. A null is empty, an empty text is `""`."""
    yield _line(answer.schema.names)
    for batch in answer.batches:
        for row in _rows(batch, texts):
            yield _line(row)


def _line(texts: Sequence[str | None]) -> str:
    if len(texts) == 1:
        # Many readers skip empty lines.
        texts = [texts[0] or ""]
    return ",".join(map(_field, texts)) + "\n"


def suffix(path: Path) -> Suffix:
    """The format by a file's name; raises `SettingsError` for an unknown suffix, or if it cannot be written."""
    for known in SUFFIXES:
        if path.name.lower().endswith(f".{known}"):
            if not path.absolute().parent.is_dir():
                raise SettingsError(f"{path} cannot be written: there is no folder {path.absolute().parent}")
            if path.is_dir():
                raise SettingsError(f"{path} is a folder: give the name of a file")
            return known
    raise SettingsError(f"{path} does not say by its suffix what to write: end it in .csv, .json or .parquet")


def write(answer: pa.Table, path: Path) -> bool:
    """Write the answer in the format of the file's suffix, atomically; returns True if it replaced another file.

    Raises `QueryError`, and `SettingsError` if the folder or the disk does not take it.
    """
    known = suffix(path)
    # A link stays a link: its target is replaced.
    place = path.resolve()
    try:
        was_there = place.exists()
        handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                _put(answer, known, file)
            Path(name).chmod(place.stat().st_mode & 0o777 if was_there else 0o666 & ~_umask())
            Path(name).replace(place)
        finally:
            with suppress(FileNotFoundError):
                Path(name).unlink()
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be written ({error.strerror or error}): make room, or give another name"
        ) from error
    return was_there


def _put(answer: pa.Table, known: Suffix, file: Any) -> None:
    if known == "parquet":
        _require_apart(answer.schema, "a Parquet file")
        parquet.write(answer, file)
    elif known == "json":
        file.writelines(part.encode() for part in as_json(Rows.of(answer)))
    else:
        file.writelines(line.encode() for line in as_csv(Rows.of(answer)))


def _umask() -> int:
    now = os.umask(0)
    os.umask(now)
    return now


def _rows(answer: pa.RecordBatch, of: Callable[[Column], list[Any]]) -> Iterator[Sequence[Any]]:
    """The rows, by the columns' places, not their names: a query may return two columns of one name."""
    return zip(*(of(column) for column in answer.columns), strict=True)


def _require_apart(schema: pa.Schema, what: str) -> None:
    twice = [name for name, count in Counter(schema.names).items() if count > 1]
    if twice:
        raise QueryError(f"{what} cannot hold two columns named {twice[0]!r}: name them apart with AS")


def _values(column: Column) -> list[Any]:
    """A column's values as Python's, maps as dictionaries, or as pairs if their keys are lists or rows."""
    values: list[Any]
    try:
        values = column.to_pylist(maps_as_pydicts="lossy")
    except TypeError:
        values = column.to_pylist()
    return values


def _json(value: Any) -> str:
    try:
        return _JSON.encode(value).decode()
    except (TypeError, ValueError) as error:
        raise QueryError(f"an answer cannot be written as JSON ({error}): CAST it to varchar") from error


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return _BEYOND_NUMBERS.get(repr(value), repr(value))
    text = _json(value)
    # Keys that JSON writes as strings: a day, a time, bytes in base64.
    return text[1:-1] if text.startswith('"') else text


def _field(text: str | None) -> str:
    if text is None:
        return ""
    quoted = not text or _QUOTED.search(text)
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if quoted else text
