from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import dagster as dg
import pytest

from tally_pipeline import gold
from tally_pipeline.cli.up import up as up_command
from tally_pipeline.datasets import GENRES, SERIES
from tally_pipeline.datasets.details import DETAILS
from tally_pipeline.deployment import load_settings
from tally_pipeline.gold import genre_analytics, show_popularity_trends
from tally_pipeline.lake import layout, parquet
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.locks import TableLocks
from tally_pipeline.lake.store import Store
from tally_pipeline.orchestration import automation
from tally_pipeline.orchestration.assets import common, report
from tally_pipeline.orchestration.assets.freshness_checks import IS_CURRENT
from tally_pipeline.orchestration.assets.gold import gold_key
from tally_pipeline.orchestration.runs import dagster_home
from tally_pipeline.tables import sources as gold_files
from tally_pipeline.tmdb.lists import LISTS
from testkit import tally
from testkit.running import Up, free_port, running

pytestmark = pytest.mark.slow

ASSETS = [
    *(key(it) for it in LISTS for key in (common.bronze_key, common.silver_key)),
    common.TABLE,
    *map(gold_key, gold.OF_SHOWS),
    report.KEY,
    common.bronze_key(GENRES),
    common.silver_key(GENRES),
]
EXPORTS = (common.bronze_key(SERIES), common.silver_key(SERIES))


