"""The best answer: one objective after the other, each found without giving up any of the earlier ones.

Switches and lateness are one objective of the solver's: a switch counts as more than all lateness together, which are
small whole numbers, and one search is twice as fast as two. Weight and cost stay apart: put together they would be
numbers too large for the solver's rounding.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import vstack

from tally_pipeline.plans.greedy import greedy, improved
from tally_pipeline.plans.model import Model, Vector
from tally_pipeline.plans.problem import Figures, Problem, Schedule, figures, is_allowed

_SAFE = 0.99
"""Figures are whole numbers: one that is less than 1 above a bound is the least. What is missing to 1 is for the
solver's rounding."""
_OF_IMPROVING = 0.1
"""The share of the time that the first answer is improved for at most, before the solver has its turn."""
_OF_BOUND = 0.5
"""The seconds that a bound may take where the search found none."""
_FEWEST_SECONDS = 0.05
"""Less time is not worth a search."""


@dataclass(frozen=True)
class Solution:
    """An answer, and how far it is proven.

    `gap` is that of `unproven`, the first figure without a proof: the share of it by which a better one could still
    differ (for the weight: of the weight that could be watched). 0.0 and None when all four are proven.
    """

    schedule: Schedule
    figures: Figures
    gap: float = 0.0
    unproven: str | None = None


def solve(problem: Problem, seconds: float) -> Solution:
    """The best answer, or the best that was found in the time."""
    began = time.monotonic()
    best = improved(problem, greedy(problem), lambda: time.monotonic() < began + seconds * _OF_IMPROVING)
    found = figures(problem, best)
    model = Model(problem)
    step = model.most_lateness + 1
    objectives = (model.unwatched, model.cost, model.switches * step + model.lateness)
    bounds: list[float] = []
    for stage in range(len(objectives)):
        left = began + seconds - time.monotonic()
        # The others have half of the time for themselves: each makes the answer better, whether it is proven or not.
        allowed = left if stage == len(objectives) - 1 else left / 2
        values, bound = _values(found, step), float(model.floors[stage])
        if values[stage] - bound >= _SAFE and allowed > _FEWEST_SECONDS:
            not_worse = np.subtract(values, model.offsets)[:stage]
            unknowns, least = _searched(model, objectives[: stage + 1], not_worse, allowed)
            bound = max(bound, least + model.offsets[stage])
            if unknowns is not None:
                candidate = model.schedule(unknowns)
                reached = figures(problem, candidate)
                if reached < found and is_allowed(problem, candidate):
                    best, found = candidate, reached
        bounds.append(bound)
    gap, unproven = _proven(problem, found, bounds, step)
    return Solution(best, found, gap, unproven)


def _searched(
    model: Model, objectives: Sequence[Vector], not_worse: Vector, seconds: float
) -> tuple[Vector | None, float]:
    """The unknowns that make the last objective least while none before it is worse, if any were found, and a bound
    of it."""
    *earlier, objective = objectives
    rows = LinearConstraint(
        vstack([model.matrix, *(one.reshape(1, -1) for one in earlier)], format="csr"),
        np.append(model.lower, [-math.inf] * len(earlier)),
        np.append(model.upper, not_worse),
    )
    options = {"time_limit": seconds, "mip_rel_gap": _less_than_one(objective)}
    whole = milp(
        objective, integrality=model.integrality, bounds=Bounds(0, 1), constraints=rows, options=options
    )
    if whole.x is not None and whole.mip_dual_bound is not None:
        return whole.x, whole.mip_dual_bound
    # The solver tells no bound where it found no answer. Without whole numbers there is one at once.
    broken = milp(objective, bounds=Bounds(0, 1), constraints=rows, options={"time_limit": _OF_BOUND})
    return None, broken.fun if broken.status == 0 else -math.inf


def _values(found: Figures, step: int) -> tuple[int, int, int]:
    """The three objectives of an answer."""
    return found.unwatched, found.cost, found.switches * step + found.lateness


def _proven(problem: Problem, found: Figures, bounds: list[float], step: int) -> tuple[float, str | None]:
    """The first figure that is not proven, and its gap."""
    unwatched, cost, together = bounds
    # Lateness is less than a step: what is above the whole steps of the bound needs one switch more.
    switches = math.floor((together + 1 - _SAFE) / step)
    total = sum(item.weight for item in problem.items)
    for name, figure, least, whole in (
        ("weight", found.unwatched, unwatched, total - unwatched),
        ("cost", found.cost, cost, found.cost),
        ("switches", found.switches, switches, found.switches),
        ("months", found.lateness, together - step * found.switches, found.lateness),
    ):
        if figure - least >= _SAFE:
            return min(1.0, (figure - max(0.0, least)) / whole), name
    return 0.0, None


def _less_than_one(coefficients: Vector) -> float:
    """The relative gap below which a whole number is the best: half of one, at the largest that it can be."""
    most = max(coefficients[coefficients > 0].sum(), -coefficients[coefficients < 0].sum(), 1.0)
    return float(0.5 / most)
