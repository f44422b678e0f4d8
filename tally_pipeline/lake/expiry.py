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

    The latest report has no day in its key: it is as old as its last writing.
    """
    first = store.retention.first_kept(today)
    if first is None:
        return []
    return [
        info
        for folder in FOLDERS
        for info in store.list(folder)
        if (day_of(info.key) or _written(info)) < first.isoformat()
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


def _written(info: ObjectInfo) -> str:
    return info.modified.date().isoformat() if info.key == layout.latest_report_key() else "9999"
