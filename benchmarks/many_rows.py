"""Bronze objects of any size out of the sandbox's world, longer than any list of TMDB's.

    python -m benchmarks.many_rows FILE ROWS EVERY

Every EVERYth row breaks the contract, in each of the sandbox's ways in turn; 0 for none.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from tally_pipeline.bronze import list_capture
from tally_pipeline.bronze.list_capture import Metadata, Page
from tally_pipeline.tmdb.lists import ROWS_PER_PAGE
from tally_pipeline.tmdb.sandbox import replies, world
from tally_pipeline.tmdb.sandbox.faults.bad_rows import DEFECTS
from tally_pipeline.tmdb.sandbox.invented import facts

_PATH = "/tv/popular"
_DAY = date(2026, 1, 1)


def body(rows: int, every: int = 0, data_type: str = "popular_shows") -> bytes:
    """A complete capture of so many rows, every id once."""
    made = _rows(every)
    pages: list[Page] = []
    for start in range(0, rows, ROWS_PER_PAGE):
        number = len(pages) + 1
        page = replies.page_body(number, list(islice(made, min(ROWS_PER_PAGE, rows - start))), rows)
        pages.append(list_capture.read_page(number, page, {"ETag": replies.etag(page)}))
    return list_capture.encode(pages, Metadata(data_type=data_type, source="sandbox", verdict="complete"))


def _rows(every: int) -> Iterator[Any]:
    """Shows without end. Dates, votes and popularity are lent by the day's listing, which is shorter."""
    defects = cycle(DEFECTS.values())
    for show, listed in enumerate(cycle(world.listing(_PATH, _DAY).shows)):
        lent = world.row(listed, _DAY, trending=False)
        own = {**facts(show), "first_air_date": lent["first_air_date"]}
        row = {name: own.get(name, value) for name, value in lent.items()}
        yield next(defects)(row) if every and show % every == every - 1 else row


if __name__ == "__main__":
    name, rows, every = sys.argv[1:]
    Path(name).write_bytes(body(int(rows), int(every)))
