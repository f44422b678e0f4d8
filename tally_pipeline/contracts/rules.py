"""The rules of the contract that the fast path of refining and the diagnosis share."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import pyarrow as pa

from tally_pipeline.contracts.contract import Column

WHITE_SPACE = "".join(
    ["\t\n\v\f\r \x85\xa0\u1680", *map(chr, range(0x2000, 0x200B)), "\u2028\u2029\u202f\u205f\u3000"]
)
"""Unicode's White_Space. None of it means anything inside a regular expression's character class."""

INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1
BEST_VOTE = 10.0


def least(column: Column) -> float:
    """The least value a numeric column may hold."""
    return 1 if column.name == "show_id" else 0


def most(column: Column) -> float:
    """The greatest value a numeric column may hold."""
    if column.name == "vote_average":
        return BEST_VOTE
    return INT64_MAX if column.type == pa.int64() else 1.7976931348623157e308


@lru_cache(maxsize=65_536)
def is_day(text: str) -> bool:
    """True if `text` is an existing date, written YYYY-MM-DD."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
