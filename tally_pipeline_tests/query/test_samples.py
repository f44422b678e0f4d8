"""The sample queries that ship with Tally, each run for real."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tally_pipeline.gold import availability, availability_changes, release_calendar
from tally_pipeline.query import samples
from tally_pipeline_tests.gold.offers import OffersLake, detail, known
from tally_pipeline_tests.query.conftest import OF_DETAILS, Lake, days_ago, show


@pytest.fixture
def week(lake: Lake) -> Lake:
    """Two lists over two days, and a day too long ago to count."""
    lake.put(days_ago(40), [show(99, popularity=1e6)])
    lake.put(days_ago(1), [show(1), show(2), show(3)])
    lake.put(
        days_ago(0),
        [
            show(2, popularity=50.0, vote_average=9.9, vote_count=199),
            show(3, popularity=40.0, vote_average=8.0, vote_count=200, origin_country=["GB", "US"]),
            show(
                4,
                popularity=60.0,
                vote_average=8.5,
                vote_count=900,
                original_language="ja",
                origin_country=[],
            ),
        ],
    )
    lake.put(
        days_ago(0),
        [show(4, "on_the_air", popularity=61.0, vote_count=901, vote_average=8.6, origin_country=["JP"])],
        data_type="on_the_air",
    )
    return lake


@pytest.mark.parametrize("name", samples.names())
def test_every_sample_says_first_what_it_answers_and_filters_on_the_day(name: str) -> None:
    first_line = samples.read(name).splitlines()[0]
    assert first_line == f"-- {samples.question(name)}"
    assert first_line.endswith(".")
    assert "WHERE dt >= date_format(current_date" in samples.read(name)


@pytest.mark.parametrize("name", samples.names())
def test_every_sample_answers_an_empty_lake_without_an_error(lake: Lake, name: str) -> None:
    answer = lake.engine.query(samples.read(name))
    assert answer.num_rows == (1 if name == "total_shows" else 0)


def test_the_promised_samples_are_there() -> None:
    assert samples.names() == [
        "arrived_this_week",
        "best_rated",
        "countries",
        "counts_by_list_and_day",
        "how_old",
        "languages",
        "left_this_week",
        "new_today",
        "seasons_complete",
        "top_10_by_popularity",
        "total_shows",
        "where_to_watch",
    ]


def test_an_unknown_sample_is_answered_with_those_there_are() -> None:
    with pytest.raises(
        samples.UnknownSampleError, match=r"no sample query 'nope'; there are: arrived_this_week, "
    ):
        samples.read("nope")


def test_total_shows_counts_a_show_once_however_often_it_was_listed(week: Lake) -> None:
    assert week.rows(samples.read("total_shows")) == [{"shows": 4, "days": 2, "entries": 7}]


def test_the_top_10_are_the_latest_days_and_each_show_is_in_it_once(week: Lake) -> None:
    top = week.rows(samples.read("top_10_by_popularity"))
    assert [(row["show_id"], row["popularity"]) for row in top] == [(4, 61.0), (2, 50.0), (3, 40.0)]
    assert {row["dt"] for row in top} == {days_ago(0)}


def test_the_top_10_are_at_most_ten(lake: Lake) -> None:
    lake.put(days_ago(0), [show(number) for number in range(1, 31)])
    top = lake.rows(samples.read("top_10_by_popularity"))
    assert [row["show_id"] for row in top] == list(range(30, 20, -1))


def test_shows_are_counted_by_list_and_day_newest_first(week: Lake) -> None:
    assert [tuple(row.values()) for row in week.rows(samples.read("counts_by_list_and_day"))] == [
        ("on_the_air", days_ago(0), 1),
        ("popular_shows", days_ago(0), 3),
        ("popular_shows", days_ago(1), 3),
    ]


def test_the_best_rated_have_enough_votes(week: Lake) -> None:
    best = week.rows(samples.read("best_rated"))
    assert [(row["show_id"], row["rating"], row["votes"]) for row in best] == [(4, 8.6, 901), (3, 8.0, 200)]


def test_new_today_leaves_out_what_was_there_before_and_a_lists_first_day(week: Lake) -> None:
    new = week.rows(samples.read("new_today"))
    assert [(row["data_type"], row["show_id"]) for row in new] == [("popular_shows", 4)]


def test_a_show_that_returns_within_the_month_is_not_new(lake: Lake) -> None:
    lake.put(days_ago(2), [show(1)])
    lake.put(days_ago(1), [show(2)])
    lake.put(days_ago(0), [show(1), show(2)])
    assert lake.rows(samples.read("new_today")) == []


def test_languages_count_the_latest_days_shows_once(week: Lake) -> None:
    week.put(days_ago(0), [show(4, "on_the_air", original_language="ja")], data_type="on_the_air")
    assert week.rows(samples.read("languages")) == [
        {"original_language": "en", "shows": 2},
        {"original_language": "ja", "shows": 1},
    ]


def test_a_show_of_two_countries_counts_for_both(week: Lake) -> None:
    assert week.rows(samples.read("countries")) == [
        {"country": "US", "shows": 2},
        {"country": "GB", "shows": 1},
        {"country": "JP", "shows": 1},
    ]


def listed(number: int, ago: int, data_type: str) -> dict[str, object]:
    """A show whose place among the popular changes by the day; on the newest day 30 is new."""
    return show(number, data_type, popularity=float((number * 7 + ago) % 30), vote_count=150 + number * 10)


LAKES: dict[str, dict[str, tuple[int, ...]]] = {
    "three days": {"popular_shows": (2, 1, 0), "on_the_air": (2, 1, 0)},
    "a gap before the newest day": {"popular_shows": (9, 8, 0), "on_the_air": (9, 8, 0)},
    "nothing for two days": {"popular_shows": (4, 3, 2), "on_the_air": (4, 3, 2)},
    "a list that lacks the newest day": {"popular_shows": (2, 1, 0), "on_the_air": (2, 1)},
}


@pytest.mark.parametrize("of", LAKES)
@pytest.mark.parametrize("name", sorted(set(samples.names()) - OF_DETAILS))
def test_every_sample_is_true_of(lake: Lake, of: str, name: str) -> None:
    newest = min(ago for days in LAKES[of].values() for ago in days)
    for data_type, days in LAKES[of].items():
        for ago in days:
            numbers = range(1, 31 if ago == min(days) else 30)
            lake.put(days_ago(ago), [listed(n, ago, data_type) for n in numbers], data_type=data_type)
    rows = lake.rows(samples.read(name))
    if name == "total_shows":
        entries = sum(29 * len(days) + 1 for days in LAKES[of].values())
        assert rows == [{"shows": 30, "days": 3, "entries": entries}]
    elif name == "counts_by_list_and_day":
        assert len(rows) == sum(map(len, LAKES[of].values()))
    elif name == "new_today":
        assert {(row["data_type"], row["dt"]) for row in rows} == {
            (data_type, days_ago(min(days))) for data_type, days in LAKES[of].items()
        }
        assert {row["show_id"] for row in rows} == {30}
    elif name in ("countries", "languages"):
        assert [row["shows"] for row in rows] == [30]
    else:
        shows = [row["show_id"] for row in rows]
        assert len(shows) == len(set(shows)) == (20 if name == "best_rated" else 10)
        assert {row["dt"] for row in rows} == {days_ago(newest)}


NETFLIX, WITH_ADS, PRIME, TO_BUY = (
    ("US", "flatrate", 8), ("US", "flatrate", 1796), ("US", "flatrate", 9), ("US", "buy", 9),
)  # fmt: skip


@pytest.fixture
def watched(tmp_path: Path) -> OffersLake:
    """A show that moves from one brand to another within the week, one that only changes its plan, one in Germany."""
    lake = OffersLake(tmp_path)
    for ago, shows in (
        (8, {1: known(days_ago(8), NETFLIX), 2: known(days_ago(8), NETFLIX), 3: known(days_ago(8))}),
        (
            2,
            {
                1: known(days_ago(2), PRIME, TO_BUY),
                2: known(days_ago(2), WITH_ADS),
                3: known(days_ago(8)),
            },
        ),
    ):
        lake.write_day(days_ago(ago), shows)
        for table in (availability.TABLE, availability_changes.TABLE):
            lake.publish(table, days_ago(ago))
    return lake


def asked(lake: OffersLake, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = lake.engine.query(samples.read(name)).to_pylist()
    return rows


def test_what_left_and_what_arrived_is_told_by_brand(watched: OffersLake) -> None:
    (left,), (arrived,) = asked(watched, "left_this_week"), asked(watched, "arrived_this_week")
    assert (left["brand"], left["seen_on"], left["last_seen_on"]) == ("Netflix", days_ago(2), days_ago(8))
    assert (arrived["brand"], arrived["kind"], arrived["gap_days"]) == ("Prime Video", "flatrate", 5)


def test_where_shows_can_be_watched_says_since_when_as_far_as_it_is_known(watched: OffersLake) -> None:
    rows = [
        (row["provider_name"], row["since"], row["last_seen_on"]) for row in asked(watched, "where_to_watch")
    ]
    assert rows == [
        ("Prime Video (9)", days_ago(2), days_ago(2)),
        ("Netflix (1796)", days_ago(2), days_ago(2)),
    ]


def test_how_old_the_knowledge_is_counts_every_show_once(tmp_path: Path) -> None:
    lake = OffersLake(tmp_path)
    ages = {1: 0, 2: 0, 3: 6}
    lake.write_details(days_ago(0), [detail(one, days_ago(age), age_days=age) for one, age in ages.items()])
    assert [(row["age_days"], row["shows"]) for row in asked(lake, "how_old")] == [(0, 2), (6, 1)]


def test_seasons_complete_in_the_order_of_their_days(tmp_path: Path) -> None:
    lake = OffersLake(tmp_path)
    shows = []
    for show_id, ahead in ((1, 9), (2, 3)):
        episode = {
            "season_number": 2,
            "episode_number": 8,
            "air_date": days_ago(-ahead),
            "episode_type": "finale",
        }
        shows.append(detail(show_id, days_ago(0), running_episodes=[episode]))
    lake.write_details(days_ago(0), shows)
    lake.publish(release_calendar.TABLE, days_ago(0))
    rows = [(row["complete_on"], row["last_episode"]) for row in asked(lake, "seasons_complete")]
    assert rows == [(days_ago(-3), 8), (days_ago(-9), 8)]
