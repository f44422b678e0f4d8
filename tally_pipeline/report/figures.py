"""The charts' data, as the page's script reads it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from tally_pipeline.datasets.shows.contract import GENRES
from tally_pipeline.days import days_after
from tally_pipeline.report.charts import COLOURS
from tally_pipeline.report.formatting import short_day
from tally_pipeline.report.inputs import Inputs

SHOWN_SHOWS, SHOWN_GENRES = 5, 6
"""Lines that are shown at first; people tick others."""

LEAST_DAYS = 7
"""Days that a chart shows at least, even of a younger lake."""


def figures(inputs: Inputs) -> dict[str, Any]:
    """`days`, and for each list the `first` day drawn (its place), how many `days` have data, its `missing` days,
    a `note` in place of lines that cannot be drawn yet, its lines: `shows`, `genres`.

    A line has one value a day, null if the day, or the show on that day, is missing.
    """
    return {
        "days": inputs.days,
        "lists": {
            one.name: {
                "title": one.title,
                "first": _first_drawn(inputs, one.name),
                "days": sum(1 for name, _ in inputs.shows_by_day if name == one.name),
                "note": _note(inputs, one.name),
                "missing": inputs.days_without_data(one.name),
                "shows": _shows(inputs, one.name),
                "genres": _genres(inputs, one.name),
            }
            for one in inputs.lists
        },
    }


def _first_drawn(inputs: Inputs, data_type: str) -> int:
    """The place of the charts' first day: the lake's first day, but early enough for `LEAST_DAYS` days."""
    before = sum(1 for day in inputs.days if inputs.state(data_type, day) == "before")
    return min(before, len(inputs.days) - LEAST_DAYS)


def _note(inputs: Inputs, data_type: str) -> str:
    """The reason why a list has no lines yet, and their first day; empty if it has lines."""
    if sum(1 for name, _ in inputs.shows_by_day if name == data_type) > 1:
        return ""
    begins = inputs.first_days.get(data_type) or inputs.day
    second_day = days_after(max(begins, inputs.day))
    return f"Lines are drawn from the second day with data on, {short_day(second_day)} at the earliest."


def as_script(data: Any) -> str:
    """JSON that is safe inside a `<script>`: nothing in it can end the element or begin a comment."""
    text = orjson.dumps(data).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def line_style(place: int) -> dict[str, Any]:
    """The number of a line's colour, and its dashing."""
    return {"c": place % COLOURS, "dashed": place >= COLOURS}


def genre_order(inputs: Inputs) -> list[tuple[int, str]]:
    """Id and name of every genre of the window, most frequent today first: the order of colours on every list."""
    today: dict[int, int] = {}
    names: dict[int, str | None] = dict(GENRES)
    for row in inputs.genres.to_pylist():
        today[row["genre_id"]] = today.get(row["genre_id"], 0) + row["shows"]
        names[row["genre_id"]] = row["genre"] or names.get(row["genre_id"])
    known = set(inputs.genre_history["genre_id"].to_pylist()) | set(today)
    order = sorted(known, key=lambda genre: (-today.get(genre, 0), genre))
    return [(genre, names.get(genre) or f"Genre {genre}") for genre in order]


def shares(inputs: Inputs, data_type: str) -> dict[int, list[float | None]]:
    """By genre: its share of the list on each day, in per cent; None where the day is missing."""
    counts = {
        (row["genre_id"], row["dt"]): row["shows"]
        for row in inputs.genre_history.to_pylist()
        if row["data_type"] == data_type
    }
    totals = {day: inputs.shows_by_day.get((data_type, day)) for day in inputs.days}
    return {
        genre: [
            _rounded(100 * counts.get((genre, day), 0) / total) if (total := totals[day]) else None
            for day in inputs.days
        ]
        for genre in {genre for genre, _ in counts}
    }


def _shows(inputs: Inputs, data_type: str) -> list[dict[str, Any]]:
    lines = []
    for place, show in enumerate(inputs.top(data_type)):
        by_day = inputs.places_by_list.get((data_type, show["show_id"]), {})
        places = [by_day.get(day) for day in inputs.days]
        lines.append(
            {
                "name": show["title"],
                "popularity": _all_rounded(it.popularity if it else None for it in places),
                "rank": [it.rank if it else None for it in places],
                **line_style(place),
            }
        )
    return lines


def _genres(inputs: Inputs, data_type: str) -> list[dict[str, Any]]:
    by_genre = shares(inputs, data_type)
    means = {
        (row["genre_id"], row["dt"]): row["mean_popularity"]
        for row in inputs.genre_history.to_pylist()
        if row["data_type"] == data_type
    }
    return [
        {
            "id": genre,
            "name": name,
            "share": by_genre[genre],
            "popularity": _all_rounded(means.get((genre, day)) for day in inputs.days),
            **line_style(place),
        }
        for place, (genre, name) in enumerate(genre_order(inputs))
        if genre in by_genre
    ]


def _all_rounded(values: Iterable[float | None]) -> list[float | None]:
    return [_rounded(value) if value is not None else None for value in values]


def _rounded(value: float) -> float:
    return round(value, 3)
