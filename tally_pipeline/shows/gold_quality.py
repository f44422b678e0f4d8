"""Gold's checks, as pure functions from tables to findings. They count anew what SQL has counted."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Set
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tally_pipeline.shows.gold import (
    DATA_QUALITY_DAILY,
    GENRE_ANALYTICS,
    SPANS,
    TOP_MOVERS,
    TRENDS,
)
from tally_pipeline.shows.plurals import counted, noun
from tally_pipeline.shows.quality import SHOWN, Check, Finding

EVERY_SHOW_ONCE = Check(
    "every_show_once", "Every show in silver of the day is in the table once, and no other.", blocking=True
)
TOTALS_AGREE = Check(
    "totals_agree_with_silver",
    "By list, the genres' shows and popularity add up to what silver's rows say.",
    blocking=True,
)
GAPS_ARE_TOLD = Check(
    "gaps_are_told",
    "Nothing is compared across a missing day without saying so.",
    blocking=True,
)
NUMBERS_AGREE = Check(
    "numbers_agree_with_files",
    "The rows of silver and quarantine are as many as the table says.",
    blocking=True,
)
MOVERS_MOVED = Check(
    "movers_moved",
    "Every riser gained popularity and lost no place, every faller the other way.",
    blocking=True,
)
SHOWS_KNOWN = Check("shows_known", "Every show is in silver of the days that are compared.")
GENRES_KNOWN = Check("genres_known", "Every genre id has a name in TMDB's genres.")

CHECKS: Mapping[str, tuple[Check, ...]] = {
    TRENDS.name: (EVERY_SHOW_ONCE, GAPS_ARE_TOLD),
    GENRE_ANALYTICS.name: (TOTALS_AGREE, GAPS_ARE_TOLD, GENRES_KNOWN),
    TOP_MOVERS.name: (MOVERS_MOVED, GAPS_ARE_TOLD, SHOWS_KNOWN),
    DATA_QUALITY_DAILY.name: (NUMBERS_AGREE,),
}
"""The checks of each gold table, by its name."""

_BUG = "A bug in the table's SQL (tally_pipeline/catalog/gold). Nothing is published until it is mended."


def every_show_once(trends: pa.Table, silver: Mapping[str, pa.Table]) -> Finding:
    """`silver`: the day's silver by list."""
    wanted = {show for rows in silver.values() for show in rows["show_id"].to_pylist()}
    found = trends["show_id"].to_pylist()
    missing, extra = sorted(wanted - set(found)), sorted(set(found) - wanted)
    repeats = len(found) - len(set(found))
    offenders = [{"show_id": show, "what": "missing"} for show in missing]
    offenders += [{"show_id": show, "what": "not in silver"} for show in extra]
    return Finding(
        passed=not (missing or extra or repeats),
        summary=f"{counted(len(found), 'row')}, {counted(len(wanted), 'show')} in silver; {len(missing)} missing,"
        f" {len(extra)} that silver does not have, {counted(repeats, 'repeat')}",
        todo=_BUG,
        numbers={"rows": len(found), "missing": len(missing), "extra": len(extra), "repeats": repeats},
        offenders=offenders[:SHOWN],
    )


def totals_agree(genres: pa.Table, silver: Mapping[str, pa.Table]) -> Finding:
    """`silver`: the day's silver by list."""
    rows = genres.to_pylist()
    compared = []
    for name in sorted({*silver, *(row["data_type"] for row in rows)}):
        here = [row for row in rows if row["data_type"] == name]
        tags, popularity = _tagged(silver.get(name))
        compared.append(
            {
                "list": name,
                "shows": sum(row["shows"] for row in here),
                "silver shows": tags,
                "popularity": math.fsum(row["total_popularity"] for row in here),
                "silver popularity": popularity,
            }
        )
    differing = [
        row
        for row in compared
        if row["shows"] != row["silver shows"]
        or not math.isclose(row["popularity"], row["silver popularity"], rel_tol=1e-9, abs_tol=1e-6)
    ]
    return Finding(
        passed=not differing,
        summary=f"{len(compared) - len(differing)} of {counted(len(compared), 'list')} add up",
        todo=_BUG,
        numbers={"lists_differing": len(differing), "genres": len(rows)},
        offenders=differing or compared,
    )


