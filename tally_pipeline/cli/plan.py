"""`tally plan`: which services to subscribe to in which month. It reads the lake for what the wishes leave open."""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from tally_pipeline import clock
from tally_pipeline.cli import terminal
from tally_pipeline.cli.plan_knowledge import brands, knowledge
from tally_pipeline.plans import prices, wishes
from tally_pipeline.plans.brands import named_as_in
from tally_pipeline.plans.errors import PlanError
from tally_pipeline.plans.explain import Month, Plan, doubts, explain, money, rests_on, told
from tally_pipeline.plans.question import pose
from tally_pipeline.plans.solve import solve
from tally_pipeline.plans.units import plain
from tally_pipeline.plurals import counted, noun
from tally_pipeline.settings.settings import Settings

MOST_BYTES = 10_000_000

_UNPROVEN = {
    "weight": "another plan might watch more",
    "cost": "none watches more; one might cost less",
    "switches": "none watches more, and none of those that watch as much costs less; one might switch less",
    "months": "none watches more, costs less or switches less; one might watch earlier",
}


def plan(
    settings: Settings,
    wishes_file: Path,
    prices_file: Path,
    *,
    seconds: float,
    price_age: int,
    as_json: bool,
) -> int:
    """Plan, and print the plan with its reasons."""
    asked = wishes.read(_text(wishes_file, "--wishes"), str(wishes_file))
    listed = prices.read(_text(prices_file, "--prices"), str(prices_file))
    used = {price.provider_id for price in listed.prices} | asked.providers
    question = pose(asked, listed, named_as_in(used, brands()), *knowledge(settings, asked))
    today = clock.today()
    for doubt in doubts(question, today, price_age):
        print(f"tally: {terminal.on_one_line(doubt)}", file=sys.stderr)
    with _unheard():
        solution = solve(question.problem, seconds)
    found = explain(question, solution)
    if as_json:
        terminal.print_json(json.dumps(told(found), indent=2, ensure_ascii=False))
        return 0
    out = terminal.out()
    out.print(_months(found))
    for line in _sentences(found, seconds):
        out.print(terminal.on_one_line(line), markup=False, soft_wrap=True)
    for title, lines in (
        ("Not watched:", [f"{wish.name}: {why}" for wish, why in found.not_watched]),
        ("It rests on:", list(rests_on(found, today))),
    ):
        if lines:
            out.print(f"\n{title}", markup=False)
        for line in lines:
            out.print(f"- {terminal.on_one_line(line)}", markup=False, soft_wrap=True)
    return 0


@contextmanager
def _unheard() -> Iterator[None]:
    """While this lasts, what the solver's C++ prints is discarded: now and then it does, amid the JSON."""
    sys.stdout.flush()
    heard, null = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 1)
        yield
    finally:
        ctypes.CDLL(None).fflush(None)
        os.dup2(heard, 1)
        os.close(heard)
        os.close(null)


def _text(file: Path, option: str) -> str:
    try:
        with file.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise PlanError(f"{option} {file} cannot be read ({why}); name the file") from None
    if len(content) > MOST_BYTES:
        raise PlanError(f"{option} {file} has more than {MOST_BYTES:,} bytes; name the file that was meant")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PlanError(f"{option} {file} is not text in UTF-8; write it anew") from None


def _months(found: Plan) -> Table:
    asked = found.question.asked
    first, last = found.months[0].month, found.months[-1].month
    table = Table("month", "subscribe to", "to watch", header_style="bold", show_lines=True)
    table.title = f"What to subscribe to in {asked.country}, {first} to {last}"
    table.add_column("hours", justify="right")
    table.add_column(escape(f"cost, {found.question.currency}".removesuffix(", ")), justify="right")
    for month in found.months:
        table.add_row(
            month.month,
            escape("\n".join(_services(found, month))),
            escape("\n".join(_watching(found, month))),
            _number(month.hours) if month.watch else "",
            money(month.cost),
        )
    return table


def _services(found: Plan, month: Month) -> Iterator[str]:
    for service in month.subscribed:
        how = " (anchor)" if service in found.question.problem.anchors else ""
        how = ", from now on" if service in month.started else how
        yield terminal.on_one_line(f"{found.question.called(service)}{how}")


def _watching(found: Plan, month: Month) -> Iterator[str]:
    for wish, service in month.watch:
        yield terminal.on_one_line(f"{wish.name} on {found.question.called(service)}")


def _sentences(found: Plan, seconds: float) -> Iterator[str]:
    asked, solution = found.question.asked, found.solution
    currency = found.question.currency
    total = sum((wish.weight for wish in asked.wishes), Fraction())
    watched = len(asked.wishes) - len(found.not_watched)
    yield (
        f"It watches {watched} of {counted(len(asked.wishes), 'wish', 'wishes')}, a weight of"
        f" {_number(found.watched_weight)} of {_number(total)}, for {money(found.cost)} {currency} in"
        f" {counted(asked.months, 'month')}, with {counted(solution.figures.switches, 'switch', 'switches')}."
    )
    if solution.unproven is None:
        yield (
            "Proven: no plan watches more; of those that watch as much none costs less, then none switches less, then"
            " none is earlier."
        )
    else:
        yield (
            f"Not proven in {seconds:g} {noun(seconds, 'second')}: {_UNPROVEN[solution.unproven]}, by"
            f" {solution.gap:.1%} at most. --seconds gives the search more time."
        )
    yield (
        f"All services all the time: {money(found.all_services)} {currency};"
        f" {_saving(found.all_services - found.cost, currency)}."
    )
    yield (
        f"One service at a time: {money(found.rotation)} {currency}, for a weight of"
        f" {_number(found.rotation_weight)}; {_saving(found.rotation - found.cost, currency)}."
    )


def _saving(amount: Fraction, currency: str) -> str:
    return (
        f"this plan saves {money(amount)} {currency}"
        if amount >= 0
        else f"this plan costs {money(-amount)} more"
    )


def _number(amount: Fraction) -> str:
    return f"{plain(amount):,g}" if amount < 10**6 else f"{plain(amount):,}"
