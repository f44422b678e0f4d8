"""The shape of replies, held against recorded ones: keys and their order, and the type of every value."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

# Objects whose keys are data: the values are compared, whatever the keys.
_BY_COUNTRY = ("/results", "/display_priorities")


def differences(
    ours: Any,
    recorded: Sequence[Any],
    *,
    nullable: Collection[str] = (),
    optional: Collection[str] = (),
    where: str = "",
) -> Iterable[str]:
    """In what a value differs from all that were recorded at its place; `nullable` places may be null besides, and
    keys at `optional` places may be there or not, in any order.
    """
    if ours is None:
        if None not in recorded and where not in nullable:
            yield f"{where} is null"
        return
    samples = [value for value in recorded if value is not None]
    if not samples:
        return
    if type(ours) not in {type(value) for value in samples}:
        yield f"{where} is a {type(ours).__name__}, recorded {sorted({type(v).__name__ for v in samples})}"
    elif isinstance(ours, list):
        elements = [element for value in samples for element in value]
        for element in ours:
            yield from differences(
                element, elements, nullable=nullable, optional=optional, where=f"{where}[]"
            )
    elif isinstance(ours, dict):
        by_country = where.endswith(_BY_COUNTRY)
        if not by_country and not any(_fits(list(ours), list(value), where, optional) for value in samples):
            yield f"{where} has the keys {list(ours)}, recorded {list(samples[0])}"
        for key, value in ours.items():
            there = [
                entry for sample in samples for name, entry in sample.items() if by_country or name == key
            ]
            place = where if by_country else f"{where}/{key}"
            yield from differences(
                value, there, nullable=nullable, optional=optional, where=f"{place}{'*' * by_country}"
            )


def _fits(ours: list[str], recorded: list[str], where: str, optional: Collection[str]) -> bool:
    def firm(keys: list[str]) -> list[str]:
        return [key for key in keys if f"{where}/{key}" not in optional]

    return firm(ours) == firm(recorded)
