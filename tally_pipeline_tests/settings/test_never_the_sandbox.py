"""Where TMDB's data is meant, invented shows never take its place: without a key nothing is captured."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tally_pipeline.datasets import DATASETS
from tally_pipeline.deployment import Settings, SettingsError, deploy, load_settings
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import Store
from tally_pipeline.orchestration.runs import dagster_home
from tally_pipeline.tmdb.errors import NoKeyError
from testkit import tally
from testkit.pipeline import POPULAR, Pipeline, contents, day, environment, failures, put, rows

TOKEN = "a-token"


@pytest.fixture
def tmdbs(tmp_path: Path) -> Lake:
    """A lake of TMDB's in the home `tmp_path`, with a capture of yesterday and nothing below it."""
    lake = Lake(Store.in_folder(tmp_path / "tmdb" / "lake"), "tmdb")
    put(lake, day(1), rows(20), source="tmdb")
    return lake


def at(home: Path, **environ: str) -> Settings:
    return load_settings({"TALLY_HOME": str(home), **environ}, dotenv=None)


def assert_nothing_can_be_captured(settings: Settings) -> None:
    assert (settings.source, settings.sandbox_embedded) == ("tmdb", False)
    tmdb = deploy(settings).tmdb
    for opened in (tmdb.client, tmdb.exports):
        with pytest.raises(NoKeyError, match="nothing is captured") as refused, opened():
            pass
        assert str(refused.value) == settings.no_capture


def test_a_home_with_tmdbs_lake_is_tmdbs_without_a_key_too(tmp_path: Path, tmdbs: Lake) -> None:
    settings = at(tmp_path)
    assert_nothing_can_be_captured(settings)
    assert settings.lake_place == tmdbs.store.root
    assert str(tmdbs.store.root) in (settings.no_capture or "")
    assert "TALLY_SOURCE=sandbox" in (settings.no_capture or "")
    (tmp_path / "tmdb" / "lake" / "lake.json").unlink()  # as in a lake from before it was written
    assert_nothing_can_be_captured(at(tmp_path))


def test_so_is_a_process_whose_history_is_tmdbs(tmp_path: Path) -> None:
    dagster_home.prepare(at(tmp_path, TMDB_API_TOKEN=TOKEN))
    assert_nothing_can_be_captured(at(tmp_path, DAGSTER_HOME=str(tmp_path / "tmdb" / "dagster")))
    assert at(tmp_path).source == "sandbox"


@pytest.mark.parametrize(
    "told", [{"TALLY_SOURCE": "tmdb"}, {"TMDB_BASE_URL": "https://api.themoviedb.org/3"}]
)
def test_so_is_one_that_is_told_to_be(tmp_path: Path, told: dict[str, str]) -> None:
    assert_nothing_can_be_captured(at(tmp_path, **told))


@pytest.mark.usefixtures("tmdbs")
def test_with_a_key_it_captures(tmp_path: Path) -> None:
    for key in ({"TMDB_API_TOKEN": TOKEN}, {"TMDB_API_KEY": "a-key"}):
        settings = at(tmp_path, **key)
        assert (settings.source, settings.no_capture) == ("tmdb", None)
        with deploy(settings).tmdb.client():
            pass


@pytest.mark.usefixtures("tmdbs")
@pytest.mark.parametrize(
    "told",
    [
        {"TALLY_SOURCE": "sandbox"},
        {"TALLY_SOURCE": "sandbox", "TMDB_API_TOKEN": TOKEN},
        {"TMDB_BASE_URL": "http://127.0.0.1:1/3"},
    ],
)
def test_who_says_so_has_the_sandbox_beside_it(tmp_path: Path, told: dict[str, str]) -> None:
    settings = at(tmp_path, **told)
    assert (settings.source, settings.no_capture) == ("sandbox", None)
    assert settings.lake_folder == tmp_path / "sandbox" / "lake"
    assert settings.tmdb.token is None


@pytest.mark.parametrize(
    ("source", "url"), [("tmdb", "http://127.0.0.1:1/3"), ("sandbox", "https://api.themoviedb.org/3")]
)
def test_a_source_and_a_server_that_contradict_each_other_are_refused(source: str, url: str) -> None:
    with pytest.raises(SettingsError, match=f"TALLY_SOURCE is '{source}' and TMDB_BASE_URL is {url}"):
        load_settings({"TALLY_SOURCE": source, "TMDB_BASE_URL": url}, dotenv=None)


def test_a_home_of_a_lake_on_aws_whose_settings_are_gone_makes_no_sandbox(tmp_path: Path) -> None:
    (tmp_path / "tally-datalake-prod" / "dagster").mkdir(parents=True)
    (tmp_path / "tally-datalake-prod" / "dagster" / "dagster.yaml").touch()
    with pytest.raises(SettingsError, match=r"the bucket tally-datalake-prod.*set TALLY_DEPLOYMENT=aws"):
        at(tmp_path)
    assert at(tmp_path, TALLY_SOURCE="sandbox").source == "sandbox"
    assert at(tmp_path, TMDB_API_TOKEN=TOKEN).source == "tmdb"


