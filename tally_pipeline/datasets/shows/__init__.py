"""TMDB's lists of shows: one dataset a list, one table for all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date

import msgspec
import pyarrow.compute as pc
from pydantic import Field

from tally_pipeline import clock
from tally_pipeline.bronze import list_capture as bronze_format
from tally_pipeline.bronze.list_capture import Bronze, UnreadableBronzeError, rebuild_pages
from tally_pipeline.bronze.rawjson import MalformedJsonError, members
from tally_pipeline.checks import check
from tally_pipeline.checks.check import Findings
from tally_pipeline.contracts import fields
from tally_pipeline.datasets.dataset import (
    HISTORY_DAYS,
    AuditResult,
    Capture,
    CaptureSession,
    CheckContext,
    Dataset,
    Options,
    PublishedHistory,
    Shown,
    rows,
)
from tally_pipeline.datasets.shows import checks, contract
from tally_pipeline.datasets.shows.footer import Footer, footer_for
from tally_pipeline.datasets.shows.refinement import Refined, refine
from tally_pipeline.lake import layout
from tally_pipeline.lake.layout import BronzeKey, Place
from tally_pipeline.lake.store import NoSuchObjectError, Store
from tally_pipeline.lake.tables import TableSpec
from tally_pipeline.plurals import counted
from tally_pipeline.previews import PREVIEW_ROWS, Bars, Rows, distribution
from tally_pipeline.tmdb.lists import LISTS, MAX_PAGES, ShowList

KEYS = ("data_type", "dt")
"""The partition keys of the lists' tables."""

_LISTS = tuple(one.name for one in LISTS)

SILVER_SHOWS = TableSpec(
    "silver_shows",
    "The shows that hold the contract, one row a show, list and day.",
    layout.silver_key("*", "*"),
    contract.SILVER,
    KEYS,
    _LISTS,
)
QUARANTINE_SHOWS = TableSpec(
    "quarantine_shows",
    "The rows that broke a rule, with their reasons.",
    layout.quarantine_key("*", "*"),
    contract.QUARANTINE,
    KEYS,
    _LISTS,
)

LISTS_FIRST = "lists_first"
"""The shared lock of a process that captures a list: others ask TMDB for nothing meanwhile."""

_PREVIEWED = ("rank", "title", "popularity", "vote_average", "vote_count", "original_language")
_FIELDS = {column.name: column.field for column in contract.COLUMNS}


class CaptureOptions(Options):
    """Options of a capture, set in the launchpad."""

    pages: int | None = Field(
        default=None,
        ge=1,
        le=MAX_PAGES,
        description="Pages to capture; the list's default depth if not given.",
    )
    retries: int = Field(
        default=0,
        ge=0,
        le=10,
        description="How often to try the whole capture again when TMDB cannot be reached at all, after 1, 2, 4…"
        " minutes. The schedule uses 3. A page that fails is retried by itself in any case.",
    )


class RefineOptions(Options):
    """Options of refining a day, set in the launchpad."""

    allow_partial: bool = Field(
        default=False,
        description="Refine a partial capture where there is no complete one, and publish the day however many"
        " rows repeat a show. The file and the UI then say so.",
    )


