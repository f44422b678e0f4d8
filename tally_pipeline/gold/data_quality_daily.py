"""`data_quality_daily`: the row counts of each list and day, made from the files' footers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow as pa

from tally_pipeline.bronze.completeness import Verdict
from tally_pipeline.bronze.list_capture import Metadata, UnreadableBronzeError
from tally_pipeline.checks.check import Check, Finding, Findings
from tally_pipeline.datasets.shows import stored
from tally_pipeline.datasets.shows.footer import Footer
from tally_pipeline.datasets.shows.refinement import Counts
from tally_pipeline.days import days_through
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import NoSuchObjectError
from tally_pipeline.plurals import counted
from tally_pipeline.previews import Bars
from tally_pipeline.tables.columns import BOOLEAN, COUNTS, DOUBLE, INT, STRING, Column
from tally_pipeline.tables.sources import Sources
from tally_pipeline.tables.table import Engine, Inputs, Table

PASS_RATE_DAYS = 28
LEAST_PASS_RATE_SHOWN = 90
"""The pass rate (per cent) at which bars begin: from 0 they would all look the same."""

NUMBERS_AGREE = Check(
    "numbers_agree_with_files",
    "The rows of silver and quarantine are as many as the table says.",
    blocking=True,
)


@dataclass(frozen=True)
class ReconciledDay:
    """The reconciliation of one list of one day; `counts` is None if nothing of it was refined."""

    data_type: str
    counts: Counts | None
    verdict: Verdict | None
    source: str | None
    published: bool
    captured_at: str | None
    bronze_objects: int


class DataQualityDaily(Table):
    name = "data_quality_daily"
    description = (
        "The row counts of each list and day: rows, repeats, quarantined rows by reason, pass rate, verdict."
        " A list of which the day has nothing has a row too, without numbers."
    )
    window = "the day itself: bronze, and what the files of silver and quarantine say about themselves"
    looks_back = 0
    key = ("data_type",)
    columns = (
        Column("data_type", STRING, "The list."),
        Column("rows", INT, "Rows in the capture; null when nothing was refined.", nullable=True),
        Column("silver_rows", INT, "Rows that keep every rule, each show once.", "show_id", True),
        Column("repeats", INT, "Rows whose show stood in the capture already.", nullable=True),
        Column("quarantined", INT, "Rows that broke a rule.", nullable=True),
        Column("quarantined_by_rule", COUNTS, "The same by rule, those that were broken.", nullable=True),
        Column("pass_rate", DOUBLE, "Per cent of the rows that keep every rule.", nullable=True),
        Column("verdict", STRING, "Bronze's verdict on the capture: complete, partial, …", nullable=True),
        Column("source", STRING, "Whose data it is: tmdb or sandbox.", nullable=True),
        Column(
            "published", BOOLEAN, "Whether the day has silver. If not, the numbers are the last attempt's."
        ),
        Column("captured_at", STRING, "When the capture began, RFC 3339, UTC.", nullable=True),
        Column(
            "hours_since_capture",
            DOUBLE,
            "Hours from the capture to the end of the day (UTC); negative when it was captured later.",
            nullable=True,
        ),
        Column("bronze_objects", INT, "Captures of the list in bronze under this day."),
    )
    checks = (NUMBERS_AGREE,)
    previewed = ("data_type", "rows", "quarantined", "pass_rate", "verdict", "published")

    def rows(self, sources: Sources, engine: Engine, day: str) -> pa.Table:
        return self.of_counts(day, [reconcile(sources.lake, name, day) for name in sources.by_list])

    def of_counts(self, day: str, lists: Sequence[ReconciledDay]) -> pa.Table:
        """The table of `day` (YYYY-MM-DD), one row a list, by name."""
        rows = [_row(day, books) for books in sorted(lists, key=lambda books: books.data_type)]
        return pa.Table.from_pylist(rows, schema=self.schema)

    def inputs(self, sources: Sources, day: str) -> Inputs:
        """Silver and quarantine of each list, if they exist and Tally wrote them."""
        keys = [
            key
            for name in sources.by_list
            for key in _files(name, day)
            if sources.lake.footer_if_ours(key, Footer)
        ]
        return Inputs(sources.named(keys))

    def findings(self, sources: Sources, engine: Engine, day: str, rows: pa.Table) -> Findings:
        silver, quarantine = (
            _rows_by_list(engine, name, day) for name in ("silver_shows", "quarantine_shows")
        )
        return [(NUMBERS_AGREE, numbers_agree(rows, silver, quarantine))]

    def plots(self, engine: Engine, day: str, rows: pa.Table) -> Mapping[str, Bars]:
        rates = _pass_rates(engine, day, rows)
        return {f"pass rate, last {PASS_RATE_DAYS} days": Bars(rates, LEAST_PASS_RATE_SHOWN)}


def reconcile(lake: Lake, data_type: str, day: str, *, of_capture: bool = True) -> ReconciledDay:
    """Reconcile a list and day from the lake's files.

    The numbers are silver's if the day has silver, else those of the last attempt, whose rejected rows are in
    quarantine. The time of capture is read from the bronze object that those name, else from the latest one; without
    `of_capture` no bronze object is opened.
    """
    silver, quarantine = (lake.footer_if_ours(key, Footer) for key in _files(data_type, day))
    footer = silver or quarantine
    captures = [str(key) for key in lake.bronze_keys(data_type, day)]
    keys = [ref.key for ref in footer.bronze] if footer else []
    metadata = _latest_metadata(lake, keys or captures) if of_capture else None
    return ReconciledDay(
        data_type=data_type,
        counts=footer.counts if footer else None,
        verdict=(footer and footer.verdict) or (metadata.verdict if metadata else None),
        source=(footer and footer.source) or (metadata.source if metadata else None),
        published=silver is not None,
        captured_at=metadata.ingestion_timestamp if metadata else None,
        bronze_objects=len(captures),
    )


def hours_to_end_of(day: str, moment: str | None) -> float | None:
    """Hours from `moment` (RFC 3339; UTC without an offset) to the end of the UTC day; None if unreadable."""
    try:
        since = datetime.fromisoformat(moment or "")
    except ValueError:
        return None
    if since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    end = datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(tzinfo=UTC))
    return (end - since).total_seconds() / 3600


def numbers_agree(quality: pa.Table, silver: Mapping[str, int], quarantine: Mapping[str, int]) -> Finding:
    """`silver`, `quarantine`: the real number of rows in the day's files, by list."""
    differing = []
    for row in quality.to_pylist():
        name = row["data_type"]
        stated = row["silver_rows"] if row["published"] else 0, row["quarantined"] or 0
        counted_rows = silver.get(name, 0), quarantine.get(name, 0)
        # A later, unpublished attempt leaves its own quarantine beside the earlier silver.
        if stated[0] != counted_rows[0] or (not row["published"] and stated[1] != counted_rows[1]):
            differing.append(
                {"list": name, "silver": counted_rows[0], "told": stated[0], "quarantine": counted_rows[1]}
            )
    return Finding(
        passed=not differing,
        summary=f"{quality.num_rows - len(differing)} of {counted(quality.num_rows, 'list')} agree with their files",
        remedy="A file under silver/shows or quarantine/shows was written by other hands: materialize silver_shows of"
        " the day again.",
        numbers={"lists_differing": len(differing)},
        offenders=differing,
    )


