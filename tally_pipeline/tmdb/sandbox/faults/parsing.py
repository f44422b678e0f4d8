"""Faults written as text, as on the command line: `NAME` or `NAME:key=value,...`."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

from tally_pipeline.tmdb.lists import LISTS, MAX_PAGES
from tally_pipeline.tmdb.sandbox.faults.bad_rows import DEFECTS
from tally_pipeline.tmdb.sandbox.faults.catalogue import FAULTS
from tally_pipeline.tmdb.sandbox.faults.fault import DETAILS, EXPORTS, GENRES, Fault
from tally_pipeline.tmdb.sandbox.replies import is_error_code

_COMMON = ("page", "pages", "times", "list", "day", "show")


def parse_fault(text: str) -> Fault:
    """The fault written as `NAME` or `NAME:key=value,...`.

    Every fault takes `page=3`, `pages=3+` or `pages=2-4`, `times=2`, `list=popular_shows` (or `series_export`,
    `genres`, `details`); for exports `day=2026-10-01`, for details `show=7000012`. `FAULTS` has the other options of
    each. Raises `ValueError`: its message names the mistake and what would be right.
    """
    name, _, tail = text.partition(":")
    kind = FAULTS.get(name)
    if kind is None:
        raise ValueError(f"there is no fault {name!r}; the faults are: {', '.join(FAULTS)}")
    settings = dict(_setting(text, part) for part in tail.split(",") if part)
    common = {key: settings.pop(key) for key in _COMMON if key in settings}
    for key in settings:
        if key not in kind.options:
            known = ", ".join((*_COMMON, *kind.options))
            raise ValueError(f"{text!r}: {name} has no option {key!r}; its options are: {known}")
    if "page" in common and "pages" in common:
        raise ValueError(f"{text!r}: give page= or pages=, not both")
    lists = (*(entry.name for entry in LISTS), EXPORTS, GENRES, DETAILS)
    if common.get("list") not in (None, *lists):
        known = ", ".join(lists)
        raise ValueError(f"{text!r}: there is no list {common['list']!r}; the lists are: {known}")
    pages = common.get("page", common.get("pages"))
    if "show" in common and common.keys() & {"page", "pages", "day"}:
        raise ValueError(f"{text!r}: show= names the details of one show: leave page=, pages= and day= out")
    if "show" in common and common.get("list") not in (None, DETAILS):
        raise ValueError(f"{text!r}: show= is of {DETAILS}, not of {common['list']}")
    if kind.needs_page and pages is None and "show" not in common:
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
        _whole_number(text, "show", common["show"]) if "show" in common else None,
    )


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
