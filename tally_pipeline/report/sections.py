"""The rows of the page's tables, ready for its template."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from tally_pipeline.contracts.contract import RULES
from tally_pipeline.days import days_after, days_before
from tally_pipeline.report.figures import SHOWN_GENRES, SHOWN_SHOWS, genre_order, line_style, shares
from tally_pipeline.report.formatting import (
    DASH,
    counted,
    joined,
    number,
    percent,
    short_day,
    signed,
    times,
)
from tally_pipeline.report.inputs import Inputs, Row
from tally_pipeline.report.sparkline import sparkline
from tally_pipeline.tables.table import SPANS

SPARK_DAYS = 30
"""Days in a mover's sparkline."""

SPARK_DOUBLINGS = 1.0
"""The least full height of a mover's sparkline, in doublings of popularity."""

SHOWN_MOVERS = 6
"""Movers of a kind that are shown at first; a click shows the others."""

_SPANS = (
    (
        "1d",
        "Since the day before",
        (
            ("riser", "Rising"),
            ("faller", "Falling"),
            ("entry", "New on the list"),
            ("exit", "Gone from the list"),
        ),
    ),
    ("7d", "Over 7 days", (("riser_7d", "Rising"), ("faller_7d", "Falling"))),
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
    """The movers of one kind; `count` is their number in all."""

    kind: str
    heading: str
    count: str
    first: Sequence[Mover]
    others: Sequence[Mover]


@dataclass(frozen=True)
class Span:
    """The movers of a list over one span of days, with the day of comparison, or the reason for having none."""

    name: str
    title: str
    note: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Change:
    """A change over some days: its text, its direction (up, down, flat, none), and the reason if it is missing."""

    text: str
    way: str
    why: str = ""


@dataclass(frozen=True)
class Line:
    """A row of a table with a line in a chart; `key` names the line in the chart's data."""

    key: int
    name: str
    colour: int
    dashed: bool
    checked: bool
    cells: dict[str, Any]


def movers(inputs: Inputs, data_type: str) -> list[Span]:
    """The list's movers since the day before, and over 7 days."""
    spans = []
    for name, title, kinds in _SPANS:
        compared = _compared_day(inputs, data_type, name)
        note = _comparison_note(inputs, data_type, name, compared)
        panels = [_panel(inputs, data_type, kind, heading) for kind, heading in kinds] if compared else []
        spans.append(Span(name, title, note, panels))
    return spans


def span_titles() -> list[tuple[str, str]]:
    return [(name, title) for name, title, _ in _SPANS]


def _compared_day(inputs: Inputs, data_type: str, span: str) -> str | None:
    """The day that the list is compared with; None without one."""
    if inputs.state(data_type, inputs.day) != "published":
        return None
    if span == "1d":
        return inputs.day_before(data_type)
    week_ago = days_before(inputs.day, 7)
    return week_ago if inputs.state(data_type, week_ago) == "published" else None


def _comparison_note(inputs: Inputs, data_type: str, span: str, compared: str | None) -> str:
    """The day of comparison, the days between without data, and the median show's change, in words."""
    first = inputs.first_days.get(data_type)
    if inputs.state(data_type, inputs.day) != "published":
        return "No data of this day: nothing is compared."
    if compared is None:
        week_ago = days_before(inputs.day, 7)
        if first and span == "7d" and week_ago >= first:
            return f"Nothing is compared: the list has no data of {short_day(week_ago)}, 7 days before."
        begin = days_after(first or inputs.day) if span == "1d" else days_after(first or inputs.day, 7)
        ordinal_day = "second day" if span == "1d" else "eighth day"
        return (
            f"Nothing to compare with yet: the list begins on {short_day(first or inputs.day)}. Movers are told"
            f" from the {ordinal_day} on, {short_day(begin)} at the earliest."
        )
    rows = [row for kind in _kinds(span) for row in inputs.movers_by_kind.get((data_type, kind), ())]
    gap = rows[0]["gap_days"] if rows else 0
    between = f"; {counted(gap, 'day')} between without data" if gap else ""
    drift = next((row["list_drift_pct"] for row in rows if row["list_drift_pct"] is not None), None)
    moved = f" The list’s median show changed by {signed(drift, 1)} %." if drift is not None else ""
    return f"Compared with {short_day(compared)}{between}.{moved}"


def _kinds(span: str) -> list[str]:
    return [kind for name, _, kinds in _SPANS for kind, _ in kinds if name == span]


def _panel(inputs: Inputs, data_type: str, kind: str, heading: str) -> Panel:
    rows = [_mover(inputs, row) for row in inputs.movers_by_kind.get((data_type, kind), [])]
    total = inputs.kind_count(data_type, kind)
    count = f"{len(rows)} of {number(total)}" if total > len(rows) else number(total) if total else ""
    return Panel(kind.removesuffix("_7d"), heading, count, rows[:SHOWN_MOVERS], rows[SHOWN_MOVERS:])


def _mover(inputs: Inputs, row: Row) -> Mover:
    spark_days = inputs.days[-SPARK_DAYS:]
    places = inputs.places_by_list.get((row["data_type"], row["show_id"]), {})
    doublings = [math.log2(max(1.0, places[day].popularity)) if day in places else None for day in spark_days]
    missing = [inputs.state(row["data_type"], day) in ("missing", "held back") for day in spark_days]
    spark = sparkline(doublings, missing, least_span=SPARK_DOUBLINGS)
    now, before = row["popularity"], row["popularity_before"]
    rank = DASH if row["rank"] is None else number(row["rank"])
    was = "" if row["rank_before"] is None else f"was {number(row['rank_before'])}"
    match row["kind"].removesuffix("_7d"):
        case "entry":
            change, detail = "new", f"popularity {number(now, 1)}"
        case "exit":
            change, detail = "gone", f"last at {number(row['rank_before'])}, popularity {number(before, 1)}"
        case kind:
            change = f"{'▲' if kind == 'riser' else '▼'} {times(before, now)}"
            detail = f"{was}, popularity {number(before, 1)} → {number(now, 1)}"
    return Mover(row["title"], rank, change, detail, spark)


def shows(inputs: Inputs, data_type: str) -> list[Line]:
    lines = []
    for place, row in enumerate(inputs.top(data_type)):
        cells = {
            "rank": number(row["rank"]),
            "popularity": number(row["popularity"], 1),
            "change_1d": _change(inputs, row, 1),
            "change_7d": _change(inputs, row, 7),
            "change_28d": _change(inputs, row, 28),
            "peak": f"{number(row['peak_popularity'], 1)} on {short_day(row['peak_dt'])}",
            "streak": f"{counted(row['streak'], 'day')}{' +' if row['streak_broken_by_gap'] else ''}",
        }
        style = line_style(place)
        lines.append(Line(place, row["title"], style["c"], style["dashed"], place < SHOWN_SHOWS, cells))
    return lines


def _change(inputs: Inputs, row: Row, days: int) -> Change:
    percents = row[f"change_{days}d_pct"]
    if percents is not None:
        return Change(f"{signed(percents, 1)} %", _way(round(percents, 1)))
    if row[f"gap_{days}d"]:
        return _without_data(inputs.lake_begins, days_before(inputs.day, days))
    return Change(DASH, "none", "The show was on no list on the day to compare with.")


def _without_data(begins: str | None, day: str) -> Change:
    """The placeholder of a change since a day without data; a day before the lake's first is not called missing."""
    if begins is not None and day < begins:
        return Change(
            DASH, "none", f"The lake begins on {short_day(begins)}: there is nothing to compare with yet."
        )
    return Change("no data", "gap", f"The lake holds nothing of {short_day(day)}, the day to compare with.")


def ahead(inputs: Inputs) -> str:
    """The changes that a young lake cannot show yet, with their first days; empty if it shows all."""
    begins = inputs.lake_begins
    if begins is None:
        return ""
    milestones = [(days, days_after(begins, days)) for days in SPANS if days_after(begins, days) > inputs.day]
    spans = joined([f"{counted(days, 'day')} from {short_day(day)} on" for days, day in milestones])
    return (
        f"The lake begins on {short_day(begins)}: changes are told over {spans}, at the earliest."
        if milestones
        else ""
    )


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
            "change_7d": _genre_change(inputs, row),
            "mean": number(row["mean_popularity"], 1),
            "median": number(row["median_popularity"], 1),
            "votes": number(row["vote_average_bayes"], 2) if row["vote_average_bayes"] is not None else DASH,
        }
        style = line_style(place)
        lines.append(Line(genre, name, style["c"], style["dashed"], place < SHOWN_GENRES, cells))
    return lines


