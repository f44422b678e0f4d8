"""A capture of a day that the lake does not keep any more: the sensor says so once, and holds up nothing by it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from tally_pipeline import clock
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import deploy, load_settings
from tally_pipeline.lake import layout
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline_tests.orchestration.automation.folder_pipeline import Pipeline, names
from testkit.pipeline import capture, rows

KEPT = 177
"""Days, where TALLY_RETENTION_DAYS is not set."""


@pytest.fixture
def of_tmdb(tmp_path: Path) -> Iterator[Pipeline]:
    """A pipeline on a lake of TMDB's in an empty folder, which has looked once."""
    settings = load_settings({"TALLY_HOME": str(tmp_path), "TMDB_API_TOKEN": "t" * 32}, dotenv=None)
    deployment = deploy(settings)
    with dg.DagsterInstance.ephemeral() as instance:
        pipeline = Pipeline(deployment, build_definitions(deployment), instance)
        assert pipeline.tick() == []
        yield pipeline


def put_by_hand(pipeline: Pipeline, ago: int) -> BronzeKey:
    """A capture of a day so many days ago, put there by a tool that knows of no days that are over."""
    key = BronzeKey("popular_shows", (clock.today() - timedelta(days=ago)).isoformat(), f"by-hand-{ago}")
    file = pipeline.deployment.settings.lake_folder / str(key)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(capture(key, rows(5), source="tmdb"))
    return key


def pending(pipeline: Pipeline) -> list[str]:
    assert pipeline.cursor is not None
    return [one["newest"] for one in json.loads(pipeline.cursor)["pending"]]


def test_a_capture_of_a_day_that_is_over_is_left_alone_with_a_word_once(
    of_tmdb: Pipeline, capfd: pytest.CaptureFixture[str]
) -> None:
    over, in_time = put_by_hand(of_tmdb, KEPT), put_by_hand(of_tmdb, KEPT - 1)
    for _ in range(3):
        assert of_tmdb.tick() == []
    (word,) = [line for line in capfd.readouterr().err.splitlines() if str(over) in line]
    assert "is of a day that the lake does not keep any more" in word
    assert pending(of_tmdb) == [str(in_time)]  # a partition when the code is loaded next


@pytest.mark.slow
def test_gold_is_healed_as_if_no_such_capture_were_there(of_tmdb: Pipeline) -> None:
    for ago in (KEPT + 100, 0):
        put_by_hand(of_tmdb, ago)
    (refining,) = of_tmdb.tick()
    assert of_tmdb.carry_out(refining).success
    gold = layout.gold_key("show_popularity_trends", clock.today().isoformat())
    (of_tmdb.deployment.settings.lake_folder / gold).unlink()

    (healing,) = of_tmdb.tick()

    assert "gold/show_popularity_trends" in names(healing)
    assert pending(of_tmdb) == []
