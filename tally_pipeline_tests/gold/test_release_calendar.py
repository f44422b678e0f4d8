"""Episodes to come: which, when, which of them completes its season, and which moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tally_pipeline.gold import release_calendar
from tally_pipeline.tables.sources import Sources
from tally_pipeline_tests.gold.offers import OffersLake, Row, detail

DAY = "2026-03-10"
CALENDAR = release_calendar.TABLE


def episode(
    number: int, air_date: str | None, type_: str = "standard", season: int = 2, **changed: Any
) -> Row:
    named = {"season_number": season, "episode_number": number, "air_date": air_date, "episode_type": type_}
    return named | {"name": f"Part {number}"} | changed


def season(number: int, episodes: int, air_date: str | None = None) -> Row:
    return {
        "season_number": number,
        "name": f"Season {number}",
        "air_date": air_date,
        "episode_count": episodes,
    }


def calendar(*shows: Row, before: tuple[Row, ...] = ()) -> list[Row]:
    """The calendar of `DAY`, proven by its own check."""
    rows = CALENDAR.of_shows(DAY, shows, before)
    finding = release_calendar.every_date_in_it(rows, shows, DAY)
    assert finding.passed, finding
    assert CALENDAR.broken_promises(rows) == ""
    told: list[Row] = rows.to_pylist()
    return told


def test_what_airs_from_the_day_on_is_told_and_what_has_aired_is_not() -> None:
    running = [episode(1, "2026-03-09"), episode(2, DAY), episode(3, "2026-03-17"), episode(4, None)]
    rows = calendar(detail(1, DAY, running_episodes=running, season_list=[season(2, 8)]))
    assert [(row["episode_number"], row["air_date"], row["days_until"]) for row in rows] == [
        (2, DAY, 0),
        (3, "2026-03-17", 7),
    ]
    assert rows[0]["episode_name"] == "Part 2"
    assert rows[0]["networks"] == ["HBO"]
    assert {row["season_complete_on"] for row in rows} == {None}


def test_the_next_episode_is_told_once_and_alone_when_its_season_is_not_listed() -> None:
    following = {
        "next_episode_date": "2026-03-12",
        "next_episode_season": 2,
        "next_episode_number": 5,
        "next_episode_type": "finale",
    }
    listed = detail(1, DAY, running_episodes=[episode(5, "2026-03-12", "finale")], **following)
    alone = detail(2, DAY, **following)
    rows = calendar(listed, alone)
    assert [(row["show_id"], row["episode_number"], row["episode_name"]) for row in rows] == [
        (1, 5, "Part 5"),
        (2, 5, None),
    ]
    assert all(row["is_finale"] and row["completes_season"] for row in rows)


@pytest.mark.parametrize(
    ("running", "episodes", "complete"),
    [
        pytest.param(
            [episode(1, "2026-03-03"), episode(2, "2026-03-11")], 2, "2026-03-11", id="all are dated"
        ),
        pytest.param([episode(1, "2026-03-03"), episode(2, "2026-03-11")], 3, None, id="one is not listed"),
        pytest.param([episode(1, "2026-03-11"), episode(2, None)], 2, None, id="one has no day"),
        pytest.param([episode(8, "2026-03-11", "finale")], 8, "2026-03-11", id="the finale is dated"),
        pytest.param([episode(4, "2026-03-11", "mid_season")], 8, None, id="only half of it"),
        pytest.param([episode(1, "2026-03-11", season=0)], 1, None, id="specials"),
    ],
)
def test_a_season_is_complete_on_a_day_when_its_end_is_known(
    running: list[Row], episodes: int, complete: str | None
) -> None:
    number = running[0]["season_number"]
    rows = calendar(detail(1, DAY, running_episodes=running, season_list=[season(number, episodes)]))
    assert {row["season_complete_on"] for row in rows} == {complete}
    assert [row["completes_season"] for row in rows] == [complete is not None]


def test_of_a_season_that_comes_all_at_once_the_last_episode_completes_it() -> None:
    running = [episode(number, "2026-03-20") for number in (1, 2, 3)]
    rows = calendar(detail(1, DAY, running_episodes=running, season_list=[season(2, 3, "2026-03-20")]))
    assert [row["completes_season"] for row in rows] == [False, False, True]


def test_a_season_announced_without_its_episodes_is_told_by_its_day() -> None:
    seasons = [
        season(1, 8, "2025-01-01"),
        season(2, 3, "2026-03-03"),
        season(3, 0, "2026-09-01"),
        season(4, 0),
    ]
    rows = calendar(detail(1, DAY, running_episodes=[episode(3, "2026-03-17")], season_list=seasons))
    assert [(row["season_number"], row["episode_number"], row["air_date"]) for row in rows] == [
        (2, 3, "2026-03-17"),
        (3, None, "2026-09-01"),
    ]


def test_a_date_that_moved_says_from_which_day() -> None:
    def show(third: str | None, announced: str) -> Row:
        running = [episode(2, "2026-03-12"), episode(3, third)]
        return detail(1, DAY, running_episodes=running, season_list=[season(3, 0, announced)])

    def moved(before: tuple[Row, ...]) -> list[str | None]:
        return [row["moved_from"] for row in calendar(show("2026-03-26", "2026-10-01"), before=before)]

    assert moved((show("2026-03-19", "2026-09-01"),)) == [None, "2026-03-19", "2026-09-01"]
    assert moved((show(None, "2026-10-01"),)) == [None, None, None]
    assert moved(()) == [None, None, None]


def test_a_day_is_made_from_its_details_and_compared_with_the_last_day_before(root: Path) -> None:
    lake = OffersLake(root)
    lake.write_details("2026-03-05", [detail(1, "2026-03-05", running_episodes=[episode(3, "2026-03-17")])])
    lake.write_details(DAY, [detail(1, "2026-03-08", running_episodes=[episode(3, "2026-03-18")])])
    made = lake.compute(CALENDAR, DAY)
    (row,) = made.rows.to_pylist()
    assert (row["air_date"], row["moved_from"], row["seen_on"]) == ("2026-03-18", "2026-03-17", "2026-03-08")
    assert [file.key for file in made.inputs.named] == [
        "silver/details/dt=2026-03-05/data.parquet",
        f"silver/details/dt={DAY}/data.parquet",
    ]
    (_, gaps) = made.findings[1]
    assert gaps.passed
    assert gaps.summary == "every gap is told: 4 days without details between 2026-03-05 and 2026-03-10"
    sources: Sources = lake.sources()
    assert "silver_details of 2026-03-11" in CALENDAR.obstacle(sources, "2026-03-11")


@pytest.mark.parametrize("lie", ["lost", "made up"])
def test_a_date_lost_or_made_up_is_found(lie: str) -> None:
    show = detail(1, DAY, running_episodes=[episode(2, "2026-03-12"), episode(3, "2026-03-19")])
    other = detail(1, DAY, running_episodes=[episode(2, "2026-03-12"), episode(3, "2026-03-20")])
    rows = CALENDAR.of_shows(DAY, [show if lie == "lost" else other], ())
    lying = rows.slice(1) if lie == "lost" else rows
    assert not release_calendar.every_date_in_it(lying, [show], DAY).passed
