"""The asset over a real lake: published whole, as the latest when it is, and never without gold."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from tally_pipeline import gold
from tally_pipeline.cli import main
from tally_pipeline.datasets import SHOWS
from tally_pipeline.deployment import Deployment, deploy, load_settings
from tally_pipeline.deployment.first_day import first_day
from tally_pipeline.gold import top_movers
from tally_pipeline.lake import layout, parquet
from tally_pipeline.lake.store import NoSuchObjectError
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.assets.gold import gold_assets, gold_key
from tally_pipeline.orchestration.assets.io_manager import LakeIOManager
from tally_pipeline.orchestration.assets.refine import silver_asset
from tally_pipeline.orchestration.assets.report import KEY, report_asset, write_day
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline.tmdb.sandbox.fill import captures

DAYS = [date(2026, 1, 2) + timedelta(days=n) for n in (0, 1, 3)]
FIRST, SECOND, LAST = (day.isoformat() for day in DAYS)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def deployment(home: Path) -> Deployment:
    """Silver of three days, the one before the last missing, and gold and report of two."""
    made = deploy(load_settings({"TALLY_HOME": str(home), "TALLY_FIRST_DAY": "2020-01-01"}, dotenv=None))
    for key, body in captures(DAYS, depths={one.name: 2 for one in LISTS}):
        made.lake.write_bronze(key, body)
    partitions = common.daily(first_day(made.settings))
    silver = [silver_asset(one, partitions, "sandbox") for one in SHOWS]
    of_shows = set(map(gold_key, gold.OF_SHOWS))
    below = [one for one in gold_assets(partitions, "sandbox") if one.key in of_shows]
    below.append(report_asset(partitions, "sandbox"))
    resources = {
        "io_manager": LakeIOManager(made.lake),
        "analytics_engine": made.analytics_engine,
        "settings": made.settings,
        "metrics": made.metrics,
    }
    bronze = [dg.AssetSpec(common.bronze_key(one), partitions_def=partitions) for one in SHOWS]
    for day, assets in ((FIRST, silver), (SECOND, [*silver, *below]), (LAST, [*silver, *below])):
        assert dg.materialize([*bronze, *assets], partition_key=day, resources=resources).success
    return made


@pytest.mark.slow
def test_a_day_is_published_and_the_newest_is_the_latest(deployment: Deployment) -> None:
    lake = deployment.lake
    last = lake.store.get(layout.report_key(LAST))
    assert b"Monday 5 January 2026" in last
    assert lake.store.get(layout.latest_report_key()) == last
    assert lake.store.exists(layout.report_key(SECOND))


@pytest.mark.slow
def test_an_older_day_made_again_is_the_same_and_not_the_latest(deployment: Deployment) -> None:
    lake = deployment.lake
    before = lake.store.get(layout.report_key(SECOND))
    outcome = LakeIOManager(lake).publish_now(KEY, write_day(lake, deployment.query_engine, SECOND))
    assert not outcome.failure_reason
    assert outcome.metadata["is the latest"] is False
    assert lake.store.get(layout.report_key(SECOND)) == before
    assert lake.store.get(layout.latest_report_key()) == lake.store.get(layout.report_key(LAST))


@pytest.mark.slow
def test_the_missing_day_is_said_to_be_missing(deployment: Deployment) -> None:
    page = deployment.lake.store.get(layout.report_key(LAST)).decode()
    assert "No data: every list 4 Jan." in page
    assert "1 day between without data" in page


@pytest.mark.slow
def test_a_day_that_gold_has_not_come_to_has_its_pass_rate_from_silver(deployment: Deployment) -> None:
    page = deployment.lake.store.get(layout.report_key(LAST)).decode()
    assert "Friday 2 January 2026: 40 shows, 100 % passed" in page


@pytest.mark.slow
def test_without_gold_nothing_is_published_and_the_remedy_is_named(deployment: Deployment) -> None:
    outcome = LakeIOManager(deployment.lake).publish_now(
        KEY, write_day(deployment.lake, deployment.query_engine, FIRST)
    )
    assert f"gold of {FIRST} is not there" in outcome.failure_reason
    assert "Materialize gold" in outcome.failure_reason
    with pytest.raises(NoSuchObjectError):
        deployment.lake.store.get(layout.report_key(FIRST))


@pytest.mark.slow
def test_gold_of_an_earlier_version_is_named_with_its_remedy(deployment: Deployment) -> None:
    key = layout.gold_key(top_movers.TABLE.name, SECOND)
    whole = deployment.lake.store.get(key)
    older = parquet.decode(whole).drop_columns(["score", "kind_shows"])
    deployment.lake.store.put(
        key, parquet.encode_table(older.replace_schema_metadata(parquet.decode(whole).schema.metadata))
    )
    try:
        outcome = LakeIOManager(deployment.lake).publish_now(
            KEY, write_day(deployment.lake, deployment.query_engine, SECOND)
        )
    finally:
        deployment.lake.store.put(key, whole)
    assert f"{key} has no column score, kind_shows: an earlier version wrote it" in outcome.failure_reason
    assert "Materialize gold" in outcome.failure_reason


@pytest.mark.slow
def test_the_command_names_the_newest_page_or_that_of_a_day(
    deployment: Deployment, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TALLY_HOME", str(home))
    assert main(["report"]) == 0
    assert Path(capsys.readouterr().out.strip()).read_bytes() == deployment.lake.store.get(
        layout.report_key(LAST)
    )
    assert main(["report", "--day", SECOND]) == 0
    assert capsys.readouterr().out.strip().endswith(f"dt={SECOND}/index.html")
    assert main(["report", "--day", FIRST]) == 2
    assert f"there is no report of {FIRST}" in capsys.readouterr().err


def test_the_command_says_what_to_do_when_there_is_no_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TALLY_HOME", str(tmp_path))
    assert main(["report"]) == 2
    assert "there is no report yet" in capsys.readouterr().err
    assert main(["report", "--day", "yesterday"]) == 2
    assert "'yesterday' is not a day; give one as in 2025-12-24" in capsys.readouterr().err
