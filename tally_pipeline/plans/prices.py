"""The file of prices: what a provider's plan costs a month in a country, since when, and who says so."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from tally_pipeline.plans import months
from tally_pipeline.plans.brands import Brands, brand_of
from tally_pipeline.plans.errors import PlanError
from tally_pipeline.plans.reading import MOST_ID, Table
from tally_pipeline.plans.wishes import MOST_MONEY

MOST_PLANS = 10_000

_KEYS = ("provider_id", "country", "name", "price", "currency", "valid_from", "checked", "source")


@dataclass(frozen=True)
class Price:
    """The price of a provider's plan for a month, from `valid_from` on; on the day `checked` its `source` said so."""

    place: str
    provider_id: int
    country: str
    name: str
    price: Fraction
    currency: str
    valid_from: date
    checked: date
    source: str

    @property
    def first_month(self) -> int:
        """The first month that is paid at this price: the one in which it becomes valid."""
        return self.valid_from.year * 12 + self.valid_from.month - 1


@dataclass(frozen=True)
class PriceList:
    """The prices of a file."""

    file: str
    prices: tuple[Price, ...]


def read(text: str, file: str) -> PriceList:
    """The prices of a file's text; raises `PlanError`."""
    try:
        content = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, ValueError, ArithmeticError, RecursionError) as error:
        raise PlanError(f"{file} is not TOML: {error}; mend it there") from None
    table = Table(file, "", content)
    table.only(("plans",))
    entries = table.tables("plans", MOST_PLANS) if table.given("plans") else []
    seen: dict[tuple[object, ...], str] = {}
    prices = []
    for entry in entries:
        price = _price(entry)
        key = (price.provider_id, price.country, price.name, price.valid_from)
        if key in seen:
            raise PlanError(
                f"{file}: {price.place} is the plan {price.name!r} of provider {price.provider_id} in"
                f" {price.country} from {price.valid_from} again, as {seen[key]}; leave one"
            )
        seen[key] = price.place
        prices.append(price)
    return PriceList(file, tuple(prices))


def by_brand(
    listed: PriceList, country: str, first: int, last: int, brands: Brands
) -> Mapping[int, tuple[Price | None, ...]]:
    """Of each brand, for each month from `first` to `last`, the price to pay; None before it has one.

    It is that of the brand's cheapest plan, each plan at its newest price.
    """
    plans: dict[int, dict[tuple[int, str], list[Price]]] = defaultdict(lambda: defaultdict(list))
    for price in sorted(listed.prices, key=lambda one: one.valid_from):
        if price.country == country:
            plans[brand_of(price.provider_id, brands)][price.provider_id, price.name].append(price)
    return {
        brand: tuple(_cheapest(of_brand.values(), month) for month in range(first, last + 1))
        for brand, of_brand in sorted(plans.items())
    }


def _cheapest(plans: Iterable[list[Price]], month: int) -> Price | None:
    """The cheapest in a month of plans, each a list of its prices, the newest last."""
    newest = [valid[-1] for plan in plans if (valid := [one for one in plan if one.first_month <= month])]
    return min(newest, key=lambda one: (one.price, one.provider_id, one.name), default=None)


def one_currency(file: str, used: Iterable[Price]) -> str:
    """The currency of all these prices, empty if there are none; raises `PlanError` if they have several."""
    by_currency = {price.currency: price for price in sorted(used, key=lambda one: one.place, reverse=True)}
    if len(by_currency) > 1:
        (one, first), (other, second) = sorted(by_currency.items())[:2]
        raise PlanError(
            f"{file}: {first.place} is in {one} and {second.place} in {other}; give all plans of {first.country}"
            " in one currency, which is that of the budget"
        )
    return next(iter(by_currency), "")


def _price(entry: Table) -> Price:
    entry.only(_KEYS)
    return Price(
        place=entry.place,
        provider_id=entry.whole("provider_id", 1, MOST_ID),
        country=entry.country("country"),
        name=entry.text("name", "the plan's name"),
        price=entry.amount("price", MOST_MONEY),
        currency=entry.currency("currency"),
        valid_from=_day(entry, "valid_from"),
        checked=_day(entry, "checked"),
        source=entry.text("source", "the page that says so"),
    )


def _day(entry: Table, key: str) -> date:
    """A day, of TOML or as text; a month stands for its first day."""
    what = "a day, as in 2026-02-24"
    value = entry.value(key, what)
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        day = date.fromisoformat(f"{months.text(months.number(value))}-01" if len(value) == 7 else value)
    except (ValueError, TypeError):
        entry.wrong(key, what)
    return day
