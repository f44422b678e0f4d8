"""The plan with its reasons: what to pay and watch in which month, what cannot be watched, what it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, Literal

from tally_pipeline.plans import months
from tally_pipeline.plans.baselines import all_services, rotation
from tally_pipeline.plans.prices import Price
from tally_pipeline.plans.problem import starts
from tally_pipeline.plans.question import Ground, Question, numbered, window
from tally_pipeline.plans.solve import Solution
from tally_pipeline.plans.units import plain
from tally_pipeline.plans.wishes import Wish
from tally_pipeline.plurals import counted


@dataclass(frozen=True)
class Month:
    """A month of the plan: services subscribed, those of them that start, and what is watched on which."""

    month: str
    subscribed: tuple[int, ...]
    started: frozenset[int]
    watch: tuple[tuple[Wish, int], ...]
    cost: Fraction
    hours: Fraction


@dataclass(frozen=True)
class Plan:
    """A plan, explained. `rotation_weight` is the weight watched by having one service at a time."""

    question: Question
    solution: Solution
    months: tuple[Month, ...]
    not_watched: tuple[tuple[Wish, str], ...]
    watched_weight: Fraction
    cost: Fraction
    all_services: Fraction
    rotation: Fraction
    rotation_weight: Fraction

    @property
    def status(self) -> Literal["optimal", "feasible"]:
        """`optimal` when all four objectives are proven."""
        return "optimal" if self.solution.unproven is None else "feasible"


def explain(question: Question, solution: Solution) -> Plan:
    """The plan of a solution."""
    problem, found = question.problem, solution.figures
    rotated = rotation(problem)
    why = {**question.impossible, **_why_left_out(question, solution)}
    total = sum(item.weight for item in problem.items)
    return Plan(
        question=question,
        solution=solution,
        months=tuple(_month(question, solution, month) for month in range(problem.months)),
        not_watched=tuple((wish, why[wish]) for wish in question.asked.wishes if wish in why),
        watched_weight=(total - found.unwatched) * question.weight,
        cost=found.cost * question.money,
        all_services=all_services(question),
        rotation=rotated.cost * question.money,
        rotation_weight=rotated.weight * question.weight,
    )


def told(plan: Plan) -> dict[str, Any]:
    """The plan as JSON has it."""
    return {
        "status": plan.status,
        "gap": plan.solution.gap,
        "watched_weight": plain(plan.watched_weight),
        "cost": plain(plan.cost),
        "switches": plan.solution.figures.switches,
        "months": [
            {
                "month": month.month,
                "subscribed": list(month.subscribed),
                "watch": [
                    {"show_id": wish.show_id, "season": wish.season, "provider": service}
                    for wish, service in month.watch
                ],
            }
            for month in plan.months
        ],
        "not_watched": [
            {"show_id": wish.show_id, "season": wish.season, "why": why} for wish, why in plan.not_watched
        ],
        "baselines": {"all_services": plain(plan.all_services), "rotation": plain(plan.rotation)},
    }


def doubts(question: Question, today: date, days: int) -> list[str]:
    """The doubts about a plan, each in a sentence with its remedy: old or missing prices, unknown hours."""
    asked, listed = question.asked, question.listed
    found = []
    for price in _used_prices(question):
        if (age := (today - price.checked).days) > days:
            found.append(
                f"{listed.file}: {price.place}.checked is {price.checked}, {counted(age, 'day')} ago, and the limit"
                f" is {days}; look up {price.name} at {price.source}, and set price and checked"
            )
        elif age < 0:
            found.append(
                f"{listed.file}: {price.place}.checked is {price.checked}, which is still to come; give the day on"
                " which the price was looked up"
            )
    if unpriced := question.services - question.paid.keys():
        found.append(
            f"{listed.file} has no price of {numbered(unpriced)} in {asked.country}: the plan does without; put what"
            " you could have there as [[plans]]"
        )
    found += [
        f"{listed.file} has a price of {question.called(service)} in {asked.country} only from"
        f" {months.text(asked.start + sum(price is None for price in question.paid[service]))} on; put an earlier one"
        " there as [[plans]] if it can be had before"
        for service in sorted(question.services & question.paid.keys())
        if question.paid[service][0] is None and question.paid[service][-1] is not None
    ]
    if asked.hours is not None:
        found += [
            f"{asked.file}: {ground.wish.name} has no hours, and takes none of hours_per_month; give its hours"
            for ground in question.grounds
            if ground.wish.hours is None
        ]
    return found


def rests_on(plan: Plan, today: date) -> Iterator[str]:
    """The prices and dates that a plan rests on, and how old each is."""
    question = plan.question
    paid = [
        price
        for at, month in enumerate(plan.months)
        for service in month.subscribed
        if (price := question.paid[service][at])
    ]
    for price in dict.fromkeys(paid):
        yield (
            f"{price.name} ({price.provider_id}) at {money(price.price)} {price.currency} from {price.valid_from} on:"
            f" {price.source}, checked {_on(price.checked, today)}"
        )
    for ground in question.grounds:
        if ground.offered:
            yield (
                f"the services of {ground.wish.name}: JustWatch's offers, via TMDB, known"
                f" {_on(ground.offered.as_of, today)}"
            )
        if ground.complete:
            yield (
                f"{ground.wish.name} is complete in {months.text(ground.complete.month)}: known"
                f" {_on(ground.complete.as_of, today)}"
            )
        elif ground.wish.earliest is None:
            yield f"{ground.wish.name} is taken to be complete: neither the wishes nor the calendar says when"


def money(amount: Fraction) -> str:
    """An amount of money for people."""
    return f"{float(amount):,.2f}"


def _month(question: Question, solution: Solution, at: int) -> Month:
    schedule = solution.schedule
    watch = tuple(
        (question.grounds[item].wish, service)
        for item, (month, service) in sorted(schedule.watched.items())
        if month == at
    )
    subscribed = tuple(sorted(schedule.subscribed[at]))
    prices = (question.paid[service][at] for service in subscribed)
    return Month(
        month=months.text(question.asked.start + at),
        subscribed=subscribed,
        started=starts(question.problem, schedule, at),
        watch=watch,
        cost=sum((price.price for price in prices if price), Fraction()),
        hours=sum((wish.hours or Fraction() for wish, _ in watch), Fraction()),
    )


def _why_left_out(question: Question, solution: Solution) -> dict[Wish, str]:
    """The wishes that could be watched and are not, each with its reason: others weigh more."""
    return {
        ground.wish: _why_one_is(question, solution, item, ground)
        for item, ground in enumerate(question.grounds)
        if item not in solution.schedule.watched
    }


def _why_one_is(question: Question, solution: Solution, at: int, ground: Ground) -> str:
    problem, schedule = question.problem, solution.schedule
    item = problem.items[at]
    lacking = set()
    for month in item.months:
        used = sum(
            problem.items[other].hours for other, (when, _) in schedule.watched.items() if when == month
        )
        if problem.hours is not None and used + item.hours > problem.hours:
            lacking.add("hours_per_month")
        if not item.services & schedule.subscribed[month]:
            lacking.add("budget_per_month")
    what = " and ".join(sorted(lacking)) or "the time to search"
    when = window(ground.first, ground.last)
    on = " or ".join(question.called(service) for service in sorted(item.services))
    if solution.unproven == "weight":
        return f"no room for it in {when} on {on} was found within {what}; give the search more --seconds"
    return f"what is watched instead weighs as much or more: {what} leaves no room for it in {when} on {on}"


def _used_prices(question: Question) -> list[Price]:
    used = (price for one in sorted(question.services) for price in question.paid.get(one, ()) if price)
    return list(dict.fromkeys(used))


def _on(day: date, today: date) -> str:
    age = (today - day).days
    return f"{day}, {counted(age, 'day')} ago" if age > 0 else f"{day}"
