"""Details through the assets: what a bad day of TMDB's means for silver, and what a person can do about it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import msgspec
import pytest

from tally_pipeline.datasets.details import DETAILS
from tally_pipeline.lake import parquet
from tally_pipeline.orchestration.assets import common
from tally_pipeline.tmdb.sandbox.replies import JSON, Reply, html
from tally_pipeline_tests.datasets.details.capturing import Home
from testkit import details
from testkit import pipeline as kit
from testkit.pipeline import Pipeline, day
from testkit.tmdb.show_server import ShowServer, good

BRONZE, SILVER = common.bronze_key(DETAILS), common.silver_key(DETAILS)
SHOWS = list(range(1, 41))


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def home(tmp_path: Path, instance: dg.DagsterInstance) -> Path:
    """A home whose list of popular shows is refined."""
    pipeline = Pipeline.at(tmp_path, instance)
    kit.put(pipeline.lake, day(), [kit.row(show) for show in SHOWS])
    assert pipeline.refine().success
    return tmp_path


def shows_of(pipeline: Pipeline) -> list[int]:
    ids: list[int] = parquet.decode(pipeline.lake.store.get(DETAILS.silver_key(day())))["show_id"].to_pylist()
    return ids


def test_a_capture_that_lacks_shows_is_kept_red_and_refined_when_a_person_says_so(
    home: Path, instance: dg.DagsterInstance
) -> None:
    with ShowServer(lambda show, _: html(503) if show <= 4 else None) as server:
        pipeline = Pipeline.at(home, instance, server.base_url, TMDB_ATTEMPTS="1")
        captured = pipeline.run("capture_details")
        assert kit.checks(captured, BRONZE) == {
            "not_empty": "passed",
            "every_show_answered": "failed",
            "budget_suffices": "passed",
        }
        refused = pipeline.run("refine", assets=[SILVER])
        assert not refused.success
        (why,) = kit.failures(refused).values()
        assert "allow_partial: true" in why
        told = pipeline.run("refine", assets=[SILVER], config={"silver_details": {"allow_partial": True}})
        assert told.success, kit.failures(told)
        assert shows_of(pipeline) == SHOWS[4:]
    with ShowServer() as server:
        pipeline = Pipeline.at(home, instance, server.base_url)
        assert pipeline.run("capture_details").success
        assert set(server.asked) == set(SHOWS[:4])
        assert pipeline.run("refine", assets=[SILVER]).success
        assert shows_of(pipeline) == SHOWS


def test_a_day_on_which_tmdb_changes_its_replies_keeps_the_last_good_silver_and_quarantines(
    home: Path, instance: dg.DagsterInstance
) -> None:
    with ShowServer() as server:
        pipeline = Pipeline.at(home, instance, server.base_url)
        assert pipeline.run("capture_details").success
        assert pipeline.run("refine", assets=[SILVER]).success
    silver = pipeline.lake.store.get(DETAILS.silver_key(day()))

    def changed(show: int, _: int) -> Reply:
        if show % 2:
            return good(show)
        return Reply(200, {"Content-Type": JSON}, msgspec.json.encode(details.show(show, name=["a", "list"])))

    with ShowServer(changed) as server:
        pipeline = Pipeline.at(home, instance, server.base_url)
        captured = pipeline.run("capture_details", config={"bronze_details": {"anew": True}})
        assert captured.success
        assert set(kit.checks(captured, BRONZE).values()) == {"passed"}
        refined = pipeline.run("refine", assets=[SILVER])
    assert not refined.success
    assert kit.checks(refined, SILVER)["pass_rate"] == "failed"
    assert pipeline.lake.store.get(DETAILS.silver_key(day())) == silver
    key = DETAILS.quarantine_key(day())
    assert key is not None
    quarantine = parquet.decode(pipeline.lake.store.get(key))
    assert quarantine["show_id"].to_pylist() == SHOWS[1::2]
    assert {rule for rules in quarantine["rules"].to_pylist() for rule in rules} == {"wrong_type"}


def test_a_capture_without_lists_and_one_without_tmdb_fail_with_words(
    tmp_path: Path, home: Path, instance: dg.DagsterInstance
) -> None:
    with ShowServer() as server:
        nothing = Pipeline.at(tmp_path / "other", instance, server.base_url).run("capture_details")
        assert "the lists have no silver of the last 7 days" in "".join(kit.failures(nothing).values())
    unreachable = Pipeline.at(home, instance, "http://127.0.0.1:1/3", TMDB_ATTEMPTS="1").run(
        "capture_details"
    )
    assert "127.0.0.1" in "".join(kit.failures(unreachable).values())


_CAPTURES = """
import sys
from pathlib import Path
from tally_pipeline_tests.datasets.details.capturing import Home
Home(Path(sys.argv[1])).capture_from(sys.argv[2], requests_per_second=40, timeout_seconds=120)
"""


@pytest.mark.slow
def test_a_sync_of_lists_goes_first_while_details_are_under_way_and_does_not_wait_for_them(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    home = Home(tmp_path / "sandbox")
    home.list_shows(*range(1, 101))

    def list_asked_for() -> list[float]:
        return [one.at for one in server.requests if one.path == "/tv/popular"]

    def halting(show: int, before: int) -> Reply | None:
        """The good reply; from the tenth on not before a list is asked for, however long that takes to start."""
        while before >= 10 and not list_asked_for():
            time.sleep(0.02)
        return None

    with ShowServer(halting, latency_ms=150) as server:
        command = [sys.executable, "-c", _CAPTURES, str(home.folder), server.base_url]
        with subprocess.Popen(command) as details_captured:
            while len(server.of_shows) < 10:
                assert details_captured.poll() is None
                time.sleep(0.02)
            lists = Pipeline.at(
                tmp_path,
                instance,
                server.base_url,
                TALLY_PAGES_POPULAR_SHOWS="8",
                TMDB_REQUESTS_PER_SECOND="5",
            )
            synced = lists.sync()
            assert synced.success, kit.failures(synced)
            assert details_captured.wait() == 0
        of_lists, of_details = list_asked_for(), [one.at for _, one in server.of_shows]
    # What was under way when the list began is answered; the lock is looked at four times a second.
    assert of_lists[-1] - of_lists[0] > 1
    assert [at for at in of_details if of_lists[0] + 0.5 < at < of_lists[-1]] == []
    assert [at for at in of_details if at > of_lists[-1]]
    assert len(of_details) == 100
