"""Proves the bronze layer: every object is readable, rebuilds TMDB's replies, and their hashes hold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.store import LakeError
from tally_pipeline.shows.bronze import UnreadableBronzeError, rebuild_pages


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
    """Audit every object under bronze, in the keys' order."""
    for name, key in lake.every_bronze_object():
        yield _audit_object(lake, name, key)


def _audit_object(lake: Lake, name: str, key: BronzeKey | None) -> Audited:
    if key is None:
        return Audited(
            name, problems=("its name is not a capture's: bronze/tmdb/shows/<list>/dt=<day>/<id>.json",)
        )
    try:
        bronze = lake.read_bronze(key)
        rows = len(bronze.rows())
        pages = rebuild_pages(bronze)
    except (UnreadableBronzeError, LakeError) as error:
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
