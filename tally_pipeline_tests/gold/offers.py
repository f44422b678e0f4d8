"""Small lakes of details and offers, and what the gold tables should make of them, in plain Python."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa

from tally_pipeline.datasets.details.contract import SILVER as SILVER_DETAILS
from tally_pipeline.datasets.details.known import CARRY_DAYS
from tally_pipeline.datasets.details.offers import OFFERS as OFFERS_TABLE
from tally_pipeline.datasets.details.seasons import SEASONS as SEASONS_TABLE
from tally_pipeline.days import days_after, days_before, days_between
from tally_pipeline.gold import availability, availability_changes
from tally_pipeline.gold.details import DETAILS, OFFERS, SEASONS, silver_key
from tally_pipeline.lake import parquet
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import Store
from tally_pipeline.query.duckdb_engine import DuckDbEngine
from tally_pipeline.query.tables import TABLES
from tally_pipeline.tables.sources import GoldFooter, Sources
from tally_pipeline.tables.table import LOOK_BACK_DAYS, VERSION, Computed, Table

Row = dict[str, Any]
Offer = tuple[str, str, int]
"""Country, kind, provider."""

FIRST = "2026-01-01"
BRANDS = {8: (8, "Netflix"), 1796: (8, "Netflix"), 9: (9, "Prime Video"), 337: (337, "Disney Plus")}
SILVER_OFFERS = OFFERS_TABLE.schema


@dataclass(frozen=True)
class Known:
    """What is known of a show as of a day: the day of its newest reply, and the offers in that."""

    seen_on: str
    offers: frozenset[Offer]
    is_gone: bool = False


Spell = tuple[dict[str, frozenset[Offer]], tuple[str, str] | None]
"""Replies of a show by day, and the first day on which it was not known any more, with the reason."""

History = Mapping[str, Mapping[int, Known]]
"""What is known of each show, by day. A show without a reply for too long is absent; one that is gone has a
last reply that says so, and is absent after."""


def known(seen_on: str, *offers: Offer) -> Known:
    return Known(seen_on, frozenset(offers))


def gone(seen_on: str) -> Known:
    return Known(seen_on, frozenset(), is_gone=True)


def title_of(show_id: int, seen_on: str) -> str:
    """Titles change with each reply: a row tells by its title which one it was made from."""
    return f"Show {show_id} as of {seen_on}"


def detail(show_id: int, seen_on: str, **changed: Any) -> Row:
    """A row of silver's details."""
    row: Row = dict.fromkeys(SILVER_DETAILS.names)
    row |= {
        "show_id": show_id,
        "title": title_of(show_id, seen_on),
        "networks": ["HBO"],
        "seen_on": seen_on,
        "is_gone": False,
    }
    return row | {"season_list": [], "running_episodes": [], "offers": [], "age_days": 0} | changed


def offer_rows(show_id: int, state: Known) -> Iterator[Row]:
    """The rows of silver's offers of one show."""
    for country, kind, provider in sorted(state.offers):
        brand_id, brand = BRANDS[provider]
        yield {
            "show_id": show_id,
            "title": title_of(show_id, state.seen_on),
            "country": country,
            "kind": kind,
            "provider_id": provider,
            "provider_name": f"{brand} ({provider})",
            "brand_id": brand_id,
            "brand": brand,
            "display_priority": None,
            "seen_on": state.seen_on,
            "age_days": 0,
        }


