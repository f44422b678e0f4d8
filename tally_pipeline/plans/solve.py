"""The best answer: the four objectives one after the other, each found without giving up any of the earlier ones."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import vstack

from tally_pipeline.plans.greedy import greedy
from tally_pipeline.plans.model import Model
from tally_pipeline.plans.problem import Figures, Problem, Schedule, figures, is_allowed, tidied

STAGES = Figures._fields
_SAFE = 0.99
"""Figures are whole numbers: one that is less than 1 above a bound is the least. What is missing to 1 is for the
solver's rounding."""
_FEWEST_SECONDS = 0.05


@dataclass(frozen=True)
class Solution:
    """An answer, and how far it is proven.

    `gap` is that of `unproven`, the first objective without a proof: the share of its figure by which a better one
    could still differ. 0.0 and None when all four are proven.
    """

    schedule: Schedule
    figures: Figures
    gap: float = 0.0
    unproven: str | None = None


def solve(problem: Problem, seconds: float, now: Callable[[], float] = time.monotonic) -> Solution:
    """The best answer, or the best that was found in the time."""
    until = now() + seconds
    best = tidied(problem, greedy(problem))
    found = figures(problem, best)
    model = Model(problem)
    if not model.width:
        return Solution(best, found)
    gap, unproven = 0.0, None
    matrix, lower, upper = model.matrix, model.lower, model.upper
    total = sum(item.weight for item in problem.items)
    for stage, name in enumerate(STAGES):
        coefficients, offset = model.objectives[stage], model.offsets[stage]
        left = until - now()
        # An unproven stage leaves half of the time to those behind it: each makes the answer better.
        allowed = left if stage == len(STAGES) - 1 else left / 2
        bound = -math.inf
        if allowed > _FEWEST_SECONDS and found[stage] > 0:
            solved = milp(
                coefficients,
                integrality=model.integrality,
                bounds=Bounds(0, 1),
                constraints=LinearConstraint(matrix, lower, upper),
                options={"time_limit": allowed, "mip_rel_gap": 0.5 / max(1, *map(abs, _reach(coefficients)))},
            )
            if solved.x is not None:
                candidate = model.schedule(solved.x)
                told = figures(problem, candidate)
                if is_allowed(problem, candidate) and told < found:
                    best, found = candidate, told
            if solved.mip_dual_bound is not None:
                bound = solved.mip_dual_bound + offset
        least = max(bound, float(_least(problem, stage)))
        if found[stage] - least >= _SAFE and unproven is None:
            unproven = name
            # The watched weight is what people know; the others are amounts themselves.
            whole = total - least if stage == 0 else found[stage]
            gap = min(1.0, (found[stage] - least) / whole) if whole > 0 else 1.0
        row = coefficients.reshape(1, -1)
        matrix = vstack([matrix, row], format="csr")
        lower = np.append(lower, -np.inf)
        upper = np.append(upper, found[stage] - offset)
    return Solution(best, found, gap, unproven)


def _reach(coefficients: np.ndarray) -> tuple[float, float]:
    """The least and the most that an objective can be."""
    return float(coefficients[coefficients < 0].sum()), float(coefficients[coefficients > 0].sum())


def _least(problem: Problem, stage: int) -> int:
    """What a figure is at least in any answer."""
    if STAGES[stage] == "cost":
        return sum(problem.anchors_cost(month) for month in range(problem.months))
    return 0
