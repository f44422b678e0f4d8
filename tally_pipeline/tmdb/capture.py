"""The result of a capture: the pages of one list as they came, and the facts about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tally_pipeline import __version__
from tally_pipeline.bronze import list_capture
from tally_pipeline.bronze.completeness import PageSet
from tally_pipeline.bronze.list_capture import Metadata, MissingPage, Page
from tally_pipeline.tmdb.errors import TmdbError
from tally_pipeline.tmdb.lists import ShowList


@dataclass(frozen=True)
class PageProgress:
    """The progress of a capture. `pages_done`: pages (or what `unit` says) that came or stayed broken;
    `pages_planned` can grow."""

    list_name: str
    pages_done: int
    pages_planned: int
    rows: int
    unit: str = "page"


@dataclass(frozen=True)
class Capture:
    """One list as TMDB served it. `page_set.verdict` says whether it is whole, `missing` lists the gaps.

    `started_at` is aware, in UTC. `endpoint` is the path below the base URL. `depth` is the limit of pages
    (None: to the end). `timezone` is None where it was not sent. `pages` are in page order;
    those that turned out to lie behind the list's end have no rows. `stopped_by` is the error that ended the
    capture early. `requests` counts all that were sent, `retries` those beyond the first for a page.
    """

    show_list: ShowList
    started_at: datetime
    endpoint: str
    depth: int | None
    language: str
    timezone: str | None
    source: str
    pages: tuple[Page, ...]
    missing: tuple[MissingPage, ...]
    page_set: PageSet
    stopped_by: TmdbError | None
    requests: int
    retries: int
    duration_seconds: float

    def to_bronze(self, execution_id: str) -> bytes:
        """The capture as a bronze object: TMDB's rows byte for byte, and `_metadata`."""
        metadata = Metadata(
            ingestion_timestamp=self.started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            execution_id=execution_id,
            data_type=self.show_list.name,
            source=self.source,
            client=f"tally/{__version__}",
            endpoint=self.endpoint,
            language=self.language,
            timezone=self.timezone,
            depth=self.depth,
            verdict=self.page_set.verdict,
            page_set=self.page_set,
            requests=self.requests,
            retries=self.retries,
            duration_seconds=self.duration_seconds,
            missing=self.missing,
        )
        return list_capture.encode(self.pages, metadata)
