"""The books of a day: what became of each list's rows, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow as pa

from tally_pipeline.shows.gold import DATA_QUALITY_DAILY
from tally_pipeline.shows.page_set import Verdict
from tally_pipeline.shows.refine import Counts


@dataclass(frozen=True)
class Books:
    """What is known about one list of one day; `counts` is None when nothing of it was refined."""

    data_type: str
    counts: Counts | None
    verdict: Verdict | None
    source: str | None
    published: bool
    captured_at: str | None
    bronze_objects: int


def data_quality_daily(day: str, lists: Sequence[Books]) -> pa.Table:
    """The table `data_quality_daily` of `day` (YYYY-MM-DD), one row a list, by name."""
    rows = [_row(day, books) for books in sorted(lists, key=lambda books: books.data_type)]
    return pa.Table.from_pylist(rows, schema=DATA_QUALITY_DAILY.schema)


def hours_to_end_of(day: str, moment: str | None) -> float | None:
    """Hours from `moment` (RFC 3339; UTC where it does not say) to the end of the UTC day; None if unreadable."""
    try:
        since = datetime.fromisoformat(moment) if moment else None
    except ValueError:
        since = None
    if since is None:
        return None
    if since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    end = datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(tzinfo=UTC))
    return (end - since).total_seconds() / 3600


def _row(day: str, books: Books) -> dict[str, Any]:
    row: dict[str, Any] = {
        "data_type": books.data_type,
        "verdict": books.verdict,
        "source": books.source,
        "published": books.published,
        "captured_at": books.captured_at,
        "hours_since_capture": hours_to_end_of(day, books.captured_at),
        "bronze_objects": books.bronze_objects,
    }
    if books.counts is not None:
        row |= {
            "rows": books.counts.bronze_rows,
            "silver_rows": books.counts.silver_rows,
            "repeats": books.counts.repeats,
            "quarantined": books.counts.quarantined,
            "quarantined_by_rule": sorted((rule, n) for rule, n in books.counts.by_rule.items() if n),
            "pass_rate": books.counts.pass_rate,
        }
    return row
