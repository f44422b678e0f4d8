"""Small questions of every kind, drawn at random, as the two files have them; and what a told plan comes to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from random import Random
from typing import Any

from tally_pipeline.plans import prices, wishes
from tally_pipeline.plans.explain import Plan, explain
from tally_pipeline.plans.months import text as month_text
from tally_pipeline.plans.question import pose
from tally_pipeline.plans.solve import solve
from tally_pipeline_tests.plans.oracle import exact, month_number
from tally_pipeline_tests.plans.oracle import prices as prices_in

Asked = Mapping[str, Any]
Plans = Sequence[Mapping[str, Any]]

TODAY = date(2026, 3, 1)
FIRST = 2025 * 12 + 10  # 2025-11: the year turns within every plan


def plan_of(
    provider: int, price: float, name: str = "basic", valid_from: str = "2025-01-01", **other: Any
) -> dict[str, Any]:
    return {
        "provider_id": provider,
        "country": "US",
        "name": name,
        "price": price,
        "currency": "USD",
        "valid_from": valid_from,
        "checked": "2026-02-01",
        "source": "https://example.org/prices",
    } | other


def toml(plans: Plans) -> str:
    return "\n".join(
        "\n".join(["[[plans]]", *(f"{key} = {json.dumps(value)}" for key, value in plan.items())])
        for plan in plans
    )


def found(asked: Asked, plans: Plans, seconds: float = 60) -> Plan:
    """The plan, by the whole way from the files' texts."""
    question = pose(wishes.read(json.dumps(asked), "W.json"), prices.read(toml(plans), "P.toml"))
    return explain(question, solve(question.problem, seconds))


def drawn(random: Random) -> tuple[Asked, Plans]:
    """A question that can be answered, small enough for trying every plan."""
    months, services = random.choice([(1, 3), (2, 3), (3, 3), (3, 2), (4, 2)])
    ids = random.sample(range(1, 60), services)
    costs = random.choice([(5, 7, 10), (4.99, 7.99, 10.99), (0, 3.5, 3.5, 8), (5,)])
    plans = [plan_of(one, random.choice(costs), country=random.choice(["US"] * 9 + ["DE"])) for one in ids]
    for one in ids:
        if random.random() < 0.3:
            since = month_text(FIRST + random.randrange(months))
            plans.append(plan_of(one, random.choice(costs), random.choice(["basic", "ads"]), f"{since}-15"))
    anchors = []
    if random.random() < 0.3 and plans[0]["country"] == "US":
        anchors.append(ids[0])
    asked: dict[str, Any] = {
        "country": "US",
        "start": month_text(FIRST),
        "months": months,
        "anchors": anchors,
        "budget_per_month": random.choice([None, 11, 15.98, 20]),
        "hours_per_month": random.choice([None, 8, 10, 14.5, 20]),
        "wishes": [],
    }
    for show in range(1, random.randint(1, 4) + 1):
        ends = [FIRST + random.randrange(-1, months + 1) for _ in range(2)]
        earliest, latest = sorted(ends) if random.random() < 0.9 else ends
        asked["wishes"].append(
            {
                "show_id": show,
                "season": random.randint(0, 2),
                "hours": random.choice([2, 4.5, 6, 8, 12]),
                "weight": random.choice([1, 1, 2, 0.5, 3]),
                "earliest": random.choice([None, month_text(earliest)]),
                "latest": random.choice([None, month_text(latest)]),
                "providers": random.sample([*ids, 99], random.randint(1, 2)),
            }
        )
    return asked, plans


def reached(asked: Asked, plans: Plans, told: Mapping[str, Any]) -> tuple[Fraction, Fraction, int, int]:
    """The figures of a told plan as the oracle counts them; fails where the plan breaks a rule of the question."""
    first, anchors = month_number(asked["start"]), set(asked["anchors"])
    wished = {(wish["show_id"], wish["season"]): wish for wish in asked["wishes"]}
    weight = cost = Fraction()
    switches = lateness = 0
    before: set[int] = set()
    for at, month in enumerate(told["months"]):
        assert month_number(month["month"]) == first + at
        subscribed, price = set(month["subscribed"]), prices_in(asked, plans, at)
        assert anchors <= subscribed <= price.keys()
        paid = sum((price[one] for one in subscribed), Fraction())
        assert asked["budget_per_month"] is None or paid <= exact(asked["budget_per_month"])
        hours = Fraction()
        for watched in month["watch"]:
            wish = wished.pop((watched["show_id"], watched["season"]))
            assert watched["provider"] in subscribed & set(wish["providers"])
            assert not wish["earliest"] or month_number(wish["earliest"]) <= first + at
            assert not wish["latest"] or first + at <= month_number(wish["latest"])
            hours += exact(wish["hours"])
            weight += exact(wish["weight"])
            lateness += at + 1
        assert asked["hours_per_month"] is None or hours <= exact(asked["hours_per_month"])
        cost += paid
        switches += len(subscribed - before - anchors)
        before = subscribed
    assert len(told["months"]) == asked["months"]
    assert [(left["show_id"], left["season"]) for left in told["not_watched"]] == list(wished)
    assert (exact(told["watched_weight"]), exact(told["cost"]), told["switches"]) == (weight, cost, switches)
    return -weight, cost, switches, lateness
