"""`top_movers`: the shows that moved most in each list."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tally_pipeline.checks.check import SHOWN, Check, Finding, Findings
from tally_pipeline.days import days_before, days_between
from tally_pipeline.gold.gaps import BUG, GAPS_ARE_TOLD, gaps_finding
from tally_pipeline.plurals import counted, noun
from tally_pipeline.previews import Bars
from tally_pipeline.tables.columns import BIGINT, DOUBLE, INT, STRING, Column
from tally_pipeline.tables.sources import Sources
from tally_pipeline.tables.table import LOOK_BACK_DAYS, Engine, Inputs, SqlTable, by_list

KINDS = ("riser", "faller", "entry", "exit", "riser_7d", "faller_7d")
"""The kinds of movers: since the list's last day before, and over exactly 7 days (`_7d`)."""

MOVERS_KEPT = 25
"""The most movers of a kind and list that are kept."""

MOVERS_MOVED = Check(
    "movers_moved",
    "Every riser gained popularity and lost no place, every faller the other way.",
    blocking=True,
)
SHOWS_KNOWN = Check("shows_known", "Every show is in silver of the days that are compared.")


class TopMovers(SqlTable):
    name = "top_movers"
    description = (
        "What moved most in each list, by popularity and rank, since its last day with data and over 7 days:"
        " risers, fallers, entries, exits."
    )
    window = f"the day itself, each list's last day before it within {LOOK_BACK_DAYS} days, and the one 7 days before"
    key = ("data_type", "kind", "place")
    columns = (
        Column("data_type", STRING, "The list.", "data_type"),
        Column(
            "kind",
            STRING,
            f"One of {', '.join(KINDS)}. A riser's popularity grew, by more than that of the list's median show,"
            " and it lost no place; a faller's the other way round.",
            "show_id popularity rank",
        ),
        Column(
            "place",
            INT,
            f"Place among its kind, 1 first, {MOVERS_KEPT} at most: risers and fallers by `score`,"
            " entries and exits by rank.",
            "popularity rank",
        ),
        Column("show_id", BIGINT, "TMDB's id of the show.", "show_id"),
        Column("title", STRING, "Its title; of an exit, that of the compared day.", "title"),
        Column("rank", INT, "Its rank; null for an exit.", "rank", True),
        Column("rank_before", INT, "Its rank on the compared day; null for an entry.", "rank", True),
        Column(
            "rank_change",
            INT,
            "Places climbed; negative when it fell; null for entries and exits.",
            "rank",
            True,
        ),
        Column("popularity", DOUBLE, "Its popularity in the list; null for an exit.", "popularity", True),
        Column(
            "popularity_before",
            DOUBLE,
            "The same on the compared day; null for an entry.",
            "popularity",
            True,
        ),
        Column(
            "popularity_change",
            DOUBLE,
            "Popularity minus that; null for entries and exits.",
            "popularity",
            True,
        ),
        Column(
            "compared_dt",
            STRING,
            "The compared day, YYYY-MM-DD: the list's last before this one; for `_7d` the one 7 days before.",
        ),
        Column("gap_days", INT, "Days between the two without data of the list; 0 when none is missing."),
        Column(
            "score",
            DOUBLE,
            "How much the move counts: (`doublings` + log2(`rank_before` / `rank`)) / log2(1 + the better rank);"
            " negative for fallers, null for entries and exits.",
            "popularity rank",
            True,
        ),
        Column(
            "doublings",
            DOUBLE,
            "log2(`popularity` / `popularity_before`), less than 1 counted as 1, minus that of the list's median"
            " show; null for entries and exits.",
            "popularity",
            True,
        ),
        Column(
            "list_drift_pct",
            DOUBLE,
            "Change in popularity, in per cent, of the median of the shows that the list holds on both days: how far"
            " the scale moved for all; null when it holds none on both.",
            "popularity",
            True,
        ),
        Column(
            "kind_shows",
            INT,
            f"Shows of this kind in the list, those beyond the {MOVERS_KEPT} kept included.",
            "show_id",
        ),
    )
    checks = (MOVERS_MOVED, GAPS_ARE_TOLD, SHOWS_KNOWN)
    previewed = ("data_type", "kind", "title", "rank", "rank_before", "popularity", "score", "gap_days")

    def inputs(self, sources: Sources, day: str) -> Inputs:
        lists = sources.lists_of(day)
        keys = {
            key for name in lists for key in sources.silver_keys(self._compared(sources, name, day), [name])
        }
        return Inputs(sources.named(sorted(keys)))

    def findings(self, sources: Sources, engine: Engine, day: str, rows: pa.Table) -> Findings:
        known = {}
        for name in sources.lists_of(day):
            days = sources.days(name).intersection(self._compared(sources, name, day))
            shows_of = (
                sources.lake.read_silver(name, compared_day)["show_id"].to_pylist() for compared_day in days
            )
            known[name] = set().union(*shows_of)
        return [
            (MOVERS_MOVED, movers_moved(rows)),
            (GAPS_ARE_TOLD, movers_tell_gaps(rows, day, self._known(sources, day))),
            (SHOWS_KNOWN, shows_known(rows, known)),
        ]

    def _compared(self, sources: Sources, data_type: str, day: str) -> list[str | None]:
        """The day and the days that it is compared with, with or without silver."""
        return [day, sources.before(data_type, day, since=self.earliest(day)), days_before(day, 7)]

    def _known(self, sources: Sources, day: str) -> dict[str, set[str]]:
        since = self.earliest(day)
        return {name: {dt for dt in days if dt >= since} for name, days in sources.by_list.items()}

    def preview(self, rows: pa.Table) -> pa.Table:
        return super().preview(rows.filter(pc.less_equal(rows["place"], 1)))

    def plots(self, engine: Engine, day: str, rows: pa.Table) -> Mapping[str, Bars]:
        risers = rows.filter(pc.equal(rows["kind"], "riser"))
        return {"how much the risers' moves count": Bars(by_list(risers, "score"))}


