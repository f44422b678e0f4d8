"""`tally rebuild`: past days made anew from stored bronze, by command."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tally_pipeline import clock
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import Store
from tally_pipeline.shows.lists import LISTS
from tally_pipeline.tmdb import sandbox
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
