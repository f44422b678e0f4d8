"""The result of a proof as a table: trial, expected outcome, real outcome, verdict."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from tally_pipeline import markdown

HOLDS: Literal["holds"] = "holds"
BROKEN: Literal["**broken**"] = "**broken**"


@dataclass(frozen=True)
class Proof:
    """The result of one module. `notes` describe the method, and its limits.

    A row has a cell for each column; `verdict` gives the one that says whether the row's claim held.
    """

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    holds: bool
    notes: Sequence[str] = ()
    seed: int | None = None
    numeric: Sequence[str] = field(default=())
    """Columns of numbers, which are set right."""

    def markdown(self, seconds: float | None = None) -> str:
        """The proof as a section: title, verdict, table, notes."""
        told = [f"**{'It holds' if self.holds else 'It does not hold'}**"]
        told += [f"seed {self.seed}"] if self.seed is not None else []
        told += [f"{seconds:.0f} s"] if seconds is not None else []
        notes = "\n".join(f"- {note}" for note in self.notes)
        parts = [f"## {self.name}: {self.title}", f"{', '.join(told)}.", self._table(), notes]
        return "\n\n".join(part for part in parts if part) + "\n"

    def _table(self) -> str:
        if not self.rows:
            return ""
        right = [number for number, name in enumerate(self.columns) if name in self.numeric]
        return markdown.aligned_table(self.columns, (list(map(_cell, row)) for row in self.rows), right)


def verdict(holds: bool) -> Literal["holds", "**broken**"]:
    """The cell of a row's verdict."""
    return HOLDS if holds else BROKEN


_FOLDER = re.compile(rf"(?:{re.escape(tempfile.gettempdir())}|/dev/shm)/tally-[\w-]+")
"""The folder of a trial, which is another one each time."""


def _cell(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    text = _FOLDER.sub("…", text)
    return " ".join(text.split()).replace("|", "\\|")
