"""`availability`: where each show can be watched, and since when, as intervals.

A day is made from what is offered as of it and from the table's own day before, never from the silver of the whole
window: that would be half a million rows for each of its days. The column `replies` carries what the next day needs.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from tally_pipeline.checks.check import SHOWN, Check, Finding, Findings
from tally_pipeline.datasets.details.known import CARRY_DAYS
from tally_pipeline.gold import details
from tally_pipeline.gold.details import DETAILS, OFFERS, silver_key
from tally_pipeline.gold.gaps import BUG, GAPS_ARE_TOLD, gaps_finding
from tally_pipeline.lake import layout
from tally_pipeline.plurals import counted
from tally_pipeline.previews import Bars
from tally_pipeline.tables.columns import BIGINT, BOOLEAN, INT, STRING, Column
from tally_pipeline.tables.sources import GoldFooter, Sources
from tally_pipeline.tables.table import LOOK_BACK_DAYS, VERSION, Engine, Inputs, SqlTable

OFFER = ("provider_id", "kind", "country", "show_id")
"""The columns that make an offer: unique within a day of silver."""

OPEN_AS_OFFERED = Check(
    "open_as_offered",
    "The open intervals are the offers in silver as of the day, each once.",
    blocking=True,
)
INTERVALS_HOLD = Check(
    "intervals_hold",
    "Every interval begins and ends with a reply within the window, and those of one offer do not overlap.",
    blocking=True,
)

_OF, _SEEN_ON = "silver_offers", "silver_details.seen_on"


class Availability(SqlTable):
    name = "availability"
    description = (
        "Where each show can be watched and since when, and where it could until when: one row an interval of an"
        f" offer (show, country, kind, provider), as far as replies of {LOOK_BACK_DAYS} days tell."
        f" {details.ATTRIBUTION}."
    )
    window = (
        "the day itself, the last day with details before it, and this table of that day: so, step by step, the"
        f" {LOOK_BACK_DAYS} days before"
    )
    follows = DETAILS
    reads_two_days = True
    day_before_of = ("gold_availability",)
    key = (*OFFER, "since")
    columns = (
        Column("show_id", BIGINT, "TMDB's id of the show.", f"{_OF}.show_id"),
        Column(
            "title",
            STRING,
            "Its title; of a closed interval, the last one known then.",
            f"{_OF}.title",
            True,
            few=True,
        ),
        Column("country", STRING, "The country, ISO 3166-1.", f"{_OF}.country", few=True),
        Column("kind", STRING, "How: flatrate, free, ads, rent or buy.", f"{_OF}.kind", few=True),
        Column("provider_id", BIGINT, "TMDB's id of the provider.", f"{_OF}.provider_id"),
        Column("provider_name", STRING, "Its name.", f"{_OF}.provider_name", True, few=True),
        Column("brand_id", BIGINT, "The brand: one for all ids of one service.", f"{_OF}.brand_id", few=True),
        Column("brand", STRING, "Its name.", f"{_OF}.brand", few=True),
        Column(
            "since",
            STRING,
            f"The day of the first reply with it within {LOOK_BACK_DAYS} days.",
            _SEEN_ON,
            few=True,
        ),
        Column(
            "since_is_known",
            BOOLEAN,
            "Whether an earlier reply of the show lacks it: else it was there when the show was first looked at.",
            _SEEN_ON,
        ),
        Column(
            "lacked_on",
            STRING,
            "The day of the reply just before `since`, which lacks it; null when there is none within the window.",
            _SEEN_ON,
            True,
            few=True,
        ),
        Column("until", STRING, "The day of the last reply with it.", _SEEN_ON, few=True),
        Column("is_open", BOOLEAN, "Whether the show's newest reply has it.", f"{_OF}.provider_id"),
        Column("times_seen", INT, "Replies of the show from `since` to `until`.", _SEEN_ON),
        Column("gap_days", INT, "Days between those two without a reply of the show.", _SEEN_ON),
        Column(
            "closed_on",
            STRING,
            "The day of the first reply without it, or the first on which the show is not known; null while it is"
            " open.",
            _SEEN_ON,
            True,
            few=True,
        ),
        Column(
            "closed_reason",
            STRING,
            "`offer`: a reply of the show lacks it; `show_gone`: TMDB has the show no more; `out_of_sight`: no reply"
            f" of the show for more than {CARRY_DAYS} days; null while it is open.",
            f"{_OF}.provider_id",
            True,
            few=True,
        ),
        Column(
            "replies",
            STRING,
            "One character a day from `since` to `until`: 1 with a reply of the show, 0 without.",
            _SEEN_ON,
            few=True,
        ),
    )
    checks = (OPEN_AS_OFFERED, INTERVALS_HOLD, GAPS_ARE_TOLD)
    previewed = ("title", "country", "kind", "provider_name", "since", "since_is_known", "until", "is_open")

    def before(self, sources: Sources, day: str) -> str | None:
        return details.day_before(sources, (DETAILS, OFFERS), day, since=self.earliest(day))

    def obstacle(self, sources: Sources, day: str) -> str:
        if why := details.lacking(sources, (DETAILS, OFFERS), day):
            return why
        earlier = self.before(sources, day)
        if earlier is None or self._is_there(sources, earlier):
            return ""
        return (
            f"gold/{self.name} goes on from its own day before, and has none of {earlier} under this version:"
            f" materialize it from {earlier} on."
        )

    def inputs(self, sources: Sources, day: str) -> Inputs:
        earlier = self.before(sources, day)
        keys = [silver_key(DETAILS, day), silver_key(OFFERS, day)]
        if earlier:
            keys.append(silver_key(DETAILS, earlier))
            # A day whose day before is not there yet was made from something else, or not at all.
            keys += [layout.gold_key(self.name, earlier)] if self._is_there(sources, earlier) else []
        return Inputs(sources.named(sorted(keys)))

    def findings(self, sources: Sources, engine: Engine, day: str, rows: pa.Table) -> Findings:
        offers = details.read(sources, OFFERS, day, OFFER)
        return [
            (OPEN_AS_OFFERED, open_as_offered(rows, offers)),
            (INTERVALS_HOLD, intervals_hold(rows, self.earliest(day), day)),
            (GAPS_ARE_TOLD, intervals_tell_gaps(rows)),
        ]

    def preview(self, rows: pa.Table) -> pa.Table:
        """The newest arrivals that are known to be such."""
        known = rows.filter(pc.and_(rows["since_is_known"], rows["is_open"]))
        return super().preview(known.sort_by([("since", "descending")]))

    def plots(self, engine: Engine, day: str, rows: pa.Table) -> Mapping[str, Bars]:
        open_ = rows.filter(rows["is_open"])
        by_kind = open_.group_by("kind").aggregate([([], "count_all")]).sort_by("kind").to_pylist()
        return {"open offers by kind": Bars({row["kind"]: [row["count_all"]] for row in by_kind})}

    def _is_there(self, sources: Sources, day: str) -> bool:
        footer = sources.lake.footer_if_ours(layout.gold_key(self.name, day), GoldFooter)
        return footer is not None and footer.contract_version == VERSION


def open_as_offered(intervals: pa.Table, offers: pa.Table) -> Finding:
    """`offers`: the day's silver."""
    keys = list(OFFER)
    is_open, offered = intervals.filter(intervals["is_open"]).select(keys), offers.select(keys)
    lost, made_up = (
        one.join(other, keys, join_type="left anti")
        for one, other in ((offered, is_open), (is_open, offered))
    )
    wrong = [*lost.slice(0, SHOWN).to_pylist(), *made_up.slice(0, SHOWN).to_pylist()]
    return Finding(
        passed=not wrong and is_open.num_rows == offered.num_rows,
        summary=f"{counted(is_open.num_rows, 'open interval')}, {counted(offered.num_rows, 'offer')} in silver:"
        f" {lost.num_rows} lost, {made_up.num_rows} made up",
        remedy=BUG,
        numbers={"open": is_open.num_rows, "lost": lost.num_rows, "made_up": made_up.num_rows},
        offenders=wrong[:SHOWN],
    )


