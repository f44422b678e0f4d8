"""The outcomes of a case on each side, and their comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Standing = Literal["silently wrong", "wrong, and said so", "nothing, and said so", "whole"]

_ORDER: tuple[Standing, ...] = ("silently wrong", "wrong, and said so", "nothing, and said so", "whole")


@dataclass(frozen=True)
class Offer:
    """TMDB's pages: their number of shows, and of values in the column that the case is about."""

    shows: int
    values: int = 0


@dataclass(frozen=True)
class Outcome:
    """The day's table as a reader finds it in the end, and the messages of the run.

    `values` are those of the column that the case is about; `kept` are rows of the last run that are stored
    somewhere, whether or not they were published; `said` is empty when the run ended as if all was well.
    """

    rows: int
    shows: int
    values: int
    kept: int
    said: str

    def standing(self, offer: Offer) -> Standing:
        """The distance from the offer, each show once, with its values."""
        if (self.rows, self.shows, self.values) == (offer.shows, offer.shows, offer.values):
            return "whole"
        if not self.said:
            return "silently wrong"
        return "wrong, and said so" if self.rows else "nothing, and said so"

    def words(self, offer: Offer, about: str) -> str:
        """The outcome in a cell: rows, what is wrong with them, what was said."""
        told = [f"{self.rows} rows"]
        if self.shows < offer.shows:
            told.append(f"{offer.shows - self.shows} of {offer.shows} shows are not there")
        if self.rows > self.shows:
            told.append(f"{self.rows - self.shows} twice")
        if self.shows and self.values < offer.values:
            told.append(f"{offer.values - self.values} of {offer.values} values of {about} are not there")
        if self.rows < self.kept:
            told.append(f"{self.kept} kept")
        says = f"says: {glimpse(self.said)}" if self.said else "says nothing"
        return f"{self.standing(offer)}: {', '.join(told)}; {says}"


def better(tally: Outcome, dlt: Outcome, offer: Offer) -> Literal["Tally", "dlt", "even"]:
    """The better side; of two equal ones, the one that kept more rows."""
    ranks = [(_ORDER.index(side.standing(offer)), side.kept) for side in (tally, dlt)]
    if ranks[0] == ranks[1] or ranks[0][0] == ranks[1][0] == _ORDER.index("whole"):
        return "even"
    return "Tally" if ranks[0] > ranks[1] else "dlt"


def glimpse(said: str, letters: int = 120) -> str:
    """The beginning of what was said, on one line."""
    line = " ".join(said.split())
    return line if len(line) <= letters else f"{line[:letters]}…"
