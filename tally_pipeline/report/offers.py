"""The page's section of offers: what arrived at a brand and what left it within a week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tally_pipeline.days import days_after, days_between, days_through
from tally_pipeline.plurals import noun
from tally_pipeline.report.formatting import counted, day_list, number, short_day
from tally_pipeline.report.inputs import OFFER_DAYS, Inputs, Row

SHOWN = 12
"""Moves of a kind that are shown at first."""

MOST_MOVES = 900
"""Moves of a kind in the page, so that it stays small enough: those in most countries come first."""

NAMED_COUNTRIES = 6

HOW = {
    "flatrate": "subscription",
    "free": "free",
    "ads": "free with ads",
    "rent": "rent",
    "buy": "buy",
}
"""The ways to watch in words, by TMDB's kind of offer: those that cost nothing more first."""


@dataclass(frozen=True)
class Move:
    """A show that arrived at a brand, or left it, in some countries."""

    title: str
    brand_id: int
    brand: str
    how: str
    countries: Sequence[str]
    where: str
    when: str
    note: str


@dataclass(frozen=True)
class Moves:
    """All moves of a kind; `more` is the number of those that the page leaves out."""

    kind: str
    heading: str
    first: Sequence[Move]
    others: Sequence[Move]
    more: int

    @property
    def all(self) -> list[Move]:
        return [*self.first, *self.others]


@dataclass(frozen=True)
class OfferChanges:
    """The section: its panels, the choices of its filters, and a note in place of what is not there."""

    panels: Sequence[Moves]
    countries: Sequence[str]
    brands: Sequence[tuple[int, str]]
    note: str


def offer_changes(inputs: Inputs) -> OfferChanges:
    """The arrivals and departures of the report's week."""
    rows = inputs.offer_changes.to_pylist() if inputs.offer_changes is not None else []
    panels = [
        _moves(rows, kind, heading) for kind, heading in (("arrival", "Arrived"), ("departure", "Left"))
    ]
    moves = [move for panel in panels for move in panel.all]
    brands = {move.brand_id: move.brand for move in moves}
    return OfferChanges(
        panels if rows else (),
        sorted({country for move in moves for country in move.countries}),
        sorted(brands.items(), key=lambda item: (item[1].casefold(), item[0])),
        _note(inputs, is_empty=not rows),
    )


def _moves(rows: Sequence[Row], kind: str, heading: str) -> Moves:
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        if row["change"] == kind:
            group = row["show_id"], row["brand_id"], row["seen_on"], row["compared_seen_on"], row["reason"]
            groups.setdefault(group, []).append(row)
    moves = [_move(group) for group in groups.values()]
    order = {how: place for place, how in enumerate(HOW.values())}
    moves.sort(
        key=lambda move: (order.get(move.how.split(", ")[0], 9), -len(move.countries), move.title, move.brand)
    )
    kept = moves[:MOST_MOVES]
    return Moves(kind, heading, kept[:SHOWN], kept[SHOWN:], len(moves) - len(kept))


def _move(rows: Sequence[Row]) -> Move:
    row = rows[0]
    countries = sorted({one["country"] for one in rows})
    kinds = {one["kind"] for one in rows}
    hows = [how for kind, how in HOW.items() if kind in kinds] or sorted(kinds)
    named = ", ".join(countries[:NAMED_COUNTRIES])
    others = len(countries) - NAMED_COUNTRIES
    span = days_between(row["compared_seen_on"], row["seen_on"])
    return Move(
        title=row["title"] or f"show {row['show_id']}",
        brand_id=row["brand_id"],
        brand=row["brand"],
        how=", ".join(hows),
        countries=countries,
        where=named + (f" and {number(others)} more" if others > 0 else ""),
        when=day_list(days_through(row["seen_on"], span)),
        note="TMDB has the show no more" if row["reason"] == "show_gone" else "",
    )


def _note(inputs: Inputs, *, is_empty: bool) -> str:
    """The section's last sentence: how changes are dated, or what fills it and when."""
    week = [day for day in days_through(inputs.day, OFFER_DAYS) if day in inputs.details_days]
    begins = min(inputs.details_days, default=None)
    if begins is None:
        return (
            "Nothing is known yet of where shows can be watched. It is captured with the shows’ details: from the"
            " first capture of these on the page knows what is offered, and from a show’s second reply on what"
            " arrived and what left."
        )
    if inputs.offer_changes is None:
        return (
            f"Offers of this day are not made yet, though the lake has details from {short_day(begins)} on:"
            " materialize gold of the day, and the report after it."
        )
    if begins == inputs.day:
        return (
            f"Details begin on this day, {short_day(begins)}, with nothing to compare with. What arrives and leaves"
            f" is told from a show’s second reply on, {short_day(days_after(begins))} at the earliest."
        )
    missing = OFFER_DAYS - len(week)
    without = (
        f" {counted(missing, 'day')} of the {OFFER_DAYS} {noun(missing, 'has', 'have')} no details."
        if missing
        else ""
    )
    if is_empty:
        return f"Nothing arrived and nothing left in {counted(len(week), 'day')} with details.{without}"
    return (
        "A change is dated by the two replies between which it happened: a day, or the days from one to the other."
        f" A move between the plans of one brand is not told.{without}"
    )
