"""`tally up --sync-when-due`, as a machine runs it: a capture that was missed is made up for, once."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from rich.console import Console

from tally_pipeline import clock
from tally_pipeline.aws.session import Aws
from tally_pipeline.cli.up.first_sync import make_up
from tally_pipeline.cli.up.ui import Ui
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import deploy, load_settings
from tally_pipeline.lake import layout
from tally_pipeline.orchestration import automation
from tally_pipeline.orchestration.runs import dagster_home
from tally_pipeline.settings.settings import Settings
from tally_pipeline.tmdb.lists import LISTS
from testkit import tally
from testkit.aws.settings import settings_of
from testkit.pinned import pinned
from testkit.pipeline import environment
from testkit.running import running

pytestmark = pytest.mark.slow

AT_MIDNIGHT = {"TALLY_SCHEDULE": "0 0 * * *"}
"""Due at any time of the day that a test may run at."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which it was up once, made up for today, and was started again."""
    folder = tmp_path_factory.mktemp("machine")
    settings = {**AT_MIDNIGHT, **{f"TALLY_PAGES_{one.name.upper()}": "1" for one in LISTS}}
    with running(folder, "--sync-when-due", settings=settings) as first:
        first.until("The sync took")
        assert "The capture of 00:00 (UTC) was missed: bronze holds no popular_shows, " in first.words
        assert "It is made up for now." in first.words
        assert first.words.index("Up: ") < first.words.index("It is made up for now.")
    with running(folder, "--sync-when-due", settings=settings) as again:
        again.until("Up: ")
    assert "was missed" not in again.words
    return folder


@pytest.fixture
def settings(home: Path) -> Settings:
    return load_settings(environment(home, **AT_MIDNIGHT), dotenv=None)


@pytest.fixture
def history(settings: Settings) -> Iterator[dg.DagsterInstance]:
    with dagster_home.opened(settings) as instance:
        yield instance


def test_what_was_missed_is_captured_once_and_a_restart_captures_nothing(
    home: Path, history: dg.DagsterInstance
) -> None:
    runs = history.get_runs(dg.RunsFilter(job_name="sync"))
    assert [run.status for run in runs] == [dg.DagsterRunStatus.SUCCESS]
    assert history.get_runs(dg.RunsFilter(job_name="capture")) == []
    for one in LISTS:
        assert len(list((home / "sandbox" / "lake" / layout.bronze_prefix(one.name)).glob("dt=*/*"))) == 1


def test_before_its_time_nothing_is_due(history: dg.DagsterInstance, home: Path) -> None:
    at_three = load_settings(environment(home), dotenv=None)
    today = clock.today()
    with pinned(datetime(today.year, today.month, today.day, 2, 59, tzinfo=UTC)):
        assert automation.due_today(history, at_three) is None


def test_what_dagster_makes_up_for_by_itself_is_left_to_it(
    history: dg.DagsterInstance, settings: Settings, home: Path
) -> None:
    tomorrow = clock.today() + timedelta(days=1)
    with pinned(datetime(tomorrow.year, tomorrow.month, tomorrow.day, 5, tzinfo=UTC)):
        due = automation.due_today(history, load_settings(environment(home), dotenv=None))
        assert due == automation.Due(
            datetime(tomorrow.year, tomorrow.month, tomorrow.day, 3, tzinfo=UTC),
            "the schedule daily_capture makes up for it by itself",
        )
        said = told(settings, history, due)
    assert said.endswith(
        "No sync is launched, for the schedule daily_capture makes up for it by itself.\n"
    ), said


def test_a_schedule_that_is_switched_off_is_not_made_up_for(
    history: dg.DagsterInstance, settings: Settings
) -> None:
    (state,) = [one for one in history.all_instigator_state() if one.name == "daily_capture"]
    history.update_instigator_state(state.with_status(type(state.status)["STOPPED"]))
    try:
        due = automation.due_today(history, settings)
    finally:
        history.update_instigator_state(state)
    assert due is not None
    assert due.left_to == "the schedule daily_capture is switched off"


def test_a_run_that_waits_or_is_started_again_is_enough(
    history: dg.DagsterInstance, settings: Settings
) -> None:
    tags = {"dagster/partition": clock.today().isoformat()}
    job = build_definitions(deploy(settings)).resolve_job_def(automation.capture.name)
    waiting = history.create_run_for_job(job, status=dg.DagsterRunStatus.STARTING, tags=tags)
    due = automation.due_today(history, settings)
    assert due is not None
    assert due.left_to == "a run of the job capture waits for its turn"
    # As a start does with a run whose process went down with the machine.
    history.report_run_failed(waiting, "The process that executed this run was killed.")
    again = automation.due_today(history, settings)
    history.delete_run(waiting.run_id)
    assert again is not None
    assert again.left_to == "Dagster starts the interrupted run of the job capture again"
    left = automation.due_today(history, settings)
    assert left is not None
    assert left.left_to is None


def test_a_lake_on_aws_is_looked_at_as_a_folder_is(
    aws: Aws, history: dg.DagsterInstance, tmp_path: Path
) -> None:
    settings = load_settings(settings_of(aws, tmp_path, "http://127.0.0.1:1/3"), dotenv=None)
    due = automation.Due(clock.now(), "nobody shall launch anything here")
    put = aws.client("s3").put_object
    for name in ("popular_shows", "trending_shows", "airing_today"):
        key = layout.BronzeKey(name, clock.today().isoformat(), "by-hand")
        put(Bucket=aws.settings.lake_bucket, Key=str(key), Body=b"{}")
    assert f"bronze holds no on_the_air of {clock.today()}." in told(settings, history, due)
    key = layout.BronzeKey("on_the_air", clock.today().isoformat(), "by-hand")
    put(Bucket=aws.settings.lake_bucket, Key=str(key), Body=b"{}")
    assert told(settings, history, due) == ""


def test_never_and_when_due_at_once_is_refused(tmp_path: Path) -> None:
    ran = tally.run(tmp_path, {"TALLY_HOME": str(tmp_path)}, "up", "--no-sync", "--sync-when-due")
    assert ran.code == 2
    assert "give one of them" in ran.err


def told(settings: Settings, instance: dg.DagsterInstance, due: automation.Due) -> str:
    said = io.StringIO()
    make_up(settings, instance, Ui(1), due, lambda _: None, Console(file=said, width=400))
    return said.getvalue()
