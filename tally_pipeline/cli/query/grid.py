"""Tables in a terminal: every row one line, columns as wide as there is room for. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

LONGEST = 200
"""Columns of the terminal that one cell takes at most, wherever there is room."""

LEAST = 12
"""What a text is cut down to before whole columns are left out: a day stays a day."""

_NOTHING = "…"


@dataclass(frozen=True)
class Column:
    """Texts without line feeds, below a name. Numbers stand to the right, and are never cut."""

    name: str
    texts: Sequence[str]
    numeric: bool = False


@dataclass(frozen=True)
class Grid:
    """A table's lines, the names of the columns that are not in it, and how many of its texts were cut."""

    lines: list[str]
    left_out: list[str]
    cut: int


def grid(columns: Sequence[Column], width: int | None, *, in_ascii: bool = False) -> Grid:
    """The table, at most so wide (columns of a terminal; None: as wide as it is).

    When it does not fit, long texts are cut, then the columns in the middle are left out: the first say what a row
    is, the last are those that a partition is known by.
    """
    wanted = [min(LONGEST, max(map(_width, (column.name, *column.texts)))) for column in columns]
    least = [_least(column, most) for column, most in zip(columns, wanted, strict=True)]
    first, last = _kept(least, width)
    kept = [*range(first), *range(len(columns) - last, len(columns))]
    left_out = [column.name for place, column in enumerate(columns) if place not in kept]
    shown = [columns[place] for place in kept]
    spare = None if width is None else width - _total([least[place] for place in kept], gap=bool(left_out))
    widths = _shared([least[place] for place in kept], [wanted[place] for place in kept], spare)
    if left_out:
        shown.insert(first, Column(_NOTHING, [_NOTHING] * (len(columns[0].texts))))
        widths.insert(first, 1)
    cut = sum(
        _width(text) > room for column, room in zip(shown, widths, strict=True) for text in column.texts
    )
    return Grid(_lines(shown, widths, in_ascii=in_ascii), left_out, cut)


def _lines(columns: Sequence[Column], widths: Sequence[int], *, in_ascii: bool) -> list[str]:
    upright, level, crossing, ellipsis = ("|", "-", "+", "...") if in_ascii else ("│", "─", "┼", "…")
    cells = [
        [
            _fitted(text, room, numeric=column.numeric, ellipsis=ellipsis)
            for text in (column.name, *column.texts)
        ]
        for column, room in zip(columns, widths, strict=True)
    ]
    head, *rows = (f" {f' {upright} '.join(row)}".rstrip() for row in zip(*cells, strict=True))
    return [head, crossing.join(level * (room + 2) for room in widths), *rows]


def _fitted(text: str, room: int, *, numeric: bool, ellipsis: str) -> str:
    long = _width(text)
    if long > room:
        return (
            set_cell_size(text, room - len(ellipsis)) + ellipsis if room > len(ellipsis) else ellipsis[:room]
        )
    blank = " " * (room - long)
    return blank + text if numeric else text + blank


def _width(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def _least(column: Column, wanted: int) -> int:
    if column.numeric:
        return max((min(LEAST, _width(column.name)), *map(_width, column.texts)))
    return min(LEAST, wanted)


def _total(widths: Sequence[int], *, gap: bool) -> int:
    """Columns of the terminal that a table of these widths takes; `gap`: and the mark for those left out."""
    return sum(width + 3 for width in widths) - 1 + (4 if gap else 0)


def _kept(least: Sequence[int], width: int | None) -> tuple[int, int]:
    """How many of the first and of the last columns there is room for; one at least."""
    for count in range(len(least), 1, -1):
        first, last = count - count // 2, count // 2
        gap = count < len(least)
        if width is None or _total([*least[:first], *least[len(least) - last :]], gap=gap) <= width:
            return first, last
    return 1, 0


def _shared(least: Sequence[int], wanted: Sequence[int], spare: int | None) -> list[int]:
    """The widths: the room to spare goes to those that want more, first to those that want little."""
    if spare is None:
        return list(wanted)
    widths = list(least)
    wanting = sorted(range(len(least)), key=lambda place: wanted[place] - least[place])
    for after, place in enumerate(wanting):
        more = min(wanted[place] - least[place], max(0, spare) // (len(wanting) - after))
        widths[place] += max(0, more)
        spare -= max(0, more)
    return widths
