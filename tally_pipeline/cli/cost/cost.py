"""`tally cost`: a month's bill on AWS, computed from runs in the sandbox. Contacts nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from rich.table import Table

from tally_pipeline.cli import terminal
from tally_pipeline.cli.cost.measuring import measure
from tally_pipeline.cost import activity
from tally_pipeline.cost.activity import Lake, Measured
from tally_pipeline.cost.bill import Charge, Line, PriceList, charges, price_list
from tally_pipeline.deployment import Settings
from tally_pipeline.plurals import counted, noun
from tally_pipeline.tmdb.lists import LISTS, MAX_PAGES, ROWS_PER_PAGE

_COMMENT = re.compile(r"--[^\n]*")

WORTH_NAMING = 0.001
"""US dollars a month; smaller parts are summed up."""

MOST_SERVED = len(LISTS) * MAX_PAGES * ROWS_PER_PAGE


def cost(settings: Settings, *, shows: int | None, days: int, as_json: bool) -> int:
    """Count, multiply, print. `days` is the lake's age; `shows` a day, None for the settings' depths."""
    words, prices = terminal.words(), price_list()
    measured = measure(settings, days=days, shows=shows, say=lambda text: words.print(text, markup=False))
    lake = Lake(days, shows, settings.sensor_seconds)
    lines = [line for line in activity.lines(measured, lake) if line.quantity]
    bill = charges(lines, prices.prices)
    if as_json:
        told = _told(measured, lake, lines, bill, prices)
        terminal.print_json(json.dumps(told, indent=2, ensure_ascii=False))
        return 0
    out = terminal.out()
    out.print(_parts(lines, prices))
    out.print(_bill(bill))
    for note in _notes(measured, lake, prices):
        out.print(note, markup=False, soft_wrap=True)
    return 0


def _parts(lines: Sequence[Line], prices: PriceList) -> Table:
    """The parts that cost at least `WORTH_NAMING`, the dearest first, and the rest in one line."""
    table = Table("part", "of", "known", header_style="bold", title="A month, part by part")
    table.add_column("a month", justify="right")
    table.add_column("before allowances", justify="right")
    priced = sorted(
        ((prices.prices[line.price], line) for line in lines), key=lambda it: -it[0].of(it[1].quantity)
    )
    small = [price.of(line.quantity) for price, line in priced if price.of(line.quantity) < WORTH_NAMING]
    for price, line in priced[: len(priced) - len(small)]:
        quantity = _quantity(line.quantity, price.unit)
        table.add_row(line.part, price.what, line.basis, quantity, _usd(price.of(line.quantity)))
    table.add_row(counted(len(small), "smaller one"), "", "", "", _usd(sum(small)))
    return table


def _bill(bill: Sequence[Charge]) -> Table:
    table = Table("of", header_style="bold", title="The bill")
    for column in ("a month", "always free", "before allowances", "to pay", "in an account's first year"):
        table.add_column(column, justify="right")
    for charge in bill:
        free = f"{charge.price.always_free:,.0f}" if charge.price.always_free else ""
        quantity = _quantity(charge.quantity, charge.price.unit)
        sums = map(_usd, (charge.before, charge.to_pay, charge.first_year))
        table.add_row(charge.price.what, quantity, free, *sums)
    table.add_section()
    totals = _totals(bill)
    table.add_row("[bold]total[/bold]", "", "", *(f"[bold]{_usd(total)}[/bold]" for total in totals.values()))
    return table


def _totals(bill: Sequence[Charge]) -> dict[str, float]:
    return {
        "before_allowances": sum(charge.before for charge in bill),
        "to_pay": sum(charge.to_pay for charge in bill),
        "first_year": sum(charge.first_year for charge in bill),
    }


def _notes(measured: Measured, lake: Lake, prices: PriceList) -> list[str]:
    shows = lake.shows or measured.rows
    unconfirmed = _unconfirmed(prices)
    return [
        f"For {shows:,} {noun(shows, 'show')} a day in a lake {counted(lake.days, 'day')} old;"
        f" {measured.rows:,} were captured and counted, on {counted(measured.counted_days, 'day')}."
        + (" What depends on size is multiplied." if shows != measured.rows else "")
        + (f" TMDB serves {MOST_SERVED:,} rows a day at most." if shows > MOST_SERVED else ""),
        "measured: counted in these runs. scaled: counted, then multiplied. computed: from the settings and the SQL."
        " assumed: what AWS does inside; see cost/activity.py.",
        "Without the machine that runs Dagster, and without people's own queries: each costs a listing for every list"
        " and day of the retention (without one: since first_ingest_date) that its filter on dt leaves.",
        f"Prices: {prices.region}, {prices.date}, {prices.said}."
        + (f" Unconfirmed: {', '.join(unconfirmed)}." if unconfirmed else ""),
    ]


def _unconfirmed(prices: PriceList) -> list[str]:
    return [price.what for price in prices.prices.values() if not price.checked]


def _told(
    measured: Measured, lake: Lake, lines: Sequence[Line], bill: Sequence[Charge], prices: PriceList
) -> dict[str, Any]:
    return {
        "shows_a_day": lake.shows or measured.rows,
        "days": lake.days,
        "counted": {"rows": measured.rows, "days": measured.counted_days},
        "total_usd": {name: round(total, 6) for name, total in _totals(bill).items()},
        "bill": [
            {
                "price": charge.price.what,
                "quantity": round(charge.quantity, 3),
                "unit": charge.price.unit,
                "always_free": charge.price.always_free,
                "before_allowances": round(charge.before, 6),
                "to_pay": round(charge.to_pay, 6),
                "first_year": round(charge.first_year, 6),
            }
            for charge in bill
        ],
        "parts": [
            {
                "part": line.part,
                "price": prices.prices[line.price].what,
                "quantity": round(line.quantity, 3),
                "known": line.basis,
            }
            for line in lines
        ],
        "queries_of_a_sync": [
            {
                "sql": " ".join(_COMMENT.sub("", asked.sql).split())[:100],
                "folders_listed": usage.lists,
                "files_read": usage.reads,
                "billed_mb": round(usage.scanned_mb, 1),
            }
            for asked in measured.sync.queries
            for usage in [activity.query_usage(asked, measured, lake)]
        ],
        "prices": {
            "region": prices.region,
            "date": prices.date,
            "said": prices.said,
            "unchecked": _unconfirmed(prices),
        },
    }


def _quantity(quantity: float, unit: str) -> str:
    return f"{quantity:,.0f} {unit}" if quantity >= 10 else f"{quantity:,.3g} {unit}"


def _usd(dollars: float) -> str:
    return f"${dollars:,.4f}" if dollars < 100 else f"${dollars:,.0f}"
