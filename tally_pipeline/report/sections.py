"""The page's tables, ready to be laid out: what each row says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from tally_pipeline.report.figures import SHOWN_GENRES, SHOWN_SHOWS, genre_order, line_style, shares
from tally_pipeline.report.inputs import Inputs, Row
from tally_pipeline.report.sparkline import sparkline
from tally_pipeline.report.words import DASH, counted, number, percent, short_day, signed
from tally_pipeline.shows.contract import RULES

SPARK_DAYS = 30
"""Days that a mover's sparkline reaches back."""

SHOWN_MOVERS = 6
"""Movers of a kind that are in sight; the others open."""

_KINDS = (
    ("riser", "Rising"),
    ("faller", "Falling"),
    ("entry", "New on the list"),
    ("exit", "Gone from the list"),
)
_RAW_SHOWN = 300


@dataclass(frozen=True)
class Mover:
    title: str
    rank: str
    change: str
    detail: str
    spark: Markup


@dataclass(frozen=True)
class Panel:
    """The movers of one kind."""

    kind: str
    heading: str
    first: Sequence[Mover]
    others: Sequence[Mover]


@dataclass(frozen=True)
class Change:
    """A change over some days: how it reads, its direction (up, down, flat, none), and why it is not there."""

    text: str
    way: str
    why: str = ""


@dataclass(frozen=True)
class Line:
    """A row of a table whose lines a chart draws; `key` names the line in the chart's data."""

    key: int
    name: str
    colour: int
    dashed: bool
    checked: bool
    cells: dict[str, Any]


def movers(inputs: Inputs, data_type: str) -> list[Panel]:
    rows = [row for row in inputs.movers.to_pylist() if row["data_type"] == data_type]
    panels = []
    for kind, heading in _KINDS:
        ordered = sorted((row for row in rows if row["kind"] == kind), key=lambda row: row["place"])
        told = [_mover(inputs, row) for row in ordered]
        panels.append(Panel(kind, heading, told[:SHOWN_MOVERS], told[SHOWN_MOVERS:]))
    return panels


def compared(inputs: Inputs, data_type: str) -> str:
    """With which day the list is compared, and how many days between have no data."""
    for row in inputs.movers.to_pylist():
        if row["data_type"] == data_type:
            gap = f"; {counted(row['gap_days'], 'day')} between without data" if row["gap_days"] else ""
            return f"Compared with {short_day(row['compared_dt'])}{gap}."
    return "Nothing to compare with, or nothing moved."


def _mover(inputs: Inputs, row: Row) -> Mover:
    spark_days = inputs.days[-SPARK_DAYS:]
    places = inputs.places_by_list.get((row["data_type"], row["show_id"]), {})
    ranks = [places[day].rank if day in places else None for day in spark_days]
    missing = [inputs.state(row["data_type"], day) in ("missing", "held back") for day in spark_days]
    spark = sparkline(ranks, missing, downwards=True)
    was = f"was {number(row['rank_before'])}" if row["rank_before"] is not None else ""
    match row["kind"]:
        case "riser":
            rank, change = number(row["rank"]), f"▲ {number(row['rank_change'])}"
        case "faller":
            rank, change = number(row["rank"]), f"▼ {number(-row['rank_change'])}"
        case "entry":
            rank, change = number(row["rank"]), "new"
        case _:
            rank, change, was = DASH, "gone", f"last at {number(row['rank_before'])}"
    return Mover(row["title"], rank, change, ", ".join(filter(None, (was, _popularity(row)))), spark)


def _popularity(row: Row) -> str:
    now, before = row["popularity"], row["popularity_before"]
    if now is None:
        return f"popularity was {number(before, 1)}" if before is not None else ""
    change = row["popularity_change"]
    return f"popularity {number(now, 1)}" + (f" ({signed(change, 1)})" if change is not None else "")


def shows(inputs: Inputs, data_type: str) -> list[Line]:
    lines = []
    for place, row in enumerate(inputs.top(data_type)):
        cells = {
            "rank": number(row["rank"]),
            "popularity": number(row["popularity"], 1),
            "change_1d": _change(row, 1),
            "change_7d": _change(row, 7),
            "change_28d": _change(row, 28),
            "peak": f"{number(row['peak_popularity'], 1)} on {short_day(row['peak_dt'])}",
            "streak": f"{counted(row['streak'], 'day')}{' +' if row['streak_broken_by_gap'] else ''}",
        }
        style = line_style(place)
        lines.append(Line(place, row["title"], style["c"], style["dashed"], place < SHOWN_SHOWS, cells))
    return lines


