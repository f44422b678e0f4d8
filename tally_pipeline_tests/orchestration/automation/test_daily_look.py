"""Once a day what is published of the last days is held against what it should be made from, and made anew."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from tally_pipeline.gold import OF_SHOWS
from tally_pipeline.lake import layout
from tally_pipeline.orchestration.assets.freshness_checks import IS_CURRENT
from tally_pipeline.tables.sources import Sources
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline_tests.orchestration.automation.folder_pipeline import QUIET, Pipeline, names
from testkit.pinned import Clock, pinned
from testkit.pipeline import rows

DAY = date(2026, 3, 10)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
LATER = NOON.replace(day=11, hour=5, minute=10)
LIST = "popular_shows"
SILVER, GOLD = layout.silver_key(LIST, str(DAY)), layout.gold_key(OF_SHOWS[0].name, str(DAY))


@pytest.fixture
def at() -> Iterator[Clock]:
    with pinned(NOON) as at:
        yield at


def refined(pipeline: Pipeline) -> tuple[bytes, bytes]:
    """Two captures of a day, each refined when it came; silver and a gold table of the older."""
    store = pipeline.deployment.lake.store
    assert pipeline.tick() == []
    pipeline.put(DAY, rows(20), "older", at="03:00:00")
    (request,) = pipeline.tick()
    assert pipeline.carry_out(request).success
    older = store.get(SILVER), store.get(GOLD)
    pipeline.put(DAY, rows(40), "newer", at="04:00:00")
    (request,) = pipeline.tick()
    assert pipeline.carry_out(request).success
    quiet(pipeline)
    return older


def quiet(pipeline: Pipeline) -> None:
    """Let the sensor look until it asks for no more."""
    for _ in range(3):
        for request in pipeline.tick():
            assert pipeline.carry_out(request).success


def checked(pipeline: Pipeline) -> dg.AssetCheckEvaluation:
    job = pipeline.definitions.resolve_job_def("watch_published")
    result = job.execute_in_process(instance=pipeline.instance, run_config=QUIET, raise_on_error=False)
    (one,) = result.get_asset_check_evaluations()
    assert one.check_name == IS_CURRENT
    return one


def shows(pipeline: Pipeline) -> int:
    return pipeline.deployment.lake.read_silver(LIST, str(DAY)).num_rows


def test_silver_that_another_writer_put_back_is_made_anew_with_all_below(
    pipeline: Pipeline, at: Clock
) -> None:
    older, _ = refined(pipeline)
    assert checked(pipeline).passed
    pipeline.deployment.lake.store.put(SILVER, older)
    at.set(LATER)
    found = checked(pipeline)
    assert not found.passed
    assert "not made from what there is now" in (found.description or "")
    assert r"silver\_shows/popular\_shows" in str(found.metadata["offenders"].value)
    (request,) = pipeline.tick()
    assert request.partition_key == str(DAY)
    assert {f"silver_shows/{LIST}", f"gold/{OF_SHOWS[0].name}", "report"} <= names(request)
    assert pipeline.carry_out(request).success
    assert shows(pipeline) == 40
    quiet(pipeline)
    assert checked(pipeline).passed


def test_gold_that_another_writer_put_back_is_made_anew(pipeline: Pipeline, at: Clock) -> None:
    _, older = refined(pipeline)
    pipeline.deployment.lake.store.put(GOLD, older)
    at.set(LATER)
    assert not checked(pipeline).passed
    (request,) = pipeline.tick()
    assert names(request) >= {f"gold/{OF_SHOWS[0].name}"}
    assert f"silver_shows/{LIST}" not in names(request)
    assert pipeline.carry_out(request).success
    assert checked(pipeline).passed
    sources = Sources.of(pipeline.deployment.lake, [one.name for one in LISTS])
    assert all(table.is_current(sources, str(DAY)) for table in OF_SHOWS)


def test_where_all_is_current_nothing_is_launched(pipeline: Pipeline, at: Clock) -> None:
    refined(pipeline)
    at.set(LATER)
    for _ in range(3):
        assert pipeline.tick() == []


def test_it_looks_from_five_oclock_on_and_once_a_day(pipeline: Pipeline, at: Clock) -> None:
    older, _ = refined(pipeline)
    store = pipeline.deployment.lake.store
    store.put(SILVER, older)
    at.set(LATER.replace(hour=4))
    assert pipeline.tick() == []
    at.set(LATER)
    (request,) = pipeline.tick()
    assert pipeline.carry_out(request).success
    quiet(pipeline)
    store.put(SILVER, older)
    assert pipeline.tick() == []
    at.set(LATER + timedelta(days=1))
    (again,) = pipeline.tick()
    assert again.run_key != request.run_key


def test_a_capture_that_was_refused_is_no_stale_file(pipeline: Pipeline, at: Clock) -> None:
    refined(pipeline)
    pipeline.put(DAY, [{"id": "no show"}] * 20, "refused", at="05:00:00")
    (request,) = pipeline.tick()
    assert not pipeline.carry_out(request).success
    quiet(pipeline)
    at.set(LATER)
    assert checked(pipeline).passed
    assert pipeline.tick() == []
    assert shows(pipeline) == 40


def test_what_the_sensor_launches_leaves_the_daily_check_out(pipeline: Pipeline, at: Clock) -> None:
    pipeline.tick()
    pipeline.put(DAY, rows(20), "one", at="03:00:00")
    (request,) = pipeline.tick()
    checks = {key.name for key in request.asset_check_keys or ()}
    assert {"pass_rate", "counts_equal_silvers", "todays_partition_is_there"} <= checks
    assert IS_CURRENT not in checks
