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
NASTY: tuple[Any, ...] = (
    *(None, True, "", "\0", "\u2028", "}\n{", '","event":', "é" * 60, "Anna", [], {}, [[]], {"": None}),
    *(-1, 0, 0.5, 1.0, 10**17, 10**400, 1e300, -0.0),
    *(
        "2026-03-01T11:59:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "2026-02-29T00:00:00Z",
    ),
    *(USER.upper(), USER + "\n", "app_opened", "show_viewed", 2),
    *(["analytics"], ["personalisation", "analytics"], ["analytics"] * 4, ["all"]),
)
"""Values that a careless client or a hostile one sends."""
PLAYED: dict[str, Any] = {
    "playback_id": SESSION,
    "show_id": 1399,
    "season": 1,
    "episode": 2,
    "provider_id": 8,
    "position_s": 610.5,
    "played_s": 10,
}
SOUND: dict[str, dict[str, Any]] = {
    "app_opened": {"source": "icon"},
    "show_viewed": {"show_id": 1399, "surface": "home"},
    "search_performed": {"words": 2, "results": 0},
    "watchlist_added": {"show_id": 1399, "surface": "show"},
    "watchlist_removed": {"show_id": 1399},
    "playback_started": {
        **{name: value for name, value in PLAYED.items() if name != "played_s"},
        "duration_s": 3000,
    },
    "playback_progress": PLAYED,
    "playback_completed": PLAYED,
    "episode_marked_watched": {"show_id": 1399, "season": 1, "episode": 2},
    "rating_given": {"show_id": 1399, "rating": 8.5},
    "subscription_started": {"provider_id": 8},
    "subscription_cancelled": {"provider_id": 8, "reason": "price"},
    "recommendation_shown": {
        "show_id": 1399,
        "model": "ease",
        "model_version": "2026-03",
        "rank": 1,
        "surface": "home",
    },
    "recommendation_clicked": {
        "show_id": 1399,
        "model": "ease",
        "model_version": "2026-03",
        "rank": 1,
        "surface": "home",
    },
}
"""Of every event of the contract properties that are sound."""


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


@st.composite
def changed_events(draw: st.DrawFn) -> dict[str, Any]:
    """An event of the contract of which up to three fields or properties are gone, new or something else."""
    name = draw(st.sampled_from(sorted(SOUND)))
    props = dict(SOUND[name])
    one = event(name=name, props=props)
    for _ in range(draw(st.integers(0, 3))):
        changed = draw(st.sampled_from([one, props]))
        field = draw(st.sampled_from([*changed, "other", "show_id", "words", "é", ""]))
        if draw(st.booleans()):
            changed[field] = draw(st.sampled_from(NASTY) | JSON)
        else:
            changed.pop(field, None)
    return one
