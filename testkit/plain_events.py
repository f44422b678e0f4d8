"""The refining of events a second way: plain Python over all lines at once, without SQL."""

from __future__ import annotations

import gzip
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tally_pipeline.datasets.events.contract import LINES
from tally_pipeline.datasets.events.staging import staged
from tally_pipeline.events.reading import Broken, Row, read

_OWN = [
    "event_id name schema occurred_at seq device_id session_id user_id analytics personalisation",
    "playback_id show_id season episode provider_id position_s played_s duration_s rating surface source words",
    "results reason model model_version rank",
]


@dataclass
class Plain:
    """What becomes of lines: ids in silver by event day, and the number of lines by fate."""

    silver: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    duplicates: int = 0
    conflicts: int = 0
    broken: int = 0
    forgotten: int = 0


def day_of(milliseconds: int) -> str:
    """The UTC day of a time."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d}"


def plain(objects: Mapping[str, bytes], forgotten: Collection[str] = ()) -> Plain:
    """Refine objects by key. `forgotten` are users' ids."""
    result, rows = Plain(), []
    for key, body in objects.items():
        for number, line in enumerate(gzip.decompress(body).split(b"\n")[:-1]):
            if any(user.encode() in line.lower() for user in forgotten):
                result.forgotten += 1
            elif isinstance(found := read(line), Broken):
                result.broken += 1
            else:
                rows.append(((found.received_at, found.request_id, found.request_index, key, number), found))
    rows.sort(key=lambda row: row[0])
    for at, (_, row) in enumerate(rows):
        oldest = row.received_at - timedelta(days=32) // timedelta(milliseconds=1)
        before = [one for _, one in rows[:at] if one.event_id == row.event_id and one.received_at >= oldest]
        if not before:
            result.silver.setdefault(day_of(row.event_at), []).append(_key(row))
        elif _own(before[0]) == _own(row):
            result.duplicates += 1
        else:
            result.conflicts += 1
    for keys in result.silver.values():
        keys.sort()
    return result


def _key(row: Row) -> tuple[Any, ...]:
    return (row.user_id or "", row.device_id, row.event_at, row.seq, row.event_id)


def _own(row: Row) -> list[Any]:
    return [getattr(row, name) for name in " ".join(_OWN).split()]


def stage(
    root: Path, objects: Iterable[tuple[str, bytes]], forgotten: Collection[str] = ()
) -> tuple[int, int]:
    """Stage objects below a lake's folder, in this order; the numbers of lines read and of those forgotten."""
    lines = dropped = 0
    for key, body in objects:
        for number, part in enumerate(staged(key, body, forgotten)):
            name = f"{key.replace('/', '+')}-{number}.parquet"
            path = root / "silver" / "event_lines" / f"dt={part.day}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_batches([part.rows], LINES), path)
            lines, dropped = lines + part.lines, dropped + part.forgotten
    return lines, dropped
