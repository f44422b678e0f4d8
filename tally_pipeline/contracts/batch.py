"""Refines a batch of rows: sound rows into columns, each other row into every rule that it breaks.

Nearly every row of a real day is sound, so the fast path is theirs: msgspec reads a row straight into the
contract's types and ranges, or refuses it (`row_decoder`); blanks and dates, which it cannot check, are checked in
whole columns (`columns`). Neither ever rejects a row. A row that either of them doubts is diagnosed
(`row_diagnosis`), which alone decides and says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tally_pipeline.contracts.columns import finish
from tally_pipeline.contracts.contract import RowContract
from tally_pipeline.contracts.row_decoder import ABSENT, Row, RowDecoder, Values
from tally_pipeline.contracts.row_diagnosis import Reason, diagnose, fields_of, values_of

BLOCK_ROWS = 200
"""Rows that are Python objects at the same time: few enough to stay in the processor's cache and, at three tracked
objects a row, not to start Python's garbage collector at every block (it starts at 700)."""


@dataclass(frozen=True)
class RefinedBatch:
    """A batch of rows, refined.

    `columns`: TMDB's columns of silver by name, sound rows only, in order, repeats included. `broken`: the
    reasons by the row's index in the batch, in order. `seen`: the contract's fields that stand on any row.
    `unknown`: the number of rows by field that the contract does not know.
    """

    columns: dict[str, pa.Array]
    broken: dict[int, list[Reason]]
    seen: frozenset[str]
    unknown: dict[str, int]


def refine_batch(rows: Sequence[Row], of: RowContract) -> RefinedBatch:
    """Refine rows, at least one, by the contract `of`."""
    arrays, sound, broken, unknown = _read(rows, of)
    columns: dict[str, pa.Array] = {}
    doubtful = np.zeros(len(sound), np.bool_)
    for column, array in zip(of.sourced, arrays, strict=True):
        columns[column.name], doubts = finish(column, array)
        doubtful |= doubts
    seen = _seen(rows, of, columns)
    if doubtful.any():
        for place in np.flatnonzero(doubtful):
            broken[sound[place]] = diagnose(rows[sound[place]], of)[1]
        keep = pa.array(~doubtful)
        columns = {name: array.filter(keep) for name, array in columns.items()}
    return RefinedBatch(columns, dict(sorted(broken.items())), seen, dict(unknown))


def _read(
    rows: Sequence[Row], of: RowContract
) -> tuple[list[pa.Array], list[int], dict[int, list[Reason]], Counter[str]]:
    """The columns of the readable rows, their indexes, the other rows' reasons, and the number of rows by field
    that the contract does not know."""
    # A new field usually stands on every row.
    decoder = RowDecoder(of, fields_of(rows[0]) - of.known_fields)
    parts: list[list[pa.Array]] = [[pa.array([], column.type)] for column in of.sourced]
    sound: list[int] = []
    broken: dict[int, list[Reason]] = {}
    unknown: Counter[str] = Counter()
    for start in range(0, len(rows), BLOCK_ROWS):
        block = rows[start : start + BLOCK_ROWS]
        try:
            values = decoder.decode(block)
            sound.extend(range(start, start + len(block)))
        except ValueError:
            values = []
            for index, row in enumerate(block, start):
                row_values, reasons, strange = _read_one(row, decoder)
                unknown.update(strange)
                if reasons:
                    broken[index] = reasons
                else:
                    sound.append(index)
                    values.append(row_values)
        # Decoded rows end with the contract's extras, diagnosed rows do not.
        by_field = list(zip(*values, strict=False))
        for part, column, field_values in zip(parts, of.sourced, by_field, strict=False):
            part.append(pa.array(field_values, column.type))
        for name, field_values in zip(decoder.new, by_field[len(of.sourced) :], strict=False):
            unknown[name] += sum(value is not ABSENT for value in field_values)
    return [pa.concat_arrays(part) for part in parts], sound, broken, unknown


def _read_one(row: Row, decoder: RowDecoder) -> tuple[Values, list[Reason], frozenset[str]]:
    """The values of one row of a block in which some row was refused, the reasons to reject it, and its fields that
    are not counted yet."""
    try:
        return decoder.decode([row])[0], [], frozenset()
    except ValueError:
        parsed, reasons = diagnose(row, decoder.of)
        values = () if reasons else values_of(parsed, decoder.of) + (ABSENT,) * len(decoder.new)
        return values, reasons, frozenset(parsed) - decoder.of.known_fields


def _seen(rows: Sequence[Row], of: RowContract, columns: dict[str, pa.Array]) -> frozenset[str]:
    """The contract's fields that stand on any row. One whose column is all null may be there or not."""
    filled = {
        column.field for column in of.sourced if columns[column.name].null_count < len(columns[column.name])
    }
    lost = set(of.fields - filled)
    for row in rows if lost else ():
        lost -= fields_of(row)
        if not lost:
            break
    return of.fields - lost
