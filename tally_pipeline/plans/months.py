"""Months as people write them, YYYY-MM, and as numbers that can be counted with."""

from __future__ import annotations

import re

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)


def number(month: str) -> int:
    """The month as a number; the next month's is one more. Raises `ValueError` for text that is no month."""
    found = _MONTH.fullmatch(month)
    if found is None or found[1] == "0000":
        raise ValueError(f"{month!r} is no month")
    return int(found[1]) * 12 + int(found[2]) - 1


def text(month: int) -> str:
    """The month as it is written."""
    return f"{month // 12:04}-{month % 12 + 1:02}"
