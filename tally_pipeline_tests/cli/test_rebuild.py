"""`tally rebuild`: past days made anew from stored bronze, by command."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tally_pipeline import clock
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import Store
from tally_pipeline.tmdb import sandbox
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline_tests.cli.conftest import Tally


@pytest.mark.slow
def test_filled_days_are_rebuilt_and_a_day_alone_when_asked_for(run_tally: Tally, tmp_path: Path) -> None:
    lake = Lake(Store.in_folder(tmp_path / "sandbox" / "lake"), "sandbox")
    days = [clock.today() - timedelta(days=ago) for ago in (3, 2, 1)]
    for key, body in sandbox.captures(days, depths={show_list.name: 1 for show_list in LISTS}):
        lake.write_bronze(key, body)
    one = days[1].isoformat()
    alone = run_tally("rebuild", "--first", one, "--last", one)
    assert alone.code == 0, alone.err
    assert lake.silver_days("popular_shows") == [one]
    ran = run_tally("rebuild")
    assert ran.code == 0, ran.err
    assert "emitted no result" not in ran.err
    for show_list in LISTS:
        assert lake.silver_days(show_list.name) == [day.isoformat() for day in days]
    assert lake.store.exists("reports/latest.html")


def test_without_bronze_there_is_nothing_to_rebuild_and_the_remedy_is_named(run_tally: Tally) -> None:
    ran = run_tally("rebuild")
    assert ran.code == 2
    assert "tally sync" in ran.err


def test_days_that_have_no_partition_are_refused_in_one_sentence(run_tally: Tally) -> None:
    tomorrow = (clock.today() + timedelta(days=1)).isoformat()
    for arguments, says in (
        (("--first", "2026-01-31"), "--first is 2026-01-31, and the days begin on 2026-02-01: "),
        (("--first", "1999-12-31", "--last", "2000-01-01"), "give that day or a later one"),
        (("--last", tomorrow), f"--last is {tomorrow}, which is to come"),
        (("--first", tomorrow), f"--first is {tomorrow}, which is to come"),
        (("--last", "2026-01-31"), "--last is 2026-01-31, and the days begin on 2026-02-01"),
        (("--first", "2026-02-03", "--last", "2026-02-02"), "give a first day that is not after the last"),
    ):
        ran = run_tally("rebuild", *arguments, TALLY_FIRST_DAY="2026-02-01")
        assert (ran.code, ran.out) == (2, "")
        assert says in ran.err
        assert ran.err.count("\n") == 1


@pytest.mark.slow
def test_of_a_day_those_lists_are_rebuilt_that_bronze_holds(run_tally: Tally, tmp_path: Path) -> None:
    """As of the days before a list was added, or of a day on which one did not come."""
    lake = Lake(Store.in_folder(tmp_path / "sandbox" / "lake"), "sandbox")
    first, second, last = (clock.today() - timedelta(days=ago) for ago in (3, 2, 1))
    for key, body in sandbox.captures([first, second, last], depths={one.name: 1 for one in LISTS}):
        if key.data_type != "on_the_air" or key.dt == last.isoformat():
            lake.write_bronze(key, body)
    ran = run_tally("rebuild")
    assert ran.code == 0, ran.err
    assert lake.silver_days("on_the_air") == [last.isoformat()]
    days = [day.isoformat() for day in (first, second, last)]
    assert lake.silver_days("popular_shows") == days
    assert all(lake.store.exists(layout.report_key(day)) for day in days)
