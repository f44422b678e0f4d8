"""Gold a second time, in plain Python over silver's rows: what the SQL has to agree with, cell by cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from statistics import median
from typing import Any

from tally_pipeline.shows.contract import GENRES

Row = dict[str, Any]
History = Mapping[str, Mapping[str, Sequence[Row]]]
"""Silver's rows by day and list."""

PRIOR = 500


def trends(history: History, day: str) -> list[Row]:
    seen = {then: _by_show(lists) for then, lists in history.items() if then <= day and any(lists.values())}
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
        earlier = [then for then, lists in history.items() if then < day and lists.get(data_type)]
        if not shows or not earlier:
            continue
        compared = max(earlier)
        now = {row["show_id"]: row for row in shows}
        was = {row["show_id"]: row for row in history[compared][data_type]}
        kinds: dict[str, list[Row]] = {"entry": [], "exit": [], "faller": [], "riser": []}
        for show in {*now, *was}:
            kind, move = _move(show, now.get(show), was.get(show))
            if kind:
                kinds[kind].append(move)
        for kind, moves in kinds.items():
            moves.sort(key=_place)
            for place, move in enumerate(moves[:25], start=1):
                gap = (date.fromisoformat(day) - date.fromisoformat(compared)).days - 1
                told = {"data_type": data_type, "kind": kind, "place": place}
                rows.append(told | move | {"compared_dt": compared, "gap_days": gap})
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


def _move(show: int, now: Row | None, was: Row | None) -> tuple[str | None, Row]:
    change = was["rank"] - now["rank"] if now and was else None
    move = {
        "show_id": show,
        "title": (now or was or {})["title"],
        "rank": now and now["rank"],
        "rank_before": was and was["rank"],
        "rank_change": change,
        "popularity": now and now["popularity"],
        "popularity_before": was and was["popularity"],
        "popularity_change": now["popularity"] - was["popularity"] if now and was else None,
    }
    if was is None:
        return "entry", move
    if now is None:
        return "exit", move
    return ("riser" if change > 0 else "faller" if change < 0 else None) if change is not None else None, move


def _place(move: Row) -> tuple[float, float, int, int]:
    return (
        -abs(move["rank_change"] or 0),
        -abs(move["popularity_change"] or 0),
        move["rank"] or move["rank_before"],
        move["show_id"],
    )


def _sum(values: Iterable[float]) -> float:
    """One after the other, as databases add; Python's own `sum` mends what rounding takes."""
    total = 0.0
    for value in values:
        total += value
    return total


def _back(day: str, days: int) -> str:
    return (date.fromisoformat(day) - timedelta(days=days)).isoformat()
