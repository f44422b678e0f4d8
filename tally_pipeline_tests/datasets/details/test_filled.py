"""The sandbox's past days of details: as if they had been captured then, and always the same."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tally_pipeline.bronze import details_capture
from tally_pipeline.bronze.details_capture import APPENDED
from tally_pipeline.datasets.details import DETAILS
from tally_pipeline.datasets.details.filled import FilledDetails
from tally_pipeline.lake.store import Store
from tally_pipeline.tmdb import sandbox
from tally_pipeline.tmdb.sandbox.invented import FIRST_ID

FIRST = date(2026, 1, 4)
GONE = 1
SHOWS = [GONE, *(FIRST_ID + number for number in range(11))]
ASKED = (SHOWS, SHOWS[:5], SHOWS[3:8])
"""The shows asked for on three days in a row; the first is none of the sandbox's."""


def filled() -> dict[str, bytes]:
    made = FilledDetails(DETAILS.place, "en-US")
    days = (FIRST + timedelta(days=ago) for ago in range(len(ASKED)))
    return {
        key: body for day, shows in zip(days, ASKED, strict=True) for key, body in made.capture(day, shows)
    }


def test_past_days_are_whole_captures_that_carry_what_was_known_and_refine_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(details_capture, "PART_REPLIES", 4)
    objects = filled()
    assert filled() == objects
    store = Store.in_memory("memory")
    for name, body in objects.items():
        store.put(name, body)
    keys = [key for name in objects if (key := DETAILS.place.parse(name))]
    assert [key.dt for key in keys] == ["2026-01-04", "2026-01-05", "2026-01-06"]
    known: dict[int, str] = {}
    for key, shows in zip(keys, ASKED, strict=True):
        assert DETAILS.audit(store, key, "sandbox").problems == ()
        capture = DETAILS.read(store, key)
        replies = [one for part in capture.content.manifest.parts for one in capture.content.read_part(part)]
        day = date.fromisoformat(key.dt)
        assert {one.head.show_id: one.body for one in replies} == {
            show: sandbox.details_body(show, APPENDED, day) or sandbox.GONE for show in shows
        }
        known |= {show: key.dt for show in shows if show != GONE}
        refined = DETAILS.refine(capture)
        rows = refined.silver.select(["show_id", "seen_on", "is_gone"]).to_pylist()
        assert {row["show_id"]: row["seen_on"] for row in rows if not row["is_gone"]} == known
        assert {row["show_id"] for row in rows if row["is_gone"]} == {GONE} & set(shows)
        assert refined.counts.balanced
        assert (refined.counts.gone, refined.counts.quarantined) == (int(GONE in shows), 0)
