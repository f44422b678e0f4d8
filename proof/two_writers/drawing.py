"""The rounds, drawn by chance: who writes, how they cross, and where one of them stops or dies."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from proof.two_writers.writers import By, Place, Writer
from tally_pipeline.gold import OF_SHOWS as GOLD

How = Literal[
    "one is overtaken",
    "two stop, one after the other",
    "the overtaker dies",
    "who is overtaken dies",
    "all at once",
]
HOWS: tuple[How, ...] = (
    "one is overtaken",
    "two stop, one after the other",
    "the overtaker dies",
    "who is overtaken dies",
    "all at once",
)

BYS: dict[str, Sequence[By]] = {
    "machines that refine": ("refining", "refining", "refining"),
    "sensors on one queue": ("a sensor", "a sensor", "a sensor"),
    "tally sync beside sensors": ("tally sync", "a sensor", "a sensor"),
}

LIST, OTHER_LIST = "popular_shows", "on_the_air"
_SILVER, _QUARANTINE = f"silver/shows/{LIST}", f"quarantine/shows/{LIST}"
_GOLD = [f"gold/{table.name}" for table in GOLD]
_REPORTS = ["reports/dt=", "reports/latest.html"]

_OF_A_LIST = [
    *[Place("put", _SILVER)] * 2,
    Place("put", _QUARANTINE),
    *[Place("chose", LIST)] * 2,
    Place("looked", _SILVER),
]
"""Places in the making of silver: before the writes, after the inputs, after the look at the version."""

_BELOW = [
    Place("read", _SILVER, 2),
    *(Place("looked", key) for key in _GOLD[:1]),
    *(Place("put", key) for key in (*_GOLD, *_REPORTS)),
]
"""Places in the making of what is below, where another list's silver changes as much."""

_ORDERS: Sequence[Sequence[int]] = ([0, 1], [1, 0])
_DEATHS = [Place("put", key) for key in (_QUARANTINE, _SILVER, *_GOLD, *_REPORTS)]


@dataclass(frozen=True)
class Round:
    """Writers in the order in which they start. `at_once`: none waits for another to stop or end.

    Those that stopped go on in the order of `go_on`, by their numbers, when all others have ended.
    """

    how: How
    who: str
    writers: Sequence[Writer]
    at_once: bool = False
    go_on: Sequence[int] = ()


def drawn(dice: random.Random, number: int) -> Round:
    """The round of this number: the ways to cross and the kinds of writers take turns, all else is drawn."""
    how, who = HOWS[number % len(HOWS)], list(BYS)[number % len(BYS)]
    return _drawn(dice, how, who, _OF_A_LIST if dice.random() < 0.7 else _BELOW)


def for_faults(dice: random.Random) -> list[Round]:
    """Rounds for a planted fault, in any order: of those of `drawn` the quickest in which none can hide.

    Without deaths, so that the end is judged before anything is made again; of machines that refine; and they cross
    at each place in the making of silver, because gold makes sure of its inputs in a second way.
    """
    found = []
    for place in dict.fromkeys(_OF_A_LIST):
        found.append(_drawn(dice, "one is overtaken", "machines that refine", [place]))
        two = _drawn(dice, "two stop, one after the other", "machines that refine", [place])
        found += [replace(two, go_on=order) for order in _ORDERS]
    dice.shuffle(found)
    return found


def _drawn(dice: random.Random, how: How, who: str, places: Sequence[Place]) -> Round:
    bys = list(BYS[who])
    if dice.random() < 0.5:
        bys.reverse()
    count = dice.choice([2, 3])
    writers = [Writer(at, LIST, dice.randrange(5, 60), by) for at, by in enumerate(bys[:count])]
    if "tally sync" in BYS[who] and all(one.by != "tally sync" for one in writers):
        writers[-1] = replace(writers[-1], by="tally sync")
    if count == 3:
        writers[2] = replace(writers[2], data_type=dice.choice([LIST, OTHER_LIST]))
    if how == "all at once":
        return _at_once(dice, who, writers)
    place = dice.choice(places)
    writers[0] = replace(writers[0], stops=place)
    if places is _BELOW and dice.random() < 0.5:
        writers[1] = replace(writers[1], data_type=OTHER_LIST)
    if how == "two stop, one after the other":
        writers[1] = replace(writers[1], stops=place, data_type=LIST)
        return Round(how, who, writers, go_on=dice.choice(_ORDERS))
    if how == "the overtaker dies":
        writers[1] = replace(writers[1], dies=_of_the_list(dice.choice(_DEATHS), writers[1]))
    if how == "who is overtaken dies":
        # What it has written before it stopped is not written again, unless it is overtaken.
        later = [one for one in _DEATHS if _order(one) >= _order(place)]
        dies = dice.choice(later)
        again = place.what == "put" and dies.key == place.key
        writers[0] = replace(writers[0], dies=replace(dies, nth=2 if again else 1))
    return Round(how, who, writers, go_on=[0])


def _at_once(dice: random.Random, who: str, writers: Sequence[Writer]) -> Round:
    late = [replace(one, delay=dice.random() * 1.5) for one in writers]
    if dice.random() < 0.3:
        chosen = dice.randrange(len(late))
        late[chosen] = replace(late[chosen], dies=_of_the_list(dice.choice(_DEATHS), late[chosen]))
    return Round("all at once", who, late, at_once=True)


def _of_the_list(place: Place, writer: Writer) -> Place:
    return replace(place, key=place.key.replace(LIST, writer.data_type))


def _order(place: Place) -> int:
    """The part of a run in which the place lies."""
    if place.what == "chose":
        return 0
    parts = ("quarantine", "silver", "gold", "reports/dt", "reports/latest")
    return next(at for at, part in enumerate(parts) if place.key.startswith(part))
