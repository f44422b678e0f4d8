"""Chooses the shows to ask for on a day. Pure.

First the shows of the lists, then those on a watchlist, then those on air; the rest of the known shows in weekly
turns, the longest unseen first. A budget of requests bounds the day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tally_pipeline.tmdb.details import Wanted

TURN_DAYS = 7
"""Known shows that nothing else asks for are asked for once in so many days, if the budget allows it."""

ON_AIR = frozenset({"Returning Series", "In Production", "Planned", "Pilot"})
"""TMDB's states of shows of which more is to come."""


@dataclass(frozen=True)
class Known:
    """A show known before the day: its state, the day of its last reply, the season that runs or comes next."""

    show_id: int
    is_on_air: bool
    age_days: int
    season: int | None


@dataclass(frozen=True)
class Choice:
    """The shows to ask for, in order; their numbers by reason; the number that the budget left out."""

    wanted: tuple[Wanted, ...]
    by_reason: Mapping[str, int]
    left_out: int


def choose(listed: Iterable[int], watched: Iterable[int], known: Iterable[Known], *, budget: int) -> Choice:
    """The choice of a day. `listed` are the shows of the lists, the most important first."""
    by_id = {one.show_id: one for one in known}
    rest = sorted(
        (one for one in by_id.values() if not one.is_on_air), key=lambda one: (-one.age_days, one.show_id)
    )
    turn = -(-len(rest) // TURN_DAYS)
    due = [one for place, one in enumerate(rest) if place < turn or one.age_days >= TURN_DAYS]
    reasons: dict[int, str] = {}
    for reason, show_ids in (
        ("in a list", listed),
        ("on a watchlist", watched),
        ("on air", sorted(one.show_id for one in by_id.values() if one.is_on_air)),
        ("its weekly turn", (one.show_id for one in due)),
    ):
        for show_id in show_ids:
            reasons.setdefault(show_id, reason)
    chosen = list(reasons)[:budget]
    by_reason: dict[str, int] = {}
    for show_id in chosen:
        by_reason[reasons[show_id]] = by_reason.get(reasons[show_id], 0) + 1
    wanted = tuple(Wanted(show_id, by_id[show_id].season if show_id in by_id else None) for show_id in chosen)
    return Choice(wanted, by_reason, len(reasons) - len(chosen))
