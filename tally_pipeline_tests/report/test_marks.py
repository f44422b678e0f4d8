"""Sparklines, the calendar, and how numbers and days are written."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tally_pipeline.report import formatting
from tally_pipeline.report.calendar import calendars
from tally_pipeline.report.sparkline import HEIGHT, sparkline
from tally_pipeline_tests.report.world import DAY, inputs, world


def path(svg: str) -> str:
    found = re.search(r'<path d="([^"]*)"', svg)
    assert found
    return found[1]


def heights(svg: str) -> list[float]:
    return [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", path(svg))]


def test_a_sparkline_breaks_where_a_value_is_missing() -> None:
    assert path(sparkline([1, 2, None, 3, 4])).count("M") == 2


def test_a_day_between_two_gaps_is_a_dot() -> None:
    assert sparkline([1, None, 2, None, 3, 4]).count("<circle") == 3


def test_what_hardly_moves_is_flat() -> None:
    one, other = heights(sparkline([10.0, 10.1], least_span=1.0))
    assert 0 < one - other < HEIGHT / 8
    far = heights(sparkline([10.0, 12.0], least_span=1.0))
    assert far == heights(sparkline([10.0, 12.0]))


def test_the_greater_popularity_is_on_top() -> None:
    low, high = heights(sparkline([1, 100]))
    assert high < low


def test_days_without_data_are_hatched_together() -> None:
    svg = sparkline([1, None, None, 2], [False, True, True, False])
    assert svg.count("<rect") == 1


def test_nothing_is_drawn_of_nothing() -> None:
    assert sparkline([None, None]) == ""


def test_the_calendar_tells_days_apart() -> None:
    made = world(lost=[("on_the_air", "2026-11-02")], held=[("on_the_air", "2026-11-03")], begins=10)
    calendar = calendars(inputs(made))[3]
    kinds = Counter(square.kind for square in calendar.squares)
    assert kinds["before"] == 10
    assert kinds["missing"] == 1
    assert kinds["held"] == 1
    assert sum(count for kind, count in kinds.items() if kind.startswith("pass-")) == 78
    assert "78 of 80 days published" in calendar.summary
    assert "No data: 2 Nov. Held back: 3 Nov." in calendar.summary


def test_a_day_stands_under_its_week_and_weekday() -> None:
    squares = {square.tip.split(":")[0]: square for square in calendars(inputs(world()))[0].squares}
    monday, sunday = squares["Monday 16 November 2026"], squares["Sunday 22 November 2026"]
    assert monday.x == sunday.x
    assert monday.y < sunday.y
    assert squares[formatting.long_day(DAY)].last


@pytest.mark.parametrize(
    ("value", "text"), [(100.0, "100 %"), (99.999, "99.99 %"), (95.0, "95.00 %"), (0.0, "0.00 %")]
)
def test_a_pass_rate_is_100_only_when_every_row_passed(value: float, text: str) -> None:
    assert formatting.percent(value) == text


@pytest.mark.parametrize(("value", "text"), [(3, "+3"), (-3, "−3"), (0, "0"), (1234, "+1,234")])
def test_changes_have_a_sign(value: int, text: str) -> None:
    assert formatting.signed(value) == text


def test_a_change_that_rounds_to_nothing_has_no_sign() -> None:
    assert formatting.signed(-0.04, 1) == "0.0"


def test_a_title_brings_neither_directions_nor_length_into_a_sentence() -> None:
    assert formatting.plain(formatting.quoted("\u202eabc\u2069\u202c")) == "“abc”"
    assert formatting.plain(formatting.quoted("x" * 80)) == f"“{'x' * 80}”"
    assert formatting.plain(formatting.quoted("x" * 81)) == f"“{'x' * 79}…”"


@pytest.mark.parametrize(
    ("before", "now", "text"),
    [
        (100.0, 600.0, "×6.0"),
        (1.0, 2.0, "×2.0"),
        (10.0, 1000.0, "×100"),
        (100.0, 112.4, "12 %"),
        (100.0, 103.3, "3.3 %"),
        (100.0, 40.0, "60 %"),
        (100.0, 100.01, "<0.1 %"),
        (0.0, 3.0, "from 0"),
    ],
)
def test_a_change_of_popularity_is_told_in_times_or_per_cent(before: float, now: float, text: str) -> None:
    assert formatting.times(before, now) == text


def test_runs_of_days_are_joined() -> None:
    days = ["2026-09-30", "2026-10-03", "2026-10-04", "2026-10-05", "2026-10-31", "2026-11-01"]
    assert formatting.day_list(days) == "30 Sep, 3–5 Oct, 31 Oct–1 Nov"
    assert formatting.day_list(days, most=1) == "31 Oct–1 Nov and 4 days before"


@pytest.mark.parametrize(
    ("value", "text"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (21, "21st"), (112, "112th")]
)
def test_ordinals(value: int, text: str) -> None:
    assert formatting.ordinal(value) == text
