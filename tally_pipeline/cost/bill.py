"""A month's bill: quantities times prices, less AWS's free allowances. Pure arithmetic."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

Basis = Literal["measured", "scaled", "computed", "assumed"]
"""The source of a quantity: counted in a run; counted, then scaled to another size or age; computed from the
settings; or an assumption about AWS's internals."""


@dataclass(frozen=True)
class Price:
    """`usd` for every `per` units beyond the free units of a month. `source` is AWS's page; `seen_at` is the document
    with which it was compared on the day `checked`. Both are empty while the price is unconfirmed."""

    what: str
    unit: str
    usd: float
    per: float
    source: str
    seen_at: str = ""
    checked: str = ""
    always_free: float = 0
    first_year_free: float = 0

    def of(self, quantity: float) -> float:
        """US dollars for a quantity of units, none of them free."""
        return quantity * self.usd / self.per


@dataclass(frozen=True)
class PriceList:
    """Prices by name, the region and time for which they hold, and how far they can be trusted."""

    region: str
    date: str
    said: str
    prices: Mapping[str, Price]


@dataclass(frozen=True)
class Line:
    """A billed quantity in a month of 30 days. `price` is its name in the price list."""

    part: str
    price: str
    quantity: float
    basis: Basis


@dataclass(frozen=True)
class Charge:
    """A month's use of one price, in US dollars: without any allowance; less the permanent allowance, which is the
    amount to pay; and also less the allowance of an account's first year."""

    price: Price
    quantity: float
    before: float
    to_pay: float
    first_year: float


def price_list() -> PriceList:
    """The prices of `prices.toml`."""
    text = (files("tally_pipeline.cost") / "prices.toml").read_text(encoding="utf-8")
    parsed = tomllib.loads(text)
    about = parsed.pop("about")
    return PriceList(**about, prices={name: Price(**price) for name, price in parsed.items()})


def charges(lines: Iterable[Line], prices: Mapping[str, Price]) -> list[Charge]:
    """One charge for each used price, in the prices' order: an allowance counts once for all lines."""
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
