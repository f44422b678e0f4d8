"""The data quality checks of the daily exports and the genres, as pure functions from counts to findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tally_pipeline.checks.check import SHOWN, Check, Finding
from tally_pipeline.datasets.series.refinement import Counts
from tally_pipeline.plurals import counted, noun

VOLUME_WARNS = 0.02
"""The tolerated change in the number of series from the day before: a day changes a few dozen of 200,000."""

VOLUME_BLOCKS = 0.20
"""Beyond this a day counts as broken and is not published."""

ZEROS_TOLERANCE = 0.05
"""The tolerated increase, as a share of rows, of popularities of 0 over the day before."""

MOST_ZEROS = 0.50
"""The share of popularities of 0 beyond which the ranking says little, independent of the day before."""


PASS_RATE = Check(
    "pass_rate", "Enough lines keep every rule of the contract; the others are in quarantine.", blocking=True
)
SHOW_ID_UNIQUE = Check("show_id_unique", "No id stands in the day's silver twice.", blocking=True)
ACCOUNTS_FOR_EVERY_LINE = Check(
    "accounts_for_every_line",
    "Lines in the file = rows in silver + lines in quarantine + blank lines.",
    blocking=True,
)
VOLUME = Check(
    "volume",
    f"The number of series is within {VOLUME_WARNS:.0%} of the day before's. Up to {VOLUME_BLOCKS:.0%} off warns;"
    " beyond that nothing is published.",
    blocking=True,
)
ZERO_POPULARITY = Check(
    "zero_popularity", "The share of series without popularity is not much above the day before's."
)
SERIES_CHECKS = (PASS_RATE, SHOW_ID_UNIQUE, ACCOUNTS_FOR_EVERY_LINE, VOLUME, ZERO_POPULARITY)


def rejected_lines(dt: str) -> str:
    """The SQL that shows the rejected lines of a day's export."""
    return f"SELECT line, rules, reasons, raw FROM quarantine_series WHERE dt = '{dt}' ORDER BY line"


def pass_rate(counts: Counts, least: float, offenders: Sequence[Mapping[str, Any]], sql: str = "") -> Finding:
    """`least`: per cent. `offenders`: quarantined lines with their reasons; `sql` shows them all."""
    return Finding(
        passed=counts.filled > 0 and counts.pass_rate >= least,
        summary=(
            f"{counts.pass_rate:.2f} % of {counts.filled} lines keep every rule; {least:g} % must"
            if counts.filled
            else f"the file holds no lines{' but blank ones' if counts.blank else ''}"
        ),
        remedy=(
            "Below the bar nothing is published: silver keeps its last good file. The rejected lines are in"
            " quarantine with their reasons. Materialize bronze_series_export of the day again, in case TMDB has"
            " mended the file; if TMDB changed its lines for good, change the contract in datasets/series."
        ),
        numbers={"pass_rate": counts.pass_rate, "quarantined": counts.quarantined, **counts.by_rule},
        offenders=offenders[:SHOWN],
        sql=sql if counts.quarantined else "",
    )


def show_id_unique(silver_ids: int, counts: Counts) -> Finding:
    return Finding(
        passed=silver_ids == counts.silver_rows,
        summary=f"{counted(counts.silver_rows, 'row')}, {counted(silver_ids, 'id')};"
        f" {counted(counts.repeats, 'line')} repeated an id",
        remedy="A bug in refining: silver must hold each series once. Nothing is published until it is mended.",
        numbers={"repeats": counts.repeats},
    )


def accounts_for_every_line(counts: Counts) -> Finding:
    blank = f" + {counts.blank} blank" if counts.blank else ""
    return Finding(
        passed=counts.balanced,
        summary=f"{counted(counts.lines, 'line')}; {counts.silver_rows} in silver"
        f" + {counts.quarantined} in quarantine{blank}",
        remedy="A bug in refining: a line got lost or doubled. Nothing is published until it is mended.",
        numbers={
            "lines": counts.lines,
            "silver_rows": counts.silver_rows,
            "quarantined": counts.quarantined,
            "blank": counts.blank,
        },
    )


def volume(counts: Counts, before: tuple[str, Counts] | None, *, accepted: bool = False) -> Finding:
    """`before`: the last published day and its counts. `accepted`: a person said that the change is right."""
    if before is None or not before[1].silver_rows:
        return Finding(
            True, f"{counts.silver_rows} series; no earlier day to compare with", "", serious=False
        )
    day, past = before
    change = round(counts.silver_rows / past.silver_rows - 1, 6)  # exactly 2 % stays within 2 %
    return Finding(
        passed=abs(change) <= VOLUME_WARNS,
        serious=abs(change) > VOLUME_BLOCKS and not accepted,
        summary=f"{counts.silver_rows} series, {change:+.2%} from {past.silver_rows} on {day}",
        remedy=(
            "Materialize bronze_series_export of the day again, in case TMDB has mended the file. If TMDB really"
            " added or dropped that many, launch silver_series with accept_volume: true in the launchpad."
        ),
        numbers={"rows": counts.silver_rows, "rows_before": past.silver_rows, "change": change},
    )


def zero_popularity(counts: Counts, before: tuple[str, Counts] | None) -> Finding:
    """`before`: the last published day and its counts."""
    share, numbers = counts.zero_share, {"zero_share": counts.zero_share}
    usual = f"; {before[1].zero_share:.2%} on {before[0]}" if before else ""
    most = MOST_ZEROS if before is None else min(MOST_ZEROS, before[1].zero_share + ZEROS_TOLERANCE)
    return Finding(
        passed=share <= most,
        serious=False,
        summary=f"{counts.zero_popularity} of {counts.silver_rows} series ({share:.2%})"
        f" {noun(counts.zero_popularity, 'has', 'have')} no popularity{usual}",
        remedy="Look at the export's top ranks: if known shows have none, TMDB wrote the file before it counted.",
        numbers=numbers,
    )
