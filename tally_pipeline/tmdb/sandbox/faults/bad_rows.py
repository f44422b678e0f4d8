"""Rows that break the contract, one defect each. The names are those of the fault `bad-rows`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

Row = dict[str, Any]


def _with(field: str, value: Any) -> Callable[[Row], Any]:
    return lambda row: {**row, field: value}


def _without(field: str) -> Callable[[Row], Any]:
    return lambda row: {name: value for name, value in row.items() if name != field}


def _instead(value: Any) -> Callable[[Row], Any]:
    return lambda row: value


DEFECTS: Mapping[str, Callable[[Row], Any]] = MappingProxyType(
    {
        "no-id": _without("id"),
        "blank-name": _with("name", "  "),
        "vote-average-11": _with("vote_average", 11),
        "negative-votes": _with("vote_count", -1),
        "id-as-text": lambda row: {**row, "id": str(row.get("id"))},
        "text-row": _instead("a row that is a text"),
        "impossible-date": _with("first_air_date", "2023-02-30"),
        "popularity-as-text": lambda row: {**row, "popularity": str(row.get("popularity"))},
        "null-row": _instead(None),
        "genres-as-text": _with("genre_ids", "18,35"),
        "number-row": _instead(42),
        "negative-popularity": _with("popularity", -0.5),
    }
)
"""The defects by name: each gives the row in place of a good one."""
