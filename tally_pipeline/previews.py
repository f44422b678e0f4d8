"""Previews of a day as plain data, rows and bars, without their rendering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

PREVIEW_ROWS = 10
"""Rows of a preview."""

BINS = 24
"""Bars of a distribution."""


@dataclass(frozen=True)
class Bars:
    """Numbers as bars in their order, by name; None is a gap. Bars begin at `least`."""

    series: Mapping[str, Sequence[float | None]]
    least: float = 0.0

    @classmethod
    def of(cls, values: Sequence[float | None]) -> Bars:
        """One series without a name."""
        return cls({"": values})


@dataclass(frozen=True)
class Rows:
    """A small table: each row a mapping from column to value, the first row's columns first."""

    rows: Sequence[Mapping[str, Any]]


def distribution(values: Any) -> list[float]:
    """The number of values (from 0 on) in each of `BINS` equal steps of log(1 + value), from the least to the
    greatest."""
    counts, _ = np.histogram(np.log1p(np.asarray(values, dtype=float)), bins=BINS)
    return [float(count) for count in counts]
