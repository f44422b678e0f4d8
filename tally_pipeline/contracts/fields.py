"""Scans the fields of rows and compares them with a contract, without refining."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from tally_pipeline.contracts.contract import RowContract
from tally_pipeline.contracts.row_decoder import Row
from tally_pipeline.contracts.row_diagnosis import fields_of

SHOWN = 20
"""The most unknown fields that are named."""


@dataclass(frozen=True)
class Fields:
    """`new`: rows by field that the contract does not know, the first fields by name. `lost`: the contract's fields
    that no row has; none if there are no rows."""

    new: dict[str, int]
    lost: tuple[str, ...]


def scan(rows: Sequence[Row], of: RowContract) -> Fields:
    """The fields of rows, each the text of a JSON value; a value that is no object has none."""
    on_rows = Counter(chain.from_iterable(map(fields_of, rows)))
    new = {name: on_rows[name] for name in sorted(on_rows.keys() - of.known_fields)[:SHOWN]}
    return Fields(new, tuple(sorted(of.fields - on_rows.keys())) if rows else ())
