"""One way through a list's pages: page 1 first, which tells how many there are, then the rest at once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue

from tally_pipeline.shows.bronze import MissingPage, Page
from tally_pipeline.tmdb.capture import PageProgress
from tally_pipeline.tmdb.errors import EmptyPageError, TmdbError
from tally_pipeline.tmdb.fetch import Fetched, PageFetcher

OnPage = Callable[[PageProgress], None]


class Crawl:
    """Fetches the pages of one list, `limit` of them at most; `stop` is the one its fetcher was given.

    `stopped_by` is the error that ended it early. All but the fetching happens in the caller's thread, so
    nothing here needs a lock.
    """

    def __init__(
        self,
        fetcher: PageFetcher,
        stop: threading.Event,
        *,
        list_name: str,
        limit: int,
        connections: int,
        on_page: OnPage | None,
    ) -> None:
        self._fetcher = fetcher
        self._stop = stop
        self._list_name = list_name
        self._limit = limit
        self._connections = connections
        self._on_page = on_page
        self._pages: dict[int, Page] = {}
        self._errors: dict[int, TmdbError] = {}
        self._seen: set[int] = set()
        self._rows = 0
        self._planned = 1
        self._end = limit
        self.stopped_by: TmdbError | None = None
        self.requests = 0
        self.retries = 0

    def run(self) -> None:
        """Fetches; raises `TmdbError` when page 1 does not come."""
        self._take(self._first_page())
        if self._last == 1:
            return
        threads = ThreadPoolExecutor(self._connections, thread_name_prefix=f"tmdb-{self._list_name}")
        try:
            self._fetch_the_rest(threads)
        finally:
            # After an exception, such as Ctrl-C, no thread may go on waiting for its turn.
            self._stop.set()
            threads.shutdown(cancel_futures=True)

    def pages(self) -> tuple[Page, ...]:
        """The pages that came, in page order; one without rows only where no page with rows follows."""
        return tuple(self._pages[number] for number in sorted(self._pages) if not self._is_hollow(number))

    def missing(self) -> tuple[MissingPage, ...]:
        """The pages that should be there and are not, in page order."""
        numbers = range(1, self._last + 1)
        return tuple(self._missing(n) for n in numbers if n not in self._pages or self._is_hollow(n))

    def _is_hollow(self, number: int) -> bool:
        """Whether a page came without rows although the list goes on behind it."""
        if self._pages[number].record.rows:
            return False
        return any(page.record.rows for later, page in self._pages.items() if later > number)

    @property
    def _last(self) -> int:
        """The last page that the list should have, by what is known so far."""
        return min(self._planned, self._end)

    def _first_page(self) -> Fetched:
        fetched = self._fetcher.fetch(1)
        error = fetched.outcome
        if isinstance(error, EmptyPageError):
            # Empty at every attempt: then that is what TMDB serves, and the verdict says so.
            return Fetched(1, error.empty, fetched.requests)
        if isinstance(error, TmdbError):
            raise error
        return fetched

    def _fetch_the_rest(self, threads: ThreadPoolExecutor) -> None:
        finished: SimpleQueue[Future[Fetched]] = SimpleQueue()
        asked: list[Future[Fetched]] = []  # for the pages 2, 3, …
        done = 0
        while True:
            for number in range(len(asked) + 2, self._last + 1):
                asked.append(threads.submit(self._fetcher.fetch, number))
                asked[-1].add_done_callback(finished.put)
            if done == len(asked):
                return
            future = finished.get()
            done += 1
            if future.cancelled():
                continue
            self._take(future.result())
            for needless in asked[0 if self.stopped_by else self._end - 1 :]:
                needless.cancel()

    def _take(self, fetched: Fetched) -> None:
        number, outcome = fetched.number, fetched.outcome
        self.requests += fetched.requests
        self.retries += max(0, fetched.requests - 1)
        if isinstance(outcome, Page):
            self._keep(number, outcome)
        elif outcome is not None:
            self._errors[number] = outcome
            if outcome.ends_capture:
                self.stopped_by = self.stopped_by or outcome
        if self._on_page:
            done = len(self._pages) + len(self._errors)
            self._on_page(PageProgress(self._list_name, done, max(done, self._last), self._rows))

    def _keep(self, number: int, page: Page) -> None:
        new = {i for i in page.ids if i is not None} - self._seen
        self._pages[number] = page
        self._rows += page.record.rows
        self._seen |= new
        total = page.record.total_pages
        if total is None:
            # Without a total: go on one by one until a page adds nothing.
            total = number + 1 if new else number
        if page.record.rows:
            self._planned = max(self._planned, min(self._limit, total))
        if not new and total <= number and self._usual_total() <= number:
            self._end = min(self._end, number)

    def _usual_total(self) -> int:
        """The `total_pages` that most pages tell: a single one may be a stale copy from TMDB's cache."""
        told = Counter(page.record.total_pages or 0 for page in self._pages.values())
        return max(told, key=lambda total: (told[total], total))

    def _missing(self, number: int) -> MissingPage:
        if number in self._pages:
            record = self._pages[number].record
            return MissingPage(
                page=number,
                error="it came without rows, although pages behind it have some",
                reply=record.before + record.after,
            )
        error = self._errors.get(number)
        if error is None:
            return MissingPage(page=number, error=f"not asked for, because of this: {self.stopped_by}")
        return MissingPage(
            page=number, error=str(error), status=error.status, code=error.code, reply=error.reply
        )
