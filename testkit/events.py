"""Viewers' events, in requests as clients send them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

DEVICE = "5a0c1f8e-0b7e-4a39-9d3c-3f6f0e2b7a11"
USER = "c2b8a6de-94a7-4f0b-8a43-5d1e7f9023bb"
SESSION = "7e4d2c1a-65f0-4a8e-b1b7-90f6a3c5d2e8"
REQUEST_ID = "00000000-0000-4000-8000-000000000001"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
"""Any JSON."""


def event(number: int = 0, **changed: Any) -> dict[str, Any]:
    """An event, sound if nothing is changed."""
    return {
        "event_id": f"0195513e-7c00-7000-8000-{number:012x}",
        "name": "show_viewed",
        "schema": 1,
        "occurred_at": "2026-03-01T11:59:00.000Z",
        "seq": number,
        "session_id": SESSION,
        "user_id": USER,
        "consent": ["necessary", "analytics"],
        "props": {"show_id": 1399, "surface": "home"},
        **changed,
    }


def request(*events: Any, **changed: Any) -> dict[str, Any]:
    """A request with these events, or one sound one."""
    return {
        "sent_at": "2026-03-01T12:00:00.000Z",
        "device_id": DEVICE,
        "app": {"id": "tv.tally", "version": "1.4.2", "os": "iOS 19.1"},
        "events": list(events) or [event()],
        **changed,
    }


def body(*events: Any, **changed: Any) -> bytes:
    """A request's body."""
    return json.dumps(request(*events, **changed), ensure_ascii=False).encode()