def intervals_hold(intervals: pa.Table, first: str, last: str) -> Finding:
    """`first`, `last`: the window's days."""
    since, until, closed, lacked = (intervals[name] for name in ("since", "until", "closed_on", "lacked_on"))
    holds = (
        pc.less_equal(since, until),
        pc.less_equal(until, last),
        pc.greater_equal(since, first),
        pc.equal(intervals["is_open"], pc.is_null(closed)),
        pc.equal(pc.is_null(closed), pc.is_null(intervals["closed_reason"])),
        pc.fill_null(pc.greater(closed, until), True),
        pc.equal(intervals["since_is_known"], pc.is_valid(lacked)),
        pc.fill_null(pc.and_(pc.less(lacked, since), pc.greater_equal(lacked, first)), True),
    )
    all_hold = holds[0]
    for one in holds[1:]:
        all_hold = pc.and_(all_hold, one)
    wrong = intervals.filter(pc.invert(all_hold))
    overlapping = _overlapping(intervals)
    told = ("show_id", "country", "kind", "provider_id", "since", "until", "lacked_on", "closed_on")
    return Finding(
        passed=not wrong.num_rows and not overlapping.num_rows,
        summary=f"{counted(intervals.num_rows, 'interval')}: {wrong.num_rows} contradict themselves,"
        f" {overlapping.num_rows} overlap the one before",
        remedy=BUG,
        numbers={
            "intervals": intervals.num_rows,
            "wrong": wrong.num_rows,
            "overlapping": overlapping.num_rows,
        },
        offenders=pa.concat_tables([wrong, overlapping]).select(list(told)).slice(0, SHOWN).to_pylist(),
    )