@pytest.mark.parametrize("job", ["sync", "capture", "capture_export", "capture_genres"])
def test_a_run_that_would_capture_fails_with_the_reason_and_writes_nothing(
    tmp_path: Path, tmdbs: Lake, job: str
) -> None:
    before = contents(tmdbs)
    with dg.DagsterInstance.ephemeral() as instance:
        result = Pipeline.at(tmp_path, instance).run(job)
    assert not result.success
    captures = {step: reason for step, reason in failures(result).items() if step.startswith("bronze_")}
    by_sync = {"capture", "capture_genres"}
    concerned = [one for one in DATASETS if one.cadence == job or (job == "sync" and one.cadence in by_sync)]
    assert captures.keys() == {one.bronze_op for one in concerned} != set()
    assert all("nothing is captured, for" in reason for reason in captures.values())
    assert contents(tmdbs) == before
    assert not (tmp_path / "sandbox").exists()


@pytest.fixture
def keyless(tmp_path: Path) -> Callable[..., tally.Ran]:
    """Runs `tally` in a home as it is, without any key."""

    def run(*argv: str, **environ: str) -> tally.Ran:
        return tally.run(tmp_path, environment(tmp_path, **environ), *argv)

    return run


@pytest.mark.parametrize("command", ["sync", "up --no-sync", "up"])
def test_commands_that_capture_say_why_they_do_not(
    keyless: Callable[..., tally.Ran], tmp_path: Path, tmdbs: Lake, command: str
) -> None:
    before = contents(tmdbs)
    with socket.socket() as taken:
        # So that `up`, if it went on, would end as well, in other words.
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = keyless(*command.split(), TALLY_PORT=str(taken.getsockname()[1]))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"tally: nothing is captured, for {tmdbs.store.root} is TMDB's")
    assert ran.err.count("\n") == 1
    assert contents(tmdbs) == before
    assert [path.name for path in tmp_path.iterdir()] == ["tmdb"]


@pytest.mark.slow
def test_what_is_in_the_lake_is_rebuilt_and_read_without_a_key(
    keyless: Callable[..., tally.Ran], tmp_path: Path, tmdbs: Lake
) -> None:
    rebuilt = keyless("rebuild")
    assert tmdbs.silver_days(POPULAR.name) == [day(1)], rebuilt.err
    state: dict[str, Any] = keyless("status", "--json").json
    assert (state["source"], state["lake"]) == ("tmdb", tmdbs.store.root)
    assert state["lists"][POPULAR.name]["silver_days"] == 1
    asked = keyless("query", "SELECT count(*) AS n FROM silver_shows", "--format", "csv")
    assert asked.out.split() == ["n", "20"]
    assert not (tmp_path / "sandbox").exists()


def test_the_sandbox_is_filled_beside_it_when_that_is_said(
    keyless: Callable[..., tally.Ran], tmp_path: Path, tmdbs: Lake
) -> None:
    before = contents(tmdbs)
    refused = keyless("sandbox", "fill", "--days", "1")
    assert refused.code == 2
    assert "set TALLY_SOURCE=sandbox" in refused.err
    assert keyless("sandbox", "fill", "--days", "1", TALLY_SOURCE="sandbox").code == 0
    assert contents(tmdbs) == before
    assert list((tmp_path / "sandbox" / "lake" / "bronze").rglob("*.json"))


def test_a_history_of_tmdbs_in_another_home_is_no_reason_for_the_sandbox(tmp_path: Path) -> None:
    """As `dagster …` with DAGSTER_HOME set, and neither a key nor TALLY_HOME."""
    history = tmp_path / "real" / "tmdb" / "dagster"
    history.mkdir(parents=True)
    told = {"TALLY_HOME": str(tmp_path / "other"), "DAGSTER_HOME": str(history)}
    with pytest.raises(SettingsError, match=f"set TALLY_HOME={tmp_path / 'real'}"):
        load_settings(told, dotenv=None)


def test_a_link_to_tmdbs_home_is_its_home(tmp_path: Path) -> None:
    history = tmp_path / "real" / "tmdb" / "dagster"
    history.mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    told = {"TALLY_HOME": str(tmp_path / "link"), "DAGSTER_HOME": str(tmp_path / "link" / "tmdb" / "dagster")}
    assert load_settings(told, dotenv=None).source == "tmdb"


def test_a_lake_on_a_disk_that_is_not_there_is_tmdbs_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "tmdb").mkdir()
    (tmp_path / "tmdb" / "lake").symlink_to(tmp_path / "unmounted")
    assert load_settings({"TALLY_HOME": str(tmp_path)}, dotenv=None).no_capture is not None


def test_the_folder_of_one_lake_is_no_home(tmp_path: Path) -> None:
    (tmp_path / "tmdb" / "lake").mkdir(parents=True)
    (tmp_path / "tmdb" / "lake" / "lake.json").write_text('{"source": "tmdb"}')
    with pytest.raises(SettingsError, match="give the folder above it"):
        load_settings({"TALLY_HOME": str(tmp_path / "tmdb")}, dotenv=None)
