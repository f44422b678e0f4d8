"""Refines TMDB's daily export of all series: the contract of its lines, `{"id":5,"original_name":"La Job",
"popularity":6.301}`, about 200,000 of them, and the way from a day's file to silver."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
import pyarrow as pa

from tally_pipeline.contracts import lines
from tally_pipeline.contracts.contract import Column, RowContract

VERSION = "1"
"""Written into the footer of every file; raise it when a column or a rule changes."""

SERIES = RowContract(
    (
        Column("show_id", pa.int64(), "id", True, False, "TMDB's id of the show; unique within a day."),
        Column(
            "original_name",
            pa.string(),
            "original_name",
            True,
            False,
            "Title in the show's own language, as TMDB writes it.",
        ),
        Column(
            "popularity",
            pa.float64(),
            "popularity",
            True,
            False,
            "TMDB's popularity score, 0 or more; its scale drifts over the years.",
        ),
        Column(
            "rank",
            pa.int32(),
            None,
            False,
            False,
            "Place among all series by popularity, 1 first; the lower id first where popularity is the same.",
        ),
    ),
    extras=frozenset({"adult", "video"}),
)
"""The contract of an export's lines. The extra fields are those of TMDB's other exports."""

SILVER: pa.Schema = SERIES.schema
"""The schema of every silver file; rows stand by rank. `dt` is the partition, not a column of the file."""


class Counts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The row counts of one refined export: `lines` = `silver_rows` + `quarantined` + `blank`, always.

    `blank`: lines of white space only, which are no series. `repeats`: lines rejected because an earlier one has
    their id, part of `quarantined`. `zero_popularity`: silver rows whose popularity is 0. `by_rule`: rejected lines
    by rule. `new_fields`: lines with a field that the contract does not know, by field. `lost_fields`: fields of the
    contract that no line had.
    """

    lines: int
    silver_rows: int
    quarantined: int
    repeats: int
    zero_popularity: int
    by_rule: dict[str, int]
    new_fields: dict[str, int]
    lost_fields: tuple[str, ...]
    blank: int = 0

    @property
    def filled(self) -> int:
        """Lines that are not blank."""
        return self.lines - self.blank

    @property
    def pass_rate(self) -> float:
        """Per cent of filled lines that keep every rule; 0 if there are none."""
        return 100 * (self.filled - self.quarantined) / self.filled if self.filled else 0.0

    @property
    def balanced(self) -> bool:
        """True if every line is accounted for."""
        return self.lines == self.silver_rows + self.quarantined + self.blank

    @property
    def zero_share(self) -> float:
        """Share of silver rows whose popularity is 0."""
        return self.zero_popularity / self.silver_rows if self.silver_rows else 0.0


@dataclass(frozen=True)
class Refined:
    """One export refined: tables in the schemas `SILVER` and `QUARANTINE`, and the row counts."""

    silver: pa.Table
    quarantine: pa.Table
    counts: Counts


def refine(export: bytes, *, key: str) -> Refined:
    """Refine one export that lies at `key`; `export` is the gzip file as TMDB served it.

    The result depends on nothing else. Raises `UnreadableExportError`.
    """
    read = lines.read(export, SERIES, unique="show_id", key=key)
    silver = _ranked(read.rows)
    counts = Counts(
        lines=read.lines,
        silver_rows=silver.num_rows,
        quarantined=read.quarantine.num_rows,
        repeats=read.by_rule["repeated_id"],
        zero_popularity=int(np.count_nonzero(silver["popularity"].to_numpy() == 0)),
        by_rule=read.by_rule,
        new_fields=read.new_fields,
        lost_fields=read.lost_fields,
        blank=read.blank,
    )
    return Refined(silver, read.quarantine, counts)


def _ranked(rows: pa.Table) -> pa.Table:
    """The rows with their ranks, by popularity, the greatest first, then by id."""
    order = np.lexsort((rows["show_id"].to_numpy(), -rows["popularity"].to_numpy()))
    rank = pa.array(np.arange(1, rows.num_rows + 1, dtype=np.int32))
    return rows.combine_chunks().take(order).append_column(SILVER.field("rank"), rank)
