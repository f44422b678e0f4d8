"""Walks through a list's pages: page 1 first, whose totals say how many there are, then the rest at once.

Shows are believed, not pages and not totals. An empty inner page, which brings no new show although the list goes on
behind it, is requested again and is missing in the end: TMDB caches every page apart, and has served page 1's rows on
all of them. Where the totals say nothing, or the rows contradict them, the list is followed until a page brings
nothing new.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue

from tally_pipeline.bronze.list_capture import MissingPage, Page
from tally_pipeline.plurals import counted
from tally_pipeline.tmdb import totals
from tally_pipeline.tmdb.capture import PageProgress
from tally_pipeline.tmdb.errors import TmdbError, TransientError
from tally_pipeline.tmdb.exchange import Request
from tally_pipeline.tmdb.fetch import Fetched, PageFetcher

OnPage = Callable[[PageProgress], None]

FEW = 10
"""The most empty inner pages that are each requested as often as a page that fails. More are likely as broken as the
first."""

_STALE = "Likely a stale copy in TMDB's cache, where a page stays for up to 8 hours: run it again later."


class Paginator:
    """Fetches the pages of one list, `limit` of them at most; `stop` is the event that its fetcher has.

    `stopped_by` is the error that ended it early. Everything but the fetching happens in the caller's thread, so
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
        self._requests: Counter[int] = Counter()
        self._seen: set[int | None] = set()
        self._planned = 1
        self._end = limit
        self._requested: set[int] = set()
        self.stopped_by: TmdbError | None = None

    def run(self) -> None:
        """Fetches; raises `TmdbError` when page 1 does not come."""
        first = self._fetcher.fetch(1)
        if isinstance(first.outcome, TmdbError):
            raise first.outcome
        self._take(first)
        threads = ThreadPoolExecutor(self._connections, thread_name_prefix=f"tmdb-{self._list_name}")
        try:
            self._fetch_the_rest(threads)
        finally:
            # After an exception, such as Ctrl-C, no thread may go on waiting for its turn.
            self._stop.set()
            threads.shutdown(cancel_futures=True)

    @property
    def requests(self) -> int:
        """The number of requests that were sent."""
        return self._requests.total()

    @property
    def retries(self) -> int:
        """The number of requests beyond the first for their page."""
        return sum(max(0, count - 1) for count in self._requests.values())

    def pages(self) -> tuple[Page, ...]:
        """The pages that came, in page order, without empty inner pages."""
        empty = self._empty_inner()
        return tuple(self._pages[number] for number in sorted(self._pages) if number not in empty)

    def missing(self) -> tuple[MissingPage, ...]:
        """The pages that the list has and that did not come, in page order, empty inner pages among them."""
        empty = self._empty_inner()
        numbers = range(1, self._last + 1)
        return tuple(self._missing(n) for n in numbers if n not in self._pages or n in empty)

    # --- fetching ----------------------------------------------------------------------------------------------

    def _fetch_the_rest(self, threads: ThreadPoolExecutor) -> None:
        self._fetch(threads)
        tries = 1
        while not self.stopped_by:
            empty = totals.empty_inner_pages(self._pages)
            if empty and tries < self._fetcher.attempts:
                self._fetcher.back_off(tries)
                self._fetch(threads, empty)
                left = len(totals.empty_inner_pages(self._pages))
                is_hopeless = left > FEW and left >= len(empty)
                tries = self._fetcher.attempts if is_hopeless else tries + 1
            elif self._last < self._end and totals.may_go_on(self._pages, self._last):
                self._planned = self._last + 1
                self._fetch(threads)
            else:
                return

    def _fetch(self, threads: ThreadPoolExecutor, again: Iterable[int] = ()) -> None:
        """Fetches these pages again, and those up to the list's last that were not requested yet."""
        finished: SimpleQueue[int] = SimpleQueue()
        under_way: dict[int, Future[Fetched]] = {}

        def request(number: int) -> None:
            self._requested.add(number)
            under_way[number] = threads.submit(self._fetcher.fetch, number)
            under_way[number].add_done_callback(lambda _: finished.put(number))

        for number in again:
            request(number)
        while True:
            for number in range(2, self._last + 1) if not self.stopped_by else ():
                if number not in self._requested:
                    request(number)
            if not under_way:
                return
            number = finished.get()
            future = under_way.pop(number)
            if future.cancelled():
                self._requested.discard(number)
                continue
            self._take(future.result())
            for later, needless in under_way.items():
                if self.stopped_by or later > self._end:
                    needless.cancel()

    def _take(self, fetched: Fetched) -> None:
        number, outcome = fetched.number, fetched.outcome
        self._requests[number] += fetched.requests
        if isinstance(outcome, Page):
            self._keep(number, outcome)
        elif outcome is not None:
            self._errors[number] = outcome
            if outcome.ends_capture:
                self.stopped_by = self.stopped_by or outcome
        if self._on_page:
            done = len(self._pages.keys() | self._errors.keys())
            rows = sum(page.record.rows for page in self._pages.values())
            self._on_page(PageProgress(self._list_name, done, max(done, self._last), rows))

    def _keep(self, number: int, page: Page) -> None:
        ids = set(page.ids)
        brings_nothing = None not in ids and ids <= self._seen
        self._pages[number] = page
        self._seen |= ids
        self._planned = max(self._planned, min(self._limit, totals.planned_pages(page.record)))
        if not brings_nothing:
            # The page that was taken for the list's end before is an empty inner page.
            self._end = self._limit if number >= self._end else self._end
        elif max(totals.stated_pages(page.record) or 0, totals.usual_pages(self._pages) or 0) <= number:
            self._end = min(self._end, number)

    # --- pages and gaps ----------------------------------------------------------------------------------------

    @property
    def _last(self) -> int:
        """The last page of the list, by what is known so far."""
        return min(self._planned, self._end)

    def _empty_inner(self) -> Sequence[int]:
        """The empty inner pages; none in a list without any rows."""
        return (
            totals.empty_inner_pages(self._pages) if any(p.record.rows for p in self._pages.values()) else ()
        )

    def _missing(self, number: int) -> MissingPage:
        page, error = self._pages.get(number), self._errors.get(number)
        if page is not None:
            empty = _no_new_shows(self._fetcher.request_for(number), page, attempts=self._requests[number])
            return MissingPage(
                page=number, error=str(empty), reply=page.body.decode("utf-8", "backslashreplace")
            )
        if error is None:
            return MissingPage(page=number, error=f"not asked for, because of this: {self.stopped_by}")
        return MissingPage(
            page=number, error=str(error), status=error.status, code=error.code, reply=error.reply
        )


def _no_new_shows(request: Request, page: Page, *, attempts: int) -> TransientError:
    """The error of an empty inner page that came `attempts` times."""
    record = page.record
    content = (
        f"{counted(record.rows, 'row')}, all of shows that earlier pages have" if record.rows else "no rows"
    )
    problem = f"TMDB answered page {record.page} with {content}, although the list goes on there"
    error = TransientError(problem, request, advice=_STALE)
    error.attempts = attempts
    return error
