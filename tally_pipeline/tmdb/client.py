"""The TMDB client: captures one list as TMDB serves it now.

with TmdbClient(TmdbSettings(token=token)) as tmdb:
    capture = tmdb.capture(list_named("popular_shows"))
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Sequence
from datetime import date
from types import TracebackType
from typing import Literal, Self

from tally_pipeline import clock
from tally_pipeline.bronze.completeness import assess
from tally_pipeline.bronze.details_capture import Reply
from tally_pipeline.tmdb.capture import Capture, PageProgress
from tally_pipeline.tmdb.details import Answered, DetailsFetcher, Wanted
from tally_pipeline.tmdb.fetch import PageFetcher
from tally_pipeline.tmdb.genres import GenresCapture, capture_genres
from tally_pipeline.tmdb.lists import MAX_PAGES, ShowList
from tally_pipeline.tmdb.paginator import OnPage, Paginator
from tally_pipeline.tmdb.rate import RateLimit
from tally_pipeline.tmdb.redaction import mask_urllib3_logs
from tally_pipeline.tmdb.session import open_session
from tally_pipeline.tmdb.settings import TmdbSettings

__all__ = ["Capture", "PageProgress", "TmdbClient", "TmdbSettings"]


class TmdbClient:
    """Captures lists from TMDB, or from a server that answers like it. May be used from several threads.

    `rate` is shared by all clients of a process; without one the client has its own, by its settings.
    Close it, or use it in a `with`, to close its connections.
    """

    def __init__(self, settings: TmdbSettings, rate: RateLimit | None = None) -> None:
        mask_urllib3_logs()
        self.settings = settings
        self._rate = rate or RateLimit(settings.requests_per_second)
        self._session = open_session(
            settings.base_url, token=settings.token, connections=settings.connections
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the kept-alive connections."""
        self._session.close()

    def genres(self, *, day: date | None = None) -> GenresCapture:
        """Fetches the list of TV genres, in the language of the settings; raises `TmdbError`.

        `day`: the day (UTC) to capture; a response after its end raises.
        """
        return capture_genres(self._session, self.settings, self._rate, day)

    def details(
        self,
        wanted: Sequence[Wanted],
        *,
        day: date | None = None,
        pause: Callable[[threading.Event], None] | None = None,
        keep: Callable[[Reply], None] | None = None,
    ) -> Generator[Answered]:
        """Fetches the details of shows; yields their outcomes as they come, errors too.

        `day`: the day (UTC) to capture; a reply after its end ends the capture. `pause` is called before each
        show, to let others go first; `keep` with each reply, in the thread that received it.
        """
        fetcher = DetailsFetcher(self._session, self.settings, self._rate, day=day, pause=pause, keep=keep)
        yield from fetcher.fetch(wanted)

    def capture(
        self,
        show_list: ShowList,
        *,
        depth: int | Literal["default"] | None = "default",
        on_page: OnPage | None = None,
        day: date | None = None,
    ) -> Capture:
        """Fetches a list's pages, at most `depth` of them (None: to its end; "default": as the list says).

        Pages that stay broken are listed in `missing`, and what came is kept. `on_page` is called in the
        caller's thread after every page. A capture is of the day (UTC) on which page 1 comes, which must be
        `day` where that is given. Raises `TmdbError` when not even page 1 came, and `ValueError` when `depth`
        is not 1 to 500.
        """
        limit = show_list.depth if depth == "default" else depth
        if limit is not None and not 1 <= limit <= MAX_PAGES:
            raise ValueError(
                f"depth of {show_list.name} is {limit}; give 1 to {MAX_PAGES} pages (TMDB serves no more), "
                "or None for the whole list"
            )
        settings, started_at, began = self.settings, clock.now(), time.monotonic()
        stop = threading.Event()
        fetcher = PageFetcher(self._session, settings, self._rate, show_list, stop, day)
        paginator = Paginator(
            fetcher,
            stop,
            list_name=show_list.name,
            limit=limit or MAX_PAGES,
            connections=settings.connections,
            on_page=on_page,
        )
        paginator.run()
        pages, missing = paginator.pages(), paginator.missing()
        return Capture(
            show_list=show_list,
            started_at=started_at,
            endpoint=show_list.path_for(settings.trending_window),
            depth=limit,
            language=settings.language,
            timezone=settings.timezone if show_list.sends_timezone else None,
            source=settings.source,
            pages=pages,
            missing=missing,
            page_set=assess(
                missing=[gap.page for gap in missing],
                ids_by_page=[page.ids for page in pages],
                totals=[(page.record.total_pages, page.record.total_results) for page in pages],
            ),
            stopped_by=paginator.stopped_by,
            requests=paginator.requests,
            retries=paginator.retries,
            duration_seconds=round(time.monotonic() - began, 3),
        )