def trends_tell_gaps(trends: pa.Table, day: str, days: Set[str]) -> Finding:
    """`days`: the days of which there is silver of any list."""
    wrong: list[dict[str, Any]] = []
    missing = {span: _back(day, span) not in days for span in SPANS}
    for span, gap in missing.items():
        told = set(trends[f"gap_{span}d"].to_pylist())
        if told - {gap}:
            wrong.append({"column": f"gap_{span}d", "says": sorted(told), "is": gap})
        for name in (f"change_{span}d", f"change_{span}d_pct", f"rank_change_{span}d"):
            if gap and trends[name].null_count < trends.num_rows:
                wrong.append({"column": name, "says": "a change", "is": f"no data of {_back(day, span)}"})
    lacking = sum(_back(day, back) not in days for back in range(1, SPANS[-1] + 1))
    if (told := set(trends["window_days_missing"].to_pylist())) - {lacking}:
        wrong.append({"column": "window_days_missing", "says": sorted(told), "is": lacking})
    broken = {streak: _back(day, streak) not in days for streak in set(trends["streak"].to_pylist())}
    for streak, told_gap in set(
        zip(trends["streak"].to_pylist(), trends["streak_broken_by_gap"].to_pylist(), strict=True)
    ):
        if told_gap != broken[streak]:
            wrong.append({"column": "streak_broken_by_gap", "says": told_gap, "is": broken[streak]})
    gaps = [_back(day, span) for span, gap in missing.items() if gap]
    return _gaps_finding(wrong, gaps, {"window_days_missing": lacking})


def genres_tell_gaps(genres: pa.Table, day: str, days: Mapping[str, Set[str]]) -> Finding:
    """`days`: the days of which there is silver, by list."""
    week_ago = _back(day, 7)
    wrong = []
    for row in genres.to_pylist():
        gap = week_ago not in days.get(row["data_type"], set())
        compared = row["shows_change_7d"] is not None, row["total_popularity_change_7d"] is not None
        if row["gap_7d"] != gap or compared != (not gap, not gap):
            wrong.append({"list": row["data_type"], "genre_id": row["genre_id"], "gap": gap})
    gaps = [f"{name} {week_ago}" for name in sorted(days) if day in days[name] and week_ago not in days[name]]
    return _gaps_finding(wrong, gaps, {})


def movers_tell_gaps(movers: pa.Table, day: str, days: Mapping[str, Set[str]]) -> Finding:
    """`days`: the days of which there is silver, by list."""
    wrong, gaps = [], {}
    for row in movers.to_pylist():
        name = row["data_type"]
        past = {then for then in days.get(name, ()) if then < day}
        if row["kind"].endswith("_7d"):
            before = week_ago if (week_ago := _back(day, 7)) in past else None
        else:
            before = max(past, default=None)
        gap = _days_between(before, day) - sum(then > before for then in past) if before else None
        if (row["compared_dt"], row["gap_days"]) != (before, gap):
            wrong.append({"list": name, "kind": row["kind"], "compared_dt": row["compared_dt"], "is": before})
        if gap:
            gaps[name, before] = f"{name} {counted(gap, 'day')} between {before} and {day}"
    return _gaps_finding(wrong, list(gaps.values()), {})


def movers_moved(movers: pa.Table) -> Finding:
    """The risers and fallers, held against the popularity and ranks that stand beside them."""
    moved = [row for row in movers.to_pylist() if row["kind"].startswith(("riser", "faller"))]
    wrong = [row for row in moved if not _moved(row)]
    shown = ("data_type", "kind", "title", "rank_before", "rank", "popularity_before", "popularity")
    return Finding(
        passed=not wrong,
        summary=f"{len(moved) - len(wrong)} of {len(moved)} risers and fallers moved as they are said to",
        todo=_BUG,
        numbers={"movers": len(moved), "wrong": len(wrong)},
        offenders=[{name: row[name] for name in shown} for row in wrong[:SHOWN]],
    )


