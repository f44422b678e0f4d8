"""Refining written without regard to speed, as the reference for the fast path."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

import pyarrow as pa

from tally_pipeline.contracts import contract, rules
from tally_pipeline.contracts.batch import RefinedBatch, refine_batch
from tally_pipeline.contracts.contract import Column, RowContract
from tally_pipeline.contracts.row_decoder import Row
from tally_pipeline.contracts.row_diagnosis import Reason, diagnose
from tally_pipeline.datasets.shows.contract import SHOWS


def refined_plainly(rows: Sequence[Row], of: RowContract = SHOWS) -> RefinedBatch:
    """Refine by diagnosing every row, one by one."""
    broken: dict[int, list[Reason]] = {}
    objects: list[dict[str, Any]] = []
    for index, raw in enumerate(rows):
        row, reasons = diagnose(raw, of)
        if reasons:
            broken[index] = reasons
        objects.append(row)
    sound = [row for index, row in enumerate(objects) if index not in broken]
    fields = Counter(chain.from_iterable(objects))
    return RefinedBatch(
        columns={
            column.name: pa.array([_cast(column, row) for row in sound], column.type) for column in of.sourced
        },
        broken=broken,
        seen=of.fields & fields.keys(),
        unknown={name: n for name, n in fields.items() if name not in of.known_fields},
    )


def assert_refined_as_plainly(rows: Sequence[Row], of: RowContract = SHOWS) -> RefinedBatch:
    """Asserts that refining gives the same as refining plainly; returns the result."""
    found, plain = refine_batch(rows, of), refined_plainly(rows, of)
    assert found.broken == plain.broken
    assert list(found.broken) == sorted(found.broken)
    assert found.seen == plain.seen
    assert found.unknown == plain.unknown
    assert found.columns.keys() == plain.columns.keys()
    for name, values in found.columns.items():
        values.validate(full=True)
        assert values.type == plain.columns[name].type, name
        assert values.equals(plain.columns[name]), name
    return found


def _cast(column: Column, row: dict[str, Any]) -> Any:
    value = row.get(column.field or "")
    if value is None:
        return None
    if column.type == pa.string() and re.fullmatch(f"[{rules.WHITE_SPACE}]*", value):
        return None
    if column.type == pa.float64():
        return float(value)
    return list(dict.fromkeys(value)) if column.type == contract.IDS else value