def _row(day: str, books: ReconciledDay) -> dict[str, Any]:
    row = {**vars(books), "hours_since_capture": hours_to_end_of(day, books.captured_at)}
    if counts := books.counts:
        row |= {
            name: getattr(counts, name) for name in ("silver_rows", "repeats", "quarantined", "pass_rate")
        }
        row["rows"] = counts.bronze_rows
        row["quarantined_by_rule"] = sorted((rule, n) for rule, n in counts.by_rule.items() if n)
    return row


def _files(data_type: str, day: str) -> tuple[str, str]:
    """The keys of a list's silver and quarantine."""
    return layout.silver_key(data_type, day), layout.quarantine_key(data_type, day)


def _latest_metadata(lake: Lake, keys: Sequence[str]) -> Metadata | None:
    """The metadata of the latest readable one of these captures."""
    metadatas = []
    for key in filter(None, map(layout.BronzeKey.parse, keys)):
        with suppress(UnreadableBronzeError, NoSuchObjectError):
            metadatas.append(stored.read_bronze(lake, key).metadata)
    return max(metadatas, key=lambda metadata: metadata.ingestion_timestamp or "", default=None)


def _rows_by_list(engine: Engine, table: str, day: str) -> dict[str, int]:
    rows = engine.query(f"SELECT data_type, count(*) AS n FROM {table} WHERE dt = '{day}' GROUP BY data_type")
    return {row["data_type"]: row["n"] for row in rows.to_pylist()}


def _pass_rates(engine: Engine, day: str, rows: pa.Table) -> dict[str, list[float | None]]:
    """The pass rates by list, of the days before and, from `rows`, of `day`; None for a day without one."""
    days = days_through(day, PASS_RATE_DAYS)
    past = engine.query(
        f"SELECT data_type, dt, pass_rate FROM {TABLE.sql_name} WHERE dt BETWEEN '{days[0]}' AND '{days[-2]}'"
    ).to_pylist()
    rates = {
        (row["data_type"], row["dt"]): row["pass_rate"]
        for row in [*past, *(row | {"dt": day} for row in rows.to_pylist())]
    }
    return {
        name: [rates.get((name, earlier)) for earlier in days] for name in sorted({name for name, _ in rates})
    }


TABLE = DataQualityDaily()
