"""The question as a mixed-integer program.

The unknowns: x[service, month] is 1 where a service that is no anchor is subscribed, z[service, month] where it
starts, y[item, month] where an item is watched. The rows: an item is watched once at most, and only in a month in
which one of its services is subscribed; hours and money of a month suffice; a subscription that did not run is a
start. y names no service: for each item and month the sum of x over its services bounds y just as well as one y for
each of them would, and the program is several times smaller.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tally_pipeline.plans.problem import Problem, Schedule, tidied

Vector = NDArray[np.float64]
Place = tuple[int, int]
"""A service or an item, and a month."""


@dataclass
class _Rows:
    """Rows of a matrix, each with its bounds."""

    columns: list[Sequence[int]] = field(default_factory=list)
    values: list[Sequence[float]] = field(default_factory=list)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)

    def at_most(self, terms: Mapping[int, float], upper: float) -> None:
        self.columns.append(list(terms.keys()))
        self.values.append(list(terms.values()))
        self.lower.append(-np.inf)
        self.upper.append(upper)

    def matrix(self, width: int) -> csr_array:
        ends = np.cumsum([0, *map(len, self.columns)])
        columns = np.fromiter(chain.from_iterable(self.columns), dtype=np.int32)
        values = np.fromiter(chain.from_iterable(self.values), dtype=np.float64)
        return csr_array((values, columns, ends), shape=(len(self.columns), width))


class Model:
    """The program of a problem: its rows, and what its four figures are, each to be made least."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._x = {place: at for at, place in enumerate(self._subscribable())}
        self._y = {
            (item, month): at
            for at, (item, month) in enumerate(
                (
                    (item, month)
                    for item, one in enumerate(problem.items)
                    for month in one.months
                    if problem.on_anchor(item) or any((service, month) in self._x for service in one.services)
                ),
                start=len(self._x),
            )
        }
        self._z = {place: at for at, place in enumerate(self._x, start=len(self._x) + len(self._y))}
        self.width = len(self._x) + len(self._y) + len(self._z)
        # z is whole by itself where x is.
        self.integrality = np.array([1] * (len(self._x) + len(self._y)) + [0] * len(self._z), dtype=np.int8)
        rows = self._rows()
        self.matrix = rows.matrix(self.width)
        self.lower, self.upper = np.array(rows.lower), np.array(rows.upper)
        items = problem.items
        self.unwatched = self._objective({at: -items[item].weight for (item, _), at in self._y.items()})
        self.cost = self._objective({at: self._price(place) for place, at in self._x.items()})
        self.switches = self._objective(dict.fromkeys(self._z.values(), 1))
        self.lateness = self._objective({at: month + 1 for (_, month), at in self._y.items()})
        self.most_lateness = sum(max(item.months) + 1 for item in items)
        anchors = sum(problem.anchors_cost(month) for month in range(problem.months))
        self.offsets = (sum(item.weight for item in items), anchors, 0)
        """The constant parts of weight, cost, and switches with lateness."""
        watchable = {item for item, _ in self._y}
        self.floors = (sum(item.weight for at, item in enumerate(items) if at not in watchable), anchors, 0)
        """The least that these can be."""

    def schedule(self, values: Vector) -> Schedule:
        """The answer that values of the unknowns mean."""
        problem = self._problem
        subscribed = [set(problem.anchors) for _ in range(problem.months)]
        for (service, month), at in self._x.items():
            if values[at] > 0.5:
                subscribed[month].add(service)
        watched = {}
        for (item, month), at in self._y.items():
            if values[at] > 0.5:
                on = problem.items[item].services & subscribed[month]
                if on:
                    watched[item] = month, min(on & problem.anchors or on)
        return tidied(problem, Schedule(tuple(map(frozenset, subscribed)), watched))

    def _subscribable(self) -> list[Place]:
        """The places of use for a subscription: those with something to watch, and free ones, which bridge gaps."""
        problem = self._problem
        useful = {
            (service, month)
            for at, item in enumerate(problem.items)
            if not problem.on_anchor(at)
            for service in item.services
            for month in item.months
        }
        return [
            (service, month)
            for service in sorted(problem.services.keys() - problem.anchors)
            for month in range(problem.months)
            if problem.can_subscribe(service, month)
            and ((service, month) in useful or problem.price(service, month) == 0)
        ]

    def _rows(self) -> _Rows:
        problem, rows = self._problem, _Rows()
        of_item: dict[int, list[int]] = defaultdict(list)
        of_month: dict[int, list[Place]] = defaultdict(list)
        for (item, month), at in self._y.items():
            of_item[item].append(at)
            of_month[month].append((item, at))
            if not problem.on_anchor(item):
                services = (self._x.get((service, month)) for service in problem.items[item].services)
                rows.at_most({at: 1.0, **{x: -1.0 for x in services if x is not None}}, 0)
        for columns in of_item.values():
            if len(columns) > 1:
                rows.at_most(dict.fromkeys(columns, 1.0), 1)
        if problem.hours is not None:
            for places in of_month.values():
                rows.at_most({at: problem.items[item].hours for item, at in places}, problem.hours)
        if problem.budget is not None:
            for month in range(problem.months):
                left = problem.budget - problem.anchors_cost(month)
                if terms := {at: self._price(one) for one, at in self._x.items() if one[1] == month}:
                    rows.at_most(terms, left)
        for (service, month), x in self._x.items():
            start = {x: 1.0, self._z[service, month]: -1.0}
            if (before := self._x.get((service, month - 1))) is not None:
                start[before] = -1.0
            rows.at_most(start, 0)
        return rows

    def _objective(self, coefficients: Mapping[int, float]) -> Vector:
        vector = np.zeros(self.width)
        vector[list(coefficients.keys())] = list(coefficients.values())
        return vector

    def _price(self, place: Place) -> int:
        return self._problem.price(*place) or 0
