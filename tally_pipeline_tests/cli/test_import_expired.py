"""`tally import` of days that a lake of TMDB's does not keep any more: they stay out, and all else comes in."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tally_pipeline import clock
from tally_pipeline.aws.session import Aws
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.store import Store
from testkit import tally
from testkit.aws.settings import settings_of
from testkit.pipeline import capture, environment, rows

KEPT = 177
"""Days, where TALLY_RETENTION_DAYS is not set."""


def day(ago: int) -> str:
    return (clock.today() - timedelta(days=ago)).isoformat()


def captured(lake: Lake, *ago: int) -> None:
    """A capture of popular shows of each of these days."""
    for days in ago:
        key = BronzeKey("popular_shows", day(days), f"run-{days}")
        lake.write_bronze(key, capture(key, rows(5), source="tmdb"))


def of_tmdb(home: Path, **changes: str) -> dict[str, str]:
    home.mkdir(exist_ok=True)
    names = {name: value for name, value in environment(home).items() if name != "TMDB_BASE_URL"}
    return {**names, "TMDB_API_TOKEN": "t" * 32, **changes}


def days_in(home: Path) -> set[str]:
    return {path.parent.name.removeprefix("dt=") for path in (home / "tmdb" / "lake").rglob("run-*.json")}


def test_a_backup_that_holds_days_that_are_over_comes_in_without_them_and_says_so(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    captured(Lake(Store.in_folder(first / "tmdb" / "lake"), "tmdb"), KEPT + 20, KEPT, KEPT - 1, 1)
    backup = str(tmp_path / "backup")
    assert tally.run(first, of_tmdb(first), "export", backup).code == 0

    dry = tally.run(second, of_tmdb(second), "import", backup, "--dry-run")
    assert (dry.code, "2 would be written, 0 already there, 0 refusals" in dry.out) == (0, True), dry.err
    ran = tally.run(second, of_tmdb(second), "import", backup)
    assert (ran.code, "2 written, 0 already there, 0 refusals" in ran.out) == (0, True), ran.err
    for said in (dry.out, ran.out):
        assert (
            f"Left out: 2 captures of days that the lake does not keep any more, the last of {day(KEPT)}; the first"
            f" day that it keeps is {day(KEPT - 1)}." in said
        )
    assert days_in(second) == {day(KEPT - 1), day(1)}
    assert (second / "tmdb" / "first_day").read_text() == day(KEPT - 1)

    again = tally.run(second, of_tmdb(second), "import", backup, "--json")
    assert (again.code, again.json["already_there"], again.json["refused"]) == (0, 2, {})
    assert [key.split("/")[4] for key in again.json["expired"]] == [
        f"dt={day(KEPT + 20)}",
        f"dt={day(KEPT)}",
    ]


@pytest.mark.parametrize(("retention", "back"), [("163", 0), ("171", 3)])
def test_what_expired_in_tmdbs_bucket_comes_back_once_the_lake_keeps_its_days(
    aws: Aws, tmp_path: Path, retention: str, back: int
) -> None:
    """By docs/aws.md: with the settings by which S3's rule expired it, and with a retention that was raised."""
    settings = settings_of(aws, tmp_path, "http://127.0.0.1:1")
    told = {name: value for name, value in settings.items() if name != "TMDB_BASE_URL"}
    told |= {"TMDB_API_TOKEN": "t" * 32, "TALLY_RETENTION_DAYS": retention}
    s3, bucket = aws.client("s3"), aws.settings.lake_bucket
    captured(Lake(Store.on_s3(aws, bucket), "tmdb"), 170, 166, 163, 10)
    for info in Store.on_s3(aws, bucket).list("bronze"):
        if day(10) not in info.key:
            s3.delete_object(Bucket=bucket, Key=info.key)

    taken = tally.run(tmp_path, told, "export", "recovered", "--expired")
    assert taken.code == 0, taken.err
    says = f"3 days of these, from {day(170)} to {day(163)}, expired because they are over"
    assert (says in taken.err) == (back == 0)
    dry = tally.run(tmp_path, told, "import", "recovered", "--dry-run")
    assert f"{back} would be written, 0 already there, 0 refusals" in dry.out, dry.err
    ran = tally.run(tmp_path, told, "import", "recovered")
    assert (ran.code, f"{back} written" in ran.out) == (0, True), ran.err
    assert ("Left out: 3 captures of days" in ran.out) == (back == 0)
