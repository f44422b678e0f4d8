"""The day's changes, in a few sentences made from the data."""

from __future__ import annotations

from dataclasses import dataclass

from tally_pipeline.days import days_after, days_before
from tally_pipeline.report.figures import genre_order
from tally_pipeline.report.formatting import (
    MINUS,
    counted,
    day_list,
    joined,
    number,
    ordinal,
    percent,
    plain,
    quoted,
    short_day,
    times,
)
from tally_pipeline.report.inputs import DayState, Inputs, Row

MOST_POPULAR = 3
"""Shows and genres that are named on a first day, with nothing to compare."""


NAMED_TO = 100
"""The lowest rank at which the highest show that came or went is named: below it is no news."""


@dataclass(frozen=True)
class Sentence:
    """One change: its topic, and one or more lines about it.

    Lines isolate the direction of their titles (right to left or not); `text` is plain.
    """

    topic: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return plain(" ".join(self.lines))


def changes(inputs: Inputs) -> list[Sentence]:
    """The day's changes; topics without news are omitted."""
    topics = (
        ("First place", *_first_places(inputs)),
        ("Most popular", _most_popular(inputs)),
        ("Moves", _moves(inputs), _moves_over_a_week(inputs)),
        ("New and gone", *_new_and_gone(inputs)),
        ("Genres", _genres(inputs), _largest_genres(inputs)),
        ("Quality", _quality(inputs)),
        ("Gaps", _missing(inputs)),
        ("Ahead", _ahead(inputs)),
    )
    sentences = (Sentence(topic, tuple(filter(None, lines))) for topic, *lines in topics)
    return [sentence for sentence in sentences if sentence.lines]


def _first_places(inputs: Inputs) -> list[str]:
    return [_leader(inputs, one.name, one.title) for one in inputs.lists]


def _leader(inputs: Inputs, data_type: str, title: str) -> str:
    leader = inputs.leaders.get((data_type, inputs.day))
    if leader is None:
        return ""
    days = 0
    for day in reversed(inputs.days):
        before = inputs.leaders.get((data_type, day))
        if before is None:
            # The leader on a day without data is unknown: the run is counted up to it, and no further.
            since = f", counted from {short_day(_after(inputs, day))}: the day before has no data"
            missing = inputs.state(data_type, day) != "before"
            return _leads(leader[1], title, days, since if missing else "")
        if before[0] != leader[0]:
            if days == 1:
                return f"{quoted(leader[1])} takes first place of {title} from {quoted(before[1])}."
            return _leads(leader[1], title, days)
        days += 1
    return _leads(leader[1], title, days, " at least")


def _leads(show: str, title: str, days: int, since: str = "") -> str:
    if days == 1:
        return f"{quoted(show)} leads {title}{since}."
    return f"{quoted(show)} leads {title} for the {ordinal(days)} day running{since}."


def _after(inputs: Inputs, day: str) -> str:
    return inputs.days[inputs.days.index(day) + 1]


def _most_popular(inputs: Inputs) -> str:
    if not inputs.is_first_day or not inputs.trends.num_rows:
        return ""
    rows = sorted(inputs.trends.to_pylist(), key=lambda row: (-row["popularity"], row["show_id"]))
    names = [f"{quoted(row['title'])} ({number(row['popularity'], 1)})" for row in rows[:MOST_POPULAR]]
    several = sum(1 for row in rows if row["lists"] > 1)
    lists = sum(1 for one in inputs.lists if inputs.state(one.name, inputs.day) == "published")
    return (
        f"{joined(names)}, of {counted(len(rows), 'show')} on {counted(lists, 'list')};"
        f" {counted(several, 'is', 'are')} on more than one."
    )


def _moves(inputs: Inputs) -> str:
    return _biggest(inputs, "riser", "faller")


def _moves_over_a_week(inputs: Inputs) -> str:
    moves = _biggest(inputs, "riser_7d", "faller_7d")
    if moves:
        return f"Over 7 days {moves}"
    week_ago = days_before(inputs.day, 7)
    if inputs.lake_begins is None or inputs.lake_begins > week_ago:
        return ""
    if any((one.name, week_ago) in inputs.shows_by_day for one in inputs.lists):
        return ""
    return f"Over 7 days nothing is compared: no list has data of {short_day(week_ago)}."


def _biggest(inputs: Inputs, risers: str, fallers: str) -> str:
    """The biggest moves over all lists."""
    parts = []
    for kind, verb in ((risers, "rises"), (fallers, "falls")):
        firsts = [rows[0] for one in inputs.lists if (rows := inputs.movers_by_kind.get((one.name, kind)))]
        if firsts:
            most = max(firsts, key=lambda row: abs(row["score"]))
            # On several lists the show is described on the first one that it leads, in their order.
            row = next(row for row in firsts if row["show_id"] == most["show_id"])
            parts.append(_move(inputs, row, verb))
    return f"{'; '.join(parts)}." if parts else ""


def _move(inputs: Inputs, row: Row, verb: str) -> str:
    before, now = row["popularity_before"], row["popularity"]
    if row["rank"] == row["rank_before"]:
        places = f"and stays at {number(row['rank'])}"
    else:
        places = f"from {number(row['rank_before'])} to {number(row['rank'])}"
    return (
        f"{quoted(row['title'])} {verb} most: {places} on {inputs.title_of(row['data_type'])},"
        f" popularity {number(before, 1)} → {number(now, 1)} ({_by(before, now)}){_since(row)}"
    )


