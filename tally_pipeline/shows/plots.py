"""Plots as plain data: a title and numbers. Whoever shows them decides how they are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

BINS = 24
"""Bars of a distribution."""


@dataclass(frozen=True)
class Plot:
    """Series of numbers by name, all on one scale that begins at `least`; None is a gap."""

    title: str
    series: Mapping[str, Sequence[float | None]]
    least: float = 0


def distribution(values: Sequence[float]) -> list[float | None]:
    """How many values lie in each of `BINS` equal steps of their logarithm, from the least to the greatest."""
    counts, _ = np.histogram(np.log1p(np.asarray(values, dtype=float)), bins=BINS)
    return [float(count) for count in counts]
