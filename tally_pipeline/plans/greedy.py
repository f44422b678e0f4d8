"""An answer at once, though not the best: the solver's fallback, and what it is measured beside."""

from __future__ import annotations

from collections.abc import Iterator

from tally_pipeline.plans.problem import Problem, Schedule


def greedy(problem: Problem) -> Schedule:
    """The items one by one, the weightiest first, each where it adds least cost, then fewest starts, then early."""
    months = range(problem.months)
    subscribed = [set(problem.anchors) for _ in months]
    spent = [problem.anchors_cost(month) for month in months]
    hours = [0 for _ in months]
    watched: dict[int, tuple[int, int]] = {}

    def ways(at: int) -> Iterator[tuple[int, int, int, int]]:
        """Cost, starts, month and service of each way to watch an item."""
        item = problem.items[at]
        for month in item.months:
            if problem.hours is not None and hours[month] + item.hours > problem.hours:
                continue
            for service in sorted(item.services):
                if service in subscribed[month]:
                    yield 0, 0, month, service
                    continue
                price = problem.price(service, month)
                if price is None or (problem.budget is not None and spent[month] + price > problem.budget):
                    continue
                before = month > 0 and service in subscribed[month - 1]
                after = month + 1 < problem.months and service in subscribed[month + 1]
                yield price, 1 - before - after, month, service

    for at in sorted(
        range(len(problem.items)), key=lambda at: (-problem.items[at].weight, problem.items[at].hours)
    ):
        best = min(ways(at), default=None)
        if best is None:
            continue
        cost, _, month, service = best
        spent[month] += cost
        hours[month] += problem.items[at].hours
        subscribed[month].add(service)
        watched[at] = month, service
    return Schedule(tuple(map(frozenset, subscribed)), watched)
