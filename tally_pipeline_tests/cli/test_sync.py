"""`tally sync`, `status`, `query` and `audit` on a healthy lake: what they say, in words and as JSON."""

from __future__ import annotations

import csv
import io
import re
import socket
from pathlib import Path

import pytest

from tally_pipeline.datasets import DATASETS
from tally_pipeline.datasets.details import DETAILS
from tally_pipeline.datasets.shows import contract
from tally_pipeline.gold import TABLES
from tally_pipeline.orchestration.assets.freshness_checks import IS_CURRENT
from tally_pipeline.query import samples
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline.tmdb.sandbox import Sandbox, parse_fault
from tally_pipeline_tests.cli.conftest import Tally
from testkit import tally
from testkit.pipeline import day, environment

NAMES = [show_list.name for show_list in LISTS]

LEFT_OUT = {
    "/".join(asset)
    for one in DATASETS
    if one.cadence in ("capture_export", "capture_details")
    for asset in (one.bronze_asset, one.silver_asset, *(table.asset for table in one.derived))
} | {"/".join(table.asset) for table in TABLES if table.follows == DETAILS.name}


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory, steady: Sandbox) -> tuple[Path, tally.Ran]:
    """A home after a sync of everything, in a folder of an odd name; and what the sync said."""
    home = tmp_path_factory.mktemp("home") / "(b)Töll #1 'y"
    home.mkdir(parents=True)
    return home, tally.run(home, environment(home, steady.base_url), "sync", "--json")


def test_one_of_a_thing_is_no_plural_whoever_says_it(tmp_path: Path) -> None:
    told = environment(tmp_path)
    said = ""
    for argv in (
        ("sandbox", "fill", "--days", "1"),
        ("sync", "--list", "popular_shows", "--pages", "1"),
        ("rebuild", "--last", day(1)),
        ("logs",),
        ("status",),
        ("audit",),
        ("query", "SELECT 1 AS a"),
        ("export", str(tmp_path / "copy")),
    ):
        ran = tally.run(tmp_path, told, *argv)
        # Of three lists there is nothing of today, and from the schedule's hour on status says so.
        assert ran.code in ((0, 1) if argv == ("status",) else (0,)), ran.err
        said += ran.out + ran.err
    assert "popular_shows: 1 page, 20 rows" in said
    assert "rebuilding 1 day in" in said
    assert "1 row." in said
    assert re.findall(r"(?<![\d.:/-])1 (?!series\b)[a-z]+s\b(?! not)", said) == []


def again(home: Path, *argv: str) -> tally.Ran:
    return tally.run(home, environment(home, "http://127.0.0.1:1/3"), *argv)


def test_a_sync_tells_by_list_what_it_did(synced: tuple[Path, tally.Ran]) -> None:
    home, ran = synced
    assert ran.code == 0, ran.err
    assert list(ran.json) == NAMES
    run_ids = {told["run_id"] for told in ran.json.values()}
    assert len(run_ids) == 1
    (run_id,) = run_ids
    for name, told in ran.json.items():
        assert told == {
            "day": day(),
            "source": "sandbox",
            "run_id": run_id,
            "pages": 2,
            "rows": told["silver_rows"] + told["repeats"],
            "repeats": told["repeats"],
            "quarantined": 0,
            "silver_rows": told["silver_rows"],
            "verdict": "complete",
            "warning": None,
            "new_fields": [],
            "published": True,
            "keys": [
                f"bronze/tmdb/shows/{name}/dt={day()}/{run_id}.json",
                f"quarantine/shows/{name}/dt={day()}/data.parquet",
                f"silver/shows/{name}/dt={day()}/data.parquet",
            ],
            "error": None,
        }
        assert told["rows"] == 40
        assert all((home / "sandbox" / "lake" / key).is_file() for key in told["keys"])


def test_a_sync_says_in_words_that_this_is_the_sandbox_and_where_the_lake_is(
    synced: tuple[Path, tally.Ran],
) -> None:
    home, ran = synced
    assert f"{day()}, from the SANDBOX (invented shows; set TMDB_API_TOKEN to capture TMDB)" in ran.err
    assert f"into {home}/sandbox/lake" in ran.err
    assert "popular_shows: 2 pages, 40 rows" in ran.err


def test_status_tells_the_lake_the_lists_the_checks_and_the_automation(
    synced: tuple[Path, tally.Ran],
) -> None:
    home, _ = synced
    ran = again(home, "status", "--json")
    assert ran.code == 0
    state = ran.json
    assert state["lake"] == str(home / "sandbox" / "lake")
    assert state["source"] == "sandbox"
    assert list(state["lists"]) == NAMES
    for told in state["lists"].values():
        assert (told["newest_silver_day"], told["newest_bronze_day"], told["verdict"]) == (
            day(),
            day(),
            "complete",
        )
        assert (told["silver_days"], told["bronze_days"]) == (1, 1)
    # A sync leaves exports and details to their own schedules, and the check of a month of files to the daily one.
    synced_too = [
        check for check in state["checks"] if check["asset"] not in LEFT_OUT and check["check"] != IS_CURRENT
    ]
    assert {check["status"] for check in synced_too} == {"passed"}
    assert len(synced_too) >= len(NAMES) * (4 + 6) + 2 + 2
    assert state["automation"]["daemon"] is False
    assert state["automation"]["daily_capture"]
    assert state["automation"]["new_bronze_objects"]