def _moved(row: Mapping[str, Any]) -> bool:
    way = 1 if row["kind"].startswith("riser") else -1
    grown = row["popularity"] - row["popularity_before"], row["doublings"]
    kept = row["rank_before"] - row["rank"], row["score"]
    return all(way * value > 0 for value in grown) and all(way * value >= 0 for value in kept)


def shows_known(movers: pa.Table, known: Mapping[str, Collection[int]]) -> Finding:
    """`known`: by list, the ids in silver of the two days that are compared."""
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
        todo="Was silver rebuilt meanwhile? Materialize the table again; else it is a bug in its SQL.",
        numbers={"unknown_shows": len(unknown)},
        offenders=unknown[:SHOWN],
    )


def genres_known(genres: pa.Table) -> Finding:
    nameless = genres.filter(pc.is_null(genres["genre"]))
    ids = sorted(set(nameless["genre_id"].to_pylist()))
    return Finding(
        passed=not ids,
        serious=False,
        summary=counted(len(ids), "genre id has", "genre ids have")
        + " no name"
        + (f": {', '.join(map(str, ids))}" if ids else ""),
        todo="Materialize bronze_genres and silver_genres, then this table again. What is nameless still is new at"
        " TMDB or a film's genre.",
        numbers={"unknown_genres": len(ids)},
        offenders=nameless.select(["data_type", "genre_id", "shows"]).to_pylist()[:SHOWN],
    )


def numbers_agree(quality: pa.Table, silver: Mapping[str, int], quarantine: Mapping[str, int]) -> Finding:
    """`silver`, `quarantine`: rows that the day's files really hold, by list."""
    differing = []
    for row in quality.to_pylist():
        name = row["data_type"]
        told = row["silver_rows"] if row["published"] else 0, row["quarantined"] or 0
        there = silver.get(name, 0), quarantine.get(name, 0)
        # A later attempt that was not published leaves its own quarantine beside the silver that stayed.
        if told[0] != there[0] or (not row["published"] and told[1] != there[1]):
            differing.append({"list": name, "silver": there[0], "told": told[0], "quarantine": there[1]})
    return Finding(
        passed=not differing,
        summary=f"{quality.num_rows - len(differing)} of {counted(quality.num_rows, 'list')} agree with their files",
        todo="A file under silver/shows or quarantine/shows was written by other hands: materialize silver_shows of"
        " the day again.",
        numbers={"lists_differing": len(differing)},
        offenders=differing,
    )


def _tagged(rows: pa.Table | None) -> tuple[int, float]:
    """How often silver's rows name a genre, and the sum of popularity, a row's as often as it names one."""
    if rows is None:
        return 0, 0.0
    times = pc.list_value_length(rows["genre_ids"]).to_pylist()
    popularity = rows["popularity"].to_pylist()
    return sum(times), math.fsum(p * n for p, n in zip(popularity, times, strict=True))


def _days_between(day: str, later: str) -> int:
    return (date.fromisoformat(later) - date.fromisoformat(day)).days - 1


def _back(day: str, days: int) -> str:
    return (date.fromisoformat(day) - timedelta(days=days)).isoformat()


def _gaps_finding(wrong: list[dict[str, Any]], gaps: list[str], numbers: Mapping[str, float]) -> Finding:
    return Finding(
        passed=not wrong,
        summary=counted(len(wrong), "place is", "places are") + " silent about a missing day"
        if wrong
        else f"every gap is told: {', '.join(gaps)}"
        if gaps
        else "no compared day is missing",
        todo=_BUG,
        numbers={"silent": len(wrong), "gaps": len(gaps), **numbers},
        offenders=wrong[:SHOWN],
    )
