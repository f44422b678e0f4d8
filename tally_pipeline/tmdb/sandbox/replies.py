"""TMDB's replies as values: status, headers, body, and the behaviour of the connection that sends them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any, Literal

import msgspec

from tally_pipeline.tmdb.lists import LISTS, MAX_PAGES, ROWS_PER_PAGE, ShowList
from tally_pipeline.tmdb.sandbox import brands, details, edits, exports, world
from tally_pipeline.tmdb.sandbox.invented import GENRES, stable_hash

JSON = "application/json;charset=utf-8"

# https://developer.themoviedb.org/docs/errors: body code -> HTTP status and message.
_ERRORS = {
    3: (401, "Authentication failed: You do not have permissions to access the service."),
    5: (422, "Invalid parameters: Your request parameters are incorrect."),
    6: (404, "Invalid id: The pre-requisite id is invalid or not found."),
    7: (401, "Invalid API key: You must be granted a valid key."),
    9: (503, "Service offline: This service is temporarily offline, try again later."),
    10: (401, "Suspended API key: Access to your account has been suspended, contact TMDB."),
    11: (500, "Internal error: Something went wrong, contact TMDB."),
    14: (401, "Authentication failed."),
    15: (500, "Failed."),
    20: (422, "Invalid date range: Should be a range no longer than 14 days."),
    22: (400, "Invalid page: Pages start at 1 and max at 500. They are expected to be an integer."),
    23: (400, "Invalid date: Format needs to be YYYY-MM-DD."),
    24: (504, "Your request to the backend server timed out. Try again."),
    25: (429, "Your request count (46) is over the allowed limit of 40."),
    27: (400, "Too many append to response objects: The maximum number of remote calls is 20."),
    28: (400, "Invalid timezone: Please refer to the documentation."),
    34: (404, "The resource you requested could not be found."),
    43: (502, "Couldn't connect to the backend server."),
    45: (403, "This user has been suspended."),
    46: (503, "The API is undergoing maintenance. Try again later."),
}


@dataclass(frozen=True)
class Reply:
    """One HTTP reply. `delay` seconds pass before it is sent, `spread` seconds while its body is.

    `ending` "cut": the connection closes halfway through the body; "reset": it breaks before the first byte.
    `declared`: a Content-Length that is not the body's; the connection closes after such a reply.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    delay: float = 0.0
    spread: float = 0.0
    ending: Literal["whole", "cut", "reset"] = "whole"
    declared: int | None = None


_OF_SHOW = re.compile(r"/tv/(\d{1,9})(?:/(.+))?")
_LIST_PATHS = (
    "/discover/tv",
    "/tv/popular",
    "/tv/top_rated",
    "/tv/airing_today",
    "/tv/on_the_air",
    "/trending/tv/day",
    "/trending/tv/week",
)
"""https://developer.themoviedb.org/reference/discover-tv, tv-series-popular-list and its siblings, trending-tv."""


def respond(
    path: str, query: Mapping[str, str], *, day: date, at: datetime, lists: Sequence[ShowList] = LISTS
) -> Reply:
    """The answer of the world of `day` to a GET of `path` (below `/3`) at the moment `at` (UTC)."""
    if path == "/genre/tv/list":
        genres = [{"id": number, "name": name} for number, name in GENRES.items()]
        return _cached(msgspec.json.encode({"genres": genres}), at, lifetime=28_800, age=0)
    if path in ("/watch/providers/tv", "/watch/providers/regions"):
        body = (
            brands.providers_body(query.get("watch_region"))
            if path.endswith("/tv")
            else brands.regions_body()
        )
        return _cached(body, at, lifetime=28_800, age=0)
    if path == "/tv/changes":
        return _changes(query, day, at)
    of_show = show_of(path)
    if of_show is not None:
        return _details(path, *of_show, query, day, at)
    if path not in list_paths(lists):
        return error(34)
    page = page_number(query)
    if page is None:
        return error(22)
    lifetime = 600 if path.startswith("/trending") else 28_800
    age = stable_hash(f"{path}?{page}@{day}") % lifetime
    return _cached(list_body(path, page, day), at, lifetime=lifetime, age=age)


def show_of(path: str) -> tuple[int, str] | None:
    """The id of the show that `path` is about, and the part of its details ("" for all); None for another path."""
    match = _OF_SHOW.fullmatch(path)
    return (int(match[1]), match[2] or "") if match else None


def _details(path: str, show: int, part: str, query: Mapping[str, str], day: date, at: datetime) -> Reply:
    """The details of a show with the parts asked for, or one part alone."""
    parts = [name for name in query.get("append_to_response", "").split(",") if name]
    if len(parts) > details.MOST_PARTS:
        return error(27)
    body = details.part_body(show, part, day) if part else details.details_body(show, parts, day)
    if body is None:
        return error(34)
    return _cached(body, at, lifetime=28_800, age=stable_hash(f"{path}@{day}") % 28_800)


