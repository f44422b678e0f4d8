"""Groups days into runs: adjacent days share one. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from tally_pipeline.days import days_after

What = TypeVar("What", bound=Hashable)


@dataclass(frozen=True)
class Batch(Generic[What]):
    """Days (`YYYY-MM-DD`) in order, without a gap, with the same work for each."""

    days: tuple[str, ...]
    what: What

    @property
    def first(self) -> str:
        return self.days[0]

    @property
    def last(self) -> str:
        return self.days[-1]


def batches(wanted: Mapping[str, What], most: int) -> list[Batch[What]]:
    """The batches for the work wanted by day, oldest first, each of at most `most` days."""
    batched: list[Batch[What]] = []
    for day in sorted(wanted):
        last = batched[-1] if batched else None
        joins = last is not None and last.what == wanted[day] and days_after(last.last) == day
        if last is not None and joins and len(last.days) < most:
            batched[-1] = Batch((*last.days, day), last.what)
        else:
            batched.append(Batch((day,), wanted[day]))
    return batched


def by_day(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Lists by day, from pairs of a day and a list."""
    names_by_day: dict[str, set[str]] = {}
    for day, name in pairs:
        names_by_day.setdefault(day, set()).add(name)
    return {day: frozenset(names) for day, names in names_by_day.items()}
