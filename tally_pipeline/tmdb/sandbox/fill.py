"""Past days of bronze, as if the sandbox's world had been captured on each of them at 03:00 UTC."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time

from tally_pipeline.bronze.completeness import assess
from tally_pipeline.bronze.list_capture import Page, read_page
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.tmdb.capture import Capture
from tally_pipeline.tmdb.lists import LISTS, MAX_PAGES, ShowList
from tally_pipeline.tmdb.sandbox.replies import respond
from tally_pipeline.tmdb.settings import UTC_TIMEZONE

_CAPTURED_AT = time(3, tzinfo=UTC)


def captures(
    days: Iterable[date],
    *,
    lists: Sequence[ShowList] = LISTS,
    depths: Mapping[str, int | None] | None = None,
    language: str = "en-US",
    timezone: str = UTC_TIMEZONE,
    window: str = "day",
) -> Iterator[tuple[BronzeKey, bytes]]:
    """Key and body of one bronze object for each day and list, day by day.

    `depths` overrides lists' default depths by name (None: to the end). The same arguments give the same keys
    and bytes: writing them twice, create-only, changes nothing.
    """
    for day in days:
        for entry in lists:
            depth = (depths or {}).get(entry.name, entry.depth)
            capture = _capture(entry, day, depth, language, timezone, window)
            key = filled_key(entry.name, day)
            yield key, capture.to_bronze(key.execution_id)


def _capture(
    entry: ShowList, day: date, depth: int | None, language: str, timezone: str, window: str
) -> Capture:
    started_at = datetime.combine(day, _CAPTURED_AT)
    pages = _pages(entry, day, started_at, depth, window)
    return Capture(
        show_list=entry,
        started_at=started_at,
        endpoint=entry.path_for(window),
        depth=depth,
        language=language,
        timezone=timezone if entry.sends_timezone else None,
        source="sandbox",
        pages=pages,
        missing=(),
        page_set=assess(
            missing=(),
            ids_by_page=[page.ids for page in pages],
            totals=[(page.record.total_pages, page.record.total_results) for page in pages],
        ),
        stopped_by=None,
        requests=len(pages),
        retries=0,
        duration_seconds=0.0,
    )


def _pages(entry: ShowList, day: date, at: datetime, depth: int | None, window: str) -> tuple[Page, ...]:
    """The pages from the first to the last that any of them speaks of, `depth` at most."""
    path = entry.path_for(window)
    pages: list[Page] = []
    last = most = min(depth or MAX_PAGES, MAX_PAGES)
    while len(pages) < last:
        number = len(pages) + 1
        reply = respond(path, {"page": str(number)}, day=day, at=at, lists=(entry,))
        pages.append(read_page(number, reply.body, reply.headers))
        last = min(most, max(page.record.total_pages or 1 for page in pages))
    return tuple(pages)


def filled_key(name: str, day: date) -> BronzeKey:
    """The key of the capture that is filled in for a list and day."""
    dt = day.isoformat()
    return BronzeKey(name, dt, str(uuid.uuid5(uuid.NAMESPACE_URL, f"tally-sandbox:{name}/{dt}")))
