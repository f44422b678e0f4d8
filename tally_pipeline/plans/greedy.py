"""An answer at once, and a better one soon, though not the best: what there is when the solver's time runs out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import combinations

from tally_pipeline.plans.problem import Problem, Schedule, figures, tidied

Place = tuple[int, int]
"""A month and a service."""


def greedy(problem: Problem) -> Schedule:
    """The items one by one, the weightiest first, each where it adds least cost, then fewest starts, then early."""
    board = _Board(problem)
    board.fill()
    return board.schedule()


def improved(problem: Problem, schedule: Schedule, has_time: Callable[[], bool]) -> Schedule:
    """The schedule after giving up some subscriptions and filling up again, as long as that makes it better.

    Given up is one month of one service, a whole service, a whole month, or two months of services.
    """
    best, found = tidied(problem, schedule), figures(problem, schedule)
    better = True
    while better:
        better = False
        for given_up in _given_up(problem, best):
            if not has_time():
                return best
            board = _Board(problem, best)
            board.drop(given_up)
            board.fill()
            changed = tidied(problem, board.schedule())
            if (reached := figures(problem, changed)) < found:
                best, found, better = changed, reached, True
                break
    return best


def _given_up(problem: Problem, schedule: Schedule) -> Iterator[tuple[Place, ...]]:
    """The months of services that may be given up together, the fewest first."""
    places = [
        (month, service)
        for month, services in enumerate(schedule.subscribed)
        for service in sorted(services - problem.anchors)
    ]
    yield from ((place,) for place in places)
    for part in (0, 1):
        for one in dict.fromkeys(place[part] for place in places):
            yield tuple(place for place in places if place[part] == one)
    yield from combinations(places, 2)


class _Board:
    """A schedule in the making."""

    def __init__(self, problem: Problem, schedule: Schedule | None = None) -> None:
        self._problem = problem
        months = range(problem.months)
        self._subscribed = [
            set(schedule.subscribed[month] if schedule else problem.anchors) for month in months
        ]
        self._watched = dict(schedule.watched) if schedule else {}
        self._spent = [
            sum(problem.price(one, month) or 0 for one in self._subscribed[month]) for month in months
        ]
        self._hours = [0] * problem.months
        for at, (month, _) in self._watched.items():
            self._hours[month] += problem.items[at].hours
        items = problem.items
        self._order = sorted(range(len(items)), key=lambda at: (-items[at].weight, items[at].hours))

    def fill(self) -> None:
        """Watch what is not watched, where there is room."""
        for at in self._order:
            if at not in self._watched and (best := min(self._ways(at), default=None)):
                cost, _, month, service = best
                self._spent[month] += cost
                self._hours[month] += self._problem.items[at].hours
                self._subscribed[month].add(service)
                self._watched[at] = month, service

    def drop(self, places: Collection[Place]) -> None:
        """Do without these months of services, and without what is watched there."""
        for month, service in places:
            self._subscribed[month].remove(service)
            self._spent[month] -= self._problem.price(service, month) or 0
        for at in [at for at, place in self._watched.items() if place in places]:
            month, _ = self._watched.pop(at)
            self._hours[month] -= self._problem.items[at].hours

    def schedule(self) -> Schedule:
        """The schedule that it has become."""
        return Schedule(tuple(map(frozenset, self._subscribed)), dict(self._watched))

    def _ways(self, at: int) -> Iterator[tuple[int, int, int, int]]:
        """The ways to watch an item: the cost and the starts that each adds, its month and service."""
        problem, item = self._problem, self._problem.items[at]
        for month in item.months:
            if problem.hours is not None and self._hours[month] + item.hours > problem.hours:
                continue
            for service in sorted(item.services):
                if service in self._subscribed[month]:
                    yield 0, 0, month, service
                    continue
                price = problem.price(service, month)
                if price is None or (
                    problem.budget is not None and self._spent[month] + price > problem.budget
                ):
                    continue
                before = month > 0 and service in self._subscribed[month - 1]
                after = month + 1 < problem.months and service in self._subscribed[month + 1]
                yield price, 1 - before - after, month, service