def movers_tell_gaps(movers: pa.Table, day: str, days: Mapping[str, Collection[str]]) -> Finding:
    """`days`: the days with silver that the table looks back to, by list."""
    wrong, gaps = [], {}
    for row in movers.to_pylist():
        name = row["data_type"]
        past = {dt for dt in days.get(name, ()) if dt < day}
        if row["kind"].endswith("_7d"):
            before = week_ago if (week_ago := days_before(day, 7)) in past else None
        else:
            before = max(past, default=None)
        gap = None
        if before:
            between = days_between(before, day) - 1
            gap = between - sum(dt > before for dt in past)
        if (row["compared_dt"], row["gap_days"]) != (before, gap):
            wrong.append({"list": name, "kind": row["kind"], "compared_dt": row["compared_dt"], "is": before})
        if gap:
            gaps[name, before] = f"{name} {counted(gap, 'day')} between {before} and {day}"
    return gaps_finding(wrong, list(gaps.values()), {})


def movers_moved(movers: pa.Table) -> Finding:
    """Compares the risers and fallers with the popularity and ranks in their own rows."""
    moved = [row for row in movers.to_pylist() if row["kind"].startswith(("riser", "faller"))]
    wrong = [row for row in moved if not _moved(row)]
    columns = ("data_type", "kind", "title", "rank_before", "rank", "popularity_before", "popularity")
    return Finding(
        passed=not wrong,
        summary=f"{len(moved) - len(wrong)} of {len(moved)} risers and fallers moved as they are said to",
        remedy=BUG,
        numbers={"movers": len(moved), "wrong": len(wrong)},
        offenders=[{name: row[name] for name in columns} for row in wrong[:SHOWN]],
    )


def _moved(row: Mapping[str, Any]) -> bool:
    way = 1 if row["kind"].startswith("riser") else -1
    grown = row["popularity"] - row["popularity_before"], row["doublings"]
    differences = row["rank_before"] - row["rank"], row["score"]
    return all(way * value > 0 for value in grown) and all(way * value >= 0 for value in differences)


def shows_known(movers: pa.Table, known: Mapping[str, Collection[int]]) -> Finding:
    """`known`: the ids in silver of the two compared days, by list."""
    unknown = [
        {"list": row["data_type"], "show_id": row["show_id"]}
        for row in movers.to_pylist()
        if row["show_id"] not in known.get(row["data_type"], ())
    ]
    return Finding(
        passed=not unknown,
        serious=False,
        summary=f"{len(unknown)} of {counted(movers.num_rows, 'row')} {noun(len(unknown), 'is', 'are')} of shows"
        " that silver does not have",
        remedy="Was silver rebuilt meanwhile? Materialize the table again; else it is a bug in its SQL.",
        numbers={"unknown_shows": len(unknown)},
        offenders=unknown[:SHOWN],
    )


TABLE = TopMovers()
