"""The costs of doing without a plan."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from tally_pipeline.plans.problem import Problem, Schedule, figures
from tally_pipeline.plans.question import Question


def all_services(question: Question) -> Fraction:
    """The cost of every service that has any wish, and of the anchors, in every month in which each has a price. The
    budget does not count: this is what having everything costs."""
    return sum(
        (price.price for one in question.services for price in question.paid.get(one, ()) if price),
        Fraction(),
    )


@dataclass(frozen=True)
class Rotation:
    """The cost of having one service at a time beside the anchors, and the weight of what is watched so."""

    cost: int
    weight: int
    schedule: Schedule


def rotation(problem: Problem) -> Rotation:
    """One service at a time: in each month, the first to the last, the one on which most weight can be watched then.

    On a service and the anchors the open wishes are watched, the weightiest first, while the month's hours last. Of
    equal services it is the cheaper, then that of the smaller id; where none adds weight to the anchors', none is
    paid for. The budget holds.
    """
    subscribed, watched = [], dict[int, tuple[int, int]]()
    for month in range(problem.months):
        best = (-_weight(problem, on_anchors := _watchable(problem, watched, month, problem.anchors)), 0, 0)
        services, watch = problem.anchors, on_anchors
        for one in sorted(problem.services.keys() - problem.anchors):
            price = problem.price(one, month)
            if price is None or not problem.can_subscribe(one, month):
                continue
            found = _watchable(problem, watched, month, problem.anchors | {one})
            if (rank := (-_weight(problem, found), price, one)) < best:
                best, services, watch = rank, problem.anchors | {one}, found
        subscribed.append(services)
        watched |= {at: (month, service) for at, service in watch.items()}
    schedule = Schedule(tuple(subscribed), watched)
    return Rotation(figures(problem, schedule).cost, _weight(problem, watched), schedule)


def _watchable(
    problem: Problem, watched: dict[int, tuple[int, int]], month: int, services: frozenset[int]
) -> dict[int, int]:
    """The items that are watched in a month on these services, each with its service."""
    left, watch = problem.hours, dict[int, int]()
    for at in sorted(range(len(problem.items)), key=lambda at: -problem.items[at].weight):
        item = problem.items[at]
        on = item.services & services
        if at in watched or month not in item.months or not on or (left is not None and item.hours > left):
            continue
        left = None if left is None else left - item.hours
        watch[at] = min(on & problem.anchors or on)
    return watch


def _weight(problem: Problem, items: dict[int, int] | dict[int, tuple[int, int]]) -> int:
    return sum(problem.items[at].weight for at in items)
