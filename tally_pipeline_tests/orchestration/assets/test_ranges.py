"""A backfill of many days in one run: each day is published or not, and shows its own state."""

from __future__ import annotations

import dagster as dg
import pytest

from tally_pipeline.orchestration.assets import common
from testkit.pipeline import CHECKS, POPULAR, Pipeline, assert_sound, day, failures, put, row, rows

SILVER = common.silver_key(POPULAR)
DAYS = [day(ago) for ago in range(6, 0, -1)]
BAD_DAY = DAYS[2]
ROWS = {on: 20 + place for place, on in enumerate(DAYS)}


def fill(pipeline: Pipeline) -> None:
    for on in DAYS:
        put(pipeline.lake, on, [row(1, name="")] * 20 if on == BAD_DAY else rows(ROWS[on]))


@pytest.fixture
def result(pipeline: Pipeline) -> dg.ExecuteInProcessResult:
    """A run of silver and the table over six days, of which one is below the bar."""
    fill(pipeline)
    return pipeline.run("refine", assets=[SILVER, common.TABLE], on=(DAYS[0], DAYS[-1]))


def test_good_days_are_green_and_published_and_the_bad_day_is_red_and_is_not(
    pipeline: Pipeline, result: dg.ExecuteInProcessResult
) -> None:
    good = [on for on in DAYS if on != BAD_DAY]
    assert not result.success
    assert pipeline.lake.silver_days(POPULAR.name) == good
    assert [on for on in DAYS if pipeline.was_materialized(SILVER, on)] == good
    expected = dict.fromkeys(DAYS, "SUCCEEDED")
    for check in CHECKS["silver"] - {"volume", "null_rates"}:
        failed = {BAD_DAY: "FAILED"} if check == "pass_rate" else {}
        assert pipeline.statuses(SILVER, check, DAYS) == expected | failed, check
    assert_sound(pipeline.lake)


def test_each_day_shows_its_own_metadata(pipeline: Pipeline, result: dg.ExecuteInProcessResult) -> None:
    for on in DAYS:
        if on != BAD_DAY:
            shown = pipeline.metadata(SILVER, on)
            assert shown["dagster/partition_row_count"] == ROWS[on]
            assert f"dt={on}/" in shown["bronze object"]


def test_the_failed_run_names_the_bad_day_alone_and_nothing_below_runs(
    result: dg.ExecuteInProcessResult,
) -> None:
    (why,) = failures(result).values()
    assert why.startswith("1 of 6 days failed.\n")
    assert [on for on in DAYS if f"for {on} was not published" in why] == [BAD_DAY]
    assert "athena_silver_shows" not in {event.step_key for event in result.all_events if event.is_step_start}


def test_the_ui_takes_no_days_check_for_out_of_date(
    pipeline: Pipeline, result: dg.ExecuteInProcessResult
) -> None:
    """It compares the materialization that a check looked at with the day's latest."""
    for entry in pipeline.instance.all_logs(
        result.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
    ):
        assert entry.dagster_event is not None
        found = entry.dagster_event.asset_check_evaluation_data
        if found.asset_key != SILVER or found.partition in (None, BAD_DAY):
            continue
        wanted = dg.AssetRecordsFilter(asset_key=SILVER, asset_partitions=[found.partition])
        latest = pipeline.instance.fetch_materializations(wanted, limit=1).records[0]
        assert found.target_materialization_data is not None
        assert found.target_materialization_data.storage_id == latest.storage_id


def test_a_bad_day_that_is_mended_turns_green(pipeline: Pipeline, result: dg.ExecuteInProcessResult) -> None:
    put(pipeline.lake, BAD_DAY, rows(20), name="mended", at="04:00:00")
    assert pipeline.refine(on=BAD_DAY).success
    assert pipeline.statuses(SILVER, "pass_rate", [BAD_DAY]) == {BAD_DAY: "SUCCEEDED"}
    assert pipeline.lake.silver_days(POPULAR.name) == DAYS


def test_a_range_of_good_days_goes_through_to_the_table(pipeline: Pipeline) -> None:
    for on in DAYS:
        put(pipeline.lake, on, rows(ROWS[on]))
    assert pipeline.run("refine", assets=[SILVER, common.TABLE], on=(DAYS[0], DAYS[-1])).success
    for asset, check in ((SILVER, "pass_rate"), (common.TABLE, "counts_equal_silvers")):
        assert pipeline.statuses(asset, check, DAYS) == dict.fromkeys(DAYS, "SUCCEEDED")
        assert [pipeline.metadata(asset, on)["dagster/partition_row_count"] for on in DAYS] == [
            *ROWS.values()
        ]


def test_a_range_compares_each_day_with_those_before_it_in_the_same_run(pipeline: Pipeline) -> None:
    for on in DAYS:
        put(pipeline.lake, on, rows(100 if on == DAYS[-1] else 20))
    assert pipeline.refine(on=(DAYS[0], DAYS[-1])).success
    statuses = pipeline.statuses(SILVER, "volume", DAYS)
    assert statuses == dict.fromkeys(DAYS[:-1], "SUCCEEDED") | {DAYS[-1]: "FAILED"}
