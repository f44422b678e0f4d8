"""`subscription_plans`: for each watchlist the best plan of subscriptions, month by month.

Prices come from the lake's `inputs/prices.toml`, which a person puts there; the sandbox invents some.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tally_pipeline.checks.check import SHOWN, Check, Finding, Findings
from tally_pipeline.datasets.details.brands import brand_ids
from tally_pipeline.gold import details
from tally_pipeline.gold.details import DETAILS, OFFERS, SEASONS
from tally_pipeline.lake import layout, parquet
from tally_pipeline.lake.store import NoSuchObjectError
from tally_pipeline.plans import invented, months, prices
from tally_pipeline.plans.errors import PlanError
from tally_pipeline.plans.explain import Plan, explain
from tally_pipeline.plans.from_lake import (
    CALENDAR_COLUMNS,
    OFFER_COLUMNS,
    SEASON_COLUMNS,
    SHOW_COLUMNS,
    STREAMED,
    LakesOffers,
    LakesSeasons,
)
from tally_pipeline.plans.prices import PriceList
from tally_pipeline.plans.question import pose
from tally_pipeline.plans.solve import solve
from tally_pipeline.plans.wishes import Wish, Wishes
from tally_pipeline.plurals import counted
from tally_pipeline.previews import Bars
from tally_pipeline.tables.columns import DOUBLE, INT, STRING, Column
from tally_pipeline.tables.sources import Sources
from tally_pipeline.tables.table import Engine, Inputs, Table

SECONDS = 4.0
"""The time that one watchlist's plan may take."""

PRICE_DAYS = 180
"""The age beyond which a price is doubted."""

BUDGETS_HOLD = Check("budgets_hold", "No month of a plan costs more than its budget.", blocking=True)
NEVER_DEARER = Check("never_dearer", "No plan costs more than all its services all the time.", blocking=True)
PROVEN = Check("proven", "Every plan is proven to be the best.")
PRICES_FRESH = Check(
    "prices_fresh", f"Every price that a plan rests on was looked up within {PRICE_DAYS} days."
)

_WISHES = "gold_watchlists"
Row = Mapping[str, Any]