def _changes(query: Mapping[str, str], day: date, at: datetime) -> Reply:
    page = page_number(query)
    if page is None:
        return error(22)
    try:
        body = msgspec.json.encode(edits.changes(query, page, day))
    except edits.RangeError as problem:
        return error(problem.code)
    return _cached(body, at, lifetime=28_800, age=0)


def respond_export(day: date, *, today: date) -> Reply:
    """A file server's reply on `today` to a request for the export of a day: the file, or a 404 if it is not kept."""
    if not exports.is_kept(day, today):
        return no_file()
    body = exports.export(day)
    headers = {
        "Content-Type": "application/gzip",
        "Last-Modified": http_date(datetime.combine(day, time(7, 42), UTC)),
        "ETag": f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"',
    }
    return Reply(200, headers, body)


def no_file() -> Reply:
    """The reply of a file server without such a file."""
    body = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code></Error>'
    return Reply(404, {"Content-Type": "application/xml"}, body)


def list_paths(lists: Sequence[ShowList] = LISTS) -> Mapping[str, str]:
    """Path of every list of TMDB's -> its name in the catalogue ("" for one the catalogue lacks).

    What TMDB does not serve is not served here either, or a mistake would show on TMDB only.
    """
    names = {entry.path_for(window): entry.name for entry in lists for window in ("day", "week")}
    return {path: names.get(path, "") for path in _LIST_PATHS}


def page_number(query: Mapping[str, str]) -> int | None:
    """The requested page, 1 without one; None if TMDB would answer with code 22."""
    text = query.get("page", "1")
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= MAX_PAGES:
        return None
    return int(text)


def list_body(path: str, page: int, day: date) -> bytes:
    """The body of one page of a list; past the list's end it has no rows, like TMDB's."""
    listing = world.listing(path, day)
    shows, total = listing.shows, listing.claimed
    if listing.late is not None and page <= listing.late // ROWS_PER_PAGE + 1:
        shows, total = shows[: listing.late] + shows[listing.late + 1 :], total - 1
    if listing.restless and page > 1:
        total = _moved(total, stable_hash(f"{path}?{page}@{day}"))
    trending = path.startswith("/trending/")
    start = (page - 1) * ROWS_PER_PAGE
    rows = [world.row(show, day, trending=trending) for show in shows[start : start + ROWS_PER_PAGE]]
    return page_body(page, rows, total)


def _moved(total: int, draw: int) -> int:
    """The total as another of TMDB's caches has it: one more or less at times, never another last page."""
    moved = total + (0, 0, 0, -1, 1)[draw % 5]
    return moved if _page_count(moved) == _page_count(total) else total


def _page_count(total: int) -> int:
    return -(-total // ROWS_PER_PAGE)


def page_body(page: int, rows: Sequence[Any], total: int) -> bytes:
    """A page of a list as TMDB writes it: compact, non-ASCII letters as they are."""
    return msgspec.json.encode(
        {"page": page, "results": rows, "total_pages": _page_count(total), "total_results": total}
    )


def error(code: int, *, status: int | None = None, headers: Mapping[str, str] | None = None) -> Reply:
    """TMDB's error of this body code, under its own HTTP status or another."""
    usual, message = _ERRORS[code]
    body = msgspec.json.encode({"status_code": code, "status_message": message, "success": False})
    return Reply(status or usual, {"Content-Type": JSON, **(headers or {})}, body)


def is_error_code(code: int) -> bool:
    """True if TMDB has an error of this body code."""
    return code in _ERRORS


def html(status: int) -> Reply:
    """A web page for people, as a proxy or a gateway sends it in TMDB's place."""
    title = "Welcome" if status == 200 else f"{status} {HTTPStatus(status).phrase}"
    headline = "Please enable JavaScript." if status == 200 else "Back-end server is at capacity"
    body = (
        f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{headline}</h1></body></html>\n"
    )
    return Reply(status, {"Content-Type": "text/html"}, body.encode())


def with_body(reply: Reply, body: bytes) -> Reply:
    """The reply with another body and the ETag that TMDB would give it."""
    return replace(reply, body=body, headers={**reply.headers, "ETag": etag(body)})


def etag(body: bytes) -> str:
    """TMDB's ETag: weak, the first 32 hex digits of the body's SHA-256 (true of all 67 replies checked)."""
    return f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'


def http_date(moment: datetime) -> str:
    """A moment as HTTP writes it, in GMT."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def _cached(body: bytes, at: datetime, *, lifetime: int, age: int) -> Reply:
    """A reply out of TMDB's cache, where it has been for `age` seconds of the `lifetime` it may stay."""
    headers = {
        "Content-Type": JSON,
        "Date": http_date(at - timedelta(seconds=age)),
        "Cache-Control": f"public, max-age={lifetime - age}",
        "Age": str(age),
        "ETag": etag(body),
    }
    return Reply(200, headers, body)
