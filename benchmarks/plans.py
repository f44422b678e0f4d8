"""How long the best plan takes, beside a greedy one and beside all four objectives put into one."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from benchmarks.report import Measure, Report, Target
from tally_pipeline.plans.greedy import greedy
from tally_pipeline.plans.model import Model
from tally_pipeline.plans.problem import Figures, Problem, figures
from tally_pipeline.plans.solve import solve
from testkit.plans import question_of

SIZES = ((30, 12, 10), (60, 12, 15), (60, 24, 15))
"""Wishes, months, services."""
SECONDS = 4
"""The time for one plan; the command's own."""
BUDGETS = (1800, 3000, None)


@dataclass(frozen=True)
class _Tried:
    """A plan, the seconds that it took, and whether all four objectives were proven."""

    found: Figures | None
    seconds: float
    is_proven: bool


def measure(runs: int) -> Report:
    """The same questions answered in the three ways; `runs` questions for each size and budget."""
    measures: list[Measure] = []
    for size in SIZES:
        name = "{} wishes × {} months × {} services".format(*size)
        questions = [question_of(*size, seed, budget) for budget in BUDGETS for seed in range(runs)]
        best = [_lexicographic(question) for question in questions]
        hasty = [_greedy(question) for question in questions]
        one = [_in_one(question) for question in questions]
        target = Target("at most", 5) if size == SIZES[0] else None
        measures += [
            Measure(f"{name}: tally plan", [it.seconds for it in best], "s", target),
            _share("proven", [it.is_proven for it in best]),
            Measure("greedy", [it.seconds for it in hasty], "s", indent=True),
            _share("as good", [_is_as_good(it, by) for it, by in zip(hasty, best, strict=True)]),
            Measure("four objectives in one", [it.seconds for it in one], "s", indent=True),
            _share("proven", [it.is_proven for it in one]),
            _share("as good", [_is_as_good(it, by) for it, by in zip(one, best, strict=True)]),
        ]
    return Report(
        "plans",
        "which services to subscribe to in which month",
        len(BUDGETS) * runs,
        measures,
        (
            f"Invented questions: windows, hours and money are short. {SECONDS} s for each; budgets of 18, 30 and"
            " without end, one anchor.",
            "`tally plan` finds weight, cost, then switches and months one after the other. `four objectives in one`"
            " is the same program by the same solver, each objective times more than all that come after it can be.",
            "As good: not worse in the four objectives, the first first, than what `tally plan` found.",
        ),
    )


def _lexicographic(problem: Problem) -> _Tried:
    began = time.perf_counter()
    solution = solve(problem, SECONDS)
    return _Tried(solution.figures, time.perf_counter() - began, solution.unproven is None)


def _greedy(problem: Problem) -> _Tried:
    began = time.perf_counter()
    schedule = greedy(problem)
    return _Tried(figures(problem, schedule), time.perf_counter() - began, False)


def _in_one(problem: Problem) -> _Tried:
    began = time.perf_counter()
    model = Model(problem)
    months = model.most_lateness + 1
    switches = months * (int(np.count_nonzero(model.switches)) + 1)
    cost = switches * (int(model.cost.sum()) + 1)
    objective = model.unwatched * cost + model.cost * switches + model.switches * months + model.lateness
    solved = milp(
        objective,
        integrality=model.integrality,
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(model.matrix, model.lower, model.upper),
        options={"time_limit": SECONDS, "mip_rel_gap": 0},
    )
    found = None if solved.x is None else figures(problem, model.schedule(solved.x))
    return _Tried(found, time.perf_counter() - began, solved.status == 0)


def _is_as_good(one: _Tried, other: _Tried) -> bool:
    return one.found is not None and other.found is not None and one.found <= other.found


def _share(name: str, flags: list[bool]) -> Measure:
    return Measure(name, [100 * statistics.fmean(flags)], "% of them", indent=True)