class SubscriptionPlans(Table):
    name = "subscription_plans"
    description = (
        "For each watchlist the plan that watches the most, then costs the least, then switches least, then is the"
        f" earliest; one row a month. {details.ATTRIBUTION}."
    )
    window = "the same day of watchlists, offers and the calendar of releases, and the lake's prices"
    follows = DETAILS
    newest_only = True
    kind = "python"
    key = ("watchlist_id", "month")
    columns = (
        Column("watchlist_id", STRING, "The watchlist.", f"{_WISHES}.watchlist_id", few=True),
        Column("month", STRING, "The month, YYYY-MM.", f"{_WISHES}.months", few=True),
        Column("subscribed", pa.list_(STRING), "The services to pay for in the month.", "silver_offers.provider_id"),
        Column("starts", pa.list_(STRING), "Those of them that start.", "silver_offers.provider_id"),
        Column(
            "watch",
            pa.list_(STRING),
            "The seasons to watch, each with its service.",
            f"{_WISHES}.title gold_release_calendar.season_complete_on silver_seasons.air_date",
        ),
        Column("cost", DOUBLE, "What the month costs.", f"{_WISHES}.budget_per_month"),
        Column("currency", STRING, "The prices' currency; empty without any.", "", few=True),
        Column("status", STRING, "optimal, feasible, or impossible.", "", few=True),
        Column("gap", DOUBLE, "By how much a better plan could differ; 0 when it is proven."),
        Column("plan_cost", DOUBLE, "What the whole plan costs."),
        Column("all_services_cost", DOUBLE, "What all its services all the time would cost."),
        Column("rotation_cost", DOUBLE, "What one service at a time would cost; it may watch less."),
        Column("watched_weight", DOUBLE, "The weight of what is watched."),
        Column("wished_weight", DOUBLE, "The weight of all wishes.", f"{_WISHES}.weight"),
        Column("switches", INT, "How often a service starts."),
        Column("not_watched", pa.map_(STRING, STRING), "The other wishes, each with its reason."),
        Column("oldest_price", STRING, "The day of the oldest price; null without any.", "", True),
        Column("oldest_offer", STRING, "The day of the oldest offers, or null.", "silver_offers.seen_on", True),
    )  # fmt: skip
    checks = (BUDGETS_HOLD, NEVER_DEARER, PROVEN, PRICES_FRESH)
    previewed = (
        "watchlist_id",
        "month",
        "subscribed",
        "watch",
        "cost",
        "plan_cost",
        "all_services_cost",
        "status",
    )

    def obstacle(self, sources: Sources, day: str) -> str:
        if why := details.lacking(sources, (DETAILS, OFFERS, SEASONS), day):
            return why
        for table in ("watchlists", "release_calendar"):
            if day not in sources.sizes(table, layout.GOLD):
                return f"there is no gold/{table} of {day}; materialize it first."
        try:
            self._prices(sources, day)
        except PlanError as error:
            return str(error)
        return ""

    def inputs(self, sources: Sources, day: str) -> Inputs:
        keys = [
            details.silver_key(DETAILS, day),
            details.silver_key(OFFERS, day),
            details.silver_key(SEASONS, day),
            layout.gold_key("watchlists", day),
            layout.gold_key("release_calendar", day),
        ]
        if sources.lake.store.exists(layout.PRICES):
            keys.append(layout.PRICES)
        return Inputs(sources.named(sorted(keys)))

    def rows(self, sources: Sources, engine: Engine, day: str) -> pa.Table:
        rows = [
            row
            for name, asked in self._asked(sources, day)
            for row in self._planned(sources, day, name, asked)
        ]
        return pa.Table.from_pylist(rows, schema=self.schema).sort_by(
            [(name, "ascending") for name in self.key]
        )

    def findings(self, sources: Sources, engine: Engine, day: str, rows: pa.Table) -> Findings:
        plans = rows.to_pylist()
        budgets = {name: asked[0]["budget_per_month"] for name, asked in self._asked(sources, day)}
        return [
            (BUDGETS_HOLD, budgets_hold(plans, budgets)),
            (NEVER_DEARER, never_dearer(plans)),
            (PROVEN, proven(plans)),
            (PRICES_FRESH, prices_fresh(plans, day)),
        ]

    def plots(self, engine: Engine, day: str, rows: pa.Table) -> Mapping[str, Bars]:
        firsts = {row["watchlist_id"]: row for row in rows.to_pylist()}.values()
        saved = sorted((row["all_services_cost"] - row["plan_cost"] for row in firsts), reverse=True)
        return {"saved against all services all the time": Bars.of(saved)}

    def _asked(self, sources: Sources, day: str) -> Iterator[tuple[str, list[Row]]]:
        """The rows of each watchlist."""
        table = parquet.decode(sources.lake.store.get(layout.gold_key("watchlists", day)))
        by_name: dict[str, list[Row]] = defaultdict(list)
        for row in table.to_pylist():
            by_name[row["watchlist_id"]].append(row)
        yield from sorted(by_name.items())

    def _prices(self, sources: Sources, day: str) -> PriceList:
        """The lake's prices; in the sandbox invented ones if there are none. Raises `PlanError`."""
        where = sources.lake.store.uri(layout.PRICES)
        try:
            text = sources.lake.store.get(layout.PRICES).decode("utf-8-sig")
        except NoSuchObjectError:
            if sources.lake.source != "sandbox":
                return PriceList(where, ())
            offers = details.read(sources, OFFERS, day, ("provider_id", "provider_name", "country", "kind"))
            streamed = offers.filter(pc.equal(offers["kind"], "flatrate")).drop_columns("kind")
            providers = streamed.group_by(streamed.column_names).aggregate([])
            ordered = providers.sort_by([("provider_id", "ascending"), ("country", "ascending")])
            return invented.prices(ordered.to_pylist(), day)
        except UnicodeDecodeError:
            raise PlanError(f"{where} is not text in UTF-8; write it anew") from None
        return prices.read(text, where)

    def _planned(
        self, sources: Sources, day: str, name: str, asked: Sequence[Row]
    ) -> Iterator[dict[str, Any]]:
        wishes = _wishes(name, asked, day)
        titles = {row["show_id"]: row["title"] or f"show {row['show_id']}" for row in asked}
        try:
            question = pose(
                wishes, self._prices(sources, day), brand_ids(), *_knowledge(sources, day, wishes)
            )
        except PlanError as error:
            yield _impossible(name, wishes, str(error))
            return
        plan = explain(question, solve(question.problem, SECONDS))
        for month in plan.months:
            yield {
                "month": month.month,
                "subscribed": [question.called(one) for one in month.subscribed],
                "starts": sorted(question.called(one) for one in month.started),
                "watch": [f"{_named(wish, titles)} on {question.called(one)}" for wish, one in month.watch],
                "cost": float(month.cost),
                **_of_plan(plan, name, titles),
            }


