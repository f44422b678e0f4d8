"""The file of wishes, read and held against what it may say."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tally_pipeline.plans import months
from tally_pipeline.plans.errors import PlanError
from tally_pipeline.plans.reading import MOST_ID, Table

MOST_MONTHS = 36
MOST_WISHES = 500
MOST_SEASON = 10_000
MOST_HOURS = MOST_WEIGHT = MOST_MONEY = 1_000_000

_KEYS = ("country", "start", "months", "anchors", "budget_per_month", "hours_per_month", "wishes")
_WISH_KEYS = ("show_id", "season", "hours", "weight", "earliest", "latest", "providers")


@dataclass(frozen=True)
class Wish:
    """A season to watch. Months are numbers; None is what the file leaves open."""

    show_id: int
    season: int
    hours: Fraction | None
    weight: Fraction
    earliest: int | None
    latest: int | None
    providers: frozenset[int] | None

    @property
    def name(self) -> str:
        """The name of the wish in sentences."""
        return f"show {self.show_id} season {self.season}"


@dataclass(frozen=True)
class Wishes:
    """The wishes of a file, with their frame. `budget` and `hours` are a month's; None: as much as one likes."""

    file: str
    country: str
    start: int
    months: int
    anchors: frozenset[int]
    budget: Fraction | None
    hours: Fraction | None
    wishes: tuple[Wish, ...]

    @property
    def providers(self) -> frozenset[int]:
        """The providers that the file names."""
        return self.anchors.union(*(wish.providers or () for wish in self.wishes))

    @property
    def last(self) -> int:
        """The last month."""
        return self.start + self.months - 1


def month_text(month: int | None) -> str | None:
    """The month as it is written; None stays so."""
    return None if month is None else months.text(month)


def read(text: str, file: str) -> Wishes:
    """The wishes of a file's text; raises `PlanError`."""
    table = Table(file, "", _parsed(text, file))
    table.only(_KEYS)
    seen: dict[tuple[int, int], Table] = {}
    wishes = []
    for entry in table.tables("wishes", MOST_WISHES):
        wish = _wish(entry)
        if first := seen.get((wish.show_id, wish.season)):
            raise PlanError(
                f"{file}: {entry.place} is {wish.name} again, as {first.place}; leave one, with the weight of both"
            )
        seen[wish.show_id, wish.season] = entry
        wishes.append(wish)
    return Wishes(
        file=file,
        country=table.country("country"),
        start=table.month("start"),
        months=table.whole("months", 1, MOST_MONTHS),
        anchors=table.ids("anchors") if table.given("anchors") else frozenset(),
        budget=_open_amount(table, "budget_per_month", MOST_MONEY),
        hours=_open_amount(table, "hours_per_month", MOST_HOURS),
        wishes=tuple(wishes),
    )


def _wish(entry: Table) -> Wish:
    entry.only(_WISH_KEYS)
    return Wish(
        show_id=entry.whole("show_id", 1, MOST_ID),
        season=entry.whole("season", 0, MOST_SEASON),
        hours=_open_amount(entry, "hours", MOST_HOURS),
        weight=entry.amount("weight", MOST_WEIGHT, above_zero=True) if entry.given("weight") else Fraction(1),
        earliest=entry.month("earliest") if entry.given("earliest") else None,
        latest=entry.month("latest") if entry.given("latest") else None,
        providers=entry.ids("providers") if entry.given("providers") else None,
    )


def _open_amount(table: Table, key: str, most: int) -> Fraction | None:
    return table.amount(key, most) if table.given(key) else None


def _parsed(text: str, file: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=Decimal, object_pairs_hook=_once_each)
    except json.JSONDecodeError as error:
        raise PlanError(
            f"{file} is not JSON: {error.msg} in line {error.lineno}, column {error.colno}; mend it there"
        ) from None
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise PlanError(f"{file} is not JSON that can be read: {error}; write it anew") from None


def _once_each(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise ValueError(f"the key {key!r} stands twice in one table")
        content[key] = value
    return content
