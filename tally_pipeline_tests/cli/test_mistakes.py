"""A mistake of the user's ends in a sentence that says what to do, and exit code 2; never in a stack trace."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tally_pipeline_tests.cli.conftest import Tally
from testkit import tally
from testkit.pipeline import environment

LISTS = "popular_shows, trending_shows, airing_today, on_the_air"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("sync --list nope", f"there is no list 'nope'; the lists are: {LISTS}"),
        ("sync --pages 0", "'0' is not a number from 1 to 500"),
        ("sync --pages 501", "'501' is not a number from 1 to 500"),
        ("sync --pages many", "'many' is not a number from 1 to 500"),
        ("query", "give either SQL or --sample NAME; --samples lists the samples"),
        ("query SELECT --sample total_shows", "give either SQL or --sample NAME"),
        ("query --sample nope", "total_shows"),
        ("sandbox --fault nope", "there is no fault 'nope'; the faults are: rate-limited, "),
        ("sandbox --fault broken-page", "broken-page needs a page, as in broken-page:page=3"),
        ("sandbox --fault reset:page=x", "'reset:page=x': pages=x is not a whole number above 0"),
        ("sandbox --recordings nowhere --snapshot 2025-12-24", "--recordings names the folder that holds it"),
        ("sandbox --recordings nowhere", "--recordings and --snapshot go together"),
        ("sandbox --snapshot 2025-12-24", "--recordings and --snapshot go together"),
        ("sandbox --port 65536", "'65536' is not a number from 0 to 65535"),
        ("up --port 0", "'0' is not a number from 1 to 65535"),
        ("", "missing command; the commands are: up, sync, "),
        ("nope", "no such command 'nope'; the commands are: up, sync, "),
        ("up --port", "option '--port' requires an argument"),
        ("up 3000", "got unexpected extra argument (3000); `tally up --help` says what there is"),
        ("sync --page 3", "no such option '--page'. Did you mean '--pages'?; `tally sync --help`"),
        ("query --samle x", "no such option '--samle'."),
        ("query --all --limit 3 SELECT", "give either --limit or --all"),
        ("report --day 20251224", "'20251224' is not a day; give one as in 2025-12-24"),
        ("export", "missing argument 'DIR'"),
        ("export copy --only brass", "'brass' is not one of 'bronze', 'silver', "),
        ("deploy nope", "no such command 'nope'; the commands are: check, prove, settings; "),
        ("sandbox full", "no such command 'full'; the commands are: events, fill; "),
        ("completion", "missing argument 'SHELL'. Choose from: bash, zsh, fish"),
    ],
)
def test_a_wrong_command_says_what_would_be_right(run_tally: Tally, command: str, says: str) -> None:
    ran = run_tally(*command.split())
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err
    assert ran.err.startswith("tally: ")
    assert ran.err.count("\n") == 1


def test_a_number_that_python_does_not_read_is_refused_like_any_other(run_tally: Tally) -> None:
    ran = run_tally("up", "--port", "9" * 5000)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "9' is not a number from 1 to 65535" in ran.err


@pytest.mark.parametrize("argv", [["no\x1b[2J\npe"], ["up", "no\x1b[2J\npe"], ["sync", "--no\x1b[2J\npe"]])
def test_a_wrong_command_is_quoted_on_one_line(run_tally: Tally, argv: list[str]) -> None:
    ran = run_tally(*argv)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "\x1b" not in ran.err
    assert r"\x1b[2J" in ran.err


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("TALLY_DEPLOYMENT", "mars", "TALLY_DEPLOYMENT is 'mars'; it must be"),
        ("TALLY_MIN_PASS_RATE", "lots", "TALLY_MIN_PASS_RATE is 'lots'; give a number from 0 to 100"),
        ("TALLY_MIN_PASS_RATE", "nan", "give a number from 0 to 100"),
        (
            "TALLY_HOME",
            "~nobody-of-that-name/x",
            "TALLY_HOME is '~nobody-of-that-name/x', which leads to no folder",
        ),
        ("TALLY_PORT", "0", "TALLY_PORT is '0'; give a number from 1 to 65535"),
        ("TALLY_SANDBOX_PAST_DAYS", "-1", "TALLY_SANDBOX_PAST_DAYS is '-1'; give a number from 0 to 365"),
        (
            "TALLY_FIRST_DAY",
            "2999-01-01",
            "TALLY_FIRST_DAY is '2999-01-01'; give a day that is not in the future",
        ),
        ("TALLY_FIRST_DAY", "yesterday", "'yesterday', which is no day of the calendar; give a day, as in"),
        ("TALLY_FIRST_DAY", "1900-02-29", "'1900-02-29', which is no day of the calendar"),
        ("TALLY_SCHEDULE", "daily", "TALLY_SCHEDULE is 'daily': it is no such expression"),
        ("TALLY_PAGES_AIRING_TODAY", "501", "give a number of pages from 1 to 500, or 'all'"),
        ("TMDB_BASE_URL", "api.themoviedb.org", "TMDB_BASE_URL must look like https://api.themoviedb.org/3"),
        ("TMDB_TRENDING_WINDOW", "month", "TMDB_TRENDING_WINDOW is 'month'; it must be 'day' or 'week'"),
        ("TMDB_ATTEMPTS", "0", "TMDB_ATTEMPTS is '0'; give a number from 1 to 20"),
    ],
)
@pytest.mark.parametrize("command", ["sync", "status"])
def test_a_wrong_setting_is_named_with_what_it_may_be(
    run_tally: Tally, name: str, value: str, says: str, command: str
) -> None:
    ran = run_tally(command, **{name: value})
    assert ran.code == 2
    assert ran.err.startswith("tally: ")
    assert says in ran.err


def test_a_token_that_cannot_be_sent_is_refused_without_showing_it(run_tally: Tally) -> None:
    ran = run_tally("sync", TMDB_API_TOKEN="eyJhbGci OiJIUzI1NiJ9")
    assert ran.code == 2
    assert "TMDB_API_TOKEN holds a blank" in ran.err
    assert "eyJ" not in ran.err


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELEC 1", "SELEC"),
        (
            "SELECT mood FROM silver_shows",
            "there is no column 'mood' here: silver_shows has show_id, title, ",
        ),
        ("SELECT * FROM nope", "silver_shows"),
        ("DROP TABLE silver_shows", "DROP"),
        ("SELECT 1; SELECT 2", "one"),
        ("", "there is no SQL to run"),
    ],
)
def test_a_query_that_cannot_be_answered_says_why(run_tally: Tally, sql: str, says: str) -> None:
    ran = run_tally("query", sql)
    assert (ran.code, ran.out) == (2, "")
    assert says.lower() in ran.err.lower()


def test_an_unknown_snapshot_names_those_there_are(run_tally: Tally, recordings: Path) -> None:
    ran = run_tally("sandbox", "--recordings", str(recordings), "--snapshot", "1999-01-01")
    assert ran.code == 2
    assert "there is no snapshot '1999-01-01'" in ran.err
    assert "2013-11-26, 2022-11-26, 2025-12-24" in ran.err


def test_a_taken_port_is_told_and_another_way_out(run_tally: Tally) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = run_tally("sandbox", "--port", str(port))
    assert ran.code == 2
    assert f"cannot listen on 127.0.0.1:{port}" in ran.err
    assert "--port" in ran.err


def test_a_timezone_that_is_none_is_told_in_one_sentence(run_tally: Tally) -> None:
    ran = run_tally("status", TMDB_TIMEZONE="Mars/X")
    assert ran.code == 2
    assert ran.err == (
        "tally: TMDB_TIMEZONE is 'Mars/X', and there is no such timezone; give one by its IANA name, as in"
        " Europe/Berlin\n"
    )


def test_tmdbs_lake_is_not_filled_with_invented_shows(tmp_path: Path) -> None:
    ran = tally.run(tmp_path, {**environment(tmp_path), "TMDB_API_TOKEN": "secret-token"}, "sandbox", "fill")
    assert ran.code == 2
    assert "invented shows never go into TMDB's lake: set TALLY_SOURCE=sandbox" in ran.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["sync", "status", "audit"])
def test_a_home_that_cannot_be_used_is_named(run_tally: Tally, tmp_path: Path, command: str) -> None:
    taken = tmp_path / "a-file"
    taken.write_text("not a folder")
    ran = run_tally(command, TALLY_HOME=str(taken))
    assert ran.code == 2
    assert str(taken) in ran.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            b"TMDB_API_TOKEN=abc\xff\n",
            ".env cannot be read (it is not text in UTF-8): write it anew, or remove it",
        ),
        (b"TMDB_LANGUAGE=a\0b\n", ".env cannot be read (it is not text in UTF-8)"),
    ],
)
def test_a_dotenv_that_is_no_text_is_told_without_showing_it(
    run_tally: Tally, tmp_path: Path, text: bytes, says: str
) -> None:
    (tmp_path / ".env").write_bytes(text)
    ran = run_tally("status")
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err
    assert "abc" not in ran.err