def _by(before: float, now: float) -> str:
    change = times(before, now)
    return f"{'+' if now > before else MINUS}{change}" if change[:1].isdigit() else change


def _since(row: Row) -> str:
    over_a_week = row["kind"].endswith("_7d")
    return f" since {short_day(row['compared_dt'])}" if row["gap_days"] and not over_a_week else ""


def _new_and_gone(inputs: Inputs) -> list[str]:
    return [_came_and_went(inputs, one.name, one.title) for one in inputs.lists]


def _came_and_went(inputs: Inputs, data_type: str, title: str) -> str:
    before = inputs.day_before(data_type)
    if before is None or inputs.state(data_type, inputs.day) != "published":
        return ""
    whole, whole_before = inputs.whole(data_type, inputs.day), inputs.whole(data_type, before)
    parts = []
    # A capture with missing pages hides shows: they seem to be new on the day after, or gone on its own day.
    for kind, word, hides, shows in (
        ("entry", "new", not whole, not whole_before),
        ("exit", "gone", not whole_before, not whole),
    ):
        bound = "about " if hides and shows else "at least " if hides else "at most " if shows else ""
        count = inputs.kind_count(data_type, kind)
        first = inputs.movers_by_kind[data_type, kind][0] if count else None
        rank = (first["rank"] or first["rank_before"]) if first else 0
        names = (
            f", the highest {quoted(first['title'])} at {number(rank)}" if first and rank <= NAMED_TO else ""
        )
        parts.append(f"{bound}{number(count)} {word}{names}" if count else f"none {word}")
    partial = " (a capture was partial)" if not (whole and whole_before) else ""
    return f"{title}: {'; '.join(parts)}{partial}."


def _genres(inputs: Inputs) -> str:
    names = dict(genre_order(inputs))
    parts = []
    for one in inputs.lists[:2]:
        rows = [
            row
            for row in inputs.genres.to_pylist()
            if row["data_type"] == one.name and row["shows_change_7d"] is not None
        ]
        up = max(rows, key=lambda row: (row["shows_change_7d"], -row["genre_id"]), default=None)
        down = min(rows, key=lambda row: (row["shows_change_7d"], row["genre_id"]), default=None)
        moved = []
        if up and up["shows_change_7d"] > 0:
            moved.append(f"{names[up['genre_id']]} gained {counted(up['shows_change_7d'], 'show')}")
        if down and down["shows_change_7d"] < 0:
            moved.append(f"{names[down['genre_id']]} lost {number(-down['shows_change_7d'])}")
        if moved:
            parts.append(f"on {one.title} {joined(moved)}")
    return f"Over a week, {'; '.join(parts)}." if parts else ""


def _largest_genres(inputs: Inputs) -> str:
    if not inputs.is_first_day:
        return ""
    names = dict(genre_order(inputs))
    one = inputs.lists[0]
    rows = [row for row in inputs.genres.to_pylist() if row["data_type"] == one.name]
    rows.sort(key=lambda row: (-row["shows"], row["genre_id"]))
    shares = [f"{names[row['genre_id']]} ({number(100 * row['share'])} %)" for row in rows[:MOST_POPULAR]]
    return f"On {one.title} the largest are {joined(shares)}." if shares else ""


def _ahead(inputs: Inputs) -> str:
    """The changes that need more days than the lake has yet, and their first days."""
    if not inputs.is_first_day:
        return ""
    tomorrow, week = days_after(inputs.day), days_after(inputs.day, 7)
    return (
        "This is the lake’s first day. What rises, falls, comes and goes is told from the second day on,"
        f" {short_day(tomorrow)} at the earliest, and over 7 days from {short_day(week)}."
    )


def _quality(inputs: Inputs) -> str:
    day = inputs.day
    published = [one for one in inputs.lists if inputs.state(one.name, day) == "published"]
    held_back = [one.title for one in inputs.lists if inputs.state(one.name, day) == "held back"]
    rows = [row for one in published if (row := inputs.quality_by_day.get((one.name, day)))]
    sentences = [f"{len(published)} of {counted(len(inputs.lists), 'list')} published"]
    total, bad = (sum(row[column] or 0 for row in rows) for column in ("rows", "quarantined"))
    if total:
        pass_rate = percent(100 * (total - bad) / total)
        rejected = f"{counted(bad, 'row')} quarantined" if bad else "none quarantined"
        sentences[0] += f": {pass_rate} of {counted(total, 'row')} passed, {rejected}"
    if held_back:
        sentences.append(
            f"{joined(held_back)} {'was' if len(held_back) == 1 else 'were'} captured, not published"
        )
    return ". ".join(sentences) + "."


def _missing(inputs: Inputs) -> str:
    return " ".join(
        filter(None, (_days(inputs, "missing", "No data"), _days(inputs, "held back", "Held back")))
    )


def _days(inputs: Inputs, state: DayState, label: str) -> str:
    """The window's days in a state, by list; without names if they are the same for all lists."""
    by_list = {
        one.title: tuple(day for day in inputs.days if inputs.state(one.name, day) == state)
        for one in inputs.lists
    }
    shared = set.intersection(*(set(days) for days in by_list.values()))
    parts = [f"every list {day_list(sorted(shared))}"] if shared else []
    parts += [
        f"{title} {day_list(alone)}"
        for title, days in by_list.items()
        if (alone := [day for day in days if day not in shared])
    ]
    return f"{label}: {'; '.join(parts)}." if parts else ""