def _change(row: Row, days: int) -> Change:
    percents = row[f"change_{days}d_pct"]
    if percents is not None:
        return Change(f"{signed(percents, 1)} %", _way(round(percents, 1)))
    if row[f"gap_{days}d"]:
        return Change("no data", "gap", "The lake holds nothing of the day to compare with.")
    return Change(DASH, "none", "The show was on no list on the day to compare with.")


def _way(value: float) -> str:
    return "up" if value > 0 else "down" if value < 0 else "flat"


def genres(inputs: Inputs, data_type: str) -> list[Line]:
    today = {row["genre_id"]: row for row in inputs.genres.to_pylist() if row["data_type"] == data_type}
    history = shares(inputs, data_type)
    missing = [inputs.state(data_type, day) in ("missing", "held back") for day in inputs.days]
    lines = []
    for place, (genre, name) in enumerate(genre_order(inputs)):
        row = today.get(genre)
        if row is None:
            continue
        cells = {
            "spark": sparkline(history.get(genre, []), missing),
            "shows": number(row["shows"]),
            "share": f"{number(100 * row['share'], 1)} %",
            "change_7d": _genre_change(row),
            "mean": number(row["mean_popularity"], 1),
            "median": number(row["median_popularity"], 1),
            "votes": number(row["vote_average_bayes"], 2) if row["vote_average_bayes"] is not None else DASH,
        }
        style = line_style(place)
        lines.append(Line(genre, name, style["c"], style["dashed"], place < SHOWN_GENRES, cells))
    return lines


def _genre_change(row: Row) -> Change:
    change = row["shows_change_7d"]
    if change is not None:
        return Change(signed(change), _way(change))
    if row["gap_7d"]:
        return Change("no data", "gap", "The lake holds nothing of the day to compare with.")
    return Change(DASH, "none", "The genre was not on the list a week before.")


def freshness(inputs: Inputs) -> list[dict[str, Any]]:
    """For each list: what became of the day, and the newest day that there is."""
    told = []
    for one in inputs.lists:
        row = inputs.quality_by_day.get((one.name, inputs.day)) or {}
        state = inputs.state(one.name, inputs.day)
        newest = max((day for name, day in inputs.shows_by_day if name == one.name), default=None)
        captured = row.get("captured_at")
        told.append(
            {
                "title": one.title,
                "state": _state_said(state, row.get("verdict")),
                "well": state == "published" and row.get("verdict") != "partial",
                "newest": short_day(newest) if newest else "none",
                "captured_at": captured,
                "captured": f"{captured[11:16]} UTC" if captured else DASH,
                "shows": number(inputs.shows_by_day.get((one.name, inputs.day), 0)),
                "repeats": number(row.get("repeats") or 0),
                "quarantined": number(row.get("quarantined") or 0),
                "pass_rate": percent(row["pass_rate"]) if row.get("rows") else DASH,
            }
        )
    return told


def _state_said(state: str, verdict: str | None) -> str:
    if state == "published":
        return "published, partial" if verdict == "partial" else "published"
    return "held back" if state == "held back" else "no data"


def quarantine(inputs: Inputs) -> list[dict[str, Any]]:
    """For each rule that was broken: what it means, and how many rows of each list broke it."""
    counts: dict[str, dict[str, int]] = {}
    for one in inputs.lists:
        row = inputs.quality_by_day.get((one.name, inputs.day)) or {}
        for rule, rows in dict(row.get("quarantined_by_rule") or ()).items():
            if rows:
                counts.setdefault(rule, {})[one.name] = rows
    meanings: dict[str, str] = dict(RULES)  # type: ignore[arg-type]
    return [
        {
            "rule": rule.replace("_", " "),
            "meaning": meanings.get(rule, "a rule that this version of Tally does not know"),
            "by_list": [number(by_list.get(one.name, 0)) for one in inputs.lists],
            "total": number(sum(by_list.values())),
        }
        for rule, by_list in sorted(counts.items(), key=lambda item: (-sum(item[1].values()), item[0]))
    ]


def rejected(inputs: Inputs) -> list[dict[str, str]]:
    """Examples of rejected rows, as they came."""
    return [
        {
            "list": inputs.title_of(row["data_type"]),
            "where": f"page {row['page']}, place {row['place']}" if row["page"] else f"row {row['place']}",
            "reasons": "; ".join(row["reasons"] or ()),
            "raw": row["raw"] if len(row["raw"]) <= _RAW_SHOWN else f"{row['raw'][:_RAW_SHOWN]}…",
        }
        for row in inputs.rejected.to_pylist()
    ]