class OffersLake:
    """A lake in a folder, with the gold tables of its days."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lake = Lake(Store.in_folder(root), "sandbox")
        self.engine = DuckDbEngine(root, TABLES)

    def write_day(self, day: str, shows: Mapping[int, Known]) -> None:
        self.write_details(
            day,
            [detail(show_id, state.seen_on, is_gone=state.is_gone) for show_id, state in shows.items()],
        )
        offers = [row for show_id, state in shows.items() for row in offer_rows(show_id, state)]
        self._write(silver_key(OFFERS, day), pa.Table.from_pylist(offers, schema=SILVER_OFFERS))
        self.write_seasons(day, [])

    def write_whole_day(self, day: str, shows: Mapping[int, Known]) -> None:
        """Details with their offers inside, from which silver makes the table of offers."""
        self.write_details(
            day,
            [
                detail(
                    show_id,
                    state.seen_on,
                    offers=[
                        {name: row[name] for name in ("country", "kind", "provider_id", "provider_name")}
                        for row in offer_rows(show_id, state)
                    ],
                )
                for show_id, state in shows.items()
            ],
        )

    def write_details(self, day: str, rows: Iterable[Row]) -> None:
        self._write(silver_key(DETAILS, day), pa.Table.from_pylist(list(rows), schema=SILVER_DETAILS))

    def write_seasons(self, day: str, rows: Iterable[Row]) -> None:
        self._write(silver_key(SEASONS, day), pa.Table.from_pylist(list(rows), schema=SEASONS_TABLE.schema))

    def compute(self, table: Table, day: str) -> Computed:
        return table.compute(self.sources(), self.engine, day)

    def publish(self, table: Table, day: str) -> list[Row]:
        """Makes a day, proves that its checks pass, and writes it as the IO manager does."""
        made = self.compute(table, day)
        for check, finding in made.findings:
            assert finding.passed, (check.name, finding)
        footer = GoldFooter(
            table=table.name,
            dt=day,
            contract_version=VERSION,
            source=self.lake.source,
            inputs=made.inputs.named,
            past=made.inputs.past,
        )
        self.lake.store.put(table.file_key(day), parquet.encode(made.rows, footer))
        rows: list[Row] = made.rows.to_pylist()
        return rows

    def sources(self) -> Sources:
        return Sources.of(self.lake, [])

    def _write(self, key: str, rows: pa.Table) -> None:
        self.lake.store.put(key, parquet.encode_table(rows))


def invent(seed: int, shows: int = 12, days: int = 24) -> dict[str, dict[int, Known]]:
    """Days of details: most shows asked for in a weekly slice, some daily; days missing, some for weeks; shows that
    are gone and come back; replies that take offers away and bring them."""
    dice = random.Random(seed)
    pool = list(product(("DE", "US"), ("flatrate", "buy"), BRANDS))
    history: dict[str, dict[int, Known]] = {}
    state: dict[int, Known] = {}
    day = FIRST
    for number in range(days):
        vanished: set[int] = set()
        for show_id in range(shows):
            if (dice.random() < 0.3 and show_id % 3 == 0) or (
                dice.random() < 0.5 and (show_id + number) % 7 < 2
            ):
                if dice.random() < 0.15:
                    state.pop(show_id, None)
                    vanished.add(show_id)
                    continue
                offers = set(
                    state[show_id].offers if show_id in state else dice.sample(pool, dice.randint(0, 5))
                )
                offers ^= set(dice.sample(pool, dice.choice([0, 0, 1, 2])))
                state[show_id] = Known(day, frozenset(offers))
        history[day] = carried(state, day) | {show_id: gone(day) for show_id in vanished}
        day = days_after(
            day, dice.choice([1, 1, 1, 1, 2, 3, 9, 40] if dice.random() < 0.9 else [85, 95, 120])
        )
    return history


def carried(shows: Mapping[int, Known], day: str) -> dict[int, Known]:
    """Those of which silver of the day knows something: a reply that is too old says nothing any more."""
    return {show: state for show, state in shows.items() if days_between(state.seen_on, day) <= CARRY_DAYS}


def intervals(history: History, day: str) -> list[Row]:
    """The intervals of `day` from all days of its window at once, without a day in between."""
    first = days_before(day, LOOK_BACK_DAYS)
    days = [one for one in sorted(history) if first <= one <= day]
    rows: list[Row] = []
    for show_id in {show for one in days for show in history[one]}:
        for replies, left in _spells(history, days, show_id):
            rows += _intervals(show_id, replies, left, first)
    return sorted(rows, key=lambda row: tuple(row[name] for name in availability.TABLE.key))


def _spells(history: History, days: list[str], show_id: int) -> list[Spell]:
    """The replies of a show while it was there, and the day on which it was gone; again each time it came back."""
    spells: list[Spell] = []
    was_there = False
    for one in days:
        state = history[one].get(show_id)
        is_there = state is not None and not state.is_gone
        if state and is_there:
            if not was_there:
                spells.append(({}, None))
            spells[-1][0][state.seen_on] = state.offers
        elif was_there:
            spells[-1] = spells[-1][0], (one, "show_gone" if state else "out_of_sight")
        was_there = is_there
    return spells


def _intervals(
    show_id: int, all_replies: Mapping[str, frozenset[Offer]], left: tuple[str, str] | None, first: str
) -> Iterator[Row]:
    replies = sorted(one for one in all_replies if one >= first)
    for offer in {offer for one in replies for offer in all_replies[one]}:
        has = [offer in all_replies[one] for one in replies]
        for start, on in enumerate(has):
            if not on or (start and has[start - 1]):
                continue
            end = next((place for place in range(start, len(has)) if not has[place]), len(has)) - 1
            since, until = replies[start], replies[end]
            span = [days_after(since, ahead) for ahead in range(days_between(since, until) + 1)]
            text = "".join("1" if one in replies else "0" for one in span)
            closed_on, reason = (
                (replies[end + 1], "offer") if end + 1 < len(replies) else left or (None, None)
            )
            names = _names(show_id, until, offer)
            yield names | {
                "since": since,
                "since_is_known": start > 0,
                "lacked_on": replies[start - 1] if start else None,
                "until": until,
                "is_open": closed_on is None,
                "times_seen": text.count("1"),
                "gap_days": text.count("0"),
                "closed_on": closed_on,
                "closed_reason": reason,
                "replies": text,
            }


def changes(history: History, day: str) -> list[Row]:
    """Arrivals and departures of `day`."""
    first = days_before(day, LOOK_BACK_DAYS)
    before = max((one for one in history if first <= one < day), default=None)
    rows: list[Row] = []
    for show_id, was in history[before].items() if before else ():
        now = history[day].get(show_id)
        if was.is_gone or now is None or now.seen_on == was.seen_on:
            continue
        here, seen_on = now.offers, now.seen_on
        for change, some, others, state in (
            ("arrival", here - was.offers, was.offers, now),
            ("departure", was.offers - here, here, was),
        ):
            for offer in some:
                names = _names(show_id, state.seen_on, offer)
                brand = BRANDS[offer[2]][0]
                rows.append(
                    {"change": change, "reason": "show_gone" if now.is_gone else "offer", **names}
                    | {
                        "is_brand_change": all(
                            (*at, BRANDS[p][0]) != (*offer[:2], brand) for *at, p in others
                        ),
                        "seen_on": seen_on,
                        "compared_seen_on": was.seen_on,
                        "gap_days": days_between(was.seen_on, seen_on) - 1,
                    }
                )
    return sorted(rows, key=lambda row: tuple(row[name] for name in availability_changes.TABLE.key))


def _names(show_id: int, seen_on: str, offer: Offer) -> Row:
    """An offer and its names, as of a reply."""
    (row,) = offer_rows(show_id, known(seen_on, offer))
    return {
        name: value for name, value in row.items() if name not in ("display_priority", "seen_on", "age_days")
    }
