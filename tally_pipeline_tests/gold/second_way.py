"""Gold a second time, in plain Python over silver's rows: what the SQL has to agree with, cell by cell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from statistics import median
from typing import Any

from tally_pipeline.datasets.shows.contract import GENRES

Row = dict[str, Any]
History = Mapping[str, Mapping[str, Sequence[Row]]]
"""Silver's rows by day and list."""

PRIOR = 500
LOOKS_BACK = 90


def trends(history: History, day: str) -> list[Row]:
    seen = {
        then: _by_show(lists)
        for then, lists in history.items()
        if _back(day, LOOKS_BACK) <= then <= day and any(lists.values())
    }
    return [_trend(seen, day, show) for show in sorted(seen.get(day, {}))]


def genres(history: History, names: Mapping[int, str], day: str) -> list[Row]:
    rows = []
    for data_type, shows in sorted(history.get(day, {}).items()):
        week_ago = history.get(_back(day, 7), {}).get(data_type)
        _, mean_of_list = _votes(shows)
        for genre in sorted({genre for row in shows for genre in row["genre_ids"]}):
            here = _of_genre(shows, genre)
            popularity = [row["popularity"] for row in here]
            (points, votes), mean = _votes(here)
            prior = None if mean_of_list is None else (points + PRIOR * mean_of_list) / (votes + PRIOR)
            before = None if not week_ago else _of_genre(week_ago, genre)
            total = _sum(popularity)
            rows.append(
                {
                    "data_type": data_type,
                    "genre_id": genre,
                    "genre": names.get(genre, GENRES.get(genre)),
                    "shows": len(here),
                    "share": len(here) / len(shows),
                    "mean_popularity": total / len(here),
                    "median_popularity": median(popularity),
                    "total_popularity": total,
                    "vote_average_weighted": mean,
                    "vote_average_bayes": prior,
                    "shows_change_7d": None if before is None else len(here) - len(before),
                    "total_popularity_change_7d": None
                    if before is None
                    else total - _sum(row["popularity"] for row in before),
                    "gap_7d": before is None,
                }
            )
    return rows


def movers(history: History, day: str) -> list[Row]:
    rows: list[Row] = []
    for data_type, shows in sorted(history.get(day, {}).items()):
        earlier = [
            then
            for then, lists in history.items()
            if _back(day, LOOKS_BACK) <= then < day and lists.get(data_type)
        ]
        if not shows or not earlier:
            continue
        kinds: dict[str, list[Row]] = {}
        for compared, suffix in ((max(earlier), ""), (_back(day, 7), "_7d")):
            if compared not in earlier:
                continue
            between = (date.fromisoformat(day) - date.fromisoformat(compared)).days - 1
            gap = between - sum(then > compared for then in earlier)
            for kind, move in _moves(shows, history[compared][data_type]):
                if not (suffix and kind in ("entry", "exit")):
                    told = {"compared_dt": compared, "gap_days": gap}
                    kinds.setdefault(kind + suffix, []).append(move | told)
        for kind, moves in sorted(kinds.items()):
            moves.sort(key=_place)
            for place, move in enumerate(moves[:25], start=1):
                told = {"data_type": data_type, "kind": kind, "place": place, "kind_shows": len(moves)}
                rows.append(move | told)
    return rows


def _trend(seen: Mapping[str, Mapping[int, list[Row]]], day: str, show: int) -> Row:
    here = seen[day][show]
    days = sorted(then for then, shows in seen.items() if show in shows)
    popularity = {then: max(row["popularity"] for row in seen[then][show]) for then in days}
    rank = {then: min(row["rank"] for row in seen[then][show]) for then in days}
    streak = 0
    while _back(day, streak) in popularity:
        streak += 1
    peak = max(popularity.values())
    best = min(here, key=lambda row: (-row["popularity"], row["data_type"]))
    trend: Row = {
        "show_id": show,
        "title": best["title"],
        "popularity": popularity[day],
        "ranks": sorted((row["data_type"], row["rank"]) for row in here),
        "lists": len(here),
        "best_rank": rank[day],
        "peak_popularity": peak,
        "peak_dt": min(then for then in days if popularity[then] == peak),
        "first_seen": days[0],
        "days_seen": len(days),
        "streak": streak,
        "streak_broken_by_gap": _back(day, streak) not in seen,
        "known_since": min(seen),
        "window_days_missing": sum(_back(day, back) not in seen for back in range(1, 29)),
    }
    for span in (1, 7, 28):
        then = _back(day, span)
        change = popularity[day] - popularity[then] if then in popularity else None
        trend |= {
            f"gap_{span}d": then not in seen,
            f"change_{span}d": change,
            f"change_{span}d_pct": 100 * change / popularity[then]
            if change is not None and popularity[then]
            else None,
            f"rank_change_{span}d": rank[then] - rank[day] if then in rank else None,
        }
    return trend


