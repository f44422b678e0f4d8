"""`show_popularity_trends`: each show of the day over all lists, with its past."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

import pyarrow as pa

from tally_pipeline.checks.check import SHOWN, Check, Finding, Findings
from tally_pipeline.days import days_before
from tally_pipeline.gold.gaps import BUG, GAPS_ARE_TOLD, gaps_finding
from tally_pipeline.plurals import counted
from tally_pipeline.previews import Bars, distribution
from tally_pipeline.tables.columns import BIGINT, BOOLEAN, COUNTS, DOUBLE, INT, STRING, Column
from tally_pipeline.tables.sources import Sources
from tally_pipeline.tables.table import LOOK_BACK_DAYS, SPANS, Engine, Inputs, SqlTable

WINDOW_DAYS = SPANS[-1]
"""Days before its own whose silver files a footer names one by one; it holds a digest of older ones."""

EVERY_SHOW_ONCE = Check(
    "every_show_once", "Every show in silver of the day is in the table once, and no other.", blocking=True
)


def _changes(days: int) -> tuple[Column, ...]:
    ago = "the day before" if days == 1 else f"{days} days before"
    null = "null when the show was not seen on that very day"
    return (
        Column(f"change_{days}d", DOUBLE, f"Popularity minus that of {ago}; {null}.", "popularity", True),
        Column(
            f"change_{days}d_pct",
            DOUBLE,
            f"The same in per cent of the popularity of {ago}; {null}, or its popularity was 0.",
            "popularity",
            True,
        ),
        Column(
            f"rank_change_{days}d",
            INT,
            f"Places climbed since {ago}, by best rank; negative when it fell; {null}.",
            "rank",
            True,
        ),
    )


def _gap(days: int) -> Column:
    ago = "the day before" if days == 1 else f"{days} days before"
    return Column(f"gap_{days}d", BOOLEAN, f"Whether the lake has no data at all of {ago}.")


class ShowPopularityTrends(SqlTable):
    name = "show_popularity_trends"
    description = (
        "Each show of the day, over all lists: popularity, ranks, change over 1, 7 and 28 days, its past."
    )
    window = f"the day itself and the {LOOK_BACK_DAYS} days before it"
    key = ("show_id",)
    columns = (
        Column("show_id", BIGINT, "TMDB's id of the show; unique within the day.", "show_id"),
        Column("title", STRING, "Title, as in the list where it is most popular.", "title"),
        Column("popularity", DOUBLE, "The highest over the day's lists.", "popularity"),
        Column("ranks", COUNTS, "Its rank in every list that holds it, by list.", "data_type rank"),
        Column("lists", INT, "Number of lists that hold it.", "data_type"),
        Column("best_rank", INT, "Its best rank over the day's lists.", "rank"),
        *_changes(1),
        *_changes(7),
        *_changes(28),
        *(_gap(days) for days in SPANS),
        Column(
            "peak_popularity",
            DOUBLE,
            "Its highest popularity from `known_since` up to this day.",
            "popularity",
        ),
        Column("peak_dt", STRING, "The first day on which it had that, YYYY-MM-DD.", "popularity"),
        Column(
            "first_seen",
            STRING,
            "The first day since then on which a list held it, YYYY-MM-DD.",
            "show_id",
        ),
        Column(
            "days_seen",
            INT,
            "Days since `known_since` on which a list held it, this one included.",
            "show_id",
        ),
        Column("streak", INT, "Days in a row up to this one on which a list held it.", "show_id"),
        Column(
            "streak_broken_by_gap",
            BOOLEAN,
            "Whether nothing is known of the day before the streak: it may be longer than is known.",
        ),
        Column("window_days_missing", INT, "Of the 28 days before, those of which the lake has no data."),
        Column(
            "known_since",
            STRING,
            f"The first of this day and the {LOOK_BACK_DAYS} before it with data in the lake, YYYY-MM-DD:"
            " `first_seen`, `peak_popularity`, `peak_dt` and `days_seen` cover the days from then on.",
        ),
    )
    checks = (EVERY_SHOW_ONCE, GAPS_ARE_TOLD)
    previewed = ("show_id", "title", "popularity", "best_rank", "change_1d", "change_7d", "streak")

    def inputs(self, sources: Sources, day: str) -> Inputs:
        """The inputs are the window's files by name, older ones as a digest."""
        window = [days_before(day, back) for back in range(WINDOW_DAYS + 1)]
        return Inputs(
            sources.named(sources.silver_keys(window)), sources.past(window[-1], since=self.earliest(day))
        )

    def findings(self, sources: Sources, engine: Engine, day: str, rows: pa.Table) -> Findings:
        return [
            (EVERY_SHOW_ONCE, every_show_once(rows, sources.silver_of(day))),
            (GAPS_ARE_TOLD, trends_tell_gaps(rows, day, self._known(sources, day))),
        ]

    def _known(self, sources: Sources, day: str) -> set[str]:
        return {dt for dt in sources.days() if self.earliest(day) <= dt <= day}

    def preview(self, rows: pa.Table) -> pa.Table:
        return super().preview(rows.sort_by([("popularity", "descending")]))

    def plots(self, engine: Engine, day: str, rows: pa.Table) -> Mapping[str, Bars]:
        return {"shows by popularity (log)": Bars({"": distribution(rows["popularity"].to_pylist())})}