OF_DETAILS = {"bronze_details", *(key.to_user_string() for key in automation.BELOW_DETAILS)}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A `tally up` in an empty home, after its first sync; in an odd place, where all that follows must work too."""
    place = tmp_path_factory.mktemp("first")
    temporary = place / ("t" * 120)  # a socket in it would have a longer path than there may be
    temporary.mkdir()
    settings = {"TMPDIR": str(temporary), "TALLY_DETAILS_BUDGET": "0"}
    with running(place / "a%20b #é'", settings=settings) as up:
        up.until("Up: ")
        yield up


@pytest.fixture
def past(first: Up) -> Iterator[dg.DagsterInstance]:
    """The history of the first `tally up`."""
    with dg.DagsterInstance.from_config(str(first.dagster_home)) as instance:
        yield instance


def test_the_first_sync_succeeds_within_90_seconds_of_the_start(first: Up, past: dg.DagsterInstance) -> None:
    (sync,) = past.get_run_records(dg.RunsFilter(job_name="sync"))
    assert sync.dagster_run.status == dg.DagsterRunStatus.SUCCESS
    assert sync.dagster_run.tags["dagster/partition"] == first.today
    assert f"{first.url}/runs/{sync.dagster_run.run_id}" in first.words
    assert sync.end_time is not None
    seconds = sync.end_time - first.started_at
    if seconds >= 90 and first.busy:
        pytest.skip(f"{seconds:.0f} s, but the machine had more to do than it has processors")
    assert seconds < 90


def test_the_terminal_says_where_things_are_and_that_the_shows_are_invented(first: Up) -> None:
    for said in (
        first.url,
        "SANDBOX: every show is invented",
        "TMDB_API_TOKEN",
        str(first.home / "sandbox" / "lake"),
        str(first.dagster_home),
        str(first.dagster_home / "up.log"),
        "Ctrl-C",
    ):
        assert said in first.words
    assert first.words.count("published") == len(LISTS)


@pytest.mark.parametrize("asset", ASSETS, ids=dg.AssetKey.to_user_string)
def test_the_first_sync_materializes_the_asset_for_today(
    first: Up, past: dg.DagsterInstance, asset: dg.AssetKey
) -> None:
    wanted = dg.AssetRecordsFilter(asset_key=asset, asset_partitions=[first.today])
    assert past.fetch_materializations(wanted, limit=1).records


def test_the_export_comes_with_it_and_is_refined_soon_after(first: Up, past: dg.DagsterInstance) -> None:
    assert f"The export of all series of {first.today} is downloaded and refined" in first.words
    until = time.monotonic() + 120
    wanted = [dg.AssetRecordsFilter(asset_key=key, asset_partitions=[first.today]) for key in EXPORTS]
    while not all(past.fetch_materializations(one, limit=1).records for one in wanted):
        assert time.monotonic() < until
        time.sleep(0.2)


def test_it_says_what_to_do_next_and_the_query_answers(first: Up) -> None:
    told = dict(re.findall(r"^(look|report|query|past|backfill) +(.+)$", first.words, re.MULTILINE))
    assert told["look"] == f"{first.url}/asset-groups"
    assert Path(unquote(urlsplit(told["report"]).path)).read_text().startswith("<!DOCTYPE html>")
    ran = subprocess.run(
        told["query"], shell=True, cwd=first.home, capture_output=True, text=True, check=True
    )
    assert "rank" in ran.stdout
    assert "5 rows" in ran.stderr
    assert "sandbox fill --days 90" in told["past"]


def test_all_checks_pass_and_schedule_sensor_and_daemon_run(first: Up) -> None:
    # The export's were waited for before.
    told = tally.run(first.home, {"TALLY_HOME": str(first.home)}, "status", "--json")
    assert told.code == 0
    looked_at = [
        one for one in told.json["checks"] if one["check"] != IS_CURRENT and one["asset"] not in OF_DETAILS
    ]
    assert {one["status"] for one in looked_at} == {"passed"}
    running_now = {name for name, runs in told.json["automation"].items() if runs}
    assert running_now >= {"daemon", "daily_capture", "standing_checks", "new_bronze_objects"}


def test_nothing_in_the_log_of_a_good_start_looks_like_an_error(first: Up) -> None:
    log = (first.dagster_home / "up.log").read_text()
    assert "Traceback" not in log
    assert "ERROR" not in log


def test_the_ui_listens_on_this_machine_only(first: Up) -> None:
    with socket.create_connection(("127.0.0.1", first.port), timeout=5):
        pass
    # A server on all addresses would answer here as well.
    with socket.socket() as elsewhere:
        assert elsewhere.connect_ex(("127.0.0.2", first.port)) != 0


def test_a_second_one_on_the_same_home_is_refused_in_one_sentence(first: Up, tmp_path: Path) -> None:
    port = str(free_port())
    told = tally.run(tmp_path, {"TALLY_HOME": str(first.home)}, "up", "--port", port)
    assert told.code == 2
    assert told.err.startswith(f"tally: another `tally up` runs on {first.dagster_home}")
    assert told.err.count("\n") == 1


def test_a_port_in_use_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        told = tally.run(tmp_path, {"TALLY_HOME": str(tmp_path)}, "up", "--port", port)
    assert told.code == 2
    assert told.err.startswith(f"tally: port {port} of 127.0.0.1 cannot be used")
    assert "--port" in told.err
    assert "TALLY_PORT" in told.err
    assert told.err.count("\n") == 1


def with_a_past_of(days: int, details: int = 0) -> dict[str, str]:
    """Settings for a short past of small lists; the sensor looks often, and is to leave all of it to its run."""
    pages = {f"TALLY_PAGES_{show_list.name.upper()}": "1" for show_list in LISTS}
    few = {"TALLY_SENSOR_SECONDS": "2", "TALLY_DETAILS_BUDGET": str(details)}
    return {**pages, **few, "TALLY_SANDBOX_PAST_DAYS": str(days)}


def refined_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """The runs that refined lists, the first of them first."""
    runs = instance.get_runs(dg.RunsFilter(job_name=automation.refine.name))
    return [run for run in reversed(runs) if run.asset_selection != {common.silver_key(SERIES)}]


def times_made(instance: dg.DagsterInstance, *, until: str) -> dict[str, dict[str, int]]:
    """How often each asset below bronze was made: of today, and at most of any day before."""
    found = {}
    for key in automation.BELOW_BRONZE:
        made = instance.fetch_materializations(key, limit=1000).records
        counts = Counter(str(record.partition_key) for record in made)
        before = [count for day, count in counts.items() if day < until]
        found[key.to_user_string()] = {"today": counts[until], "before": max(before), "days": len(before)}
    return found


def sensor_has_nothing_left(instance: dg.DagsterInstance) -> bool:
    """Whether the sensor has looked at all that came, and at the gold that looks back on it."""
    (sensor,) = [it for it in instance.all_instigator_state() if it.name == "new_bronze_objects"]
    cursor = json.loads(getattr(sensor.instigator_data, "cursor", None) or "{}")
    return not cursor.get("pending", True) and cursor.get("refined", "") is None


def test_after_the_first_sync_the_sandbox_is_given_a_past_in_one_run_behind_all_others(
    tmp_path: Path,
) -> None:
    with running(tmp_path, settings=with_a_past_of(3)) as up:
        up.until("The past is there")
        last = date.fromisoformat(up.today)
        days = [(last - timedelta(days=ago)).isoformat() for ago in range(3, -1, -1)]
        first = days[0]
        assert f"A past for the sandbox: {first} to " in up.words
        assert "TALLY_SANDBOX_PAST_DAYS=0 switches it off" in up.words
        assert up.words.index("Up: ") < up.words.index("A past for the sandbox")
        assert f"past     {first} to {days[-2]} are filled and rebuilt now, by themselves" in up.words
        assert "sandbox fill" not in up.words
        with dg.DagsterInstance.from_config(str(up.dagster_home)) as instance:
            run, looking_back = refined_runs(instance)
            assert times_made(instance, until=days[-1])["silver_shows/popular_shows"] == {
                "today": 1,
                "before": 1,
                "days": 3,
            }
    assert run.is_success
    assert run.tags.items() >= automation.BEHIND_PEOPLE.items()
    assert run.tags["dagster/asset_partition_range_start"] == first
    assert run.tags["dagster/asset_partition_range_end"] == days[-2]
    # Of today only what looks back on these days was made anew; genres do on the day a week before.
    assert looking_back.tags["dagster/asset_partition_range_start"] == days[-1]
    assert looking_back.asset_selection is not None
    assert {key.to_user_string() for key in looking_back.asset_selection} == {
        "gold/show_popularity_trends",
        "gold/top_movers",
        "report",
    }
    lake = Lake(Store.in_folder(tmp_path / "sandbox" / "lake"), "sandbox")
    for show_list in LISTS:
        assert lake.silver_days(show_list.name) == days
    assert all(lake.store.exists(layout.report_key(day)) for day in days)
    trends = gold_files.read(lake, show_popularity_trends.TABLE.name, days[-1])
    assert max(trends["days_seen"].to_pylist()) == 4


def test_details_of_today_carry_on_what_the_past_knew(tmp_path: Path) -> None:
    """The past is filled first: else today's manifest knew none of its shows, and they would be out of sight."""
    with running(tmp_path, settings=with_a_past_of(2, details=40)) as up:
        up.until("The past is there")
        assert up.words.index("A past for the sandbox") < up.words.index(
            "Details of shows, and where to watch"
        )
        lake = Lake(Store.in_folder(tmp_path / "sandbox" / "lake"), "sandbox")
        days = [(date.fromisoformat(up.today) - timedelta(days=ago)).isoformat() for ago in (2, 1, 0)]
        with dg.DagsterInstance.from_config(str(up.dagster_home)) as instance:
            key = common.silver_key(DETAILS)
            deadline = time.monotonic() + 120
            while instance.get_materialized_partitions(key) < set(days) and time.monotonic() < deadline:
                time.sleep(0.5)
        silver = {day: parquet.decode(lake.store.get(DETAILS.silver_key(day))) for day in days}
    gone = {row["show_id"] for table in silver.values() for row in table.to_pylist() if row["is_gone"]}
    ids = {day: set(table["show_id"].to_pylist()) - gone for day, table in silver.items()}
    assert ids[days[0]] <= ids[days[1]] <= ids[days[2]]
    assert silver[days[2]]["age_days"].to_pylist().count(0) == 40