def _genre_change(inputs: Inputs, row: Row) -> Change:
    change = row["shows_change_7d"]
    if change is not None:
        return Change(signed(change), _way(change))
    if row["gap_7d"]:
        return _without_data(inputs.first_days.get(row["data_type"]), days_before(inputs.day, 7))
    return Change(DASH, "none", "The genre was not on the list a week before.")


def freshness(inputs: Inputs) -> list[dict[str, Any]]:
    """For each list: the state of the day, and its newest day."""
    rows = []
    for one in inputs.lists:
        row = inputs.quality_by_day.get((one.name, inputs.day)) or {}
        state = inputs.state(one.name, inputs.day)
        newest = max((day for name, day in inputs.shows_by_day if name == one.name), default=None)
        captured = row.get("captured_at")
        rows.append(
            {
                "title": one.title,
                "state": _state_text(state, row.get("verdict")),
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
    return rows


def _state_text(state: str, verdict: str | None) -> str:
    if state == "published":
        return "published, partial" if verdict == "partial" else "published"
    return "held back" if state == "held back" else "no data"


def quarantine(inputs: Inputs) -> list[dict[str, Any]]:
    """For each broken rule: its meaning, and the number of rows of each list that broke it."""
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
    """Examples of rejected rows, as received."""
    return [
        {
            "list": inputs.title_of(row["data_type"]),
            "where": f"page {row['page']}, place {row['place']}" if row["page"] else f"row {row['place']}",
            "reasons": "; ".join(row["reasons"] or ()),
            "raw": row["raw"] if len(row["raw"]) <= _RAW_SHOWN else f"{row['raw'][:_RAW_SHOWN]}…",
        }
        for row in inputs.rejected.to_pylist()
    ]
