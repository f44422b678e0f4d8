"""`availability_changes`: what arrived at a provider and what left it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tally_pipeline.checks.check import SHOWN, Check, Finding, Findings
from tally_pipeline.days import days_between
from tally_pipeline.gold import details
from tally_pipeline.gold.availability import OFFER
from tally_pipeline.gold.details import DETAILS, OFFERS, silver_key
from tally_pipeline.gold.gaps import BUG, GAPS_ARE_TOLD, gaps_finding
from tally_pipeline.plurals import counted
from tally_pipeline.previews import Bars
from tally_pipeline.tables.columns import BIGINT, BOOLEAN, INT, STRING, Column
from tally_pipeline.tables.sources import Sources
from tally_pipeline.tables.table import LOOK_BACK_DAYS, Engine, Inputs, SqlTable

CHANGES = ("arrival", "departure")

CHANGES_ADD_UP = Check(
    "changes_add_up",
    "Arrivals and departures are the difference between the offers as of the day and as of the day before, of the"
    " shows with a new reply and of those that are gone.",
    blocking=True,
)
GONE_AS_TOLD = Check(
    "gone_as_told",
    "Shows that left because they are gone are those that TMDB answered with 404 on the day.",
)

_OF, _SEEN_ON = "silver_offers", "silver_details.seen_on"


class AvailabilityChanges(SqlTable):
    name = "availability_changes"
    description = (
        "What arrived at a provider and what left it, by the shows' new replies: each compared with the show's reply"
        f" before it. A show that is looked at for the first time changes nothing. {details.ATTRIBUTION}."
    )
    window = f"the day itself and the last day with details before it within {LOOK_BACK_DAYS} days"
    follows = DETAILS
    reads_two_days = True
    day_before_of = ("silver_offers",)
    key = ("change", *OFFER)
    columns = (
        Column("change", STRING, f"One of {', '.join(CHANGES)}.", f"{_OF}.provider_id"),
        Column(
            "reason",
            STRING,
            "`offer`: the reply has it, or has it no more; `show_gone`: TMDB has the show no more.",
            f"{_OF}.provider_id",
        ),
        Column("show_id", BIGINT, "TMDB's id of the show.", f"{_OF}.show_id"),
        Column("title", STRING, "Its title; of a departure, that of the reply before.", f"{_OF}.title", True),
        Column("country", STRING, "The country, ISO 3166-1.", f"{_OF}.country"),
        Column("kind", STRING, "How: flatrate, free, ads, rent or buy.", f"{_OF}.kind"),
        Column("provider_id", BIGINT, "TMDB's id of the provider.", f"{_OF}.provider_id"),
        Column("provider_name", STRING, "Its name.", f"{_OF}.provider_name", True),
        Column("brand_id", BIGINT, "The brand: one for all ids of one service.", f"{_OF}.brand_id"),
        Column("brand", STRING, "Its name.", f"{_OF}.brand"),
        Column(
            "is_brand_change",
            BOOLEAN,
            "Whether the brand has the show there in this kind only since, or no more, under any of its ids: false"
            " when it only moved between them, as from Netflix to Netflix with ads.",
            f"{_OF}.brand_id",
        ),
        Column(
            "seen_on",
            STRING,
            "The day of the reply that shows the change, or on which the show was gone: an arrival was first seen on"
            " it.",
            _SEEN_ON,
        ),
        Column(
            "compared_seen_on",
            STRING,
            "The day of the show's reply before: a departure was last seen on it.",
            _SEEN_ON,
        ),
        Column(
            "gap_days",
            INT,
            "Days between the two without a reply of the show: the change is of one of these or of `seen_on`.",
            _SEEN_ON,
        ),
    )
    checks = (CHANGES_ADD_UP, GAPS_ARE_TOLD, GONE_AS_TOLD)
    previewed = ("change", "title", "country", "kind", "provider_name", "is_brand_change", "gap_days")

    def before(self, sources: Sources, day: str) -> str | None:
        return details.day_before(sources, (DETAILS, OFFERS), day, since=self.earliest(day))

    def obstacle(self, sources: Sources, day: str) -> str:
        return details.lacking(sources, (DETAILS, OFFERS), day)

    def inputs(self, sources: Sources, day: str) -> Inputs:
        days = [day, earlier] if (earlier := self.before(sources, day)) else [day]
        return Inputs(
            sources.named(sorted(silver_key(folder, dt) for folder in (DETAILS, OFFERS) for dt in days))
        )

    def findings(self, sources: Sources, engine: Engine, day: str, rows: pa.Table) -> Findings:
        earlier = self.before(sources, day)
        seen, seen_before = (_seen(sources, dt) for dt in (day, earlier))
        gone = _gone(sources, day)
        offers, offers_before = (details.read(sources, OFFERS, dt, OFFER) for dt in (day, earlier or day))
        return [
            (CHANGES_ADD_UP, changes_add_up(rows, offers, offers_before, seen, seen_before, gone)),
            (GAPS_ARE_TOLD, changes_tell_gaps(rows, day, seen, seen_before)),
            (GONE_AS_TOLD, gone_as_told(rows, gone)),
        ]

    def preview(self, rows: pa.Table) -> pa.Table:
        """The changes of a brand, by title."""
        return super().preview(rows.filter(rows["is_brand_change"]).sort_by([("title", "ascending")]))

    def plots(self, engine: Engine, day: str, rows: pa.Table) -> Mapping[str, Bars]:
        counts = rows.group_by(["change", "kind"]).aggregate([([], "count_all")])
        by_kind = counts.sort_by([("change", "ascending"), ("kind", "ascending")]).to_pylist()
        return {"changes": Bars({f"{row['change']}, {row['kind']}": [row["count_all"]] for row in by_kind})}


def changes_add_up(
    changes: pa.Table,
    offers: pa.Table,
    offers_before: pa.Table,
    seen: Mapping[int, str],
    seen_before: Mapping[int, str],
    gone: Collection[int],
) -> Finding:
    """`offers`, `seen`: silver's offers, and the day of each show's reply, as of the day and as of the day before;
    `gone`: the shows of which TMDB said on the day that there is none."""
    keys = list(OFFER)
    fresh = [show for show, before in seen_before.items() if show in gone or seen.get(show, "") > before]
    now = _of_shows(offers, fresh).select(keys)
    was = _of_shows(offers_before, fresh).select(keys)
    wrong: list[dict[str, Any]] = []
    numbers: dict[str, int] = {}
    for change, one, other in (("arrival", now, was), ("departure", was, now)):
        should = one.join(other, keys, join_type="left anti")
        told = changes.filter(pc.equal(changes["change"], change)).select(keys)
        lost = should.join(told, keys, join_type="left anti")
        made_up = told.join(should, keys, join_type="left anti")
        numbers |= {f"{change}s": told.num_rows, f"{change}s_lost": lost.num_rows}
        numbers[f"{change}s_made_up"] = made_up.num_rows
        for rows, what in ((lost, "lost"), (made_up, "made up")):
            wrong += [{"change": change, "is": what, **row} for row in rows.slice(0, SHOWN).to_pylist()]
    return Finding(
        passed=not wrong,
        summary=f"{counted(numbers['arrivals'], 'arrival')} and {counted(numbers['departures'], 'departure')} of"
        f" {counted(len(fresh), 'show')} with a new reply or gone",
        remedy=BUG,
        numbers=numbers,
        offenders=wrong[:SHOWN],
    )


def changes_tell_gaps(
    changes: pa.Table, day: str, seen: Mapping[int, str], seen_before: Mapping[int, str]
) -> Finding:
    """`seen`: the day of each show's reply as of the day; `seen_before`: as of the day before."""
    columns = ("show_id", "reason", "seen_on", "compared_seen_on", "gap_days")
    # All changes of a show are of the same two replies.
    told = changes.select(list(columns)).group_by(list(columns)).aggregate([]).to_pylist()
    wrong, gaps = [], 0
    for row in told:
        reply, before = seen.get(row["show_id"], day), seen_before.get(row["show_id"], "")
        gap = days_between(before, reply) - 1 if before else None
        is_gone = row["show_id"] not in seen
        found = row["seen_on"], row["compared_seen_on"], row["gap_days"], row["reason"] == "show_gone"
        if found != (reply, before, gap, is_gone):
            wrong.append(row)
        gaps += bool(gap)
    across = [f"{counted(gaps, 'show')} changed between replies of several days"] if gaps else []
    return gaps_finding(wrong, across, {"shows_across_gaps": gaps})