def test_a_past_that_was_interrupted_is_gone_on_with_and_nothing_is_made_twice(tmp_path: Path) -> None:
    settings = with_a_past_of(4)
    locks = TableLocks.beside(tmp_path / "sandbox" / "lake")
    with running(tmp_path, settings=settings) as up:
        up.until("A past for the sandbox")
        # The run of the past waits for this when silver, the table and some of gold are made.
        with locks.hold(gold_key(show_popularity_trends.TABLE).to_python_identifier(), (), print):
            up.until("The past is rebuilt")
            with dg.DagsterInstance.from_config(str(up.dagster_home)) as instance:
                until = time.monotonic() + 120
                while not instance.get_materialized_partitions(gold_key(genre_analytics.TABLE)) - {up.today}:
                    assert time.monotonic() < until, up.words
                    time.sleep(0.1)
            assert up.end() == 0
    with running(tmp_path, settings=settings) as again:
        again.until("The past is there")
        with dg.DagsterInstance.from_config(str(again.dagster_home)) as instance:
            until = time.monotonic() + 120
            while not sensor_has_nothing_left(instance):
                assert time.monotonic() < until
                time.sleep(0.2)
            made = times_made(instance, until=again.today)
            killed, *runs = refined_runs(instance)
    assert "The past is rebuilt" not in again.words, "that was said before the restart"
    assert again.words.count("And what looks back on it: ") == 1
    once = {"before": 1, "days": 4}
    # Today's look back on these days; genres do on the day a week before.
    left = {"gold/show_popularity_trends", "gold/top_movers", "report"}
    assert made == {name: {"today": 2 if name in left else 1, **once} for name in made}
    assert not killed.is_success
    # Today is the next day, and of it the same is left.
    (run,) = runs
    assert run.is_success
    assert {key.to_user_string() for key in run.asset_selection or ()} == left
    assert run.tags["dagster/asset_partition_range_end"] == again.today