def _wishes(name: str, asked: Sequence[Row], day: str) -> Wishes:
    first = asked[0]
    return Wishes(
        file=f"the watchlist {name}",
        country=first["country"],
        start=months.number(day[:7]),
        months=first["months"],
        anchors=frozenset(first["anchors"]),
        budget=_fraction(first["budget_per_month"]),
        hours=_fraction(first["hours_per_month"]),
        wishes=tuple(
            Wish(
                show_id=row["show_id"],
                season=row["season"],
                hours=_fraction(row["hours"]),
                weight=_fraction(row["weight"]) or Fraction(1),
                earliest=months.number(row["earliest"]) if row["earliest"] else None,
                latest=months.number(row["latest"]) if row["latest"] else None,
                providers=None if row["providers"] is None else frozenset(row["providers"]),
            )
            for row in asked
        ),
    )


def _knowledge(sources: Sources, day: str, wishes: Wishes) -> tuple[LakesOffers, LakesSeasons]:
    shows = pa.array(sorted({wish.show_id for wish in wishes.wishes}), pa.int64())
    offers = _of(details.read(sources, OFFERS, day, (*OFFER_COLUMNS, "kind")), shows)
    streamed = offers.filter(pc.is_in(offers["kind"], pa.array(STREAMED)))
    asked_for = _of(details.read(sources, DETAILS, day, SHOW_COLUMNS), shows).to_pylist()
    calendar = parquet.decode(
        sources.lake.store.get(layout.gold_key("release_calendar", day)), CALENDAR_COLUMNS
    )
    seasons = details.read(sources, SEASONS, day, SEASON_COLUMNS)
    return (
        LakesOffers(streamed.to_pylist(), asked_for),
        LakesSeasons(_of(calendar, shows).to_pylist(), _of(seasons, shows).to_pylist()),
    )


def _of(table: pa.Table, shows: pa.Array) -> pa.Table:
    return table.filter(pc.is_in(table["show_id"], shows))


def _of_plan(plan: Plan, name: str, titles: Mapping[int, str]) -> dict[str, Any]:
    """The columns that every month of a plan shares."""
    question = plan.question
    paid = [
        price.checked
        for at, month in enumerate(plan.months)
        for one in month.subscribed
        if (price := question.paid[one][at])
    ]
    offered = [ground.offered.as_of for ground in question.grounds if ground.offered]
    return {
        "watchlist_id": name,
        "currency": question.currency,
        "status": plan.status,
        "gap": plan.solution.gap,
        "plan_cost": float(plan.cost),
        "all_services_cost": float(plan.all_services),
        "rotation_cost": float(plan.rotation),
        "watched_weight": float(plan.watched_weight),
        "wished_weight": float(sum(wish.weight for wish in question.asked.wishes)),
        "switches": plan.solution.figures.switches,
        "not_watched": [(_named(wish, titles), why) for wish, why in plan.not_watched],
        "oldest_price": min(paid).isoformat() if paid else None,
        "oldest_offer": min(offered).isoformat() if offered else None,
    }


