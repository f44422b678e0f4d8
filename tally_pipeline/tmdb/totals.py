"""How far a list goes: what its pages say, held against the shows that they bring. Pure.

The functions take the pages that came, by number. What a page says of the list's length is believed only as long
as no rows say otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from tally_pipeline.bronze.list_capture import Page, PageRecord
from tally_pipeline.tmdb.lists import ROWS_PER_PAGE

Pages = Mapping[int, Page]

MOST_DRIFTED = 5
"""How many rows of a list's last page may all stand on earlier pages. A list that grows while it is read pushes rows
over its pages' borders: of the four borders recorded on 2025-12-24 one was crossed, by one show. A last page that
only repeats, and more than five times that, is no drift."""


def told_pages(record: PageRecord) -> int | None:
    """How many pages the list has by this page; None where it does not say, or has rows behind that end."""
    told = record.total_pages or _pages_for(record.total_results)
    return None if not told or (record.rows and told < record.page) else told


def planned_pages(record: PageRecord) -> int:
    """How many pages to ask for by this page: the greater where its two totals disagree, 0 where it says nothing.

    A later page without rows is no word about the list's length; a first one may be empty by mistake.
    """
    is_word = record.rows or record.page == 1
    return max(told_pages(record) or 0, _pages_for(record.total_results)) if is_word else 0


def usual_pages(pages: Pages) -> int | None:
    """The number of pages that most pages tell, of those that no page goes beyond; None where none is left.

    A single page may be a stale copy from TMDB's cache.
    """
    last = max(pages.keys() - bring_nothing(pages), default=0)
    told = Counter(n for page in pages.values() if (n := told_pages(page.record)) and n >= last)
    return max(told, key=lambda number: (told[number], number), default=None)


def bring_nothing(pages: Pages) -> set[int]:
    """The pages without a show that no earlier page has. A row without an id may be such a show."""
    seen: set[int | None] = set()
    found = set()
    for number in sorted(pages):
        ids = set(pages[number].ids)
        if None not in ids and ids <= seen:
            found.add(number)
        seen |= ids
    return found


def broken_pages(pages: Pages) -> list[int]:
    """The pages that bring nothing although the list goes on there, in order: other pages show it, or say so."""
    idle = bring_nothing(pages)
    last = max(pages.keys() - idle, default=0)
    usual = usual_pages(pages)
    return sorted(number for number in idle if number < last or _should_bring(pages[number].record, usual))


def may_go_on(pages: Pages, last: int) -> bool:
    """Whether the list may go on behind `last`, the last page that any page tells of.

    It may where nothing that is told can be believed: no total, one that the rows exceed, a full last page that does
    not say so itself, or a single full page that knows of no other. The page behind `last` shows it.
    """
    if last not in pages or last in bring_nothing(pages):
        return False
    records = [page.record for page in pages.values()]
    if last > max((told_pages(record) or 0 for record in records), default=0):
        return True
    own = pages[last].record
    if own.rows >= ROWS_PER_PAGE and (last == 1 or told_pages(own) is None):
        return True
    most_results = max((record.total_results for record in records if record.total_results), default=None)
    shows = {show for page in pages.values() for show in page.ids if show is not None}
    return most_results is not None and len(shows) > most_results


def _should_bring(record: PageRecord, usual: int | None) -> bool:
    """Whether a page that brings nothing, and behind which none brings anything, is said to bring something."""
    told = told_pages(record) or usual
    if told is None or told == 1 < record.page:
        # Nobody tells a length that could be believed, and TMDB's lists end with empty pages.
        return record.rows > MOST_DRIFTED
    if record.page == told == 1 and not record.total_results:
        return False  # so TMDB says that a list holds nothing
    if told > record.page or (usual or 0) > record.page:
        return True
    return told == record.page and (not record.rows or record.rows > MOST_DRIFTED)


def _pages_for(results: int | None) -> int:
    return -(-(results or 0) // ROWS_PER_PAGE)