def _by_show(lists: Mapping[str, Sequence[Row]]) -> dict[int, list[Row]]:
    shows: dict[int, list[Row]] = {}
    for rows in lists.values():
        for row in rows:
            shows.setdefault(row["show_id"], []).append(row)
    return shows


def _of_genre(shows: Sequence[Row], genre: int) -> list[Row]:
    return sorted((row for row in shows if genre in row["genre_ids"]), key=lambda row: row["show_id"])


def _votes(shows: Iterable[Row]) -> tuple[tuple[float, int], float | None]:
    """Points and votes, and points a vote."""
    voted = sorted(
        (row for row in shows if row["vote_count"] and row["vote_average"] is not None),
        key=lambda row: row["show_id"],
    )
    points = _sum(row["vote_average"] * row["vote_count"] for row in voted)
    votes = sum(row["vote_count"] for row in voted)
    return (points, votes), points / votes if votes else None


def _moves(shows: Sequence[Row], earlier: Sequence[Row]) -> list[tuple[str, Row]]:
    """Kind and row of every show that moved between two days of a list."""
    now, was = ({row["show_id"]: row for row in rows} for rows in (shows, earlier))
    both = sorted(now.keys() & was.keys())
    ratios = {show: max(now[show]["popularity"], 1) / max(was[show]["popularity"], 1) for show in both}
    drift = median(math.log2(ratio) for ratio in ratios.values()) if both else None
    moves = []
    for show in sorted(now.keys() | was.keys()):
        here, there = now.get(show), was.get(show)
        move = {
            "show_id": show,
            "title": (here or there or {})["title"],
            "rank": here and here["rank"],
            "rank_before": there and there["rank"],
            "popularity": here and here["popularity"],
            "popularity_before": there and there["popularity"],
            "list_drift_pct": None if drift is None else round(100 * (2**drift - 1), 3),
            "rank_change": None,
            "popularity_change": None,
            "doublings": None,
            "score": None,
        }
        kind = "exit" if here is None else "entry" if there is None else None
        if here and there and drift is not None:
            climbed, gained = there["rank"] - here["rank"], here["popularity"] - there["popularity"]
            doublings = math.log2(ratios[show]) - drift
            score = (doublings + math.log2(there["rank"] / here["rank"])) / math.log2(
                1 + min(here["rank"], there["rank"])
            )
            move |= {
                "rank_change": climbed,
                "popularity_change": gained,
                "doublings": round(doublings, 3),
                "score": round(score, 3),
            }
            if gained > 0 and move["doublings"] > 0 and climbed >= 0:
                kind = "riser"
            if gained < 0 and move["doublings"] < 0 and climbed <= 0:
                kind = "faller"
        if kind:
            moves.append((kind, move))
    return moves


def _place(move: Row) -> tuple[float, int, int]:
    ranks = [rank for rank in (move["rank"], move["rank_before"]) if rank is not None]
    return -abs(move["score"] or 0), min(ranks), move["show_id"]


def _sum(values: Iterable[float]) -> float:
    """One after the other, as databases add; Python's own `sum` mends what rounding takes."""
    total = 0.0
    for value in values:
        total += value
    return total


def _back(day: str, days: int) -> str:
    return (date.fromisoformat(day) - timedelta(days=days)).isoformat()
