"""The plan is the best there is: held against trying every plan."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tally_pipeline.plans.errors import PlanError
from tally_pipeline.plans.explain import Plan, told
from tally_pipeline_tests.plans import oracle
from tally_pipeline_tests.plans.instances import drawn, found, plan_of, reached


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


def wish(show: int, month: str, *providers: int, hours: float = 10, weight: float = 1) -> dict[str, Any]:
    """A wish for one month."""
    return {
        "show_id": show,
        "season": 1,
        "hours": hours,
        "weight": weight,
        "earliest": month,
        "latest": month,
        "providers": [*providers],
    }


def asked(*wishes: dict[str, Any], **frame: Any) -> dict[str, Any]:
    return {"country": "US", "start": "2026-01", "months": 3, "wishes": wishes} | frame


def subscribed(plan: Plan) -> list[set[int]]:
    return [set(month.subscribed) for month in plan.months]


def test_what_watches_more_is_paid_for_whatever_it_costs() -> None:
    plan = found(
        asked(wish(1, "2026-01", 1), wish(2, "2026-01", 2, weight=0.001)), [plan_of(1, 1), plan_of(2, 999)]
    )
    assert subscribed(plan) == [{1, 2}, set(), set()]


def test_of_plans_that_watch_as_much_the_cheapest_is_taken_however_often_it_switches() -> None:
    months = ("2026-01", "2026-02", "2026-03")
    prices = [plan_of(1, 5), plan_of(2, 4.99), plan_of(1, 4.98, valid_from="2026-02-01")]
    plan = found(asked(*(wish(at, month, 1, 2) for at, month in enumerate(months, 1))), prices)
    assert subscribed(plan) == [{2}, {1}, {1}]
    assert plan.solution.figures.switches == 2


@pytest.mark.parametrize(("one", "other"), [(1, 2), (2, 1)])
def test_of_plans_that_cost_as_much_the_one_that_keeps_a_service_is_taken(one: int, other: int) -> None:
    prices = [plan_of(1, 5), plan_of(2, 5)]
    wishes = (wish(1, "2026-01", one, other), wish(2, "2026-02", one), wish(3, "2026-03", one, other))
    plan = found(asked(*wishes), prices)
    assert subscribed(plan) == [{one}, {one}, {one}]
    assert plan.solution.figures.switches == 1


def test_a_free_service_is_kept_over_a_month_in_which_nothing_is_watched_and_no_longer() -> None:
    plan = found(asked(wish(1, "2026-01", 1), wish(2, "2026-03", 1), months=5), [plan_of(1, 0)])
    assert subscribed(plan) == [{1}, {1}, {1}, set(), set()]
    assert plan.solution.figures.switches == 1


def test_of_plans_that_are_else_equal_the_earliest_is_taken() -> None:
    both = [{**wish(at, "2026-01", 1), "latest": None, "hours": 6} for at in (1, 2)]
    together = found(asked(*both), [plan_of(1, 5)])
    assert [len(month.watch) for month in together.months] == [2, 0, 0]
    apart = found(asked(*both, hours_per_month=10), [plan_of(1, 5)])
    assert [len(month.watch) for month in apart.months] == [1, 1, 0]


def test_what_an_anchor_has_is_watched_there() -> None:
    wishes = (wish(1, "2026-01", 1, 2), wish(2, "2026-01", 1))
    plan = found(asked(*wishes, anchors=[2], months=1), [plan_of(1, 5), plan_of(2, 5)])
    assert [(wish.show_id, service) for wish, service in plan.months[0].watch] == [(1, 2), (2, 1)]


@pytest.mark.slow
def test_two_thousand_small_plans_equal_the_best_of_all_plans() -> None:
    compare(range(1000, 3000))
