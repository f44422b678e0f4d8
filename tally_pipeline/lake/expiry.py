"""The removal of days that a lake in a folder does not keep any more. On S3 the bucket's own rules do it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from pathlib import Path

from tally_pipeline.lake import layout
from tally_pipeline.lake.retention import day_of
from tally_pipeline.lake.store import LakeError, ObjectInfo, Store

FOLDERS = ("bronze", "silver", "quarantine", "gold", "reports")
"""All that the lake holds of TMDB's content."""


def expired(store: Store, today: date) -> list[ObjectInfo]:
    """The objects of days that the store's retention does not keep, by key. Raises `LakeError`.

    The latest report has no day in its key: it is a copy of the newest day's.
    """
    first = store.retention.first_kept(today)
    if first is None:
        return []
    found = [info for folder in FOLDERS for info in store.list(folder)]
    newest_report = max(filter(None, (day_of(one.key) for one in found if _is_report(one.key))), default=None)
    return [
        info
        for info in found
        if (day_of(info.key) or _day_shown(store, info, newest_report)) < first.isoformat()
    ]


def remove(folder: Path, objects: Iterable[ObjectInfo]) -> int:
    """Remove these files below a lake's folder, and folders that are empty then; returns their number.

    A file that is gone already is passed over, so that a removal that was broken off can be gone on with. Raises
    `LakeError`.
    """
    count = 0
    for info in objects:
        path = folder / info.key
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise LakeError(
                f"{path} has expired and could not be removed: {error.strerror}. Make it writable; then run `tally"
                " expire` again"
            ) from error
        count += 1
        with suppress(OSError):  # another file is in there
            path.parent.rmdir()
    return count


def _is_report(key: str) -> bool:
    return key.startswith(f"{layout.REPORTS}/")


def _day_shown(store: Store, info: ObjectInfo, newest_report: str | None) -> str:
    """The day of an object without one in its key; one that never expires for what holds no day's content."""
    if info.key != layout.latest_report_key():
        return "9999"
    if newest_report is not None:
        return newest_report
    # Its day's report is gone, so that its day is over; S3 removes the two at times of its own.
    return info.modified.date().isoformat() if store.is_shared else layout.EARLIEST