def test_status_reads_well(synced: tuple[Path, tally.Ran]) -> None:
    home, _ = synced
    ran = again(home, "status")
    assert ran.code == 0
    assert f"lake     {home}/sandbox/lake" in ran.out
    assert "down: start it with `tally up`" in ran.out
    assert all(name in ran.out for name in NAMES)


def test_samples_lists_the_samples_with_their_questions(synced: tuple[Path, tally.Ran]) -> None:
    ran = again(synced[0], "query", "--samples")
    assert [line.split()[0] for line in ran.out.splitlines()] == list(samples.names())


def test_a_query_answers_as_csv_and_as_a_table_in_which_nothing_is_markup(
    synced: tuple[Path, tally.Ran],
) -> None:
    home, _ = synced
    sql = 'SELECT \'[/b] [red]x, "y"\' AS "[/i]", ARRAY[1, 2] AS numbers, CAST(NULL AS varchar) AS nothing'
    read = list(csv.reader(io.StringIO(again(home, "query", sql, "--format", "csv").out)))
    assert read[0] == ["[/i]", "numbers", "nothing"]
    assert read[1][0] == '[/b] [red]x, "y"'
    assert read[1][1:] == ["[1,2]", ""]
    shown = again(home, "query", sql)
    assert shown.code == 0
    assert '[/b] [red]x, "y"' in shown.out
    assert "[/i]" in shown.out
    assert "│ [1,2] " in shown.out


def test_audit_proves_every_object(synced: tuple[Path, tally.Ran]) -> None:
    home, ran = synced
    proven = again(home, "audit", "--json")
    assert proven.code == 0
    assert proven.json == {
        "lake": str(home / "sandbox" / "lake"),
        # Those of the lists, two pages each, and the genres.
        "objects": len(LISTS) + 1,
        "pages": 2 * len(LISTS) + 1,
        "rows": sum(told["rows"] for told in ran.json.values()) + len(contract.GENRES),
        "broken": {},
        "without_hashes": [],
    }


def test_audit_names_what_does_not_hold(run_tally: Tally, tmp_path: Path) -> None:
    ran = run_tally("sync", "--list", "popular_shows", "--json")
    assert ran.code == 0
    key = ran.json["popular_shows"]["keys"][0]
    path = tmp_path / "sandbox" / "lake" / key
    body = path.read_bytes()
    path.write_bytes(body.replace(b'"vote_count":1', b'"vote_count":2', 1))
    assert path.read_bytes() != body
    audited = run_tally("audit", "--json")
    assert audited.code == 1
    (problem,) = audited.json["broken"][key]
    assert "does not hash to the SHA-256" in problem
    shown = run_tally("audit")
    assert shown.code == 1
    assert key in shown.out


def test_one_list_alone_touches_no_other(run_tally: Tally, tmp_path: Path) -> None:
    ran = run_tally("sync", "--list", "on_the_air", "--list", "on_the_air", "--pages", "1", "--json")
    assert ran.code == 0
    assert list(ran.json) == ["on_the_air"]
    assert ran.json["on_the_air"]["rows"] == 20
    lake = tmp_path / "sandbox" / "lake"
    layers = ("bronze/tmdb/shows", "silver/shows", "quarantine/shows")
    assert {found.name for layer in layers for found in (lake / layer).iterdir()} == {"on_the_air"}


def test_what_tmdb_names_a_field_is_no_markup_in_the_status(run_tally: Tally) -> None:
    with Sandbox(faults=[parse_fault("new-field:field=[/b]")]) as sandbox:
        ran = run_tally("sync", "--list", "popular_shows", TMDB_BASE_URL=sandbox.base_url)
    assert ran.code == 0
    shown = run_tally("status")
    assert shown.code in (0, 1)
    assert "new: [/b]" in shown.out


def test_an_empty_home_is_no_mistake(run_tally: Tally) -> None:
    assert run_tally("audit", "--json").json["objects"] == 0
    assert run_tally("query", "SELECT count(*) AS n FROM silver_shows", "--format", "json").json == [{"n": 0}]
    ran = run_tally("status", "--json")
    assert ran.code == 0
    assert {check["status"] for check in ran.json["checks"]} == {"not evaluated"}


def test_nobody_at_the_address_is_told_in_words_and_exits_1(run_tally: Tally) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/3"
        ran = run_tally("sync", "--list", "popular_shows", TMDB_BASE_URL=url, TMDB_ATTEMPTS="1")
    assert ran.code == 1
    assert "not published" in ran.out
    assert "the connection to TMDB failed" in ran.err
    assert "Check the network and TMDB_BASE_URL" in ran.err


def test_settings_come_from_dotenv_and_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TALLY_HOME=from-dotenv\nTALLY_PORT=none\n")
    ran = tally.run(tmp_path, {}, "audit", "--json")
    assert ran.code == 2
    assert "TALLY_PORT is 'none'" in ran.err
    ran = tally.run(tmp_path, {"TALLY_PORT": "3001"}, "audit", "--json")
    assert ran.json["lake"] == str(tmp_path / "from-dotenv" / "sandbox" / "lake")
    ran = tally.run(tmp_path, {"TALLY_PORT": "3001", "TALLY_HOME": "told"}, "audit", "--json")
    assert ran.json["lake"] == str(tmp_path / "told" / "sandbox" / "lake")


def test_with_a_token_the_lake_is_tmdbs(tmp_path: Path) -> None:
    ran = tally.run(
        tmp_path, {"TALLY_HOME": str(tmp_path), "TMDB_API_TOKEN": "secret-token"}, "audit", "--json"
    )
    assert ran.json["lake"] == str(tmp_path / "tmdb" / "lake")
