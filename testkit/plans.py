"""Questions for the planner, of any size."""

from __future__ import annotations

from random import Random

from tally_pipeline.plans.problem import Item, Problem, Service


def question_of(
    wishes: int, months: int, services: int, seed: int = 2, budget: int | None = 3000, hours: int = 30
) -> Problem:
    """A question in which hours, money and windows are all short: harder than most that people have."""
    random = Random(seed)
    prices = [random.choice([599, 799, 999, 1099, 1599, 1799]) for _ in range(services)]
    items = []
    for _ in range(wishes):
        first = random.randrange(months)
        items.append(
            Item(
                hours=random.randint(4, 16),
                weight=random.randint(1, 5),
                months=tuple(range(first, random.randrange(first, months) + 1)),
                services=frozenset(random.sample(range(services), random.choice([1, 1, 1, 2, 2, 3]))),
            )
        )
    offered = {one: Service((price,) * months, one == 0) for one, price in enumerate(prices)}
    return Problem(months, offered, tuple(items), budget, hours)