def test_a_sync_that_fails_says_why_and_leaves_the_ui_up(tmp_path: Path) -> None:
    nobody_there = {"TMDB_BASE_URL": f"http://127.0.0.1:{free_port()}/3", "TMDB_ATTEMPTS": "1"}
    with running(tmp_path, settings=nobody_there) as up:
        up.until("Up: ")
        assert "The sync failed." in up.words
        assert up.words.count("not published │") == len(LISTS)
        for show_list in LISTS:
            assert f"✗ {show_list.name}:" in up.words
        with socket.create_connection(("127.0.0.1", up.port), timeout=5):
            pass


def test_a_lake_that_cannot_be_used_is_told_and_leaves_the_ui_up(tmp_path: Path) -> None:
    lake = tmp_path / "sandbox" / "lake"
    lake.mkdir(parents=True)
    (lake / "silver").write_text("a file where a folder should be")
    with running(tmp_path) as up:
        up.until("Up: ")
        assert "The first minutes broke off:" in up.words
        assert str(lake / "silver") in up.words
        assert up.process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda it: it.name)
def test_a_signal_while_it_starts_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path) as up:
        up.until("Starting Dagster")
        until = time.monotonic() + 60
        while len(up.processes()) < 3:
            assert time.monotonic() < until, up.words
            time.sleep(0.05)
        assert up.end(number) == 0
        assert up.processes() == []


def test_ctrl_c_while_it_syncs_leaves_no_process_and_the_next_start_syncs_again(tmp_path: Path) -> None:
    # At this rate the sync takes minutes.
    with running(tmp_path, settings={"TMDB_REQUESTS_PER_SECOND": "1"}) as up:
        up.until("✓ bronze_")
        assert len(up.processes()) >= 5
        assert up.end() == 0
        assert up.processes() == []
    with running(tmp_path) as again:
        again.until("The sync took")
        with dg.DagsterInstance.from_config(str(again.dagster_home)) as instance:
            ended = [run.status.value for run in instance.get_runs(dg.RunsFilter(job_name="sync"))]
        assert ended == ["SUCCESS", "FAILURE"]


def test_if_it_is_killed_its_processes_end_by_themselves(tmp_path: Path) -> None:
    with running(tmp_path, "--no-sync") as up:
        up.until("Up: ")
        assert len(up.processes()) >= 4
        up.end(signal.SIGKILL)
        until = time.monotonic() + 40
        while up.processes() and time.monotonic() < until:
            time.sleep(0.2)
        assert up.processes() == []


