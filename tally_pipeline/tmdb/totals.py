"""The length of a list: the totals that its pages state, compared with the shows that they bring. Pure.

The functions take the pages that came, by number. The length that a page states is believed only as long as no rows
contradict it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from tally_pipeline.bronze.list_capture import Page, PageRecord
from tally_pipeline.tmdb.lists import ROWS_PER_PAGE

Pages = Mapping[int, Page]

MOST_DRIFTED = 5
"""The most rows of a list's last page that may all stand on earlier pages. A list that grows while it is read pushes
rows over its pages' borders: of the four borders recorded on 2025-12-24 one was crossed, by one show. A last page
that only repeats, and more than five times that, is no drift."""


def stated_pages(record: PageRecord) -> int | None:
    """The list's number of pages that this page states; None where it states none, or has rows behind that end."""
    stated = record.total_pages or _pages_for(record.total_results)
    return None if not stated or (record.rows and stated < record.page) else stated


def planned_pages(record: PageRecord) -> int:
    """The number of pages to request by this page: the greater where its two totals disagree, 0 where it states none.

    A later page without rows says nothing about the list's length; a first one may be empty by mistake.
    """
    counts = record.rows or record.page == 1
    return max(stated_pages(record) or 0, _pages_for(record.total_results)) if counts else 0


def usual_pages(pages: Pages) -> int | None:
    """The number of pages that most pages state, of those that no page goes beyond; None where none is left.

    A single page may be a stale copy from TMDB's cache.
    """
    last = max(pages.keys() - pages_without_new_shows(pages), default=0)
    counts = Counter(n for page in pages.values() if (n := stated_pages(page.record)) and n >= last)
    return max(counts, key=lambda number: (counts[number], number), default=None)


def pages_without_new_shows(pages: Pages) -> set[int]:
    """The pages whose shows all stand on earlier pages. A row without an id counts as a new show."""
    seen: set[int | None] = set()
    numbers = set()
    for number in sorted(pages):
        ids = set(pages[number].ids)
        if None not in ids and ids <= seen:
            numbers.add(number)
        seen |= ids
    return numbers


def empty_inner_pages(pages: Pages) -> list[int]:
    """The pages without a new show although the list goes on there, in order: other pages show it, or state it."""
    idle = pages_without_new_shows(pages)
    last = max(pages.keys() - idle, default=0)
    usual = usual_pages(pages)
    return sorted(number for number in idle if number < last or _should_bring(pages[number].record, usual))


def may_go_on(pages: Pages, last: int) -> bool:
    """True if the list may go on behind `last`, the last page that any page states.

    It may where no statement can be believed: no total, one that the rows exceed, a full last page that does not say
    so itself, or a single full page that knows of no other. The page behind `last` shows it.
    """
    if last not in pages or last in pages_without_new_shows(pages):
        return False
    records = [page.record for page in pages.values()]
    if last > max((stated_pages(record) or 0 for record in records), default=0):
        return True
    own = pages[last].record
    if own.rows >= ROWS_PER_PAGE and (last == 1 or stated_pages(own) is None):
        return True
    most_results = max((record.total_results for record in records if record.total_results), default=None)
    shows = {show for page in pages.values() for show in page.ids if show is not None}
    return most_results is not None and len(shows) > most_results


def _should_bring(record: PageRecord, usual: int | None) -> bool:
    """True if by the totals a page should bring new shows, although neither it nor any later page does."""
    length = stated_pages(record) or usual
    if length is None or length == 1 < record.page:
        # No page states a length that could be believed, and TMDB's lists end with empty pages.
        return record.rows > MOST_DRIFTED
    if record.page == length == 1 and not record.total_results:
        return False  # so TMDB says that a list holds nothing
    if length > record.page or (usual or 0) > record.page:
        return True
    return length == record.page and (not record.rows or record.rows > MOST_DRIFTED)


def _pages_for(results: int | None) -> int:
    return -(-(results or 0) // ROWS_PER_PAGE)