def every_show_once(trends: pa.Table, silver: Mapping[str, pa.Table]) -> Finding:
    """`silver`: the day's silver by list."""
    shows = {show for rows in silver.values() for show in rows["show_id"].to_pylist()}
    show_ids = trends["show_id"].to_pylist()
    missing, extra = sorted(shows - set(show_ids)), sorted(set(show_ids) - shows)
    repeats = len(show_ids) - len(set(show_ids))
    offenders = [{"show_id": show, "what": "missing"} for show in missing]
    offenders += [{"show_id": show, "what": "not in silver"} for show in extra]
    return Finding(
        passed=not (missing or extra or repeats),
        summary=f"{counted(len(show_ids), 'row')}, {counted(len(shows), 'show')} in silver; {len(missing)} missing,"
        f" {len(extra)} that silver does not have, {counted(repeats, 'repeat')}",
        remedy=BUG,
        numbers={"rows": len(show_ids), "missing": len(missing), "extra": len(extra), "repeats": repeats},
        offenders=offenders[:SHOWN],
    )


def trends_tell_gaps(trends: pa.Table, day: str, days: Set[str]) -> Finding:
    """`days`: the days with silver of any list that the table looks back to."""
    wrong: list[dict[str, Any]] = []
    missing = {span: days_before(day, span) not in days for span in SPANS}
    for span, gap in missing.items():
        values = set(trends[f"gap_{span}d"].to_pylist())
        if values - {gap}:
            wrong.append({"column": f"gap_{span}d", "says": sorted(values), "is": gap})
        for name in (f"change_{span}d", f"change_{span}d_pct", f"rank_change_{span}d"):
            if gap and trends[name].null_count < trends.num_rows:
                wrong.append(
                    {"column": name, "says": "a change", "is": f"no data of {days_before(day, span)}"}
                )
    if (values := set(trends["known_since"].to_pylist())) - {min(days)}:
        wrong.append({"column": "known_since", "says": sorted(values), "is": min(days)})
    lacking = sum(days_before(day, back) not in days for back in range(1, SPANS[-1] + 1))
    if (values := set(trends["window_days_missing"].to_pylist())) - {lacking}:
        wrong.append({"column": "window_days_missing", "says": sorted(values), "is": lacking})
    for streak, told_gap in set(
        zip(trends["streak"].to_pylist(), trends["streak_broken_by_gap"].to_pylist(), strict=True)
    ):
        if told_gap != (broken := days_before(day, streak) not in days):
            wrong.append({"column": "streak_broken_by_gap", "says": told_gap, "is": broken})
    gaps = [days_before(day, span) for span, gap in missing.items() if gap]
    return gaps_finding(wrong, gaps, {"window_days_missing": lacking})


TABLE = ShowPopularityTrends()
