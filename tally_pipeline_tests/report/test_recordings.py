"""The report over what TMDB really sent, on two days that lie three years apart: what is missing is shown so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tally_pipeline import gold
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.orchestration.assets.gold import gold_key, make_day
from tally_pipeline.orchestration.assets.io_manager import LakeIOManager
from tally_pipeline.orchestration.assets.report import KEY, gather, write_day
from tally_pipeline.query.duckdb_engine import DuckDbEngine
from tally_pipeline.query.tables import TABLES
from tally_pipeline.report.changes import changes
from tally_pipeline.report.inputs import Inputs
from tally_pipeline.tables.sources import Sources
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline_tests.gold.recorded import GAP_DAYS, NOW, THEN, recorded_lake

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lake(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Both days with their gold and report."""
    lake = recorded_lake(recordings, tmp_path_factory.mktemp("recorded"))
    engine = DuckDbEngine(Path(lake.store.root), TABLES)
    sources = Sources.of(lake, [one.name for one in LISTS])
    publish = LakeIOManager(lake).publish_now
    for day in (THEN, NOW):
        outcomes = [
            publish(gold_key(table), make_day(table, sources, engine, day)) for table in gold.OF_SHOWS
        ]
        outcomes.append(publish(KEY, write_day(lake, engine, day)))
        assert [outcome.failure_reason for outcome in outcomes if outcome.failure_reason] == []
    return lake


@pytest.fixture(scope="module")
def now(lake: Lake) -> Inputs:
    return gather(lake, DuckDbEngine(Path(lake.store.root), TABLES), NOW)


def page(lake: Lake, day: str) -> str:
    return lake.store.get(layout.report_key(day)).decode()


def test_first_places_are_those_of_the_recordings(lake: Lake, now: Inputs) -> None:
    told = "\n".join(sentence.text for sentence in changes(now))
    for one in LISTS:
        silver = lake.read_silver(one.name, NOW).sort_by("rank").to_pylist()
        assert f"“{silver[0]['title']}” leads {one.title}" in told


def test_the_days_between_are_said_to_be_missing(lake: Lake, now: Inputs) -> None:
    told = "\n".join(sentence.text for sentence in changes(now))
    # Nobody knows who led the day before: no run of days is claimed.
    assert "running" not in told
    assert "the day before has no data" in told
    assert f"{GAP_DAYS} days between without data" in page(lake, NOW)


def test_a_day_without_data_is_missing_in_the_calendar_and_never_filled(lake: Lake, now: Inputs) -> None:
    for one in LISTS:
        states = {day: now.state(one.name, day) for day in now.days}
        assert states[NOW] == "published"
        # A list that was never captured before has nothing missing before its first day.
        first = now.first_days[one.name]
        assert {state for day, state in states.items() if day < THEN} == {"before"}
        wanted = "missing" if first == THEN else "before"
        assert {state for day, state in states.items() if THEN < day < NOW} == {wanted}
    assert {row["dt"] for row in now.places.to_pylist()} == {THEN, NOW}


def test_the_earlier_day_stands_for_itself(lake: Lake) -> None:
    earlier = page(lake, THEN)
    assert "Friday 10 October 2025" in earlier
    assert "days between without data" not in earlier
    assert lake.store.get(layout.latest_report_key()) == lake.store.get(layout.report_key(NOW))
