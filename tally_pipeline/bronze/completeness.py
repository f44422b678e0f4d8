"""The page-set verdict: does a set of fetched pages make up a whole list?"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Literal

import msgspec

from tally_pipeline.plurals import counted, noun

Verdict = Literal["complete", "partial", "empty"]


class PageSet(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one capture, and the counts it rests on.

    `repeats` counts rows whose id stands on an earlier row too: TMDB caches every page separately, so a show that
    moves between two pages while they are fetched is seen twice, and another is probably skipped.
    `totals_moved` says that the pages disagreed on `total_pages` or `total_results`.
    """

    verdict: Verdict
    pages_asked: int
    pages_got: int
    pages_missing: tuple[int, ...]
    rows: int
    distinct_ids: int
    repeats: int
    totals_moved: bool

    @property
    def reason(self) -> str:
        """The verdict in one sentence, for people."""
        if self.verdict == "empty":
            return f"{self.pages_got} of {counted(self.pages_asked, 'page')} came back and held no rows"
        if self.verdict == "partial":
            shown = ", ".join(map(str, self.pages_missing[:20]))
            more = f" and {len(self.pages_missing) - 20} more" if len(self.pages_missing) > 20 else ""
            return (
                f"{self.pages_got} of {counted(self.pages_asked, 'page')} came back; missing: {shown}{more}"
            )
        repeats = (
            f", {self.repeats} of them {noun(self.repeats, 'a repeat', 'repeats')}" if self.repeats else ""
        )
        all_ = noun(self.pages_asked, "the only page", f"all {self.pages_asked} pages")
        return f"{all_} came back with {counted(self.rows, 'row')}{repeats}"


def assess(
    *,
    missing: Iterable[int],
    ids_by_page: Sequence[Sequence[Hashable]],
    totals: Iterable[tuple[int | None, int | None]],
) -> PageSet:
    """The verdict on a capture.

    `missing`: numbers of pages that stayed broken. `ids_by_page`: for each page that came, in page order, its
    rows' ids (None for a row without a usable one). `totals`: each page's (total_pages, total_results).
    Any row makes a capture partial or complete; no rows at all is empty, however many pages came.
    """
    gaps = tuple(sorted(missing))
    rows = sum(len(ids) for ids in ids_by_page)
    known = [i for ids in ids_by_page for i in ids if i is not None]
    distinct = len(set(known))
    verdict: Verdict = "empty" if rows == 0 else "partial" if gaps else "complete"
    return PageSet(
        verdict=verdict,
        pages_asked=len(ids_by_page) + len(gaps),
        pages_got=len(ids_by_page),
        pages_missing=gaps,
        rows=rows,
        distinct_ids=distinct,
        repeats=len(known) - distinct,
        totals_moved=len(set(totals)) > 1,
    )
