"""A fault on demand: its kind, its options, and the pages, lists and days that it hits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from tally_pipeline.tmdb.lists import MAX_PAGES
from tally_pipeline.tmdb.sandbox.faults.catalogue import FAULTS
from tally_pipeline.tmdb.sandbox.faults.kinds import Options, Request
from tally_pipeline.tmdb.sandbox.replies import Reply

EXPORTS = "series_export"
GENRES = "genres"
"""The names by which faults know the daily exports and the list of genres; each counts as a page 1."""

DETAILS = "details"
"""The name by which faults know the details of shows, whole or in part; `page_of_show` is their page."""


def page_of_show(show_id: int) -> int:
    """The page that the details of a show count as: the last two digits of its id, and 100 for 00."""
    return show_id % 100 or 100


@dataclass(frozen=True)
class Fault:
    """One fault of the sandbox.

    It hits the pages from `first` to `last` of the list named `list_name` (None: of every list; the genres and
    the exports count as a page 1), each of them `times` times (None: for ever). `day`: only that day's export;
    `show`: only the details of the show with this id. Details are hit by a fault that names them or their show, and
    by one that names no page at all: the pages of a fault for every list are those of lists.
    """

    name: str
    options: Options = field(default_factory=dict)
    list_name: str | None = None
    first: int = 1
    last: int = MAX_PAGES
    times: int | None = None
    day: date | None = None
    show: int | None = None

    def concerns(
        self, list_name: str, page: int, export_day: date | None = None, show: int | None = None
    ) -> bool:
        """True if the fault hits this page of this list; `export_day` is the day of an export, `show` the id of
        the show whose details it is.
        """
        if export_day is None and (self.day or FAULTS[self.name].of_exports):
            return False
        if self.show is not None:
            return self.show == show
        if show is not None and self.list_name is None and (self.first, self.last) != (1, MAX_PAGES):
            return False
        on_day = self.day in (None, export_day)
        return on_day and self.list_name in (None, list_name) and self.first <= page <= self.last

    def apply(self, reply: Reply, request: Request) -> Reply:
        """The reply that is sent in place of `reply`."""
        kind = FAULTS[self.name]
        return kind.make(reply, request, {**kind.options, **self.options})
