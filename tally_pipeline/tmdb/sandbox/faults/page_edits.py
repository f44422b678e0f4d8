"""Replies changed in what they hold: rows and totals of a page of a list; a show's details, which are one row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tally_pipeline.tmdb.sandbox.replies import Reply, with_body


def with_each_row(reply: Reply, change: Callable[[dict[str, Any]], Any]) -> Reply:
    """The reply with each row that is an object changed."""
    return with_rows(reply, lambda rows: [change(row) if isinstance(row, dict) else row for row in rows])


def with_rows(reply: Reply, change: Callable[[list[Any]], list[Any]]) -> Reply:
    """The reply with its rows changed. Details have one row, the show itself, which stays if it is taken away."""
    details = _details(reply)
    if details is not None:
        return with_body(reply, msgspec.json.encode(next(iter(change([details])), details)))
    return edited(reply, lambda page: {**page, "results": change(page["results"])})


def rows_of(reply: Reply) -> list[Any]:
    """The rows of a reply; none where it is no page of a list."""
    page = _page(reply)
    return page["results"] if page else []


def edited(reply: Reply, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Reply:
    """The reply with its page changed; a reply that is no page of a list stays as it is."""
    page = _page(reply)
    return reply if page is None else with_body(reply, msgspec.json.encode(change(page)))


def _page(reply: Reply) -> dict[str, Any] | None:
    """The page of a list that a reply holds; None where it holds none."""
    page = _object(reply)
    return page if isinstance(page.get("results"), list) else None


def _details(reply: Reply) -> dict[str, Any] | None:
    """The show that a reply describes; None where it describes none."""
    show = _object(reply)
    return show if "id" in show and "results" not in show else None


def _object(reply: Reply) -> dict[str, Any]:
    """The JSON object that a reply is; an empty one if it is none."""
    try:
        decoded = msgspec.json.decode(reply.body)
    except msgspec.DecodeError:
        return {}
    return decoded if isinstance(decoded, dict) else {}
