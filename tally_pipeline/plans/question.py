"""From wishes, prices and what is known of shows to the question in whole numbers; and why a wish is none of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from tally_pipeline.plans import months, prices
from tally_pipeline.plans.brands import NO_BRANDS, Brands, merged
from tally_pipeline.plans.errors import PlanError
from tally_pipeline.plans.known import Complete, NoOffers, NoSeasons, NotYet, Offered, Offers, Seasons
from tally_pipeline.plans.prices import Price, PriceList
from tally_pipeline.plans.problem import Item, Problem, Service
from tally_pipeline.plans.units import MOST_UNITS, common_unit
from tally_pipeline.plans.wishes import Wish, Wishes

_NAMED = 5
"""The most services that a sentence names."""

NO_OFFERS, NO_SEASONS = NoOffers(), NoSeasons()


@dataclass(frozen=True)
class Ground:
    """A wish with its services and the months in which it may be watched (none if `first` is after `last`).

    Both rest on what was `offered` and when it was `complete`, or, where these are None, on the file of wishes. With
    `not_yet` it cannot be watched whole, and nobody says when.
    """

    wish: Wish
    services: frozenset[int]
    first: int
    last: int
    offered: Offered | None
    complete: Complete | None
    not_yet: NotYet | None = None


@dataclass(frozen=True)
class Question:
    """A problem, with what its numbers stand for.

    `grounds` are those of the problem's items, in their order; `impossible` says of every other wish why it cannot be
    watched. `paid` has each service's price for every month. `money` and `weight` are one unit of the problem's.
    """

    asked: Wishes
    listed: PriceList
    problem: Problem
    grounds: tuple[Ground, ...]
    impossible: Mapping[Wish, str]
    services: frozenset[int]
    paid: Mapping[int, tuple[Price | None, ...]]
    currency: str
    money: Fraction
    weight: Fraction

    def called(self, service: int) -> str:
        """The name of a service in sentences."""
        priced = [price for price in self.paid.get(service, ()) if price]
        return f"{priced[0].name} ({service})" if priced else f"provider {service}"


def pose(
    asked: Wishes,
    listed: PriceList,
    brands: Brands = NO_BRANDS,
    offers: Offers = NO_OFFERS,
    seasons: Seasons = NO_SEASONS,
) -> Question:
    """The question that is asked; raises `PlanError` where there can be no answer."""
    paid = prices.by_brand(listed, asked.country, asked.start, asked.last, brands)
    anchors = merged(asked.anchors, brands)
    grounds = [_ground(wish, asked, brands, offers, seasons) for wish in asked.wishes]
    wished = frozenset[int]().union(*(ground.services for ground in grounds))
    used = {price for one in sorted(wished | anchors) for price in paid.get(one, ()) if price}
    currency = prices.one_currency(listed.file, used)
    _require_anchors(asked, listed, anchors, paid)
    money = common_unit(price.price for price in used)
    hours = common_unit(wish.hours or Fraction() for wish in asked.wishes)
    weight = common_unit(wish.weight for wish in asked.wishes)
    _require_coarse(listed.file, "prices", money, (price.price for price in used))
    _require_coarse(asked.file, "hours", hours, (wish.hours or Fraction() for wish in asked.wishes))
    _require_coarse(asked.file, "weights", weight, (wish.weight for wish in asked.wishes))
    services = {
        one: Service(
            tuple(None if price is None else int(price.price / money) for price in paid[one]), one in anchors
        )
        for one in sorted(wished | anchors)
        if one in paid
    }
    # What lies between two units of the prices buys nothing.
    frame = Problem(asked.months, services, (), _floored(asked.budget, money), _floored(asked.hours, hours))
    impossible = {
        ground.wish: why
        for ground in grounds
        if (why := _why_impossible(ground, asked, listed, frame, offers)) is not None
    }
    possible = tuple(ground for ground in grounds if ground.wish not in impossible)
    items = tuple(
        Item(
            hours=int((ground.wish.hours or Fraction()) / hours),
            weight=int(ground.wish.weight / weight),
            months=tuple(range(ground.first - asked.start, ground.last - asked.start + 1)),
            services=ground.services & services.keys(),
        )
        for ground in possible
    )
    problem = Problem(frame.months, services, items, frame.budget, frame.hours)
    return Question(
        asked, listed, problem, possible, impossible, wished | anchors, paid, currency, money, weight
    )


def _ground(wish: Wish, asked: Wishes, brands: Brands, offers: Offers, seasons: Seasons) -> Ground:
    offered = offers.of(wish.show_id, asked.country) if wish.providers is None else None
    found = seasons.of(wish.show_id, wish.season) if wish.earliest is None else None
    complete = found if isinstance(found, Complete) else None
    not_yet = found if isinstance(found, NotYet) else None
    providers = wish.providers if wish.providers is not None else offered.providers if offered else ()
    earliest = wish.earliest if wish.earliest is not None else complete.month if complete else asked.start
    latest = wish.latest if wish.latest is not None else asked.last
    first, last = max(earliest, asked.start), min(latest, asked.last)
    return Ground(wish, merged(providers, brands), first, last, offered, complete, not_yet)


def _why_impossible(
    ground: Ground, asked: Wishes, listed: PriceList, frame: Problem, offers: Offers
) -> str | None:
    """The reason for which a wish cannot be watched in any plan; None if it can."""
    wish, open_months = ground.wish, range(ground.first - asked.start, ground.last - asked.start + 1)
    if not ground.services:
        return _why_without_services(ground, asked, offers)
    if ground.not_yet:
        return (
            f"{ground.not_yet.why} (known {ground.not_yet.as_of}); give its earliest in {asked.file} if you know when"
            " all of it can be watched"
        )
    if ground.first > ground.last:
        return _why_without_months(ground, asked)
    if asked.hours is not None and wish.hours is not None and wish.hours > asked.hours:
        return (
            f"it takes {_shown(wish.hours)} hours, and hours_per_month is {_shown(asked.hours)}; a season is watched"
            " within one month"
        )
    when = window(ground.first, ground.last)
    priced = sorted(ground.services & frame.services.keys())
    if not any(frame.price(one, month) is not None for one in priced for month in open_months):
        return (
            f"no price of {numbered(ground.services)} in {asked.country} is known for {when}; put it into"
            f" {listed.file} as [[plans]]"
        )
    if not any(frame.can_subscribe(one, month) for one in priced for month in open_months):
        beside = " beside the anchors" if frame.anchors else ""
        return (
            f"none of {numbered(ground.services)} fits budget_per_month {_shown(asked.budget or Fraction())}"
            f"{beside} in {when}"
        )
    return None


def _why_without_services(ground: Ground, asked: Wishes, offers: Offers) -> str:
    if ground.wish.providers is not None:
        return f"its providers are empty in {asked.file}: nobody has it; leave the key out to ask for known offers"
    if ground.offered and ground.offered.is_gone:
        return f"TMDB had no such show on {ground.offered.as_of}; look its show_id up"
    if ground.offered:
        return f"no service had it in {asked.country} on {ground.offered.as_of}; give its providers if one has it now"
    remedy = f", or {offers.remedy}" if offers.remedy else ""
    return f"no offers of it in {asked.country} are known; give its providers in {asked.file}{remedy}"


def _why_without_months(ground: Ground, asked: Wishes) -> str:
    wish, plan = ground.wish, window(asked.start, asked.last)
    if ground.complete:
        earliest = ground.complete.month
        since = f"it is complete in {months.text(earliest)} (known {ground.complete.as_of})"
    else:
        earliest = wish.earliest if wish.earliest is not None else asked.start
        since = f"its earliest month is {months.text(earliest)}"
    if earliest > asked.last:
        return f"{since}, after the plan, which is for {plan}"
    if wish.latest is not None and wish.latest < asked.start:
        return f"its latest month is {months.text(wish.latest)}, before the plan, which is for {plan}"
    return f"{since}, after its latest, {months.text(wish.latest or asked.last)}"


def _require_anchors(
    asked: Wishes, listed: PriceList, anchors: frozenset[int], paid: Mapping[int, tuple[Price | None, ...]]
) -> None:
    """Fail if an anchor has no price in some month, or if the anchors alone are above the budget."""
    for month in range(asked.months):
        when, cost = months.text(asked.start + month), Fraction()
        for anchor in sorted(anchors):
            price = paid[anchor][month] if anchor in paid else None
            if price is None:
                raise PlanError(
                    f"{asked.file}: anchors has {anchor}, of which {listed.file} has no price in {asked.country} for"
                    f" {when}; put it there as [[plans]], or take {anchor} out of the anchors"
                )
            cost += price.price
        if asked.budget is not None and cost > asked.budget:
            raise PlanError(
                f"{asked.file}: budget_per_month is {_shown(asked.budget)}, and the anchors alone cost"
                f" {_shown(cost)} in {when}; raise it, or take an anchor out"
            )


def _require_coarse(file: str, what: str, unit: Fraction, amounts: Iterable[Fraction]) -> None:
    """Fail if amounts are too many units for the solver to be exact."""
    most = max((amount / unit for amount in amounts), default=Fraction())
    if most > MOST_UNITS:
        raise PlanError(
            f"{file}: the largest of the {what} is {int(most):,} times {_shown(unit)}, the largest number that all of"
            f" them are multiples of, and {MOST_UNITS:,} times is the most; round the {what}"
        )


def _floored(amount: Fraction | None, unit: Fraction) -> int | None:
    return None if amount is None else floor(amount / unit)


def numbered(services: Iterable[int]) -> str:
    """Services in a sentence, by their numbers: a show may have dozens."""
    ids = sorted(services)
    more = f" or {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return f"provider {' or '.join(map(str, ids[:_NAMED]))}{more}"


def window(first: int, last: int) -> str:
    """The months from `first` to `last` in a sentence."""
    return months.text(first) if first == last else f"{months.text(first)} to {months.text(last)}"


def _shown(amount: Fraction) -> str:
    return f"{float(amount):,.6f}".rstrip("0").rstrip(".")
