"""Text that others wrote never steers the terminal, whatever prints it; and streams that break disturb nobody."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import unicodedata
from pathlib import Path

import pytest
from rich.table import Table

from tally_pipeline.cli import terminal
from tally_pipeline.tmdb.sandbox import Sandbox, parse_fault
from tally_pipeline_tests.cli.conftest import Tally
from testkit import hostile_terminal
from testkit.hostile_terminal import EVIL, STEERED, steering
from testkit.pipeline import day, environment, row
from testkit.running import TALLY, bare
from testkit.tmdb.scripted_server import Answer, ScriptedServer, error_body, page_body

# --- what is shown -----------------------------------------------------------------------------------------


def test_no_character_that_steers_is_shown_and_every_other_is() -> None:
    for number in range(0x110000):
        character = chr(number)
        shown = terminal.shown(character)
        if character in "\n\t" or not steering(character):
            assert shown == character or unicodedata.category(character) in ("Cf", "Cn"), ascii(character)
        else:
            assert shown == ascii(character)[1:-1]
            assert shown.isprintable()


def test_what_has_no_width_is_written_out() -> None:
    for number in (*range(0x200B, 0x2010), 0x2060, 0xFEFF):
        assert terminal.shown(f"Fa{chr(number)}uda") == rf"Fa\u{number:04x}uda"


def test_a_cell_is_one_line() -> None:
    assert terminal.on_one_line("a\nb\tc\x1b[31m\u202e\ud800") == r"a\nb\tc\x1b[31m\u202e\ud800"


@pytest.mark.parametrize("text", EVIL)
def test_json_holds_the_very_text_without_a_character_that_steers(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal.print_json(json.dumps({"text": text}, ensure_ascii=False))
    printed = capsys.readouterr().out
    assert steering(printed) == []
    assert json.loads(printed) == {"text": text}


def test_a_console_lays_out_what_is_seen() -> None:
    """rich takes control characters for nothing, and drops some."""
    with terminal.opened():
        console = terminal.out()
    console.file = io.StringIO()
    table = Table("title")
    table.add_row("a\x1b[31mb\x07 :smile:")
    console.print(table)
    console.print("x\x9b2Jy", markup=False)
    printed = console.file.getvalue()
    assert r"a\x1b[31mb\x07 :smile:" in printed
    assert r"x\x9b2Jy" in printed
    assert len({len(line) for line in printed.splitlines()[:5]}) == 1


@pytest.mark.slow
def test_no_command_that_prints_sends_a_person_what_steers_a_terminal(tmp_path: Path) -> None:
    said = dict(hostile_terminal.commands(tmp_path, whole=False))
    assert len(said) > 30
    for command, ran in said.items():
        assert steering(ran.out + ran.err) == [], command
        assert "https://evil.example]" not in ran.out or "[link=https://evil.example]" in ran.out, command
    words = "".join(ran.out + ran.err for ran in said.values())
    # They were there to be shown.
    for seen in (
        r"\x1b[2J",
        r"\x9b31m",
        r"\u202egnp.exe",
        r"a\u2028b",
        "[red]markup[/red]",
        ":boom:",
        r"two\nlines",
        r"zero\u200bwidth",
    ):
        assert seen in words, seen


def on_a_terminal(folder: Path, environ: dict[str, str], *argv: str) -> str:
    """What the command writes to a terminal, colours and all."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [TALLY, *argv],
        cwd=folder,
        env=bare(environ | {"TERM": "xterm", "COLUMNS": "120", "LINES": "40"}),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        written = b""
        while True:
            try:
                read = os.read(ours, 65536)
            except OSError:  # so a terminal says that nobody writes to it any more
                break
            if not read:
                break
            written += read
    os.close(ours)
    assert process.returncode in (0, 1), written
    return written.decode()


@pytest.mark.slow
def test_on_a_terminal_only_our_own_colours_and_bars_are_sent(tmp_path: Path) -> None:
    rows = [json.dumps(row(1 + place, name=name)) for place, name in enumerate(EVIL)]
    with ScriptedServer(total_pages=1) as server:
        server.always[1] = Answer(page_body(1, rows, 1, len(rows)))
        told = environment(tmp_path, server.url, TMDB_ATTEMPTS="1")
        sync = ("sync", "--list", "popular_shows")
        said = [on_a_terminal(tmp_path, told, *sync)]
        server.always[1] = Answer(error_body(34, "".join(EVIL)), 404)
        said += [on_a_terminal(tmp_path, told, *argv) for argv in (sync, ("logs",), ("status",))]
    sql = "SELECT title FROM silver_shows"
    forms = ((), ("--all", "--no-pager"), ("--format", "csv"), ("--format", "json"))
    said += [on_a_terminal(tmp_path, told, "query", sql, *form) for form in forms]
    assert "\x1b[" in "".join(said)
    for words in said:
        assert STEERED.search(words) is None, ascii(words)
    assert all(r"\x1b[2J" in words for words in said[1:3] + said[4:7])


def test_a_table_higher_than_the_terminal_goes_through_the_pager_uncut(tmp_path: Path) -> None:
    told = environment(tmp_path) | {"PAGER": "sed s/^/paged:/"}
    sql = "SELECT a, rpad('x', 150, 'x') AS long FROM UNNEST(sequence(1, {rows})) AS t (a) ORDER BY a"
    paged = on_a_terminal(tmp_path, told, "query", sql.format(rows=60), "--all").splitlines()
    assert f"paged: 60 │ {'x' * 150}" in paged
    assert paged[-1] == "60 rows."
    for argv in ((sql.format(rows=60), "--all", "--no-pager"), (sql.format(rows=20),)):
        lines = on_a_terminal(tmp_path, told, "query", *argv).splitlines()
        assert not any(line.startswith("paged:") for line in lines)
        assert max(map(len, lines[:-1])) <= 120


