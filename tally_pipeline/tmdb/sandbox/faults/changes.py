"""Faults on demand: every way TMDB, or what stands between, has been seen or is feared to fail.

A fault is a pure function from the reply that was due to the reply that is sent. `FAULTS` is the table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

import msgspec

from tally_pipeline import clock
from tally_pipeline.tmdb.lists import LISTS, MAX_PAGES, ROWS_PER_PAGE
from tally_pipeline.tmdb.sandbox.faults import bad_exports
from tally_pipeline.tmdb.sandbox.faults.bad_rows import DEFECTS
from tally_pipeline.tmdb.sandbox.replies import (
    Reply,
    error,
    html,
    http_date,
    is_error_code,
    no_file,
    with_body,
)

Options = Mapping[str, Any]

EXPORTS = "series_export"
GENRES = "genres"
"""What faults call the daily exports and the list of genres; each counts as a page 1."""


@dataclass(frozen=True)
class Request:
    """What a fault knows of the request: its page, and how any other page would have been answered."""

    page: int
    reply_for: Callable[[int], Reply]


@dataclass(frozen=True)
class FaultKind:
    """A row of `FAULTS`: what it does, in a sentence, and its own options with their defaults."""

    description: str
    make: Callable[[Reply, Request, Options], Reply]
    options: Options = field(default_factory=dict)
    needs_page: bool = False
    of_exports: bool = False


@dataclass(frozen=True)
class Fault:
    """A fault as asked for.

    It hits the pages from `first` to `last` of the list named `list_name` (None: of every list; the genres and
    the exports count as a page 1), each of them `times` times (None: for ever). `day`: only that day's export.
    """

    name: str
    options: Options = field(default_factory=dict)
    list_name: str | None = None
    first: int = 1
    last: int = MAX_PAGES
    times: int | None = None
    day: date | None = None

    def concerns(self, list_name: str, page: int, export_day: date | None = None) -> bool:
        """Whether the fault hits this page of this list; `export_day` is the day of an export."""
        if export_day is None and (self.day or FAULTS[self.name].of_exports):
            return False
        on_day = self.day in (None, export_day)
        return on_day and self.list_name in (None, list_name) and self.first <= page <= self.last

    def apply(self, reply: Reply, request: Request) -> Reply:
        """The reply that is sent in place of `reply`."""
        kind = FAULTS[self.name]
        return kind.make(reply, request, {**kind.options, **self.options})


def parse_fault(text: str) -> Fault:
    """The fault written as `NAME` or `NAME:key=value,...`.

    Every fault takes `page=3`, `pages=3+` or `pages=2-4`, `times=2`, `list=popular_shows` (or `series_export`,
    `genres`) and, for exports, `day=2026-10-01`; the table says what else. Raises `ValueError` saying what is
    wrong and what would be right.
    """
    name, _, tail = text.partition(":")
    kind = FAULTS.get(name)
    if kind is None:
        raise ValueError(f"there is no fault {name!r}; the faults are: {', '.join(FAULTS)}")
    settings = dict(_setting(text, part) for part in tail.split(",") if part)
    common = {key: settings.pop(key) for key in ("list", "page", "pages", "times", "day") if key in settings}
    for key in settings:
        if key not in kind.options:
            known = ", ".join(("page", "pages", "times", "list", "day", *kind.options))
            raise ValueError(f"{text!r}: {name} has no option {key!r}; its options are: {known}")
    if "page" in common and "pages" in common:
        raise ValueError(f"{text!r}: give page= or pages=, not both")
    lists = (*(entry.name for entry in LISTS), EXPORTS, GENRES)
    if common.get("list") not in (None, *lists):
        known = ", ".join(lists)
        raise ValueError(f"{text!r}: there is no list {common['list']!r}; the lists are: {known}")
    pages = common.get("page", common.get("pages"))
    if kind.needs_page and pages is None:
        raise ValueError(f"{text!r}: {name} needs a page, as in {name}:page=3")
    first, last = (1, MAX_PAGES) if pages is None else _pages(text, pages)
    return Fault(
        name,
        {key: _value(text, key, kind.options[key], settings[key]) for key in settings},
        common.get("list"),
        first,
        last,
        _whole_number(text, "times", common["times"]) if "times" in common else None,
        _day(text, common["day"]) if "day" in common else None,
    )


# --- reading the text --------------------------------------------------------------------------------------


def _setting(text: str, part: str) -> tuple[str, str]:
    key, equals, value = part.partition("=")
    if not (key and equals and value):
        raise ValueError(f"{text!r}: {part!r} is not key=value")
    return key, value


def _pages(text: str, value: str) -> tuple[int, int]:
    if value.endswith("+"):
        return _whole_number(text, "pages", value[:-1]), MAX_PAGES
    first, dash, last = value.partition("-")
    start = _whole_number(text, "pages", first)
    end = _whole_number(text, "pages", last) if dash else start
    if end < start:
        raise ValueError(f"{text!r}: pages={value} ends before it begins")
    return start, end


def _day(text: str, value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{text!r}: day={value} is not a day, as in day=2026-10-01") from None


def _whole_number(text: str, key: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and int(value) > 0):
        raise ValueError(f"{text!r}: {key}={value} is not a whole number above 0")
    return int(value)


def _value(text: str, key: str, default: Any, value: str) -> Any:
    if isinstance(default, str):
        if key == "defect" and value not in DEFECTS:
            raise ValueError(f"{text!r}: there is no defect {value!r}; there are: {', '.join(DEFECTS)}")
        return value
    try:
        number = type(default)(value)
    except ValueError:
        raise ValueError(f"{text!r}: {key}={value} is not a number") from None
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"{text!r}: {key}={value} is not a number from 0 up")
    if key == "code" and not is_error_code(number):
        raise ValueError(f"{text!r}: TMDB has no error code {value}")
    if key == "status" and not 200 <= number <= 599:
        raise ValueError(f"{text!r}: status={value} is not an HTTP status from 200 to 599")
    return number


# --- what the faults do ------------------------------------------------------------------------------------


def _rate_limited(reply: Reply, request: Request, options: Options) -> Reply:
    return error(25, headers={"Retry-After": f"{options['seconds']:g}"})


def _rate_limited_date(reply: Reply, request: Request, options: Options) -> Reply:
    now = clock.now()
    headers = {"Date": http_date(now), "Retry-After": http_date(now + timedelta(seconds=options["seconds"]))}
    return error(25, headers=headers)


def _retry_later(reply: Reply, request: Request, options: Options) -> Reply:
    return error(options["code"], status=options["status"] or None)


def _server_error(reply: Reply, request: Request, options: Options) -> Reply:
    return html(options["status"])


def _late(reply: Reply, request: Request, options: Options) -> Reply:
    return replace(reply, delay=options["seconds"])


def _slow(reply: Reply, request: Request, options: Options) -> Reply:
    return replace(reply, spread=options["seconds"])


def _reset(reply: Reply, request: Request, options: Options) -> Reply:
    return replace(reply, ending="reset")


def _truncated(reply: Reply, request: Request, options: Options) -> Reply:
    return replace(reply, ending="cut")


def _wrong_length(reply: Reply, request: Request, options: Options) -> Reply:
    return replace(reply, declared=max(0, len(reply.body) - options["bytes"]))


def _missing_export(reply: Reply, request: Request, options: Options) -> Reply:
    return no_file()


def _broken_gzip(reply: Reply, request: Request, options: Options) -> Reply:
    return replace(reply, body=bad_exports.broken_gzip(reply.body))


def _bad_lines(reply: Reply, request: Request, options: Options) -> Reply:
    return replace(reply, body=bad_exports.bad_lines(reply.body, options["count"]))


def _fewer_lines(reply: Reply, request: Request, options: Options) -> Reply:
    return replace(reply, body=bad_exports.fewer_lines(reply.body, options["share"]))


def _truncated_json(reply: Reply, request: Request, options: Options) -> Reply:
    return replace(reply, body=reply.body[: len(reply.body) // 2])


def _wrong_page(reply: Reply, request: Request, options: Options) -> Reply:
    return request.reply_for(request.page + 1 if request.page < MAX_PAGES else 1)


def _empty(reply: Reply, request: Request, options: Options) -> Reply:
    return _edited(reply, lambda page: {**page, "results": [], "total_pages": 0, "total_results": 0})


def _empty_page(reply: Reply, request: Request, options: Options) -> Reply:
    return _with_rows(reply, lambda rows: [])


def _same_rows(reply: Reply, request: Request, options: Options) -> Reply:
    return _with_rows(reply, lambda rows: _rows_of(request.reply_for(1)) or rows)


def _repeats(reply: Reply, request: Request, options: Options) -> Reply:
    if request.page == 1:
        return reply
    before = _rows_of(request.reply_for(request.page - 1))
    count = min(options["count"], len(before))
    return _with_rows(reply, lambda rows: [*before[len(before) - count :], *rows[count:]])


def _wrong_totals(reply: Reply, request: Request, options: Options) -> Reply:
    pages = options["pages_told"]
    told = {"total_pages": pages, "total_results": pages * ROWS_PER_PAGE}
    return _edited(reply, lambda page: {**page, **told})


def _bad_rows(reply: Reply, request: Request, options: Options) -> Reply:
    defects = [options["defect"]] if options["defect"] else list(DEFECTS)

    def spoil(rows: list[Any]) -> list[Any]:
        bad = min(len(rows), options["count"] or math.ceil(options["share"] * len(rows)))
        spoiled = list(rows)
        for turn in range(bad):
            place = turn * len(rows) // bad
            if isinstance(rows[place], dict):
                defect = DEFECTS[defects[((request.page - 1) * bad + turn) % len(defects)]]
                spoiled[place] = defect(rows[place])
        return spoiled

    return _with_rows(reply, spoil)


def _new_field(reply: Reply, request: Request, options: Options) -> Reply:
    return _with_each_row(reply, lambda row: {**row, options["field"]: "wobbly"})


def _lost_field(reply: Reply, request: Request, options: Options) -> Reply:
    return _with_each_row(
        reply, lambda row: {name: value for name, value in row.items() if name != options["field"]}
    )


def _retyped_field(reply: Reply, request: Request, options: Options) -> Reply:
    name = options["field"]
    return _with_each_row(reply, lambda row: {**row, name: str(row[name])} if name in row else row)


def _with_each_row(reply: Reply, change: Callable[[dict[str, Any]], Any]) -> Reply:
    return _with_rows(reply, lambda rows: [change(row) if isinstance(row, dict) else row for row in rows])


def _with_rows(reply: Reply, change: Callable[[list[Any]], list[Any]]) -> Reply:
    return _edited(reply, lambda page: {**page, "results": change(page["results"])})


def _rows_of(reply: Reply) -> list[Any]:
    """The rows of a reply; none where it is no page of a list."""
    page = _page(reply)
    return page["results"] if page else []


def _edited(reply: Reply, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Reply:
    """The reply with its page changed; a reply that is no page of a list stays as it is."""
    page = _page(reply)
    return reply if page is None else with_body(reply, msgspec.json.encode(change(page)))


def _page(reply: Reply) -> dict[str, Any] | None:
    """The page of a list that a reply holds; None where it holds none."""
    try:
        page = msgspec.json.decode(reply.body)
    except msgspec.DecodeError:
        return None
    return page if isinstance(page, dict) and isinstance(page.get("results"), list) else None


# --- the table ---------------------------------------------------------------------------------------------

FAULTS: Mapping[str, FaultKind] = MappingProxyType(
    {
        "rate-limited": FaultKind(
            "429 with Retry-After in seconds.", _rate_limited, {"seconds": 1.0}
        ),
        "rate-limited-date": FaultKind(
            "429 with Retry-After as a date, in seconds from now.", _rate_limited_date, {"seconds": 1.0}
        ),
        "rate-limited-silent": FaultKind(
            "429 without Retry-After.", _retry_later, {"code": 25, "status": 429}
        ),
        "code-25": FaultKind(
            "TMDB's rate-limit body under another status.", _retry_later, {"code": 25, "status": 200}
        ),
        "server-error": FaultKind(
            "A 5xx as HTML: Back-end server is at capacity.", _server_error, {"status": 503}
        ),
        "broken-page": FaultKind(
            "One page that stays a 5xx however often it is asked for.", _server_error, {"status": 503},
            needs_page=True,
        ),
        "timeout": FaultKind(
            "The reply comes later than anyone waits.", _late, {"seconds": 60.0}
        ),
        "slow": FaultKind(
            "The body trickles in over some seconds.", _slow, {"seconds": 2.0}
        ),
        "reset": FaultKind(
            "The connection is reset before a byte of the reply.", _reset
        ),
        "truncated": FaultKind(
            "The connection closes halfway through the body that Content-Length promised.", _truncated
        ),
        "wrong-length": FaultKind(
            "Content-Length promises some bytes fewer than there are.", _wrong_length, {"bytes": 100}
        ),
        "truncated-json": FaultKind(
            "A whole reply under 200 whose JSON is cut in half.", _truncated_json
        ),
        "html": FaultKind(
            "A web page under 200.", _server_error, {"status": 200}
        ),
        "error-body": FaultKind(
            "TMDB's error body of some code under 200.", _retry_later, {"code": 11, "status": 200}
        ),
        "empty": FaultKind(
            "No rows, totals of 0.", _empty
        ),
        "empty-page": FaultKind(
            "A page without rows while the totals claim them.", _empty_page, needs_page=True
        ),
        "bad-rows": FaultKind(
            "Some rows of each page (count, or share of them) break the contract, each in its own way or all "
            "with one defect.", _bad_rows, {"share": 0.1, "count": 0, "defect": ""},
        ),
        "new-field": FaultKind(
            "Every row has a field nobody knows.", _new_field, {"field": "mood"}
        ),
        "lost-field": FaultKind(
            "A field is gone from every row.", _lost_field, {"field": "vote_average"}
        ),
        "retyped-field": FaultKind(
            "A field of every row has become a text.", _retyped_field, {"field": "vote_average"}
        ),
        "wrong-page": FaultKind(
            "The reply is the next page's.", _wrong_page
        ),
        "same-rows": FaultKind(
            "Page 1's rows under the number of every page.", _same_rows
        ),
        "repeats": FaultKind(
            "Each page begins with the last rows of the page before, in place of its own.", _repeats, {"count": 1}
        ),
        "wrong-totals": FaultKind(
            "Totals of so many full pages, whatever the list holds.", _wrong_totals, {"pages_told": 0}
        ),
        "missing-export": FaultKind(
            "404 for an export; with times=, one that comes late.", _missing_export, of_exports=True
        ),
        "broken-gzip": FaultKind(
            "An export whose checksums do not hold.", _broken_gzip, of_exports=True
        ),
        "bad-lines": FaultKind(
            "An export with some more lines that break the contract, each in its own way.", _bad_lines,
            {"count": 9}, of_exports=True,
        ),
        "fewer-lines": FaultKind(
            "An export with only a share of its lines.", _fewer_lines, {"share": 0.5}, of_exports=True
        ),
        "unauthorized": FaultKind(
            "401: the key is not valid.", _retry_later, {"code": 7, "status": 401}
        ),
        "forbidden": FaultKind(
            "403: the user is suspended.", _retry_later, {"code": 45, "status": 403}
        ),
    }
)  # fmt: skip
"""Name of a fault -> what it does."""
