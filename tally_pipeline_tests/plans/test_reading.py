"""Whatever stands in the two files, it is read or refused in one sentence."""

from __future__ import annotations

import json
from datetime import date
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tally_pipeline.plans import months, prices, wishes
from tally_pipeline.plans.errors import PlanError
from tally_pipeline.plans.explain import explain, told
from tally_pipeline.plans.question import pose
from tally_pipeline.plans.solve import solve
from tally_pipeline_tests.plans.instances import plan_of, toml

NUMBERS = st.integers() | st.floats() | st.decimals(-1, 1_000_001, places=7, allow_nan=False).map(float)
SCALARS = (
    st.none() | st.booleans() | NUMBERS | st.text() | st.sampled_from(["2026-02", "US", "USD", "2026-02-30"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
)
WISH = {
    "show_id": 1,
    "season": 2,
    "hours": 8,
    "weight": 1,
    "earliest": "2026-02",
    "latest": "2026-03",
    "providers": [8],
}
WISHES = {
    "country": "US",
    "start": "2026-01",
    "months": 3,
    "anchors": [8],
    "budget_per_month": 30.0,
    "hours_per_month": 40,
    "wishes": [WISH],
}


def answer(wishes_text: str, prices_text: str) -> None:
    """Plan, or be refused with a file's name. Any other error fails the test."""
    refused = ""
    try:
        question = pose(wishes.read(wishes_text, "W.json"), prices.read(prices_text, "P.toml"))
        told(explain(question, solve(question.problem, 5)))
    except PlanError as error:
        refused = str(error)
    assert not refused or "W.json" in refused or "P.toml" in refused


@given(st.dictionaries(st.sampled_from(sorted(WISHES)), VALUES, min_size=1))
def test_any_value_of_a_key_is_planned_with_or_refused(changes: dict[str, Any]) -> None:
    answer(json.dumps(WISHES | changes), toml([plan_of(8, 7.99)]))


@given(st.dictionaries(st.sampled_from(sorted(WISH)), VALUES, min_size=1))
def test_any_value_of_a_wish_is_planned_with_or_refused(changes: dict[str, Any]) -> None:
    answer(json.dumps({**WISHES, "wishes": [WISH | changes]}), toml([plan_of(8, 7.99)]))


@given(
    st.dictionaries(
        st.sampled_from(sorted(plan_of(8, 1))), SCALARS.filter(lambda it: it is not None), min_size=1
    )
)
def test_any_value_of_a_price_is_planned_with_or_refused(changes: dict[str, Any]) -> None:
    answer(json.dumps(WISHES), toml([plan_of(8, 7.99) | changes]))


@given(st.text() | VALUES.map(json.dumps), st.text())
def test_any_text_is_read_or_refused(wishes_text: str, prices_text: str) -> None:
    answer(wishes_text, toml([plan_of(8, 7.99)]))
    answer(json.dumps(WISHES), prices_text)


@given(st.dates(date(1, 1, 1)))
def test_a_month_is_the_same_after_it_was_counted_with(day: date) -> None:
    month = day.isoformat()[:7]
    assert months.text(months.number(month)) == month


def test_amounts_are_read_exactly() -> None:
    asked = wishes.read(json.dumps({**WISHES, "budget_per_month": 15.98}), "W.json")
    listed = prices.read(toml([plan_of(8, 7.99)]), "P.toml")
    assert asked.budget == 2 * listed.prices[0].price == Fraction(1598, 100)
