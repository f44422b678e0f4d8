"""Writes tables in Markdown from cells that are Markdown already."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in as little text as possible, for a page that renders it."""
    return "\n".join(map(_line, (header, ["---"] * len(header), *rows)))


def aligned_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], right: Collection[int] = frozenset()
) -> str:
    """A table with aligned columns, for people who read the text itself; columns in `right` are right-aligned."""
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = [
        [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        for cells in lines
    ]
    rule = [
        "-" * (width - 1) + ":-"[column not in right] if width else "" for column, width in enumerate(widths)
    ]
    return "\n".join(map(_line, (padded[0], rule, *padded[1:])))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