def test_when_a_process_of_dagster_dies_it_says_which_shows_the_log_and_ends_the_rest(tmp_path: Path) -> None:
    with running(tmp_path, "--no-sync", settings={"TALLY_FIRST_DAY": "2026-01-01"}) as up:
        up.until("Up: ")
        # Its own part of the log: what it says when it goes down.
        for process in Path("/proc").iterdir():
            if process.name.isdecimal() and _is_daemon_of(process, up.home):
                os.kill(int(process.name), signal.SIGKILL)
        assert up.process.wait(40) == 1
        assert "the daemon ended with exit code -9" in up.words
        assert "Serving dagster-webserver" in up.words
        assert up.processes() == []


def test_a_run_that_was_under_way_when_everything_was_killed_is_marked_failed(tmp_path: Path) -> None:
    settings = load_settings({"TALLY_HOME": str(tmp_path)}, dotenv=None)
    with dagster_home.opened(settings) as instance:
        run_id = "0b7f6f6e-4b8e-4f6e-9d41-31d1b3a7a001"
        instance.add_run(dg.DagsterRun("refine", run_id=run_id, status=dg.DagsterRunStatus.STARTED))
    with dagster_home.opened(settings) as instance:
        run = instance.get_run_by_id(run_id)
        assert run is not None
        assert run.status == dg.DagsterRunStatus.STARTED, "another daemon's, as far as a command can know"
    with dagster_home.opened(settings, launched_are_dead=True) as instance:
        run = instance.get_run_by_id(run_id)
        assert run is not None
        assert run.status == dg.DagsterRunStatus.FAILURE


@pytest.mark.parametrize("seconds_ago", [0, 3600])
def test_a_run_that_was_under_way_at_a_clean_stop_is_canceled_unless_it_is_started_again(
    tmp_path: Path, seconds_ago: float
) -> None:
    settings = load_settings({"TALLY_HOME": str(tmp_path)}, dotenv=None)

    def add(instance: dg.DagsterInstance, job: str, **tags: str) -> str:
        run = dg.DagsterRun(job, run_id=str(uuid4()), status=dg.DagsterRunStatus.STARTING, tags=tags)
        return instance.add_run(run).run_id

    with dagster_home.opened(settings) as instance:
        of_the_past = add(instance, "refine", **{"dagster/max_retries": "0"})
        of_today, of_the_sensor = add(instance, "sync"), add(instance, "refine")
        dagster_home.mark_stopped(settings)
        # An older stop says nothing of these runs: they were killed.
        at = time.time() - seconds_ago
        os.utime(settings.dagster_home / "stopped", (at, at))
    with dagster_home.opened(settings, launched_are_dead=True) as instance:
        ended = {run.run_id: run.status for run in instance.get_runs()}
    failed = dg.DagsterRunStatus.FAILURE
    alone = dg.DagsterRunStatus.CANCELED if seconds_ago == 0 else failed
    assert ended == {of_the_past: alone, of_today: alone, of_the_sensor: failed}


def test_the_processes_it_starts_are_held_to_its_source(first: Up) -> None:
    environments = [environment for command, environment in first.environments() if "dagster" in command]
    assert len(environments) >= 3
    assert all("TALLY_SOURCE=sandbox" in environment for environment in environments)


def test_after_a_restart_the_history_is_there_and_today_is_not_synced_again(first: Up) -> None:
    # The last test here that uses the first one: it ends it.
    assert first.end() == 0
    with running(first.home) as again:
        again.until("Up: ")
        assert "no sync is launched" in again.words
        with dg.DagsterInstance.from_config(str(again.dagster_home)) as instance:
            syncs = instance.get_runs(dg.RunsFilter(job_name="sync"))
        assert [run.status.value for run in syncs] == ["SUCCESS"]


def _is_daemon_of(process: Path, home: Path) -> bool:
    try:
        mine = f"TALLY_HOME={home}".encode() in (process / "environ").read_bytes().split(b"\0")
        return mine and b"dagster-daemon" in (process / "cmdline").read_bytes()
    except OSError:
        return False


def test_where_no_socket_can_be_made_it_says_so_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("t" * 120)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    monkeypatch.setattr(up_command, "ANYWHERE", str(long))
    told = tally.run(tmp_path, {"TALLY_HOME": str(tmp_path)}, "up", "--port", str(free_port()))
    assert told.code == 2
    assert told.err.startswith(f"tally: a socket in {long} would have too long a path")
    assert told.err.count("\n") == 1
