"""The base of datasets of TMDB's daily exports: one gzip file a day, of which TMDB keeps the last 90.

https://developer.themoviedb.org/docs/daily-id-exports.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import msgspec

from tally_pipeline import clock
from tally_pipeline.bronze.captures import moment_of
from tally_pipeline.bronze.receipt import Receipt
from tally_pipeline.checks.check import Check, Finding, Findings
from tally_pipeline.contracts.lines import UnreadableExportError, count_lines
from tally_pipeline.datasets.dataset import AuditResult, Capture, CaptureSession, Dataset, Options, R, Shown
from tally_pipeline.days import days_before
from tally_pipeline.lake.layout import BronzeKey, Place
from tally_pipeline.lake.store import NoSuchObjectError, Store
from tally_pipeline.tmdb.exports import DAYS_KEPT

DOWNLOAD_WHOLE = Check(
    "download_whole", "The file has the length that was promised, and its gzip checksums hold.", blocking=True
)


@dataclass(frozen=True)
class Export:
    """One day's file. `receipt` is None if another tool wrote the file without one."""

    body: bytes
    receipt: Receipt | None


class DailyExport(Dataset[Export, R]):
    """One kind of export; `file` is the beginning of TMDB's file name, such as `tv_series_ids`."""

    cadence = "capture_export"
    bronze_checks = (DOWNLOAD_WHOLE,)
    gold_looks_back = False
    file: str

    def __init__(self, name: str) -> None:
        self.name = name
        self.place = Place(name, suffix=".json.gz", beside=".json")
        self.bronze_asset = (f"bronze_{name}",)
        self.bronze_op = f"bronze_{name}"

    def is_fetchable(self, day: str, today: str) -> bool:
        return day >= days_before(today, DAYS_KEPT)

    def too_late(self, day: str, today: str, captures: Sequence[BronzeKey]) -> str:
        oldest = days_before(today, DAYS_KEPT)
        instead = (
            f"Bronze holds {len(captures)} of that day: materialize {'/'.join(self.silver_asset)} to rebuild it."
            if captures
            else f"Bronze holds none of that day, and nobody can fetch it any more. Select {oldest} or later."
        )
        return f"TMDB keeps its exports for {DAYS_KEPT} days: {oldest} is the oldest there is. {instead}"

    def fetch(self, session: CaptureSession, key: BronzeKey, options: Options) -> list[tuple[str, bytes]]:
        with session.tmdb.exports() as client:
            export = client.fetch(date.fromisoformat(key.dt), today=clock.today(), file=self.file)
        receipt = msgspec.json.format(msgspec.json.encode(export.receipt(key.execution_id)))
        # The receipt is written first, so that a file that is seen has one beside it.
        return [(receipt_key(key), receipt), (str(key), export.body)]

    def keeps(self, name: str, old: bytes, new: bytes) -> bool:
        if name.endswith(self.place.suffix):
            return old == new
        try:
            of_old, of_new = (msgspec.json.decode(text, type=Receipt) for text in (old, new))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        return of_old.sha256 == of_new.sha256

    def peek(self, store: Store, key: BronzeKey) -> Capture[Export | None]:
        receipt = _receipt(store, key)
        source = receipt.source if receipt else None
        return Capture(key, "", source, _moment(receipt), "complete", content=None)

    def read(self, store: Store, key: BronzeKey) -> Capture[Export]:
        body = store.get(str(key))
        receipt, digest = _receipt(store, key), hashlib.sha256(body).hexdigest()
        if receipt is not None and receipt.sha256 != digest:
            raise UnreadableExportError(
                f"{store.uri(str(key))} hashes to {digest}, its receipt says {receipt.sha256}"
            )
        source = receipt.source if receipt else None
        return Capture(key, digest, source, _moment(receipt), "complete", Export(body, receipt))

    def remedy(self, day: str, rejected: Sequence[str]) -> str:
        return f"Materialize {self.bronze_asset[0]} for {day}: TMDB keeps the last {DAYS_KEPT} days."

    def judge_capture(self, capture: Capture[Export]) -> Findings:
        receipt = capture.content.receipt
        content_length = receipt.headers.get("Content-Length", "") if receipt else ""
        promised = int(content_length) if content_length.isdecimal() else None
        finding = download_whole(len(capture.content.body), promised)
        return ((DOWNLOAD_WHOLE, finding),)

    def show_capture(self, capture: Capture[Export]) -> Shown:
        receipt = capture.content.receipt
        return {
            "source": receipt.source if receipt else "not stated",
            "url": receipt.url if receipt else "not stated",
            "bytes": len(capture.content.body),
            "sha256": capture.sha256,
            "last modified": receipt.headers.get("Last-Modified", "not stated") if receipt else "not stated",
            "requests": receipt.requests if receipt else 0,
            "duration (s)": receipt.duration_seconds if receipt else 0.0,
        }

    def audit(self, store: Store, key: BronzeKey, source: str) -> AuditResult:
        try:
            export = self.read(store, key).content
            lines = count_lines(export.body)
        except (UnreadableExportError, NoSuchObjectError) as error:
            return AuditResult(str(key), problems=(str(error),))
        receipt = export.receipt
        if receipt is None:
            return AuditResult(str(key), 1, lines, unproven=True)
        problems = differing(key, source, receipt.execution_id, receipt.source)
        if receipt.dt != key.dt:
            problems.append(f"its receipt says it is of {receipt.dt}, its place says {key.dt}")
        if receipt.bytes != len(export.body):
            problems.append(f"it holds {len(export.body)} bytes, its receipt says {receipt.bytes}")
        return AuditResult(str(key), 1, lines, tuple(problems))


def receipt_key(key: BronzeKey) -> str:
    """The key of an export's receipt, beside the file."""
    return str(key).removesuffix(".gz")


def differing(key: BronzeKey, source: str, execution_id: str | None, stated_source: str | None) -> list[str]:
    """The differences between a capture's metadata and its key."""
    pairs = (("execution", execution_id, key.execution_id), ("source", stated_source, source))
    return [
        f"it says its {name} is {stated}, its place says {expected}"
        for name, stated, expected in pairs
        if stated not in (None, expected)
    ]


def _moment(receipt: Receipt | None) -> datetime | None:
    return moment_of(receipt.ingestion_timestamp if receipt else None)


def _receipt(store: Store, key: BronzeKey) -> Receipt | None:
    """The receipt beside a file; None without one. Raises `UnreadableExportError`."""
    where = receipt_key(key)
    try:
        return msgspec.json.decode(store.get(where), type=Receipt)
    except NoSuchObjectError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableExportError(
            f"{store.uri(where)} is not the receipt of an export ({error})"
        ) from error


def download_whole(size: int, promised: int | None) -> Finding:
    """For a stored file: incomplete ones are not stored. `promised`: Content-Length, None if none was sent."""
    promise = "no length was promised" if promised is None else f"{promised} were promised"
    return Finding(
        passed=promised in (None, size),
        summary=f"{size} bytes, {promise}; the gzip checksums hold",
        remedy="Materialize the day again.",
        numbers={"bytes": size},
    )
