"""`tally import` of days that a lake of TMDB's does not keep any more: they stay out, and all else comes in."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tally_pipeline import clock
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.store import Store
from testkit import tally
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