def test_csv_in_a_pipe_is_exact(tmp_path: Path, run_tally: Tally) -> None:
    quoted = "'\x1b[31m\x85\u202ea' AS a, '' AS b, CAST(NULL AS varchar) AS c, 'x' || chr(13) AS d"
    assert run_tally("query", f"SELECT {quoted}", "--format", "csv").out == (
        'a,b,c,d\n\x1b[31m\x85\u202ea,"",,"x\r"\n'
    )


# --- streams that break, or cannot take it -----------------------------------------------------------------


def run(folder: Path, base_url: str, command: str, **changes: str) -> subprocess.CompletedProcess[bytes]:
    """A shell's command line in which `tally` is ours."""
    return subprocess.run(
        ["bash", "-c", f'set -o pipefail; tally() {{ "{TALLY}" "$@"; }}; {command}'],
        cwd=folder,
        env=bare(environment(folder, base_url) | changes),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=120,
    )


@pytest.mark.slow
def test_a_sync_whose_reader_leaves_publishes_and_exits_with_0(tmp_path: Path, steady: Sandbox) -> None:
    """Standard error is closed from the first line on: a line for each list comes while its pages do."""
    ran = run(tmp_path, steady.base_url, "tally sync 2>&1 | head -1")
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert len(ran.stdout.splitlines()) == 1
    published = list((tmp_path / "sandbox/lake/silver/shows").glob(f"*/dt={day()}/data.parquet"))
    assert len(published) == 4
    # What goes on for ever ends with its reader, though nothing more was written that would tell it so.
    ran = run(tmp_path, steady.base_url, "tally logs --follow | head -1")
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert b"success" in ran.stdout


@pytest.mark.slow
def test_a_sync_that_published_nothing_exits_with_1_though_its_reader_left(tmp_path: Path) -> None:
    with Sandbox(faults=[parse_fault("unauthorized")]) as sandbox:
        ran = run(tmp_path, sandbox.base_url, "tally sync --list popular_shows 2>/dev/null | head -1")
    assert ran.returncode == 1
    assert ran.stderr == b""


def test_a_long_answer_whose_reader_leaves_is_no_error(tmp_path: Path, steady: Sandbox) -> None:
    sql = "SELECT a FROM UNNEST(sequence(1, 9999)) AS t (a) CROSS JOIN UNNEST(sequence(1, 9999)) AS u (b)"
    # Minutes of output: it ends because nobody reads on.
    for form, first in (("csv", b"a\n"), ("json", b"[\n")):
        ran = run(tmp_path, steady.base_url, f'tally query "{sql}" --format {form} | head -1')
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, first, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_an_answer_that_found_no_room_is_told(tmp_path: Path, steady: Sandbox) -> None:
    ran = run(tmp_path, steady.base_url, 'tally query "SELECT 1 AS a" > /dev/full')
    assert ran.returncode == 1
    assert b"standard output could not be written (No space left on device)" in ran.stderr
    assert b"Traceback" not in ran.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_stream_is_no_error(tmp_path: Path, steady: Sandbox, closed: str) -> None:
    ran = run(tmp_path, steady.base_url, f'tally query "SELECT 1 AS a" {closed}')
    assert (ran.returncode, ran.stderr.count(b"Traceback")) == (0, 0)


ASCII: tuple[dict[str, str], ...] = (
    {"PYTHONIOENCODING": "ascii"},
    {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    {"LANG": "C", "LC_ALL": ""},
)


@pytest.mark.parametrize("locale", ASCII, ids=lambda locale: " ".join(locale))
def test_what_the_encoding_lacks_is_written_out(
    tmp_path: Path, steady: Sandbox, locale: dict[str, str]
) -> None:
    ask = 'tally query "SELECT \'Žižkov …\' AS \\"dílo\\""'
    table = run(tmp_path, steady.base_url, ask, **locale)
    assert table.returncode == 0, table.stderr
    assert rb"\u017di\u017ekov" in table.stdout or "Žižkov".encode() in table.stdout
    as_json = run(tmp_path, steady.base_url, f"{ask} --format json", **locale)
    assert json.loads(as_json.stdout) == [{"dílo": "Žižkov …"}]
    # Data is data: CSV is in UTF-8 wherever it goes.
    as_csv = run(tmp_path, steady.base_url, f"{ask} --format csv", **locale)
    assert as_csv.stdout.decode() == "dílo\nŽižkov …\n"


@pytest.mark.slow
def test_every_word_of_a_sync_and_a_status_can_be_written_in_ascii(tmp_path: Path, steady: Sandbox) -> None:
    both = "tally sync --list popular_shows 2>&1 && echo SYNCED && tally status 2>&1"
    ran = run(tmp_path, steady.base_url, both, PYTHONIOENCODING="ascii", PYTHONUNBUFFERED="1")
    said = ran.stdout.decode("ascii")
    assert "SYNCED" in said
    assert "newest bronze" in said
    assert "Traceback" not in said


def test_sql_that_is_no_utf8_is_refused_in_a_sentence(tmp_path: Path, steady: Sandbox) -> None:
    for command in (r"tally query $'SELECT \'\xff\''", r"printf 'SELECT \xff' | tally query -"):
        ran = run(tmp_path, steady.base_url, command)
        assert (ran.returncode, ran.stderr) == (2, b"tally: the SQL is not text in UTF-8: write it anew\n")
