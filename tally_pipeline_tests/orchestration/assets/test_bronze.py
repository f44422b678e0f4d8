"""Bronze: only today is captured, once a run, and nothing written is ever changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from tally_pipeline.datasets.shows import stored
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.orchestration.assets import capture as capture_assets
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.assets.asset_metadata import WHAT_TO_DO
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline.tmdb.sandbox import Sandbox
from testkit.pinned import pinned
from testkit.pipeline import POPULAR, Pipeline, assert_sound, checks, contents, day, failures, put, rows

BRONZE = common.bronze_key(POPULAR)
Faulty = Callable[..., Pipeline]


def captured(pipeline: Pipeline, **options: object) -> dg.ExecuteInProcessResult:
    return pipeline.run("capture", assets=[BRONZE], **options)  # type: ignore[arg-type]


def test_a_past_day_is_refused_and_says_that_it_is_lost(pipeline: Pipeline, steady: Sandbox) -> None:
    asked = len(steady.requests)
    result = captured(pipeline, on=day(3))
    (why,) = failures(result).values()
    assert not result.success
    assert f"bronze_shows/popular_shows for {day(3)} was not published" in why
    assert f"TMDB serves only the present (it is {day()} in UTC)" in why
    assert f"holds nothing of that day, and nobody can fetch it any more. Materialize {day()} instead" in why
    assert len(steady.requests) == asked
    assert contents(pipeline.lake) == {}
    assert not pipeline.was_materialized(BRONZE, day(3))


def test_a_past_day_that_bronze_holds_is_refused_and_says_how_to_rebuild_it(pipeline: Pipeline) -> None:
    held = put(pipeline.lake, day(3), rows(20))
    before = contents(pipeline.lake)
    (why,) = failures(captured(pipeline, on=day(3))).values()
    assert f"Bronze holds 1 capture of that day: {held}" in why
    assert f"materialize silver_shows/popular_shows and what is below it for {day(3)}" in why
    assert contents(pipeline.lake) == before


def test_a_range_that_ends_today_captures_today_and_refuses_the_rest(pipeline: Pipeline) -> None:
    result = captured(pipeline, on=(day(2), day()))
    assert not result.success
    assert pipeline.lake.bronze_days(POPULAR.name) == [day()]
    assert [pipeline.was_materialized(BRONZE, day(ago)) for ago in (2, 1, 0)] == [False, False, True]
    statuses = pipeline.statuses(BRONZE, "not_empty", [day(2), day(1), day()])
    assert [on for on, status in statuses.items() if status == "SUCCEEDED"] == [day()]


def test_two_captures_of_a_day_lie_side_by_side(pipeline: Pipeline) -> None:
    first = captured(pipeline)
    before = contents(pipeline.lake)
    second = captured(pipeline)
    assert first.success
    assert second.success
    assert contents(pipeline.lake).items() >= before.items()
    assert pipeline.lake.bronze_keys(POPULAR.name, day()) == sorted(
        BronzeKey(POPULAR.name, day(), result.run_id) for result in (first, second)
    )


def test_a_step_tried_again_in_the_same_run_uses_what_it_wrote(pipeline: Pipeline, steady: Sandbox) -> None:
    run_id = dg.DagsterRun(job_name="sync").run_id
    key = put(pipeline.lake, day(), rows(7), name=run_id)
    before, asked = contents(pipeline.lake), len(steady.requests)
    result = captured(pipeline, run_id=run_id)
    assert result.success
    assert len(steady.requests) == asked
    assert contents(pipeline.lake) == before
    assert pipeline.metadata(BRONZE)["dagster/partition_row_count"] == 7
    assert pipeline.metadata(BRONZE)["dagster/uri"].endswith(str(key))


def test_pages_from_the_launchpad_go_before_the_depth_in_the_settings(pipeline: Pipeline) -> None:
    captured(pipeline, config={"bronze_popular_shows": {"pages": 1}})
    (key,) = pipeline.lake.bronze_keys(POPULAR.name, day())
    assert stored.read_bronze(pipeline.lake, key).metadata.depth == 1
    assert pipeline.metadata(BRONZE)["pages"] == 1


def test_the_ui_shows_what_came_and_how(pipeline: Pipeline) -> None:
    with pinned(date(2026, 11, 25)):
        result = captured(pipeline)
        shown = pipeline.metadata(BRONZE)
    body = contents(pipeline.lake)[f"bronze/tmdb/shows/popular_shows/dt=2026-11-25/{result.run_id}.json"]
    pages = json.loads(body)["_metadata"]["pages"]
    assert shown["dagster/partition_row_count"] == 40
    assert (shown["pages"], shown["pages asked"], shown["verdict"], shown["source"]) == (
        2,
        2,
        "complete",
        "sandbox",
    )
    assert (shown["requests"], shown["retries"], shown["repeats"]) == (2, 0, 0)
    assert shown["bytes"] == sum(page["bytes"] for page in pages)
    assert shown["duration (s)"] > 0
    assert Path(shown["dagster/uri"]).read_bytes() == body
    # The name is shown as it is, and is no markup.
    assert json.loads(body)["results"][0]["name"] == "Ferryboat & Parasol: Fizzleania"
    lines = shown["preview"].splitlines()
    assert len(lines) == 2 + 10
    assert lines[0].startswith("| rank | title |")
    assert lines[2].startswith("| 1 | Ferryboat &amp; Parasol: Fizzleania |")


def test_a_capture_that_cannot_be_had_is_tried_again_as_often_as_the_launchpad_says(
    faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_assets, "RETRY_AFTER_SECONDS", 0.01)
    result = captured(
        faulty("server-error:page=1,times=3"), config={"bronze_popular_shows": {"retries": 3, "pages": 1}}
    )
    kinds = [event.event_type for event in result.all_events]
    assert result.success
    assert kinds.count(dg.DagsterEventType.STEP_UP_FOR_RETRY) == 1
    assert kinds.count(dg.DagsterEventType.STEP_RESTARTED) == 1


def test_a_capture_that_never_comes_fails_after_its_retries_and_leaves_nothing(
    faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_assets, "RETRY_AFTER_SECONDS", 0.01)
    pipeline = faulty("server-error", TMDB_ATTEMPTS="1")
    result = captured(pipeline, config={"bronze_popular_shows": {"retries": 2}})
    kinds = [event.event_type for event in result.all_events]
    assert not result.success
    assert kinds.count(dg.DagsterEventType.STEP_UP_FOR_RETRY) == 2
    assert contents(pipeline.lake) == {}


@pytest.mark.parametrize(
    ("fault", "retries"),
    [("server-error", 0), ("unauthorized", 3), ("error-body:code=34", 3), ("broken-page:page=2", 3)],
)
def test_without_retries_or_where_they_cannot_help_a_capture_is_tried_once(
    faulty: Faulty, fault: str, retries: int
) -> None:
    result = captured(faulty(fault, TMDB_ATTEMPTS="1"), config={"bronze_popular_shows": {"retries": retries}})
    kinds = [event.event_type for event in result.all_events]
    assert not result.success
    assert dg.DagsterEventType.STEP_UP_FOR_RETRY not in kinds
    assert list(failures(result)) == ["bronze_popular_shows"]


def test_a_partial_capture_is_kept_with_its_gaps_and_stops_what_is_below(faulty: Faulty) -> None:
    pipeline = faulty("server-error:page=2")
    result = pipeline.sync()
    (key,) = pipeline.lake.bronze_keys(POPULAR.name, day())
    stated = stored.read_bronze(pipeline.lake, key).metadata
    assert (stated.verdict, [gap.page for gap in stated.missing]) == ("partial", [2])
    assert checks(result, BRONZE) == {
        "not_empty": "passed",
        "page_set_complete": "failed",
        "as_many_as_promised": "passed",
        "etags_match": "passed",
        "fields_known": "passed",
    }
    (found,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "page_set_complete"]
    assert "HTTP 503" in str(found.metadata["offenders"].value).replace("\\", "")
    assert "allow_partial: true" in str(found.metadata[WHAT_TO_DO].value)
    assert found.metadata["pages_missing"].value == 1
    # What is there is shown, red.
    assert pipeline.metadata(BRONZE)["verdict"] == "partial"
    assert pipeline.lake.silver_days(POPULAR.name) == []
    assert_sound(pipeline.lake)


def test_one_broken_list_does_not_hold_up_the_others(faulty: Faulty) -> None:
    pipeline = faulty("server-error:list=trending_shows", TMDB_ATTEMPTS="1")
    result = pipeline.run()
    published = {name for name in pipeline.deployment.settings.depths if pipeline.lake.silver_days(name)}
    assert set(failures(result)) == {"bronze_trending_shows"}
    assert published == {one.name for one in LISTS} - {"trending_shows"}


# --- midnight ----------------------------------------------------------------------------------------------

LATE = datetime(2026, 12, 31, 23, 55, tzinfo=UTC)
NEW_YEAR = datetime(2027, 1, 1, 0, 0, 1, tzinfo=UTC)


def test_a_process_that_runs_since_yesterday_captures_the_new_day(pipeline: Pipeline) -> None:
    with pinned(LATE) as at:
        assert captured(pipeline).success
        at.set(NEW_YEAR)
        assert captured(pipeline).success
        assert pipeline.lake.bronze_days(POPULAR.name) == ["2026-12-31", "2027-01-01"]


def test_a_run_that_begins_after_its_day_is_refused_and_says_which_day_there_is(pipeline: Pipeline) -> None:
    with pinned(NEW_YEAR):
        (why,) = failures(captured(pipeline, on="2026-12-31")).values()
    assert "TMDB serves only the present (it is 2027-01-01 in UTC)" in why
    assert "Materialize 2027-01-01 instead" in why
    assert contents(pipeline.lake) == {}


def test_what_comes_after_midnight_is_not_stored_under_the_day_before(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    with pinned(LATE) as at:

        def midnight_passes() -> date:
            at.set(NEW_YEAR)
            return NEW_YEAR.date()

        with Sandbox(day=midnight_passes) as sandbox:
            pipeline = Pipeline.at(tmp_path, instance, sandbox.base_url)
            (why,) = failures(captured(pipeline, on="2026-12-31")).values()
    assert "2026-12-31 was over (UTC) when TMDB answered" in why
    assert "capture the day that has begun" in why
    assert len(sandbox.requests) == 1
    assert contents(pipeline.lake) == {}


def test_a_capture_that_midnight_passes_through_is_of_the_day_on_which_it_began(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    with pinned(LATE) as at:

        def midnight_passes_before_page_2() -> date:
            if len(sandbox.requests) == 2:
                at.set(NEW_YEAR)
            return LATE.date()

        with Sandbox(day=midnight_passes_before_page_2) as sandbox:
            pipeline = Pipeline.at(tmp_path, instance, sandbox.base_url)
            result = pipeline.sync(on="2026-12-31")
        assert result.success
        (key,) = pipeline.lake.bronze_keys(POPULAR.name, "2026-12-31")
        stated = stored.read_bronze(pipeline.lake, key).metadata
        assert (stated.verdict, (stated.ingestion_timestamp or "")[:10]) == ("complete", "2026-12-31")
        assert pipeline.lake.silver_days(POPULAR.name) == ["2026-12-31"]
    said = [entry.user_message for entry in pipeline.instance.all_logs(result.run_id)]
    assert any("went on after the end of 2026-12-31 (UTC)" in message for message in said)