def _impossible(name: str, wishes: Wishes, why: str) -> dict[str, Any]:
    """The only row of a watchlist for which there can be no plan."""
    return {
        "watchlist_id": name,
        "month": months.text(wishes.start),
        "subscribed": [],
        "starts": [],
        "watch": [],
        "cost": 0.0,
        "currency": "",
        "status": "impossible",
        "gap": 0.0,
        "plan_cost": 0.0,
        "all_services_cost": 0.0,
        "rotation_cost": 0.0,
        "watched_weight": 0.0,
        "wished_weight": float(sum(wish.weight for wish in wishes.wishes)),
        "switches": 0,
        "not_watched": [("every wish", why)],
        "oldest_price": None,
        "oldest_offer": None,
    }


def _named(wish: Wish, titles: Mapping[int, str]) -> str:
    return f"{titles[wish.show_id]} season {wish.season} ({wish.show_id})"


def _fraction(number: float | None) -> Fraction | None:
    return None if number is None else Fraction(str(number))


def budgets_hold(plans: Sequence[Row], budgets: Mapping[str, float | None]) -> Finding:
    """`plans`: rows of the table; `budgets`: a month's by watchlist."""
    over = [
        row
        for row in plans
        if (budget := budgets[row["watchlist_id"]]) is not None and row["cost"] > budget + 1e-9
    ]
    return Finding(
        passed=not over,
        summary=f"{len(plans) - len(over)} of {counted(len(plans), 'month')} within their budget",
        remedy="A bug in plans/: report it with the watchlist.",
        numbers={"months_over": len(over)},
        offenders=[_named_month(row) for row in over[:SHOWN]],
    )


def never_dearer(plans: Sequence[Row]) -> Finding:
    """`plans`: rows of the table."""
    dearer = [row for row in plans if row["plan_cost"] > row["all_services_cost"] + 1e-9]
    total = {row["watchlist_id"]: row["all_services_cost"] - row["plan_cost"] for row in plans}
    return Finding(
        passed=not dearer,
        summary=f"{counted(len(total), 'plan')} save {sum(total.values()):,.2f} against all services all the time",
        remedy="A bug in plans/: report it with the watchlist.",
        numbers={"plans": len(total), "saved": sum(total.values())},
        offenders=[_named_month(row) for row in dearer[:SHOWN]],
    )


def proven(plans: Sequence[Row]) -> Finding:
    """`plans`: rows of the table."""
    status = {row["watchlist_id"]: row["status"] for row in plans}
    others = {name: state for name, state in status.items() if state != "optimal"}
    return Finding(
        passed=not others,
        serious=False,
        summary=f"{len(status) - len(others)} of {counted(len(status), 'plan')} proven",
        remedy="`not_watched` of an impossible one says why. For one that is feasible `tally plan --seconds` searches"
        " longer.",
        numbers={"unproven": len(others)},
        offenders=[{"watchlist_id": name, "status": state} for name, state in sorted(others.items())][:SHOWN],
    )


def prices_fresh(plans: Sequence[Row], day: str) -> Finding:
    """`plans`: rows of the table of `day`."""
    today = date.fromisoformat(day)
    old = {
        row["watchlist_id"]: row["oldest_price"]
        for row in plans
        if row["oldest_price"] and (today - date.fromisoformat(row["oldest_price"])).days > PRICE_DAYS
    }
    return Finding(
        passed=not old,
        serious=False,
        summary=f"{counted(len(old), 'plan')} with a price that is older than {PRICE_DAYS} days",
        remedy=f"Look the prices up, and put them into {layout.PRICES} of the lake with `checked`.",
        numbers={"plans_with_old_prices": len(old)},
        offenders=[{"watchlist_id": name, "oldest price": then} for name, then in sorted(old.items())][
            :SHOWN
        ],
    )


def _named_month(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("watchlist_id", "month", "cost", "plan_cost", "all_services_cost")}


TABLE = SubscriptionPlans()