def gone_as_told(changes: pa.Table, told: Collection[int]) -> Finding:
    """`told`: the shows of which TMDB said on the day that there is none."""
    gone = changes.filter(pc.equal(changes["reason"], "show_gone"))
    shows = gone.group_by(["show_id", "title"]).aggregate([]).sort_by("show_id").to_pylist()
    wrong = [show for show in shows if show["show_id"] not in told]
    return Finding(
        passed=not wrong,
        summary=f"{counted(len(shows), 'show')} left because they are gone, TMDB said so of {len(told)} on the day",
        remedy=BUG,
        numbers={"gone": len(shows)},
        offenders=wrong[:SHOWN],
    )


def _gone(sources: Sources, day: str) -> set[int]:
    rows = details.read(sources, DETAILS, day, ("show_id", "is_gone"))
    return set(rows.filter(rows["is_gone"])["show_id"].to_pylist())


def _of_shows(offers: pa.Table, shows: list[int]) -> pa.Table:
    return offers.filter(pc.is_in(offers["show_id"], pa.array(shows, pa.int64())))


def _seen(sources: Sources, day: str | None) -> dict[int, str]:
    if day is None:
        return {}
    rows = details.read(sources, DETAILS, day, ("show_id", "seen_on", "is_gone"))
    rows = rows.filter(pc.invert(rows["is_gone"]))
    return dict(zip(rows["show_id"].to_pylist(), rows["seen_on"].to_pylist(), strict=True))


TABLE = AvailabilityChanges()
