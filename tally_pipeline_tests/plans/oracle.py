"""The best plan by trying every one: plain enumeration over the two files' content, independent of the planner."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations, product
from typing import Any

Best = tuple[Fraction, Fraction, int, int]
"""Weight that is watched, negated; cost; switches; the sum of the months' numbers."""


def month_number(month: str) -> int:
    year, within = month.split("-")
    return int(year) * 12 + int(within)


def exact(number: float) -> Fraction:
    return Fraction(str(number))


def prices(asked: Mapping[str, Any], plans: Sequence[Mapping[str, Any]], month: int) -> dict[int, Fraction]:
    """What each provider costs in a month, counted from 0."""
    when = month_number(asked["start"]) + month
    found: dict[int, dict[str, tuple[str, Fraction]]] = {}
    for plan in plans:
        if plan["country"] == asked["country"] and month_number(plan["valid_from"][:7]) <= when:
            names = found.setdefault(plan["provider_id"], {})
            names[plan["name"]] = max(
                names.get(plan["name"], ("", Fraction())), (plan["valid_from"], exact(plan["price"]))
            )
    return {provider: min(price for _, price in names.values()) for provider, names in found.items()}


def best(asked: Mapping[str, Any], plans: Sequence[Mapping[str, Any]]) -> Best:
    """The figures of the best plan."""
    first, count = month_number(asked["start"]), asked["months"]
    anchors = set(asked.get("anchors") or ())
    by_month = [prices(asked, plans, month) for month in range(count)]
    budget, limit = asked.get("budget_per_month"), asked.get("hours_per_month")
    options = []
    for price in by_month:
        extra = sorted(price.keys() - anchors)
        sets = [anchors | set(some) for size in range(len(extra) + 1) for some in combinations(extra, size)]
        costs = [(some, sum((price[one] for one in some), Fraction())) for some in sets]
        options.append([it for it in costs if budget is None or it[1] <= exact(budget)])
    wishes = []
    for wish in asked["wishes"]:
        earliest = month_number(wish["earliest"]) if wish.get("earliest") else first
        latest = month_number(wish["latest"]) if wish.get("latest") else first + count
        months = [at for at in range(count) if earliest <= first + at <= latest]
        wishes.append((months, set(wish["providers"]), exact(wish["hours"]), exact(wish["weight"])))
    found: Best | None = None
    for table in product(*options):
        cost = sum((cost for _, cost in table), Fraction())
        switches = sum(
            len(services - (table[at - 1][0] if at else set()) - anchors)
            for at, (services, _) in enumerate(table)
        )
        open_months = [[at for at in months if table[at][0] & on] for months, on, _, _ in wishes]
        most = sum((wish[3] for wish, months in zip(wishes, open_months, strict=True) if months), Fraction())
        if found and (-most, cost, switches) > found[:3]:
            continue
        for weight, chosen in ways(wishes, open_months, [None if limit is None else exact(limit)] * count):
            told = (-weight, cost, switches, sum(month + 1 for month in chosen))
            if found is None or told < found:
                found = told
    assert found is not None
    return found


def ways(
    wishes: Sequence[tuple[list[int], set[int], Fraction, Fraction]],
    open_months: Sequence[list[int]],
    left: list[Fraction | None],
) -> Iterator[tuple[Fraction, tuple[int, ...]]]:
    """Every way to watch some of the wishes: the weight watched, and the month of each that is."""
    if not wishes:
        yield Fraction(), ()
        return
    (_, _, hours, own), rest = wishes[0], wishes[1:]
    yield from ways(rest, open_months[1:], left)
    for month in open_months[0]:
        spare = left[month]
        if spare is None or hours <= spare:
            after = [*left]
            after[month] = None if spare is None else spare - hours
            for weight, months in ways(rest, open_months[1:], after):
                yield weight + own, (month, *months)
