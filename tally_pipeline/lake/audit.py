"""Proves the bronze layer: every object is readable, rebuilds TMDB's replies, and their hashes hold.

An export is held against the receipt beside it, the genres against the hash they carry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from tally_pipeline.lake import layout, streams
from tally_pipeline.lake.lake import ForeignLakeError, Lake
from tally_pipeline.lake.layout import BronzeKey, StreamKey
from tally_pipeline.lake.store import NoSuchObjectError
from tally_pipeline.shows.bronze import UnreadableBronzeError, rebuild_pages
from tally_pipeline.shows.genres import UnreadableGenresError
from tally_pipeline.shows.genres import refine as refine_genres
from tally_pipeline.shows.series import UnreadableExportError, count_lines


@dataclass(frozen=True)
class Audited:
    """One object's audit: what was proven about it, and what does not hold (empty when all does).

    `unproven` objects state no hashes (another tool wrote them): readable, yet nothing to hold them against.
    """

    key: str
    pages: int = 0
    rows: int = 0
    problems: tuple[str, ...] = ()
    unproven: bool = False


def audit(lake: Lake) -> Iterator[Audited]:
    """Audit every object under bronze: captures of lists, then exports, then genres, each in the keys' order.

    Before them, when it does not hold, what the lake says of itself. Raises `LakeError` when the store refuses or
    fails: what could not be read is not broken.
    """
    try:
        lake.check_source()
    except ForeignLakeError as error:
        yield Audited(layout.CLAIM, problems=(str(error),))
    for name, key in lake.every_bronze_object():
        yield _audit_object(lake, name, key)
    for stream in layout.STREAM_NAMES:
        yield from _audit_stream(lake, stream)


def _audit_stream(lake: Lake, stream: str) -> Iterator[Audited]:
    names = [info.key for info in lake.store.list(layout.stream_prefix(stream))]
    captures = {name: key for name in names if (key := StreamKey.parse(name))}
    receipts = {key.receipt for key in captures.values()} if stream == layout.SERIES_EXPORT else set()
    for name in names:
        if name in captures:
            audit_one = _audit_export if stream == layout.SERIES_EXPORT else _audit_genres
            yield audit_one(lake, captures[name])
        elif name not in receipts:
            yield Audited(name, problems=(f"it is neither a capture of {stream} nor the receipt of one",))


def _audit_export(lake: Lake, key: StreamKey) -> Audited:
    try:
        export = streams.read_export(lake, key)
        lines = count_lines(export.body)
    except (UnreadableExportError, NoSuchObjectError) as error:
        return Audited(str(key), problems=(str(error),))
    receipt = export.receipt
    if receipt is None:
        return Audited(str(key), 1, lines, unproven=True)
    problems = _differing(key, lake.source, receipt.execution_id, receipt.source)
    if receipt.dt != key.dt:
        problems.append(f"its receipt says it is of {receipt.dt}, its place says {key.dt}")
    if receipt.bytes != len(export.body):
        problems.append(f"it holds {len(export.body)} bytes, its receipt says {receipt.bytes}")
    return Audited(str(key), 1, lines, tuple(problems))


def _audit_genres(lake: Lake, key: StreamKey) -> Audited:
    try:
        genres = streams.read_genres(lake, key)
    except (UnreadableGenresError, NoSuchObjectError) as error:
        return Audited(str(key), problems=(str(error),))
    refined, stated = refine_genres(genres), genres.metadata
    problems = _differing(key, lake.source, stated.execution_id, stated.source)
    if stated.sha256 not in (None, hashlib.sha256(genres.reply).hexdigest()):
        problems.append("the reply does not hash to the SHA-256 taken when it was received")
    rows = refined.silver.num_rows + len(refined.rejected)
    return Audited(str(key), 1, rows, tuple(problems), unproven=stated.sha256 is None)


def _differing(key: StreamKey, source: str, execution_id: str | None, stated_source: str | None) -> list[str]:
    stated = (("execution", execution_id, key.execution_id), ("source", stated_source, source))
    return [
        f"it says its {what} is {says}, its place says {should}"
        for what, says, should in stated
        if says not in (None, should)
    ]


def _audit_object(lake: Lake, name: str, key: BronzeKey | None) -> Audited:
    if key is None:
        return Audited(
            name, problems=("its name is not a capture's: bronze/tmdb/shows/<list>/dt=<day>/<id>.json",)
        )
    try:
        bronze = lake.read_bronze(key)
        rows = len(bronze.rows())
        pages = rebuild_pages(bronze)
    except (UnreadableBronzeError, NoSuchObjectError) as error:
        return Audited(name, problems=(str(error),))
    stated = bronze.metadata
    problems = [
        f"page {record.page} does not hash to the SHA-256 taken when it was received"
        for record, body in pages
        if hashlib.sha256(body).hexdigest() != record.sha256
    ]
    captured_on = stated.captured_at.date().isoformat() if stated.captured_at else None
    for what, says, should in (
        ("list", stated.data_type, key.data_type),
        ("day", captured_on, key.dt),
        ("execution", stated.execution_id, key.execution_id),
        ("source", stated.source, lake.source),
    ):
        if says not in (None, should):
            problems.append(f"it says its {what} is {says}, its place says {should}")
    counted = sum(record.rows for record, _ in pages)
    if pages and counted != rows:
        problems.append(f"it holds {rows} rows, its pages account for {counted}")
    unproven = rows > 0 and not pages
    if unproven and (stated.client or "").startswith("tally/"):
        problems.append(
            "Tally wrote it, yet its record of the pages cannot be read: nothing to hold it against"
        )
    return Audited(name, len(pages), rows, tuple(problems), unproven)
