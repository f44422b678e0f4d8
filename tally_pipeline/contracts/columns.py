"""Checks of whole columns: blanks become null or are doubtful, dates must exist, each genre counts once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tally_pipeline.contracts import contract, rules
from tally_pipeline.contracts.contract import Column

_BLANK = f"^[{rules.WHITE_SPACE}]*$"
_MAY_BE_BLANK = np.isin(np.arange(256), [character.encode()[0] for character in rules.WHITE_SPACE])
"""By first byte: true if a text may begin with white space in UTF-8."""

_IDS = 2**32
"""Ids below this fit into one 64-bit number together with their row's number. TMDB's genres go up to 10,768."""

Doubts = npt.NDArray[np.bool_]
"""By row: true if it needs a diagnosis."""


def finish(column: Column, values: pa.Array) -> tuple[pa.Array, Doubts]:
    """The column as silver holds it, and the rows that need a diagnosis."""
    none = np.zeros(len(values), np.bool_)
    if column.type == contract.IDS:
        return _each_once(values), none
    if column.type != pa.string():
        return values, none
    blank = _blank(values)
    if not column.nullable:
        return values, blank
    if blank.any():
        values = pc.if_else(pa.array(blank), pa.scalar(None, pa.string()), values)
    return values, _impossible(values) if column.name == "first_air_date" else none


def _impossible(days: pa.StringArray) -> Doubts:
    """By text: true if it is no date. There are few different days, so each is checked once."""
    wrong = [day for day in pc.unique(days).to_pylist() if day is not None and not rules.is_day(day)]
    if not wrong:
        return np.zeros(len(days), np.bool_)
    return np.asarray(pc.is_in(days, pa.array(wrong, pa.string())).to_numpy(zero_copy_only=False))


def _blank(values: pa.StringArray) -> Doubts:
    """By value: true if it holds nothing but white space. Null is not blank."""
    _, offsets, data = values.buffers()
    ends = np.frombuffer(offsets, np.int32)[values.offset :][: len(values) + 1]
    empty = np.diff(ends) == 0
    blank = np.asarray(empty & values.is_valid().to_numpy(zero_copy_only=False))
    # The pattern costs ten times as much as a check of the first byte.
    filled = np.flatnonzero(~empty)
    if len(filled):
        first = np.frombuffer(data, np.uint8)[ends[filled]]
        open_ = filled[_MAY_BE_BLANK[first]]
        if len(open_):
            matches = pc.match_substring_regex(values.take(pa.array(open_)), _BLANK)
            blank[open_] = matches.to_numpy(zero_copy_only=False)
    return blank


def _each_once(values: pa.ListArray) -> pa.ListArray:
    """The lists with each id once, in order of first appearance."""
    ids = values.flatten().to_numpy()
    if len(ids) and not 0 <= ids.min() <= ids.max() < _IDS:
        return pa.array([list(dict.fromkeys(row_ids)) for row_ids in values.to_pylist()], values.type)
    rows = pc.list_parent_indices(values).to_numpy()
    first = np.unique(rows * _IDS + ids, return_index=True)[1]
    if len(first) == len(ids):
        return values
    first.sort()
    ends = np.cumsum(np.bincount(rows[first], minlength=len(values)))
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    return pa.ListArray.from_arrays(offsets, ids[first], type=values.type)
