"""Lays out tables in a terminal: one line for each row, columns as wide as possible. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

LONGEST = 200
"""The greatest width of a cell, in columns of the terminal."""

LEAST = 12
"""The width to which texts are cut before whole columns are omitted: enough for a day."""

_NOTHING = "…"


@dataclass(frozen=True)
class Column:
    """Texts without line feeds, below a name. Numbers are right-aligned and never cut."""

    name: str
    texts: Sequence[str]
    numeric: bool = False


@dataclass(frozen=True)
class Grid:
    """A table's lines, the names of the omitted columns, and the number of texts that were cut."""

    lines: list[str]
    left_out: list[str]
    cut: int


def grid(columns: Sequence[Column], width: int | None, *, in_ascii: bool = False) -> Grid:
    """The table, at most `width` columns of a terminal wide (None: unlimited).

    If it does not fit, long texts are cut, then the columns in the middle are omitted: the first ones identify a row,
    the last ones the partition.
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
    """The total width of a table with columns of these widths; `gap`: with the mark for omitted ones."""
    return sum(width + 3 for width in widths) - 1 + (4 if gap else 0)


def _kept(least: Sequence[int], width: int | None) -> tuple[int, int]:
    """The numbers of first and of last columns that fit; at least one."""
    for count in range(len(least), 1, -1):
        first, last = count - count // 2, count // 2
        gap = count < len(least)
        if width is None or _total([*least[:first], *least[len(least) - last :]], gap=gap) <= width:
            return first, last
    return 1, 0


def _shared(least: Sequence[int], wanted: Sequence[int], spare: int | None) -> list[int]:
    """The widths: spare room goes to the columns that want more, first to those that want little more."""
    if spare is None:
        return list(wanted)
    widths = list(least)
    wanting = sorted(range(len(least)), key=lambda place: wanted[place] - least[place])
    for after, place in enumerate(wanting):
        more = min(wanted[place] - least[place], max(0, spare) // (len(wanting) - after))
        widths[place] += max(0, more)
        spare -= max(0, more)
    return widths
