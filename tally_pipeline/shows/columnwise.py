"""Refines a chunk of rows as whole columns, in C++, when no row breaks a rule; declines otherwise.

Nearly every chunk of a real day is clean, so this is the road nearly all rows take. It decides nothing by
itself: what it accepts is what `rowwise` would have made of the same rows (a property test holds them together).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as pa_json

from tally_pipeline.shows import contract, rules
from tally_pipeline.shows.chunk import RefinedChunk
from tally_pipeline.shows.contract import SHOWS, Column, RowContract

_BLANK = f"^[{rules.WHITE_SPACE}]*$"
_DEEPEST = 1000
"""How deep rows may nest here, in brackets; `rowwise`'s parser stops at 1024."""


_IDS = 2**32
"""Ids below this take this road: row and id then make one number of 64 bits. TMDB's genres go up to 10,768."""


def refine_chunk(rows: Sequence[bytes | msgspec.Raw], of: RowContract = SHOWS) -> RefinedChunk | None:
    """The rows as columns of the contract, or None when any row needs a closer look."""
    if set(map(type, rows)) != {msgspec.Raw}:
        # msgspec did not vouch for them: Arrow's parser would take NaN.
        return None
    text = b"\n".join(rows)
    if not _all_plain(rows, text):
        return None
    schema = pa.schema([pa.field(column.field or "", column.type) for column in of.sourced])
    try:
        text.decode()
        table = pa_json.read_json(
            pa.BufferReader(text),
            read_options=pa_json.ReadOptions(use_threads=False, block_size=len(text) + 1),
            parse_options=pa_json.ParseOptions(
                explicit_schema=schema, newlines_in_values=True, unexpected_field_behavior="infer"
            ),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None
    if table.num_rows != len(rows):
        return None
    columns: dict[str, pa.Array] = {}
    for column in of.sourced:
        made = _column(column, table[column.field].combine_chunks())
        if made is None:
            return None
        columns[column.name] = made
    unknown = [name for name in table.column_names if name not in of.known_fields]
    if any(table[name].null_count for name in unknown):
        return None
    return RefinedChunk(
        columns=columns,
        broken={},
        seen=of.fields,
        unknown=dict.fromkeys(unknown, len(rows)),
    )


def _all_plain(rows: Sequence[bytes | msgspec.Raw], text: bytes) -> bool:
    """Whether each row, of which `text` has one a line, is an object that cannot nest too deep.

    Arrow's parser kills the process on a chunk that begins with null, and takes what is nested deeper than
    `rowwise`'s parser bears.
    """
    characters = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(characters == ord("\n"))
    if len(ends) != len(rows) - 1:
        # Rows over several lines: nobody writes bronze so, and the other road takes them.
        return False
    if not text.startswith(b"{") or np.any(characters[ends + 1] != ord("{")):
        return False
    lengths = np.diff(ends, prepend=-1, append=len(text))
    # Every bracket needs its other half: only a long row can nest deep, and few rows are long.
    long = np.flatnonzero(lengths > 2 * _DEEPEST)
    return all(_brackets(bytes(rows[int(index)])) <= _DEEPEST for index in long)


def _brackets(text: bytes) -> int:
    return text.count(b"[") + text.count(b"{")


def _column(column: Column, values: pa.Array) -> pa.Array | None:
    """The column as silver holds it, or None when a value may break a rule."""
    if values.null_count == len(values) or (values.null_count and not column.nullable):
        # All null may mean that the field is gone altogether, which only the rows' own text tells.
        return None
    if column.type == pa.string():
        return _strings(column, values)
    if pa.types.is_list(column.type):
        return _lists(column, values)
    least, most = pc.min_max(values).values()
    within = rules.least(column) <= least.as_py() and most.as_py() <= rules.most(column)
    return values if within else None


def _strings(column: Column, values: pa.Array) -> pa.Array | None:
    blank = pc.match_substring_regex(values, _BLANK)
    if pc.any(blank).as_py():
        if not column.nullable:
            return None
        values = pc.if_else(blank, pa.scalar(None, pa.string()), values)
    if column.name == "first_air_date":
        days = pc.unique(values).to_pylist()
        if not all(day is None or rules.is_day(day) for day in days):
            return None
    return values


def _lists(column: Column, values: pa.ListArray) -> pa.Array | None:
    items = values.flatten()
    if items.null_count:
        return None
    return _each_once(values, items.to_numpy()) if column.type == contract.IDS else values


def _each_once(values: pa.ListArray, ids: npt.NDArray[np.int64]) -> pa.ListArray | None:
    """The lists with each id once, in order of first appearance; None for ids too large to count so."""
    if len(ids) and not 0 <= ids.min() <= ids.max() < _IDS:
        return None
    rows = pc.list_parent_indices(values).to_numpy()
    first = np.unique(rows * _IDS + ids, return_index=True)[1]
    if len(first) == len(ids):
        return values
    first.sort()
    ends = np.cumsum(np.bincount(rows[first], minlength=len(values)))
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    return pa.ListArray.from_arrays(offsets, ids[first], type=values.type)
