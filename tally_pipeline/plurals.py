"""Numbers with their nouns, singular or plural."""

from __future__ import annotations


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 day`, `2 days`; `many` for a plural that is not just `one` with an s, as in `2 lists and days`."""
    return f"{number} {noun(number, one, many)}"


def noun(number: float, one: str, many: str | None = None) -> str:
    """The noun for a number of things: `day` for one, `days` for any other number."""
    return one if number == 1 else many or f"{one}s"
