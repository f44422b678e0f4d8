"""Plots as plain data. Who shows them decides how they are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

BINS = 24
"""Bars of a distribution."""


@dataclass(frozen=True)
class Bars:
    """Numbers as bars in their order, by name; None is a gap. Bars begin at `least`."""

    series: Mapping[str, Sequence[float | None]]
    least: float = 0.0


def distribution(values: Any) -> list[float]:
    """How many values (numbers from 0 on) lie in each of `BINS` equal steps of log(1 + value), from the least to
    the greatest."""
    counts, _ = np.histogram(np.log1p(np.asarray(values, dtype=float)), bins=BINS)
    return [float(count) for count in counts]
