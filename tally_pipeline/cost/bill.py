"""A month's bill: quantities times prices, less what AWS gives away. Pure arithmetic."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

Basis = Literal["measured", "scaled", "computed", "assumed"]
"""How a quantity is known: counted in a run; counted, then multiplied to another size or age; worked out from the
settings; or a guess about what AWS does inside."""


@dataclass(frozen=True)
class Price:
    """`usd` for every `per` units, beyond the units a month that are free. `checked` is a day, or empty: nobody
    has held the price against its source."""

    what: str
    unit: str
    usd: float
    per: float
    source: str
    checked: str
    always_free: float = 0
    first_year_free: float = 0

    def of(self, quantity: float) -> float:
        """US dollars for so many units, none of them free."""
        return quantity * self.usd / self.per


@dataclass(frozen=True)
class PriceList:
    """Prices by name; where and when they hold, and how far they can be trusted."""

    region: str
    date: str
    said: str
    prices: Mapping[str, Price]


@dataclass(frozen=True)
class Line:
    """So much of something in a month of 30 days. `price` is its name in the price list."""

    part: str
    price: str
    quantity: float
    basis: Basis


@dataclass(frozen=True)
class Charge:
    """All of a month's use of one price, in US dollars: without any allowance; less what is always free, which is
    what has to be paid; and less what is free in an account's first year as well."""

    price: Price
    quantity: float
    before: float
    to_pay: float
    first_year: float


def price_list() -> PriceList:
    """The prices of `prices.toml`."""
    text = (files("tally_pipeline.cost") / "prices.toml").read_text(encoding="utf-8")
    told = tomllib.loads(text)
    about = told.pop("about")
    return PriceList(**about, prices={name: Price(**price) for name, price in told.items()})


def charges(lines: Iterable[Line], prices: Mapping[str, Price]) -> list[Charge]:
    """One charge for each price that is used, in the prices' order: an allowance counts once for all lines."""
    used: dict[str, float] = {}
    for line in lines:
        used[line.price] = used.get(line.price, 0.0) + line.quantity
    return [_charge(price, used[name]) for name, price in prices.items() if name in used]


def _charge(price: Price, quantity: float) -> Charge:
    billed = max(0.0, quantity - price.always_free)
    return Charge(
        price=price,
        quantity=quantity,
        before=price.of(quantity),
        to_pay=price.of(billed),
        first_year=price.of(max(0.0, billed - price.first_year_free)),
    )
