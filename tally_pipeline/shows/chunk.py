"""What the two roads through refining, `columnwise` and `rowwise`, both lead to."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from tally_pipeline.shows.contract import Rule

Reason = tuple[Rule, str]
"""The rule a row breaks, and in words how: field, value and what it should be."""


@dataclass(frozen=True)
class RefinedChunk:
    """A chunk of rows, refined.

    `columns`: TMDB's columns of silver by name, sound rows only, in order, repeats included. `broken`: the
    reasons by the row's index in the chunk. `seen`: the contract's fields that stand on any row. `unknown`: on
    how many rows each field stands that is not in `contract.KNOWN_FIELDS`.
    """

    columns: dict[str, pa.Array]
    broken: dict[int, list[Reason]]
    seen: frozenset[str]
    unknown: dict[str, int]
