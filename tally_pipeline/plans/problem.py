"""The question in whole numbers, what an answer is, and by which figures answers are compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple


@dataclass(frozen=True)
class Service:
    """A service with its price in each month, None while it has none. An anchor is subscribed in every month."""

    prices: tuple[int | None, ...]
    is_anchor: bool = False


@dataclass(frozen=True)
class Item:
    """A season to watch, in one of the months (counted from 0), on one of the services."""

    hours: int
    weight: int
    months: tuple[int, ...]
    services: frozenset[int]


@dataclass(frozen=True)
class Problem:
    """Services by their ids, and items; `budget` and `hours` are a month's, None without end."""

    months: int
    services: Mapping[int, Service]
    items: tuple[Item, ...]
    budget: int | None = None
    hours: int | None = None

    @cached_property
    def anchors(self) -> frozenset[int]:
        """The services that are always subscribed."""
        return frozenset(one for one, service in self.services.items() if service.is_anchor)

    def price(self, service: int, month: int) -> int | None:
        """The price of a service in a month; None if it cannot be had."""
        return self.services[service].prices[month]

    def anchors_cost(self, month: int) -> int:
        """The cost of the anchors in a month."""
        return sum(self.price(one, month) or 0 for one in self.anchors)

    def can_subscribe(self, service: int, month: int) -> bool:
        """True if a service has a price in a month that fits the budget beside the anchors."""
        if service in self.anchors:
            return True
        price = self.price(service, month)
        return price is not None and (self.budget is None or self.anchors_cost(month) + price <= self.budget)

    def on_anchor(self, item: int) -> bool:
        """True if an item can be watched on an anchor, for which nothing more is paid."""
        return not self.anchors.isdisjoint(self.items[item].services)


@dataclass(frozen=True)
class Schedule:
    """An answer: the services subscribed in each month, and for each item watched its month and service."""

    subscribed: tuple[frozenset[int], ...]
    watched: Mapping[int, tuple[int, int]]


class Figures(NamedTuple):
    """The figures of an answer, compared one after the other: less is better."""

    unwatched: int
    """The weight of what is not watched."""
    cost: int
    switches: int
    lateness: int
    """The sum of the numbers of the months in which something is watched; the first month is 1."""


def figures(problem: Problem, schedule: Schedule) -> Figures:
    """The figures of an answer."""
    watched = schedule.watched
    return Figures(
        sum(item.weight for at, item in enumerate(problem.items) if at not in watched),
        sum(problem.price(one, month) or 0 for month, one in _subscriptions(schedule)),
        sum(len(starts(problem, schedule, month)) for month in range(problem.months)),
        sum(month + 1 for month, _ in watched.values()),
    )


def starts(problem: Problem, schedule: Schedule, month: int) -> frozenset[int]:
    """The services that are subscribed in a month and were not in the one before, but for anchors."""
    before = schedule.subscribed[month - 1] if month else frozenset()
    return schedule.subscribed[month] - before - problem.anchors


def is_allowed(problem: Problem, schedule: Schedule) -> bool:
    """True if an answer keeps every rule of the question."""
    for month, subscribed in enumerate(schedule.subscribed):
        prices = [problem.price(one, month) for one in subscribed]
        if None in prices or not problem.anchors <= subscribed:
            return False
        if problem.budget is not None and sum(price or 0 for price in prices) > problem.budget:
            return False
        hours = sum(problem.items[at].hours for at, (when, _) in schedule.watched.items() if when == month)
        if problem.hours is not None and hours > problem.hours:
            return False
    return all(
        month in problem.items[at].months
        and service in problem.items[at].services
        and service in schedule.subscribed[month]
        for at, (month, service) in schedule.watched.items()
    )


def tidied(problem: Problem, schedule: Schedule) -> Schedule:
    """The same without subscriptions in which nothing is watched, unless they spare a switch: those cost nothing."""
    subscribed = [set(services) for services in schedule.subscribed]
    used = {(month, service) for month, service in schedule.watched.values()}
    for service in problem.services.keys() - problem.anchors:
        for run in _runs([service in services for services in subscribed]):
            busy = [month for month in run if (month, service) in used]
            for month in run:
                if not busy or not busy[0] <= month <= busy[-1]:
                    subscribed[month].discard(service)
    return Schedule(tuple(map(frozenset, subscribed)), schedule.watched)


def _runs(flags: list[bool]) -> Iterator[range]:
    """The stretches of months that are true."""
    first = None
    for month, flag in enumerate([*flags, False]):
        if flag and first is None:
            first = month
        elif not flag and first is not None:
            yield range(first, month)
            first = None


def _subscriptions(schedule: Schedule) -> Iterator[tuple[int, int]]:
    for month, services in enumerate(schedule.subscribed):
        for service in services:
            yield month, service