class ShowsDataset(Dataset[Bronze, Refined]):
    """One list of shows."""

    cadence = "capture"
    bronze_checks = checks.BRONZE_CHECKS
    silver_checks = checks.SILVER_CHECKS
    silver_table = SILVER_SHOWS
    quarantine_table = QUARANTINE_SHOWS
    unique = "show_id"
    nullable = frozenset(column.name for column in contract.COLUMNS if column.nullable)
    lineage: Mapping[str, Sequence[str]] = {
        column.name: (column.field,) for column in contract.COLUMNS if column.field is not None
    }
    footer_type = Footer
    capture_options = CaptureOptions
    refine_options = RefineOptions

    def __init__(self, show_list: ShowList) -> None:
        self.list = show_list
        self.name = show_list.name
        self.place = Place(show_list.name, layout.BRONZE)
        self.bronze_asset = ("bronze_shows", show_list.name)
        self.silver_asset = ("silver_shows", show_list.name)
        self.bronze_op, self.silver_op = f"bronze_{show_list.name}", f"silver_{show_list.name}"
        self.table_name = f"silver_shows (data_type = '{show_list.name}')"
        self.bronze_description = (
            f"{show_list.title} as TMDB sent it: raw pages of {show_list.path}, byte for byte, one object a capture,"
            f" never changed. {show_list.description} TMDB serves only the present: only today's partition can be"
            " captured."
        )
        self.silver_description = (
            f"{show_list.title}, one row a show, under the contract: typed, without repeats, rejected rows in"
            f" quarantine with every reason. {show_list.description} Rebuilds for any day from stored bronze."
        )

    def fetch(self, session: CaptureSession, key: BronzeKey, options: Options) -> list[tuple[str, bytes]]:
        tmdb, log = session.tmdb, session.log
        assert isinstance(options, CaptureOptions)
        depth = options.pages if options.pages is not None else tmdb.depths[self.name]
        pages = counted(depth, "page") if depth else "all pages"
        log.info(f"Capturing {self.name}, {pages}, from {tmdb.source}.")
        with session.lake.locks.share(LISTS_FIRST), tmdb.client() as client:
            captured = client.capture(
                self.list, depth=depth, on_page=tmdb.on_page, day=date.fromisoformat(key.dt)
            )
        if captured.stopped_by is not None:
            log.error(str(captured.stopped_by))
        if clock.today().isoformat() != key.dt:
            log.warning(
                f"The capture went on after the end of {key.dt} (UTC): its last pages may be of the day after."
            )
        return [(str(key), captured.to_bronze(key.execution_id))]

    def read(self, store: Store, key: BronzeKey) -> Capture[Bronze]:
        try:
            bronze = bronze_format.decode(store.get(str(key)))
            metadata = bronze.metadata
            return Capture(
                key, bronze.sha256, metadata.source, metadata.captured_at, _verdict(bronze), content=bronze
            )
        except UnreadableBronzeError as error:
            raise UnreadableBronzeError(f"{store.uri(str(key))} is not a capture: {error}") from error

    def accepts(self, capture: Capture[Bronze | None], options: Options) -> bool:
        partial = isinstance(options, RefineOptions) and options.allow_partial
        return capture.verdict == "complete" or (capture.verdict == "partial" and partial)

    def remedy(self, day: str, rejected: Sequence[str]) -> str:
        partial = any("is partial" in line for line in rejected)
        return f"Materialize bronze_shows/{self.name} on that very day (UTC)" + (
            "; a partial capture is refined when silver is launched with allow_partial: true."
            if partial
            else "."
        )

    def judge_capture(self, capture: Capture[Bronze]) -> Findings:
        metadata, rows = capture.content.metadata, capture.content.rows()
        if metadata.data_type not in (None, self.name):
            raise UnreadableBronzeError(
                f"it says it is a capture of {metadata.data_type}, yet lies under {self.name}"
            )
        scanned = fields.scan(rows, contract.SHOWS)
        return (
            (checks.NOT_EMPTY, checks.not_empty(metadata, len(rows))),
            (checks.PAGE_SET_COMPLETE, checks.page_set_complete(metadata)),
            (checks.AS_MANY_AS_PROMISED, checks.as_many_as_promised(metadata)),
            (checks.ETAGS_MATCH, checks.etags_match(metadata)),
            (checks.FIELDS_KNOWN, checks.fields_known(scanned.new, scanned.lost)),
        )

    def show_capture(self, capture: Capture[Bronze]) -> Shown:
        metadata, rows = capture.content.metadata, capture.content.rows()
        pages = metadata.page_set
        return {
            "preview": Rows(
                [_preview_row(bytes(row), place) for place, row in enumerate(rows[:PREVIEW_ROWS], 1)]
            ),
            "dagster/partition_row_count": len(rows),
            "source": metadata.source or "not stated",
            "verdict": metadata.verdict or "not stated",
            "pages": len(metadata.pages),
            "pages asked": pages.pages_asked if pages else len(metadata.pages),
            "repeats": pages.repeats if pages else "not stated",
            "totals moved": pages.totals_moved if pages else False,
            "requests": metadata.requests or 0,
            "retries": metadata.retries or 0,
            "duration (s)": round(metadata.duration_seconds or 0.0, 3),
            "bytes": sum(record.bytes for record in metadata.pages),
            "sha256": capture.sha256,
        }

    def audit(self, store: Store, key: BronzeKey, source: str) -> AuditResult:
        try:
            bronze = self.read(store, key).content
            row_count = len(bronze.rows())
            pages = rebuild_pages(bronze)
        except (UnreadableBronzeError, NoSuchObjectError) as error:
            return AuditResult(str(key), problems=(str(error),))
        metadata = bronze.metadata
        problems = [
            f"page {record.page} does not hash to the SHA-256 taken when it was received"
            for record, body in pages
            if hashlib.sha256(body).hexdigest() != record.sha256
        ]
        captured_on = metadata.captured_at.date().isoformat() if metadata.captured_at else None
        for name, stated, expected in (
            ("list", metadata.data_type, key.data_type),
            ("day", captured_on, key.dt),
            ("execution", metadata.execution_id, key.execution_id),
            ("source", metadata.source, source),
        ):
            if stated not in (None, expected):
                problems.append(f"it says its {name} is {stated}, its place says {expected}")
        page_rows = sum(record.rows for record, _ in pages)
        if pages and page_rows != row_count:
            problems.append(f"it holds {row_count} rows, its pages account for {page_rows}")
        unproven = row_count > 0 and not pages
        if unproven and (metadata.client or "").startswith("tally/"):
            problems.append(
                "Tally wrote it, yet its record of the pages cannot be read: nothing to hold it against"
            )
        return AuditResult(str(key), len(pages), row_count, tuple(problems), unproven)

    def refine(self, capture: Capture[Bronze]) -> Refined:
        return refine(capture.content, data_type=self.name, dt=capture.key.dt, key=str(capture.key))

    def footer(self, capture: Capture[Bronze], refined: Refined, source: str) -> msgspec.Struct:
        return footer_for((capture.ref,), capture.content.metadata.verdict, source, refined.counts)

    def judge(
        self, capture: Capture[Bronze], refined: Refined, options: Options, against: CheckContext
    ) -> Findings:
        assert isinstance(options, RefineOptions)
        counts, past = refined.counts, against.past.counts
        rejected = (
            refined.quarantine.slice(0, check.SHOWN).select(["page", "place", "reasons", "raw"]).to_pylist()
        )
        rejected_sql = checks.rejected_rows(self.name, capture.key.dt)
        distinct = pc.count_distinct(refined.silver["show_id"]).as_py()
        listed = against.genres() if counts.unknown_genres else {}
        return (
            (checks.PASS_RATE, checks.pass_rate(counts, against.least_pass_rate, rejected, rejected_sql)),
            (checks.SHOW_ID_UNIQUE, checks.show_id_unique(distinct, counts.silver_rows, counts.repeats)),
            (
                checks.ACCOUNTS_FOR_EVERY_ROW,
                checks.accounts_for_every_row(counts, capture.content.metadata.stated_rows),
            ),
            (checks.REPEATS_RARE, checks.repeats_rare(counts, accepted=options.allow_partial)),
            (checks.VOLUME, checks.volume(counts, past)),
            (checks.NULL_RATES, checks.null_rates(counts, past)),
            (checks.GENRES_KNOWN, checks.genres_known(counts, listed)),
        )

    def show(self, capture: Capture[Bronze], refined: Refined, past: PublishedHistory) -> Shown:
        counts, before = refined.counts, past.counts
        partial = capture.verdict == "partial"
        history = [float(before[day].silver_rows) if day in before else None for day in reversed(past.days)]
        return {
            "preview": rows(refined.silver, _PREVIEWED, PREVIEW_ROWS),
            "dagster/partition_row_count": counts.silver_rows,
            "verdict": "PARTIAL: refined because allow_partial was set" if partial else capture.verdict,
            "bronze rows": counts.bronze_rows,
            "repeats": counts.repeats,
            "quarantined": counts.quarantined,
            "pass rate (%)": counts.pass_rate,
            f"rows, last {HISTORY_DAYS} days and today": Bars.of([*history, float(counts.silver_rows)]),
            "shows by popularity (log)": Bars.of(distribution(refined.silver["popularity"].to_pylist())),
        }

    def measures(self, capture: Capture[Bronze], refined: Refined, *, published: bool) -> Mapping[str, float]:
        counts = refined.counts
        return {
            "TotalShowsIngested": counts.silver_rows if published else 0,
            "DataQualityPassRate": counts.pass_rate,
            "QuarantinedRows": counts.quarantined,
        }


def _verdict(bronze: Bronze) -> str:
    """The verdict stated in bronze, unless the object contradicts it: without rows it is empty, with missing pages it
    is not complete. An object that states no verdict is complete if it holds rows."""
    metadata = bronze.metadata
    if not bronze.rows():
        return "empty"
    if metadata.missing and metadata.verdict in (None, "complete"):
        return "partial"
    return metadata.verdict or "complete"


def _preview_row(row: bytes, place: int) -> dict[str, object]:
    """A row as received, under silver's names; only the place of an unreadable one."""
    preview: dict[str, object] = dict.fromkeys(_PREVIEWED)
    preview["rank"] = place
    try:
        parts = members(row)
    except MalformedJsonError:
        return preview
    for name in _PREVIEWED[1:]:
        text = parts.get(_FIELDS[name] or "")
        if text is not None:
            try:
                preview[name] = msgspec.json.decode(text)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                preview[name] = bytes(text).decode("utf-8", "backslashreplace")
    return preview


SHOWS = tuple(map(ShowsDataset, LISTS))
DATASETS = SHOWS
