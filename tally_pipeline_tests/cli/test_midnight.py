"""A day that ends while a command is at work."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from rich.console import Console

from tally_pipeline import clock
from tally_pipeline.cli.up.first_sync import sync_today
from tally_pipeline.cli.up.ui import Ui
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline.tmdb.sandbox import Sandbox
from tally_pipeline_tests.cli.conftest import Tally
from testkit.pinned import Clock, pinned
from testkit.pipeline import Pipeline

LATE = datetime(2026, 12, 31, 23, 55, tzinfo=UTC)
NEW_YEAR = datetime(2027, 1, 1, 0, 0, 1, tzinfo=UTC)


@pytest.fixture
def at() -> Iterator[Clock]:
    with pinned(LATE) as at:
        yield at


class AtMidnight(Ui):
    """Executes what is launched in this process, and the first of it only after midnight, as a busy queue would."""

    def __init__(self, pipeline: Pipeline, at: Clock) -> None:
        super().__init__(port=0)
        self._pipeline, self._at = pipeline, at

    def launch(self, job: str, tags: Mapping[str, str], assets: Sequence[dg.AssetKey] | None = None) -> str:
        if clock.now() < NEW_YEAR:
            self._at.set(NEW_YEAR)
        return self._pipeline.run(job, assets=assets, on=tags["dagster/partition"]).run_id


def test_a_first_sync_whose_day_ends_before_it_captures_is_followed_by_one_of_the_new_day(
    at: Clock, tmp_path: Path, steady: Sandbox
) -> None:
    said = Console(file=io.StringIO(), width=200)
    with dg.DagsterInstance.ephemeral() as instance:
        pipeline = Pipeline.at(tmp_path, instance, steady.base_url)
        settings = pipeline.deployment.settings
        assert sync_today(settings, instance, AtMidnight(pipeline, at), lambda _: None, said)
    assert {it.name: pipeline.lake.silver_days(it.name) for it in LISTS} == {
        it.name: ["2027-01-01"] for it in LISTS
    }
    told = said.file.getvalue()  # type: ignore[attr-defined]
    assert "2026-12-31 is over (UTC), and what it lacks cannot be captured any more" in told
    assert "Sync of 2027-01-01" in told
    assert "The sync failed" not in told


def test_a_past_that_is_filled_over_midnight_has_every_day_once(
    run_tally: Tally, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = NEW_YEAR - timedelta(hours=10)

    def hours_pass() -> datetime:
        nonlocal moment
        moment += timedelta(hours=9)
        return moment

    monkeypatch.setattr(clock, "now", hours_pass)
    ran = run_tally("sandbox", "fill", "--days", "4", TMDB_BASE_URL="")
    assert ran.code == 0, ran.err
    days = sorted(path.name for path in tmp_path.glob("sandbox/lake/bronze/tmdb/shows/popular_shows/*"))
    last = date.fromisoformat(days[-1].removeprefix("dt="))
    assert days == [f"dt={last - timedelta(days=ago)}" for ago in (3, 2, 1, 0)]
