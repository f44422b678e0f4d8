"""Which shows are asked for on a day, and that none is forgotten."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tally_pipeline.datasets.details.choice import TURN_DAYS, Choice, Known, choose
from tally_pipeline.tmdb.details import Wanted

KNOWN = st.lists(
    st.builds(
        Known,
        show_id=st.integers(1, 60),
        is_on_air=st.booleans(),
        age_days=st.integers(1, 14),
        season=st.none() | st.integers(0, 9),
    ),
    max_size=40,
    unique_by=lambda one: one.show_id,
)
IDS = st.lists(st.integers(1, 60), max_size=30)


def ended(show_id: int, age_days: int = 1) -> Known:
    return Known(show_id, False, age_days, None)


def ids(choice: Choice) -> list[int]:
    return [one.show_id for one in choice.wanted]


def test_lists_go_first_then_watchlists_then_shows_on_air_then_the_longest_unseen() -> None:
    known = [Known(4, True, 1, 3), Known(3, True, 2, None), *(ended(n, age_days=n - 4) for n in range(5, 12))]
    choice = choose([2, 9, 1], [3, 8], known, budget=100)
    assert ids(choice) == [2, 9, 1, 3, 8, 4, 11]
    assert choice.by_reason == {"in a list": 3, "on a watchlist": 2, "on air": 1, "its weekly turn": 1}
    assert choice.left_out == 0


def test_the_season_that_runs_is_asked_for_with_a_known_show() -> None:
    choice = choose([1, 2, 3], [], [Known(1, True, 1, 4), Known(2, False, 1, None)], budget=9)
    assert choice.wanted == (Wanted(1, 4), Wanted(2, None), Wanted(3, None))


def test_a_budget_leaves_out_from_the_end_and_says_how_many() -> None:
    choice = choose([5, 4], [], [ended(n, age_days=TURN_DAYS) for n in range(10, 20)], budget=3)
    assert (ids(choice), choice.left_out) == ([5, 4, 10], 9)
    assert choice.by_reason == {"in a list": 2, "its weekly turn": 1}


@given(IDS, IDS, KNOWN, st.integers(1, 80))
def test_every_show_is_chosen_once_within_the_budget_and_for_its_first_reason(
    listed: list[int], watched: list[int], known: list[Known], budget: int
) -> None:
    choice = choose(listed, watched, known, budget=budget)
    chosen = ids(choice)
    assert len(chosen) == len(set(chosen)) == sum(choice.by_reason.values()) <= budget
    assert choice.left_out == 0 or len(chosen) == budget
    everything = choose(listed, watched, known, budget=1000)
    assert chosen == ids(everything)[:budget]
    must = {*listed, *watched, *(one.show_id for one in known if one.is_on_air or one.age_days >= TURN_DAYS)}
    assert must <= set(ids(everything)) <= must | {one.show_id for one in known}
    assert choose(listed, watched, reversed(known), budget=budget) == choice


@given(st.integers(1, 120), st.integers(0, 30), st.integers(0, 20))
def test_over_four_weeks_every_known_show_has_its_turn_each_week_and_no_day_is_a_flood(
    shows: int, on_air: int, listed: int
) -> None:
    last_asked = dict.fromkeys(range(shows), 0)
    airing = set(range(on_air))
    for day in range(1, 29):
        known = [Known(one, one in airing, day - asked, None) for one, asked in last_asked.items()]
        of_lists = [(day * 7 + place) % (shows + 5) for place in range(listed)]
        choice = choose(of_lists, [], known, budget=10_000)
        ended_shows = len([one for one in last_asked if one not in airing])
        assert choice.by_reason.get("its weekly turn", 0) <= -(-ended_shows // TURN_DAYS)
        for one in choice.wanted:
            last_asked[one.show_id] = day
        assert all(day - asked < TURN_DAYS for one, asked in last_asked.items()), day
