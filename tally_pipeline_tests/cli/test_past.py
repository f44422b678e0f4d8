"""Which past an empty lake of the sandbox is given, and which lakes are given none."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import pytest

from tally_pipeline import clock
from tally_pipeline.cli.up import past
from tally_pipeline.deployment import Settings, deploy, load_settings
from tally_pipeline.lake import layout
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.tmdb import sandbox
from tally_pipeline.tmdb.lists import LISTS


def ago(days: int) -> date:
    return clock.today() - timedelta(days=days)


class Home:
    """A lake of the embedded sandbox that is given five days of past."""

    def __init__(self, folder: Path, **changes: str) -> None:
        told = {"TALLY_HOME": str(folder), "TALLY_SANDBOX_PAST_DAYS": "5", **changes}
        self.settings: Settings = load_settings(told, dotenv=None)
        self.lake = deploy(self.settings).lake

    def missing(self) -> list[date]:
        return past.missing(self.settings, self.lake, clock.today())

    def capture(self, *days: date) -> None:
        for day in days:
            self.lake.write_bronze(BronzeKey("popular_shows", day.isoformat(), "a-run"), b"{}")

    def fill(self, *days: date) -> None:
        for day in days:
            for show_list in LISTS:
                self.lake.write_bronze(sandbox.filled_key(show_list.name, day), b"{}")

    def report(self, days: Iterable[date]) -> None:
        for day in days:
            self.lake.store.put(layout.report_key(day.isoformat()), b"")


PAST = [ago(days) for days in range(5, 0, -1)]


def test_after_the_first_day_the_days_before_it_are_missing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert home.missing() == PAST
    home.capture(ago(0))
    assert home.missing() == PAST


def test_a_past_that_was_filled_and_rebuilt_is_not_made_again(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.capture(ago(0))
    home.fill(*PAST)
    home.report(PAST)
    assert home.missing() == []


@pytest.mark.parametrize("filled", [1, 5])
def test_a_past_that_was_begun_is_gone_on_with_even_on_another_day(tmp_path: Path, filled: int) -> None:
    home = Home(tmp_path)
    home.capture(ago(1), ago(0))
    before = [ago(days) for days in range(6, 1, -1)]
    home.fill(*before[:filled])
    assert home.missing() == before
    home.report(before[:-1])
    assert home.missing() == before
    home.report(before)
    assert home.missing() == []


def test_a_lake_that_was_captured_before_today_has_a_past_of_its_own(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.capture(ago(9), ago(0))
    assert home.missing() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"TALLY_SANDBOX_PAST_DAYS": "0"},
        {"TMDB_BASE_URL": "http://127.0.0.1:1/3"},
        {"TMDB_API_TOKEN": "secret"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_switched_off_for_a_sandbox_one_serves_and_for_tmdb_there_is_none(
    tmp_path: Path, changes: dict[str, str]
) -> None:
    assert Home(tmp_path, **changes).missing() == []


def test_it_is_thirty_days_unless_a_setting_says_otherwise(tmp_path: Path) -> None:
    assert load_settings({"TALLY_HOME": str(tmp_path)}, dotenv=None).sandbox_past_days == 30
