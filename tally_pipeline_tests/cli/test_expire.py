"""`tally expire`, and the lake that it leaves."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tally_pipeline import clock
from tally_pipeline.aws.session import Aws
from tally_pipeline.cli.expire import expire
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import deploy, load_settings
from tally_pipeline.deployment.first_day import first_day
from tally_pipeline.lake import layout
from testkit import tally
from testkit.aws.settings import settings_of
from testkit.pipeline import environment


def day(ago: int) -> str:
    return (clock.today() - timedelta(days=ago)).isoformat()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a lake of TMDB's, as if it had been kept for too long."""
    lake = tmp_path / "tmdb" / "lake"
    for ago in (0, 176, 177, 400):
        for key in (layout.silver_key("popular_shows", day(ago)), layout.gold_key("top_movers", day(ago))):
            (lake / key).parent.mkdir(parents=True, exist_ok=True)
            (lake / key).write_bytes(b"rows")
    (lake / layout.OWNERSHIP_MARKER).write_text('{"source": "tmdb"}')
    return tmp_path


def told(home: Path, **changes: str) -> dict[str, str]:
    names = {name: value for name, value in environment(home).items() if name != "TMDB_BASE_URL"}
    return {**names, "TMDB_API_TOKEN": "t" * 32, **changes}


def files(home: Path) -> set[str]:
    lake = home / "tmdb" / "lake"
    return {path.relative_to(lake).as_posix() for path in lake.rglob("*") if path.is_file()}


def test_days_that_are_over_are_named_and_then_removed_and_the_others_stay(home: Path) -> None:
    before = files(home)
    ran = tally.run(home, told(home), "expire", "--dry-run")
    assert ran.code == 0, ran.err
    assert f"4 objects of 2 days from {day(400)} to {day(177)} would be removed" in ran.out
    assert files(home) == before

    ran = tally.run(home, told(home), "expire", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["days"] == [day(400), day(177)]
    assert json.loads(ran.out)["removed"] is True
    assert {key for key in before if day(0) in key or day(176) in key} | {"lake.json"} == files(home)
    assert not (home / "tmdb" / "lake" / "silver" / "shows" / "popular_shows" / f"dt={day(400)}").exists()

    again = tally.run(home, told(home), "expire")
    assert (again.code, again.out.count("holds nothing overdue")) == (0, 1)


def test_the_number_of_days_is_a_setting_and_none_means_for_ever(home: Path) -> None:
    before = files(home)
    ran = tally.run(home, told(home, TALLY_RETENTION_DAYS="0"), "expire")
    assert (ran.code, files(home)) == (0, before)
    assert "TALLY_RETENTION_DAYS is 0" in ran.out
    ran = tally.run(home, told(home, TALLY_RETENTION_DAYS="10"), "expire")
    assert files(home) == {key for key in before if day(0) in key} | {"lake.json"}


def test_invented_days_stay(tmp_path: Path) -> None:
    ran = tally.run(tmp_path, environment(tmp_path), "expire")
    assert (ran.code, "expires: it is invented" in ran.out) == (0, True)


def test_a_lake_of_tmdbs_is_cleared_each_night_and_begins_where_it_is_kept(home: Path) -> None:
    settings = load_settings({**told(home), "TALLY_FIRST_DAY": "2020-01-01"}, dotenv=None)
    definitions = build_definitions(deploy(settings))
    assert definitions.resolve_schedule_def("daily_expiry").cron_schedule == "15 2 * * *"
    assert first_day(settings).isoformat() == day(176)
    ran = definitions.resolve_job_def("expire").execute_in_process()
    assert ran.success
    assert {key for key in files(home) if day(177) in key or day(400) in key} == set()

    invented = load_settings(
        {"TALLY_HOME": str(home), "TALLY_FIRST_DAY": "2020-01-01"} | {"TALLY_SOURCE": "sandbox"}, dotenv=None
    )
    schedules = {one.name for one in build_definitions(deploy(invented)).schedules or ()}
    assert "daily_expiry" not in schedules
    assert first_day(invented).isoformat() == "2020-01-01"


def test_a_bucket_tells_what_was_written_late_from_what_was_written_in_time(
    aws: Aws, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = settings_of(aws, tmp_path, "") | {"TMDB_API_TOKEN": "t" * 32, "TALLY_RETENTION_DAYS": "8"}
    settings = load_settings(environ, dotenv=None)
    for key in (layout.silver_key("popular_shows", day(40)), layout.latest_report_key()):
        aws.client("s3").put_object(Bucket=aws.settings.lake_bucket, Key=key, Body=b"rows")
    assert expire(settings, dry_run=False, as_json=False) == 1
    told = capsys.readouterr().out
    assert "1 object was written after the day described" in told
    assert "Lower the retention" in told
    assert "written in time" not in told
    assert expire(settings, dry_run=False, as_json=True) == 1
    assert json.loads(capsys.readouterr().out)["objects"] == [layout.silver_key("popular_shows", day(40))]
