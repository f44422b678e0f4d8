"""The plan is the best there is: held against trying every plan."""

from __future__ import annotations

from random import Random

import pytest

from tally_pipeline.plans.errors import PlanError
from tally_pipeline.plans.explain import told
from tally_pipeline_tests.plans import oracle
from tally_pipeline_tests.plans.instances import drawn, found, reached


def compare(seeds: range) -> None:
    compared = 0
    for seed in seeds:
        asked, plans = drawn(Random(seed))
        try:
            plan = found(asked, plans)
        except PlanError:
            with pytest.raises((AssertionError, KeyError)):  # nor does the oracle find a plan
                oracle.best(asked, plans)
            continue
        assert (plan.status, plan.solution.gap) == ("optimal", 0.0), seed
        assert reached(asked, plans, told(plan)) == oracle.best(asked, plans), seed
        compared += 1
    assert compared > len(seeds) * 0.9


def test_small_plans_equal_the_best_of_all_plans_in_all_four_objectives() -> None:
    compare(range(200))


@pytest.mark.slow
def test_two_thousand_small_plans_equal_the_best_of_all_plans() -> None:
    compare(range(1000, 3000))
