"""What changed, in a few sentences made from the data."""

from __future__ import annotations

from dataclasses import dataclass

from tally_pipeline.report.figures import genre_order
from tally_pipeline.report.inputs import DayState, Inputs, Row
from tally_pipeline.report.words import (
    counted,
    day_list,
    joined,
    number,
    ordinal,
    percent,
    short_day,
)

MOVERS_KEPT = 25
"""Gold keeps this many movers of a kind: where it holds as many, there may have been more."""


@dataclass(frozen=True)
class Sentence:
    """One thing that changed: what it is about, and it said in one or more lines. Plain text."""

    topic: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.lines)


def changes(inputs: Inputs) -> list[Sentence]:
    """What the day changed; topics without news are left out."""
    told = (
        ("First place", *_first_places(inputs)),
        ("Moves", _moves(inputs)),
        ("New and gone", _new_and_gone(inputs)),
        ("Genres", _genres(inputs)),
        ("Quality", _quality(inputs)),
        ("Gaps", _missing(inputs)),
    )
    sentences = (Sentence(topic, tuple(filter(None, lines))) for topic, *lines in told)
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
            # Who led on a day without data nobody knows: the run is counted up to it, and no further.
            known = f", counted from {short_day(_after(inputs, day))}: the day before has no data"
            missing = inputs.state(data_type, day) != "before"
            return _leads(leader[1], title, days, known if missing else "")
        if before[0] != leader[0]:
            if days == 1:
                return f"“{leader[1]}” takes first place of {title} from “{before[1]}”."
            return _leads(leader[1], title, days)
        days += 1
    return _leads(leader[1], title, days, " at least")


def _leads(show: str, title: str, days: int, known: str = "") -> str:
    if days == 1:
        return f"“{show}” leads {title}{known}."
    return f"“{show}” leads {title} for the {ordinal(days)} day running{known}."


def _after(inputs: Inputs, day: str) -> str:
    return inputs.days[inputs.days.index(day) + 1]


def _moves(inputs: Inputs) -> str:
    movers = inputs.movers.to_pylist()
    risers = [row for row in movers if row["kind"] == "riser"]
    fallers = [row for row in movers if row["kind"] == "faller"]
    parts = []
    if risers:
        best = max(risers, key=lambda row: (row["rank_change"], -row["show_id"]))
        parts.append(f"The biggest climb is {_move(inputs, best)}")
    if fallers:
        worst = min(fallers, key=lambda row: (row["rank_change"], row["show_id"]))
        parts.append(f"the biggest fall {_move(inputs, worst)}")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _move(inputs: Inputs, row: Row) -> str:
    return (
        f"“{row['title']}” on {inputs.title_of(row['data_type'])}, from {number(row['rank_before'])}"
        f" to {number(row['rank'])}{_since(row)}"
    )


def _since(row: Row) -> str:
    return f" since {short_day(row['compared_dt'])}" if row["gap_days"] else ""


def _new_and_gone(inputs: Inputs) -> str:
    movers = inputs.movers.to_pylist()
    parts = []
    for one in inputs.lists:
        new, gone = (
            sum(1 for row in movers if row["data_type"] == one.name and row["kind"] == kind)
            for kind in ("entry", "exit")
        )
        if new or gone:
            parts.append(f"{one.title}: {_at_least(new)} new, {_at_least(gone)} gone")
    return f"{'; '.join(parts)}." if parts else ""


def _at_least(count: int) -> str:
    return f"at least {count}" if count >= MOVERS_KEPT else "none" if count == 0 else str(count)


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


def _quality(inputs: Inputs) -> str:
    day = inputs.day
    there = [one for one in inputs.lists if inputs.state(one.name, day) == "published"]
    held = [one.title for one in inputs.lists if inputs.state(one.name, day) == "held back"]
    rows = [row for one in there if (row := inputs.quality_by_day.get((one.name, day)))]
    sentences = [f"{len(there)} of {counted(len(inputs.lists), 'list')} published"]
    total, bad = (sum(row[column] or 0 for row in rows) for column in ("rows", "quarantined"))
    if total:
        kept = percent(100 * (total - bad) / total)
        rejected = f"{counted(bad, 'row')} quarantined" if bad else "none quarantined"
        sentences[0] += f": {kept} of {counted(total, 'row')} passed, {rejected}"
    if held:
        sentences.append(f"{joined(held)} {'was' if len(held) == 1 else 'were'} captured, not published")
    return ". ".join(sentences) + "."


def _missing(inputs: Inputs) -> str:
    return " ".join(
        filter(None, (_days(inputs, "missing", "No data"), _days(inputs, "held back", "Held back")))
    )


def _days(inputs: Inputs, state: DayState, label: str) -> str:
    """The window's days in a state, by list; said once where they are all lists'."""
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
