"""Numbers of things, in words."""

from __future__ import annotations


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 day`, `2 days`; `many` where an s is not all there is to it, as in `2 lists and days`."""
    return f"{number} {noun(number, one, many)}"


def noun(number: float, one: str, many: str | None = None) -> str:
    """The word for so many of them: `day` of one, `days` of any other number."""
    return one if number == 1 else many or f"{one}s"
