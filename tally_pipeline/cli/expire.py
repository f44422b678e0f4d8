"""`tally expire`: removes the expired days of a lake in a folder, and looks for those of a bucket."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

from tally_pipeline import clock
from tally_pipeline.cli import terminal
from tally_pipeline.deployment import Settings, deploy
from tally_pipeline.lake import expiry
from tally_pipeline.lake.retention import S3_MARGIN_DAYS, day_of
from tally_pipeline.lake.store import ObjectInfo
from tally_pipeline.plurals import counted


def expire(settings: Settings, *, dry_run: bool, as_json: bool) -> int:
    """Remove what has expired, or only name it; 1 if a bucket holds what S3 should have removed."""
    store = deploy(settings).lake.store
    today = clock.today()
    first = settings.retention.first_kept(today)
    # S3 takes its time, which is no fault.
    over = expiry.expired(store, today - timedelta(days=S3_MARGIN_DAYS) if settings.aws else today)
    removes = settings.aws is None and not dry_run
    if removes:
        expiry.remove(settings.lake_folder, over)
    days = sorted({day for info in over if (day := day_of(info.key))})
    if as_json:
        found = {
            "lake": store.root,
            "first_day_kept": first.isoformat() if first else None,
            "expired": len(over),
            "bytes": sum(info.size for info in over),
            "days": days,
            "objects": [info.key for info in over],
            "removed": removes,
        }
        terminal.print_json(json.dumps(found, indent=2))
    else:
        print(_in_words(settings, store.root, over, days, removes=removes))
    return 1 if over and settings.aws else 0


def _in_words(
    settings: Settings, root: str, over: Sequence[ObjectInfo], days: Sequence[str], *, removes: bool
) -> str:
    if settings.retention.days is None:
        return f"Nothing in {root} expires: " + (
            "it is invented." if settings.source == "sandbox" else "TALLY_RETENTION_DAYS is 0."
        )
    first = settings.retention.first_kept(clock.today())
    if not over:
        return f"{root} holds nothing overdue. The first day that is kept is {first}."
    which = f"{counted(len(over), 'object')} of {counted(len(days), 'day')}" + (
        f" from {days[0]} to {days[-1]}" if days else ""
    )
    if removes:
        return f"{which} removed from {root}. The first day that is kept is {first}."
    if settings.aws:
        return (
            f"{root} holds {which} that S3 should have deleted; the first day that is kept is {first}."
            f" {_why_it_is_there(over)} `tally expire --json` names the objects."
        )
    return f"{which} would be removed from {root}. The first day that is kept is {first}."


def _why_it_is_there(over: Sequence[ObjectInfo]) -> str:
    """The reason why overdue objects are still in a bucket, and the remedy."""
    late = sum(_is_late(info) for info in over)
    told = []
    if late < len(over):
        told.append(
            f"{counted(len(over) - late, 'object was', 'objects were')} written in time: apply deploy/ again, the"
            " bucket's lifecycle rules are in storage.tf."
        )
    if late:
        told.append(
            f"{counted(late, 'object was', 'objects were')} written after the day described: before retention_days"
            " was lowered, with the days of then in a tag, or by a version that set no tag. S3 deletes them by that;"
            ' to have them gone now, see docs/aws.md, "Lower the retention".'
        )
    return " ".join(told)


def _is_late(info: ObjectInfo) -> bool:
    day = day_of(info.key)
    return day is not None and info.modified.date().isoformat() > day
