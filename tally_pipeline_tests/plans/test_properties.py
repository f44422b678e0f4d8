"""What holds of any plan, whatever is asked."""

from __future__ import annotations

import time
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tally_pipeline.plans.errors import PlanError
from tally_pipeline.plans.explain import Plan, told
from tally_pipeline.plans.problem import figures, is_allowed
from tally_pipeline.plans.solve import solve
from tally_pipeline_tests.plans.instances import Asked, Plans, drawn, found, reached
from testkit.plans import question_of

SEEDS = st.integers(0, 2**32)


def planned(asked: Asked, plans: Plans, seconds: float = 60) -> Plan:
    try:
        return found(asked, plans, seconds)
    except PlanError:  # an anchor without a price, or above the budget
        assume(False)
        raise


@given(SEEDS, st.sampled_from(["budget_per_month", "hours_per_month"]), st.sampled_from([None, 25, 40.5]))
def test_more_money_or_more_hours_never_watch_less(seed: int, key: str, more: float | None) -> None:
    asked, plans = drawn(Random(seed))
    assume(asked[key] is not None)
    assert planned({**asked, key: more}, plans).watched_weight >= planned(asked, plans).watched_weight


@given(SEEDS)
def test_the_order_of_wishes_and_prices_changes_no_figure(seed: int) -> None:
    random = Random(seed)
    asked, plans = drawn(random)
    mixed = {**asked, "wishes": random.sample(asked["wishes"], len(asked["wishes"]))}
    one, other = planned(asked, plans), planned(mixed, random.sample(plans, len(plans)))
    assert one.solution.figures == other.solution.figures


@given(SEEDS)
def test_a_plan_made_without_time_keeps_every_rule_and_is_no_better_than_the_best(seed: int) -> None:
    asked, plans = drawn(Random(seed))
    hasty, best = planned(asked, plans, seconds=0), planned(asked, plans)
    assert best.solution.figures <= hasty.solution.figures
    assert reached(asked, plans, told(hasty))[0] == -hasty.watched_weight
    assert 0 <= hasty.solution.gap <= 1
    assert (hasty.status == "optimal") == (hasty.solution.gap == 0)
    if hasty.status == "optimal":
        assert hasty.solution.figures == best.solution.figures


@pytest.mark.slow
@pytest.mark.parametrize("size", [(30, 12, 10), (60, 24, 15)])
def test_a_year_of_thirty_wishes_is_proven_or_its_gap_told_within_the_time(
    size: tuple[int, int, int],
) -> None:
    problem = question_of(*size)
    began = time.monotonic()
    solution = solve(problem, seconds=3)
    assert time.monotonic() - began < 5
    assert is_allowed(problem, solution.schedule)
    assert figures(problem, solution.schedule) == solution.figures
    assert (solution.unproven is None) == (solution.gap == 0)
    assert solution.figures <= solve(problem, seconds=0).figures