def intervals_tell_gaps(intervals: pa.Table) -> Finding:
    """Counts the days of each interval anew, by the calendar, and its replies, by their characters."""
    days = pc.add(pc.days_between(_date(intervals["since"]), _date(intervals["until"])), 1)
    replies = pc.cast(pc.count_substring(intervals["replies"], "1"), pa.int64())
    told = pc.and_(
        pc.and_(pc.equal(intervals["times_seen"], replies), pc.starts_with(intervals["replies"], "1")),
        pc.and_(
            pc.equal(pc.cast(pc.utf8_length(intervals["replies"]), pa.int64()), days),
            pc.equal(pc.cast(intervals["gap_days"], pa.int64()), pc.subtract(days, replies)),
        ),
    )
    silent = intervals.filter(pc.invert(told)).select([*OFFER, "since", "until", "times_seen", "gap_days"])
    across = pc.sum(pc.greater(intervals["gap_days"], 0)).as_py() or 0
    gaps = [f"{counted(across, 'interval')} across days without a reply of the show"] if across else []
    return gaps_finding(silent.to_pylist(), gaps, {"intervals_with_gaps": across})


def _overlapping(intervals: pa.Table) -> pa.Table:
    """The intervals that begin no later than the end of the one before of the same offer."""
    ordered = intervals.sort_by([(name, "ascending") for name in (*OFFER, "since")])
    if ordered.num_rows < 2:
        return ordered.slice(0, 0)
    earlier, later = ordered.slice(0, ordered.num_rows - 1), ordered.slice(1)
    overlap = pc.less_equal(later["since"], earlier["until"])
    for name in OFFER:
        overlap = pc.and_(overlap, pc.equal(later[name], earlier[name]))
    return later.filter(overlap)


def _date(days: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.cast(days, pa.date32())


TABLE = Availability()
