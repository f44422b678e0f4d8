"""The sections of offers and of dates to come: who moved where and when, and what an empty one waits for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tally_pipeline.days import days_after, days_before
from tally_pipeline.report.inputs import Inputs
from tally_pipeline.report.offers import MOST_MOVES, SHOWN, offer_changes
from tally_pipeline.report.page import render
from tally_pipeline.report.releases import releases
from tally_pipeline_tests.report.world import (
    DAY,
    Row,
    calendar_table,
    inputs,
    offer_changes_table,
    world,
)


@pytest.fixture(scope="module")
def made() -> Inputs:
    return inputs(world(shows=40))


def change(country: str, kind: str = "flatrate", **changed: object) -> Row:
    row: Row = {
        "dt": DAY,
        "change": "departure",
        "reason": "offer",
        "show_id": 1,
        "title": "Severance",
        "country": country,
        "kind": kind,
        "brand_id": 8,
        "brand": "Netflix",
        "seen_on": DAY,
        "compared_seen_on": days_before(DAY),
    }
    return row | changed


def with_changes(made: Inputs, *rows: Row) -> Inputs:
    return replace(made, offer_changes=offer_changes_table(list(rows)))


def dated(ahead: int, **changed: object) -> Row:
    row: Row = {
        "air_date": days_after(DAY, ahead),
        "days_until": ahead,
        "show_id": ahead,
        "title": f"In {ahead} days",
        "season_number": 2,
        "episode_number": 8,
        "is_finale": True,
        "completes_season": True,
        "networks": ["HBO"],
        "seen_on": DAY,
    }
    return row | changed


def test_a_show_that_leaves_a_brand_in_many_countries_is_one_line(made: Inputs) -> None:
    rows = [change(country) for country in ("US", "DE", "FR", "GB", "AT", "CH", "ES", "IT")]
    section = offer_changes(
        with_changes(made, *rows, change("US", "ads"), change("US", brand_id=9, brand="Prime"))
    )
    arrived, left = section.panels
    assert arrived.all == []
    assert [(move.title, move.brand, move.how) for move in left.all] == [
        ("Severance", "Netflix", "subscription, free with ads"),
        ("Severance", "Prime", "subscription"),
    ]
    assert left.all[0].where == "AT, CH, DE, ES, FR, GB and 2 more"
    assert section.brands == [(8, "Netflix"), (9, "Prime")]
    assert len(section.countries) == 8


def test_a_change_is_dated_by_the_replies_between_which_it_happened(made: Inputs) -> None:
    exact, wide = change("US"), change("US", show_id=2, title="Zed", compared_seen_on=days_before(DAY, 7))
    _, left = offer_changes(with_changes(made, exact, wide)).panels
    assert [move.when for move in left.all] == ["23 Nov", "17–23 Nov"]


def test_a_show_that_is_gone_says_so_and_one_without_a_title_has_its_number(made: Inputs) -> None:
    _, left = offer_changes(with_changes(made, change("US", reason="show_gone", title=None))).panels
    assert [(move.title, move.note) for move in left.all] == [("show 1", "TMDB has the show no more")]


def test_what_the_page_leaves_out_is_counted(made: Inputs) -> None:
    rows = [change("US", show_id=number) for number in range(MOST_MOVES + 3)]
    _, left = offer_changes(with_changes(made, *rows)).panels
    assert (len(left.first), len(left.all), left.more) == (SHOWN, MOST_MOVES, 3)


def test_seasons_become_complete_this_week_later_and_after_that_not_yet(made: Inputs) -> None:
    rows = [dated(0), dated(6), dated(7), dated(27), dated(28), dated(3, completes_season=False)]
    section = releases(replace(made, calendar=calendar_table(rows)))
    assert [(one.title, one.on) for one in section.complete] == [
        ("In 0 days", "today"),
        ("In 6 days", "29 Nov"),
    ]
    assert [one.title for one in section.later] == ["In 7 days", "In 27 days"]
    assert section.complete[0].what == "season 2, episode 8, finale"


def test_a_date_that_moved_says_from_where(made: Inputs) -> None:
    moved = dated(
        40, moved_from=days_after(DAY, 33), episode_number=None, is_finale=False, completes_season=False
    )
    (one,) = releases(replace(made, calendar=calendar_table([moved]))).moved
    assert (one.what, one.on, one.moved) == ("season 2", "2 Jan", "was 26 Dec")


@pytest.mark.parametrize(
    ("details_days", "has_gold", "offers_say", "dates_say"),
    [
        (
            [],
            False,
            "Nothing is known yet of where shows can be watched",
            "Nothing is known yet of episodes to come",
        ),
        (
            [DAY],
            True,
            "from a show’s second reply on, 24 Nov at the earliest",
            "No season is known to become complete",
        ),
        ([days_before(DAY)], False, "materialize gold of the day", "no calendar of this day yet"),
        (
            [days_before(DAY), DAY],
            True,
            "Nothing arrived and nothing left in 2 days with details. 5 days of the 7 have no details.",
            "The calendar knows 0 dates to come of 0 shows.",
        ),
    ],
)
def test_an_empty_section_says_what_fills_it_and_when(
    made: Inputs, details_days: list[str], has_gold: bool, offers_say: str, dates_say: str
) -> None:
    empty = replace(
        made,
        details_days=details_days,
        offer_changes=offer_changes_table([]) if has_gold else None,
        calendar=calendar_table([]) if has_gold else None,
    )
    assert offers_say in offer_changes(empty).note
    assert dates_say in releases(empty).note
    page = render(empty, "TMDB")
    assert offers_say in page
    assert dates_say in page


def test_justwatch_is_named_beside_offers_whether_there_are_any_or_not(made: Inputs) -> None:
    for one in (made, replace(made, offer_changes=None)):
        section = render(one, "TMDB").partition('aria-labelledby="offers"')[2].partition("</section>")[0]
        assert "Offers: JustWatch, via TMDB" in section
