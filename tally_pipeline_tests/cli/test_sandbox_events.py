"""`tally sandbox events`: invented viewers' events in the sandbox's bronze, and nowhere else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tally_pipeline import clock
from tally_pipeline.events.batches import is_key
from tally_pipeline.tmdb.sandbox.viewers import requests_of
from tally_pipeline_tests.cli.conftest import Tally
from testkit import tally
from testkit.collecting import lines
from testkit.pipeline import environment

SMALL = ("sandbox", "events", "--users", "30", "--heartbeat", "60")


def objects(lake: Path) -> dict[str, bytes]:
    return {
        path.relative_to(lake).as_posix(): path.read_bytes()
        for path in (lake / "bronze" / "events").rglob("*.gz")
    }


def test_each_day_before_today_has_its_events_and_written_again_they_change_nothing(
    run_tally: Tally, tmp_path: Path
) -> None:
    lake = tmp_path / "sandbox" / "lake"
    first = run_tally(*SMALL, "--days", "2")
    assert first.code == 0, first.err
    before = objects(lake)
    assert all(map(is_key, before))
    days = [clock.today() - timedelta(days=ago) for ago in (2, 1)]
    assert {key.split("/")[2] for key in before} == {f"dt={day}" for day in days}
    sent = sum(one.body.count(b'"event_id"') for day in days for one in requests_of(1, 30, day, 60))
    assert len(list(lines(lake))) == sent > 100
    assert run_tally("audit", "--json").json["rows"] == sent
    again = run_tally(*SMALL, "--days", "3")
    assert "2 days" not in again.out
    assert again.out.count("0 new objects") == 2
    after = objects(lake)
    assert after.items() > before.items()


def test_a_lake_of_tmdbs_gets_none(tmp_path: Path) -> None:
    ran = tally.run(tmp_path, environment(tmp_path, TALLY_SOURCE="tmdb", TMDB_API_TOKEN="a.b.c"), *SMALL)
    assert ran.code == 2
    assert ran.err.startswith("tally: invented events never go into TMDB's lake")
    assert not list(tmp_path.rglob("*.gz"))
