"""`watchlists`: the seasons that people wish to watch, and the frame of their plans.

In a lake of TMDB's they come from the object `inputs/watchlists.json`, which a person puts there; the sandbox invents
some.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from tally_pipeline.checks.check import SHOWN, Check, Finding, Findings
from tally_pipeline.gold import details
from tally_pipeline.gold.details import DETAILS
from tally_pipeline.lake import layout
from tally_pipeline.lake.store import NoSuchObjectError
from tally_pipeline.plans import invented, watchlists
from tally_pipeline.plans.errors import PlanError
from tally_pipeline.plans.wishes import Wishes, month_text
from tally_pipeline.plurals import counted
from tally_pipeline.tables.columns import BIGINT, BOOLEAN, DOUBLE, INT, STRING, Column
from tally_pipeline.tables.sources import Sources
from tally_pipeline.tables.table import Engine, Inputs, Table

SHOWS_KNOWN = Check("shows_known", "The details of every show on a watchlist are known.")

_OF = "silver_details"
_SHOW_COLUMNS = (
    "show_id",
    "title",
    "runtime",
    "season_list",
    "next_episode_season",
    "last_episode_season",
)


class Watchlists(Table):
    name = "watchlists"
    description = (
        f"The seasons that people wish to watch, by watchlist, from `{layout.WATCHLISTS}` of the lake."
    )
    window = "the same day of silver_details, and that object"
    follows = DETAILS
    newest_only = True
    kind = "python"
    key = ("watchlist_id", "show_id", "season")
    columns = (
        Column("watchlist_id", STRING, "A name that its owner chose, no person's.", few=True),
        Column("country", STRING, "The country in which is watched.", few=True),
        Column("months", INT, "The months that are planned, from the day's month on."),
        Column("anchors", pa.list_(BIGINT), "Providers that stay subscribed."),
        Column("budget_per_month", DOUBLE, "The most to pay in a month; null without a limit.", "", True),
        Column("hours_per_month", DOUBLE, "The most to watch in a month; null without a limit.", "", True),
        Column("show_id", BIGINT, "TMDB's id of the show.", f"{_OF}.show_id"),
        Column("title", STRING, "Its title; null if its details are not known.", f"{_OF}.title", True),
        Column("season", INT, "The season's number.", f"{_OF}.season_list"),
        Column("hours", DOUBLE, "How long it is; null if nobody says.", f"{_OF}.runtime", True),
        Column("weight", DOUBLE, "What watching it is worth."),
        Column("earliest", STRING, "The first month for it, YYYY-MM; null if open.", "", True),
        Column("latest", STRING, "The last month for it; null if open.", "", True),
        Column("providers", pa.list_(BIGINT), "Providers that have it, in place of known offers.", "", True),
        Column("is_invented", BOOLEAN, "True for a watchlist that the sandbox invented."),
    )
    checks = (SHOWS_KNOWN,)
    previewed = ("watchlist_id", "country", "title", "season", "hours", "weight", "is_invented")

    def obstacle(self, sources: Sources, day: str) -> str:
        if why := details.lacking(sources, (DETAILS,), day):
            return why
        try:
            _written(sources)
        except PlanError as error:
            return str(error)
        return ""

    def inputs(self, sources: Sources, day: str) -> Inputs:
        keys = [details.silver_key(DETAILS, day)]
        if sources.lake.store.exists(layout.WATCHLISTS):
            keys.append(layout.WATCHLISTS)
        return Inputs(sources.named(keys))

    def rows(self, sources: Sources, engine: Engine, day: str) -> pa.Table:
        shows = details.read(sources, DETAILS, day, _SHOW_COLUMNS).to_pylist()
        written = _written(sources)
        found: Iterable[dict[str, Any]]
        if written is None:
            found = invented.watchlists(shows, day) if sources.lake.source == "sandbox" else ()
        else:
            titles = {show["show_id"]: show["title"] for show in shows}
            found = _of_people(written, titles)
        rows = pa.Table.from_pylist(list(found), schema=self.schema)
        return rows.sort_by([(name, "ascending") for name in self.key])

    def findings(self, sources: Sources, engine: Engine, day: str, rows: pa.Table) -> Findings:
        unknown = [row for row in rows.to_pylist() if row["title"] is None]
        return [
            (
                SHOWS_KNOWN,
                Finding(
                    passed=not unknown,
                    serious=False,
                    summary=f"{counted(rows.num_rows, 'wish', 'wishes')}, {len(unknown)} of shows without details",
                    remedy="The next capture of details asks for them; if TMDB has them no more, take them off.",
                    numbers={"wishes": rows.num_rows, "unknown": len(unknown)},
                    offenders=[
                        {"watchlist_id": row["watchlist_id"], "show_id": row["show_id"]}
                        for row in unknown[:SHOWN]
                    ],
                ),
            )
        ]


def _written(sources: Sources) -> dict[str, Wishes] | None:
    """The watchlists that a person put into the lake, by name; None without the object. Raises `PlanError`."""
    try:
        body = sources.lake.store.get(layout.WATCHLISTS)
    except NoSuchObjectError:
        return None
    return watchlists.read(body, sources.lake.store.uri(layout.WATCHLISTS))


def _of_people(written: dict[str, Wishes], titles: dict[int, str]) -> Iterable[dict[str, Any]]:
    for name, asked in written.items():
        for wish in asked.wishes:
            yield {
                "watchlist_id": name,
                "country": asked.country,
                "months": asked.months,
                "anchors": sorted(asked.anchors),
                "budget_per_month": _number(asked.budget),
                "hours_per_month": _number(asked.hours),
                "show_id": wish.show_id,
                "title": titles.get(wish.show_id),
                "season": wish.season,
                "hours": _number(wish.hours),
                "weight": float(wish.weight),
                "earliest": month_text(wish.earliest),
                "latest": month_text(wish.latest),
                "providers": None if wish.providers is None else sorted(wish.providers),
                "is_invented": False,
            }


def _number(amount: Any) -> float | None:
    return None if amount is None else float(amount)


TABLE = Watchlists()
