"""The columns of staged lines, of `silver/events` and of its quarantine."""

from __future__ import annotations

from typing import get_type_hints

import pyarrow as pa

from tally_pipeline.events.reading import Row

_TYPES: dict[object, pa.DataType] = {
    str: pa.string(),
    str | None: pa.string(),
    int: pa.int64(),
    int | None: pa.int64(),
    float | None: pa.float64(),
    bool: pa.bool_(),
    tuple[str, ...]: pa.list_(pa.string()),
}
_TIMES = ("event_at", "occurred_at", "sent_at", "received_at")
_OF_STAGING = ("request_id", "request_index", "unknown")

ROW = pa.schema(
    [
        (name, pa.timestamp("ms") if name in _TIMES else _TYPES[kind])
        for name, kind in get_type_hints(Row).items()
    ]
)
"""A sound event, as `reading.Row`."""

SILVER = pa.schema([field for field in ROW if field.name not in _OF_STAGING])
"""A row an event, by event day, sorted by `ORDER`. Times are UTC."""

ORDER = ("user_id", "device_id", "event_at", "seq", "event_id")

LINES = pa.schema(
    [
        *ROW,
        pa.field("received_ms", pa.int64()),
        pa.field("event_day", pa.string()),
        pa.field("object", pa.string()),
        pa.field("line", pa.int64()),
        pa.field("reasons", pa.list_(pa.string())),
        pa.field("raw", pa.string()),
    ]
)
"""A row a line, by arrival day. `object` and `line` (from 0) say where it stands in bronze. A line that is no sound
event has `reasons` and `raw`, and of the event's columns name and user at most."""

QUARANTINE = LINES
"""A row a rejected line, by arrival day: one that is no sound event, or one in conflict with an earlier one."""

CONTENT = tuple(
    name
    for name in SILVER.names
    if name not in ("event_at", "sent_at", "received_at", "skew_s", "app_id", "app_version", "os")
)
"""The columns that are the event's own. Of the same event sent twice they are equal."""
