"""The seasons of the sandbox's shows: they air week by week to the finale, and are announced before."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tally_pipeline.tmdb.sandbox import world
from tally_pipeline.tmdb.sandbox.invented import temper
from tally_pipeline.tmdb.sandbox.seasons import TOLD_AHEAD, Course, course, seasons

SHOWS = st.integers(0, 14_000)
DAYS = st.dates(date(2018, 1, 1), date(2028, 12, 31)).map(date.toordinal)
DAY = date(2026, 3, 14).toordinal()


def next_day(told: Course) -> int | None:
    return told.next[0].days[told.next[1]] if told.next else None


@given(SHOWS, DAYS)
def test_the_last_episode_has_aired_the_next_has_not_and_none_is_between(show: int, day: int) -> None:
    told = course(show, day)
    every = [(season.number, place) for season in told.seasons for place in range(len(season.days))]
    if told.last:
        season, place = told.last
        assert season.days[place] < day
    if told.next:
        season, place = told.next
        assert season.days[place] >= day
    if told.last and told.next:
        last, following = ((season.number, place) for season, place in (told.last, told.next))
        assert every.index(following) == every.index(last) + 1


@given(SHOWS, DAYS)
def test_what_has_aired_stays_and_status_and_seasons_fit(show: int, day: int) -> None:
    today, tomorrow = course(show, day), course(show, day + 1)
    assert [season.number for season in tomorrow.seasons][: len(today.seasons)] == [
        season.number for season in today.seasons
    ]
    for before, after in zip(today.seasons, tomorrow.seasons, strict=False):
        aired = [on for on in before.days if on <= day]
        assert list(after.days[: len(aired)]) == aired
        assert len(after.days) >= len(before.days)
        assert list(before.days) == sorted(before.days)
    if today.status in ("Ended", "Canceled"):
        assert today.next is None
    if today.status in ("Planned", "In Production"):
        assert today.last is None
    if today.next and today.last:
        assert today.status == "Returning Series"


@given(SHOWS)
def test_seasons_air_week_by_week_or_day_by_day_and_end_with_their_only_finale(show: int) -> None:
    own = temper(show)
    assert seasons(show)[0].days[0] == own.premiere
    for season in seasons(show):
        gaps = {second - first for first, second in pairwise(season.days)}
        assert gaps <= ({1, 3} if season.daily and season.days[0] >= own.start else {7})
    for earlier, later in pairwise(seasons(show)):
        assert earlier.days[-1] < later.days[0]
    over = course(show, seasons(show)[-1].days[-1] + 1)
    for told in over.seasons:
        kinds = [told.kind(place) for place in range(len(told.days))]
        assert kinds.index("finale") == len(kinds) - 1


@given(SHOWS, DAYS)
def test_of_a_daily_show_two_weeks_are_known(show: int, day: int) -> None:
    for told in course(show, day).seasons:
        if told.season.daily and told.days:
            assert told.days[-1] <= day + TOLD_AHEAD


def test_seasons_are_announced_first_without_a_date_and_then_with_one() -> None:
    shows = range(0, 13_000, 13)
    undated = [show for show in shows if any(not told.days for told in course(show, DAY).seasons)]
    coming = [
        show for show in shows if any(told.days and told.days[0] > DAY for told in course(show, DAY).seasons)
    ]
    assert len(undated) > 10
    assert len(coming) > 10
    for show in undated:
        number = next(told.number for told in course(show, DAY).seasons if not told.days)
        later = {told.number: told for told in course(show, DAY + 130).seasons}
        assert later[number].days


def test_some_dates_to_come_move_by_a_week_and_none_otherwise() -> None:
    moved = set()
    for show in range(0, 13_000, 7):
        days = [next_day(course(show, DAY + ahead)) for ahead in range(30)]
        numbers = [course(show, DAY + ahead).next for ahead in range(30)]
        for (before, after), (one, other) in zip(pairwise(days), pairwise(numbers), strict=True):
            same = one and other and (one[0].number, one[1]) == (other[0].number, other[1])
            if same and before != after:
                assert before is not None
                assert after == before + 7
                moved.add(show)
    assert 5 < len(moved) < 200


def test_episodes_air_on_the_days_on_which_the_lists_have_the_show() -> None:
    for day in (date(2026, 1, 1), date(2026, 2, 14)):
        airing = set(world.listing("/tv/airing_today", day).shows)
        has_one = {
            show
            for show in world.ranked(day)
            if any(season.days[0] <= day.toordinal() in season.days for season in seasons(show))
        }
        assert airing == has_one
