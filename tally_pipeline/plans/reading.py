"""Reading a table of a file key by key. Each fault is one sentence: the file, the key, what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, NoReturn

from tally_pipeline.plans import months
from tally_pipeline.plans.errors import PlanError

DECIMALS = 6
MOST_ID = 2**31 - 1
_SHOWN = 60


class Table:
    """A table at a place in a file, such as `wishes[2]` (empty for the file itself)."""

    def __init__(self, file: str, place: str, content: object) -> None:
        self.file, self.place = file, place
        if not isinstance(content, dict):
            raise PlanError(
                f"{file}: {place or 'it'} is {_glimpse(content)}; it must be a table of keys and values"
            )
        self._content: Mapping[str, Any] = content

    def only(self, keys: Iterable[str]) -> None:
        """Fail at a key that is none of these: it would be overlooked in silence."""
        known = list(keys)
        for key in self._content:
            if key not in known:
                close = difflib.get_close_matches(key, known, 1)
                meant = f"did you mean {close[0]!r}? " if close else ""
                self.fail(key, f"is no key that is known here; {meant}the keys are: {', '.join(known)}")

    def fail(self, key: str, what: str) -> NoReturn:
        """Raise `PlanError` for a key."""
        raise PlanError(f"{self.file}: {self._name(key)} {what}")

    def given(self, key: str) -> bool:
        """True if the key is there and not null."""
        return self._content.get(key) is not None

    def text(self, key: str, what: str) -> str:
        """A text with something in it."""
        value = self._needed(key, what)
        if not isinstance(value, str) or not value.strip():
            self._wrong(key, value, what)
        return value.strip()

    def whole(self, key: str, least: int, most: int) -> int:
        """A whole number between these, both included."""
        return self._whole(key, self._needed(key, f"a whole number from {least} to {most}"), least, most)

    def amount(self, key: str, most: int, *, above_zero: bool = False) -> Fraction:
        """A number from 0, or above 0, to `most`, with at most six decimals."""
        what = f"a number {'above' if above_zero else 'from'} 0 {'and up ' if above_zero else ''}to {most:,}"
        value = self._needed(key, what)
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            self._wrong(key, value, what)
        number = Decimal(value)
        if not number.is_finite() or not 0 <= number <= most or (above_zero and not number):
            self._wrong(key, value, what)
        exponent = number.as_tuple().exponent
        if not isinstance(exponent, int) or exponent < -50 or number != round(number, DECIMALS):
            self._wrong(key, value, f"{what} with at most {DECIMALS} decimals")
        return Fraction(number)

    def month(self, key: str) -> int:
        """A month, as a number."""
        what = "a month, as in 2026-02"
        value = self._needed(key, what)
        try:
            return months.number(value)
        except (ValueError, TypeError):
            self._wrong(key, value, what)

    def country(self, key: str) -> str:
        """A country's two capital letters."""
        return self._capitals(key, 2, "a country's two capital letters, as in US")

    def currency(self, key: str) -> str:
        """A currency's three capital letters."""
        return self._capitals(key, 3, "a currency's three capital letters, as in USD")

    def ids(self, key: str) -> frozenset[int]:
        """A list of providers' ids; one that stands there twice counts once."""
        what = "a list of providers' ids, as in [8, 9]"
        value = self._needed(key, what)
        if not isinstance(value, list):
            self._wrong(key, value, what)
        return frozenset(self._whole(f"{key}[{at}]", one, 1, MOST_ID) for at, one in enumerate(value))

    def tables(self, key: str, most: int) -> list[Table]:
        """A list of tables."""
        value = self._needed(key, "a list of tables")
        if not isinstance(value, list):
            self._wrong(key, value, "a list of tables")
        if len(value) > most:
            self.fail(key, f"has {len(value):,} entries; leave {most:,} at most")
        return [Table(self.file, f"{self._name(key)}[{at}]", one) for at, one in enumerate(value)]

    def value(self, key: str, what: str) -> Any:
        """The value, of whatever kind."""
        return self._needed(key, what)

    def wrong(self, key: str, what: str) -> NoReturn:
        """Raise `PlanError` for a key whose value is not what it must be."""
        self._wrong(key, self._content.get(key), what)

    def _capitals(self, key: str, length: int, what: str) -> str:
        value = self._needed(key, what)
        if not isinstance(value, str) or not re.fullmatch(f"[A-Z]{{{length}}}", value):
            self._wrong(key, value, what)
        return value

    def _whole(self, key: str, value: object, least: int, most: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self._wrong(key, value, f"a whole number from {least} to {most}")
        return value

    def _needed(self, key: str, what: str) -> Any:
        if (value := self._content.get(key)) is None:
            self.fail(key, f"is missing; give {what}")
        return value

    def _wrong(self, key: str, value: object, what: str) -> NoReturn:
        self.fail(key, f"is {_glimpse(value)}; give {what}")

    def _name(self, key: str) -> str:
        return f"{self.place}.{key}" if self.place else key


def _glimpse(value: object) -> str:
    try:
        text = str(value) if isinstance(value, Decimal) else repr(value)
    except (ValueError, RecursionError):  # thousands of digits, or nested as deeply
        return "too long to show"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
