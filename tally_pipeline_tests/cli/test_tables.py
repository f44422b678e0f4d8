"""Tables, CSV, JSON and files of `tally query`."""

from __future__ import annotations

import csv
import io
import json
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.cells import cell_len

from tally_pipeline.cli import terminal
from tally_pipeline.cli.query import ask, formats
from tally_pipeline.cli.query.grid import Column, grid
from tally_pipeline.datasets.shows import contract
from tally_pipeline.query.engine import QueryError, Rows
from tally_pipeline_tests.cli.conftest import Tally
from tally_pipeline_tests.query.conftest import show

NUMBERS = "SELECT a, a * a AS square FROM UNNEST(sequence(1, 2552)) AS t (a) ORDER BY a"


def a_day(rows: int) -> pa.Table:
    """So many shows, whose titles and overviews are long and not in ASCII."""
    shows = [
        show(number, title=f"Žižkov {number} 日本 " + "x" * (number % 40), overview="Überall " * 60)
        for number in range(rows)
    ]
    return pa.Table.from_pylist(shows, schema=contract.SILVER).append_column(
        "dt", pa.array(["2026-01-01"] * rows)
    )


def drawn(answer: pa.Table, width: int | None) -> tuple[list[str], list[str]]:
    """Its lines, and the columns that are left out."""
    found = grid([ask._column(*one) for one in zip(answer.schema, answer.columns, strict=True)], width)
    return found.lines, found.left_out


def as_json(answer: pa.Table) -> str:
    return "".join(formats.as_json(Rows.of(answer)))


# --- tables ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [20, 40, 80, 120, 140, 200, 400])
def test_a_table_is_as_wide_as_the_terminal_and_each_row_one_line(width: int) -> None:
    lines, left_out = drawn(a_day(5), width)
    assert len(lines) == 5 + 2
    assert max(map(cell_len, lines)) <= width
    # What a row is, and its partition, stay longest.
    assert "show_id" in lines[0]
    if width >= 80:
        assert not {"show_id", "title", "data_type", "dt"} & set(left_out)
    assert bool(left_out) == ("…" in lines[0].split(" │ "))


def test_numbers_are_never_cut_and_stand_to_the_right() -> None:
    columns = [Column("n", ["9223372036854775807", "7"], numeric=True), Column("text", ["x" * 100, "y"])]
    found = grid(columns, 40)
    assert found.lines[2].startswith(" 9223372036854775807 │ xxx")
    assert found.lines[3].startswith("                   7 │ y")
    assert (found.cut, found.left_out) == (1, [])
    assert found.lines[2].endswith("x…")


def test_what_fits_is_whole() -> None:
    found = grid([Column("a", ["1"], numeric=True), Column("日本", ["x" * 30])], 80)
    assert found.lines == [
        f" a │ 日本{' ' * 26}".rstrip(),
        f"───┼{'─' * 32}",
        f" 1 │ {'x' * 30}",
    ]
    assert (found.cut, found.left_out) == (0, [])


def test_a_table_in_ascii_is_in_ascii() -> None:
    lines = grid([Column("a", ["x" * 300]), Column("b", ["y"])], 60, in_ascii=True).lines
    assert "".join(lines).isascii()


@pytest.mark.parametrize(("rows", "seconds"), [(20, 0.3), (2552, 3.0)])
def test_a_day_of_17_columns_is_drawn_in_no_time(rows: int, seconds: float) -> None:
    """It was 55 s for 2,552 rows. The processor's time: other tests may run beside this one."""
    day = a_day(rows)
    began = time.process_time()
    for width in (140, None):
        drawn(day, width)
    assert day.num_columns == 17
    assert time.process_time() - began < seconds


def test_a_table_shows_its_first_20_rows_and_says_so(run_tally: Tally) -> None:
    ran = run_tally("query", NUMBERS)
    assert len(ran.out.splitlines()) == 20 + 2
    assert ran.err == "20 of 2,552 rows; --all, --limit N or --output FILE for more.\n"
    ran = run_tally("query", NUMBERS, "--limit", "3")
    assert [line.split() for line in ran.out.splitlines()[2:]] == [
        ["1", "│", "1"],
        ["2", "│", "4"],
        ["3", "│", "9"],
    ]
    ran = run_tally("query", NUMBERS, "--all")
    assert len(ran.out.splitlines()) == 2552 + 2
    assert ran.err == "2,552 rows.\n"


def test_what_is_cut_or_left_out_is_said(run_tally: Tally) -> None:
    ran = run_tally("query", "SELECT rpad('x', 300, 'x') AS long, 1 AS one")
    assert ran.err == ("1 row. Left out to fit: the end of 1 cell; --format csv or --output FILE has them.\n")
    ran = run_tally("query", f"SELECT {', '.join(f'{n} AS a_column_{n}' for n in range(40))}")
    assert "Left out to fit: 30 of 40 columns; --format csv" in ran.err


def test_csv_and_json_have_every_row_unless_a_limit_is_asked_for(run_tally: Tally) -> None:
    assert len(run_tally("query", NUMBERS, "--format", "csv").out.splitlines()) == 2553
    assert len(run_tally("query", NUMBERS, "--format", "json").json) == 2552
    assert len(run_tally("query", NUMBERS, "--format", "json", "--limit", "7").json) == 7


# --- values ------------------------------------------------------------------------------------------------

EVERY_TYPE = pa.table(
    {
        "map": pa.array([[("popular_shows", 1)], None], pa.map_(pa.string(), pa.int32())),
        "list": [["CN", "日"], []],
        "row": [{"a": 1, "b": None}, None],
        "decimal": [Decimal("1.50"), Decimal("-12345678901234567890.12")],
        "double": [1e-7, float("nan")],
        "bigint": [2**63 - 1, None],
        "boolean": [True, False],
        "date": [date(2026, 1, 2), None],
        "timestamp": pa.array([datetime(2026, 1, 2, 3, 4, 5), None], pa.timestamp("us")),  # noqa: DTZ001
        "instant": pa.array([datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), None], pa.timestamp("us", "UTC")),
        "text": ['a, "b"', ""],
    }
)


def test_json_keeps_types_and_makes_maps_objects() -> None:
    text = as_json(EVERY_TYPE)
    first, second = json.loads(text, parse_float=Decimal)
    assert first == {
        "map": {"popular_shows": 1},
        "list": ["CN", "日"],
        "row": {"a": 1, "b": None},
        "decimal": Decimal("1.50"),
        "double": Decimal("1e-7"),
        "bigint": 2**63 - 1,
        "boolean": True,
        "date": "2026-01-02",
        "timestamp": "2026-01-02T03:04:05",
        "instant": "2026-01-02T03:04:05Z",
        "text": 'a, "b"',
    }
    assert second["decimal"] == Decimal("-12345678901234567890.12")
    assert (second["double"], second["map"], second["list"], second["text"]) == (None, None, [], "")
    assert as_json(EVERY_TYPE.slice(0, 0)) == "[]\n"


def test_csv_has_lists_and_maps_as_json_and_tells_null_from_an_empty_text() -> None:
    text = "".join(formats.as_csv(Rows.of(EVERY_TYPE)))
    header, first, second = csv.reader(io.StringIO(text))
    assert header == EVERY_TYPE.column_names
    assert first == [
        '{"popular_shows":1}',
        '["CN","日"]',
        '{"a":1,"b":null}',
        "1.50",
        "1e-07",
        "9223372036854775807",
        "true",
        "2026-01-02",
        "2026-01-02T03:04:05",
        "2026-01-02T03:04:05Z",
        'a, "b"',
    ]
    assert second[3:5] == ["-12345678901234567890.12", "NaN"]
    assert text.endswith(',false,,,,""\n')


def test_a_csv_of_one_column_has_a_line_for_every_row() -> None:
    assert "".join(formats.as_csv(Rows.of(pa.table({"a": ["x", None, ""]})))) == 'a\nx\n""\n""\n'


def test_two_columns_of_one_name_both_come_out_or_are_refused(run_tally: Tally) -> None:
    sql = "SELECT 1 AS a, 2 AS a"
    assert run_tally("query", sql, "--format", "csv").out == "a,a\n1,2\n"
    assert run_tally("query", sql).out.splitlines()[2] == " 1 │ 2"
    ran = run_tally("query", sql, "--format", "json")
    assert (ran.code, ran.out) == (2, "")
    assert "cannot hold two columns named 'a': name them apart with AS" in ran.err


def test_maps_of_the_lake_are_objects(run_tally: Tally) -> None:
    sql = "SELECT MAP(ARRAY['popular_shows'], ARRAY[3]) AS ranks, ARRAY['CN'] AS origin_country"
    assert run_tally("query", sql, "--format", "json").json == [
        {"ranks": {"popular_shows": 3}, "origin_country": ["CN"]}
    ]
    assert run_tally("query", sql, "--format", "csv").out.splitlines()[1] == (
        '"{""popular_shows"":3}","[""CN""]"'
    )


# --- files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["csv", "json", "parquet"])
def test_an_answer_is_written_as_the_suffix_says_whole_and_every_row(
    run_tally: Tally, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"numbers.{suffix}"
    ran = run_tally("query", NUMBERS, "--output", path.name)
    assert (ran.code, ran.out, ran.err) == (0, "", f"2,552 rows written to {path.name}.\n")
    if suffix == "csv":
        assert path.read_text() == run_tally("query", NUMBERS, "--format", "csv").out
    elif suffix == "json":
        assert json.loads(path.read_text())[-1] == {"a": 2552, "square": 2552 * 2552}
    else:
        assert pq.read_table(path).column("square").to_pylist()[:3] == [1, 4, 9]
    again = run_tally("query", "SELECT 1 AS a", "--output", path.name)
    assert again.err == f"1 row written to {path.name}, in place of the file that was there.\n"
    assert [found.name for found in tmp_path.iterdir() if "numbers" in found.name] == [path.name]
    assert path.stat().st_mode & 0o777 == 0o666 & ~formats._umask()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "shows.txt",
            "shows.txt does not say by its suffix what to write: end it in .csv, .json or .parquet",
        ),
        ("shows", "shows does not say by its suffix what to write"),
        ("nowhere/shows.csv", "nowhere/shows.csv cannot be written: there is no folder"),
        ("folder.csv", "folder.csv is a folder: give the name of a file"),
    ],
)
def test_a_file_that_cannot_be_is_refused_before_the_query_runs(
    run_tally: Tally, tmp_path: Path, name: str, says: str
) -> None:
    (tmp_path / "folder.csv").mkdir()
    # This query would fail, if it ran.
    ran = run_tally("query", "SELECT 1 / 0", "--output", name)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err


def test_a_query_that_fails_leaves_the_file_that_was_there(run_tally: Tally, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("before")
    assert run_tally("query", "SELECT 1 / 0", "--output", "a.csv").code == 2
    assert run_tally("query", "SELECT 1 AS a, 2 AS a", "--output", "b.json").code == 2
    assert {found.name: found.read_text() for found in tmp_path.glob("*.*")} == {"a.csv": "before"}


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ("--output a.csv --format json", "give either --output or --format"),
        ("--limit 0", "'0' is not a number from 1 to"),
        ("--limit 3 --all", "give either --limit or --all"),
        ("--format xml", "'xml' is not one of 'table', 'csv', 'json'"),
    ],
)
def test_arguments_that_contradict_each_other_are_refused(run_tally: Tally, argv: str, says: str) -> None:
    ran = run_tally("query", "SELECT 1", *argv.split())
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err


def test_sql_may_begin_with_a_comment_as_in_a_file(run_tally: Tally) -> None:
    sql = "-- How many?\nSELECT 1 AS a -- = 1"
    assert run_tally("query", sql, "--format", "csv").out == "a\n1\n"
    assert run_tally("query", "--format=csv", "--", sql).out == "a\n1\n"


def test_what_json_cannot_say_is_told() -> None:
    with pytest.raises(QueryError, match="cannot be written as JSON"):
        as_json(pa.table({"a": pa.array([[(True, 2)]], pa.map_(pa.bool_(), pa.int64()))}))
    by_list = pa.array([[([1], 2)]], pa.map_(pa.list_(pa.int64()), pa.int64()))
    assert json.loads(as_json(pa.table({"a": by_list}))) == [{"a": [[[1], 2]]}]


def test_names_of_columns_are_shown_like_any_text() -> None:
    (line, *_), _ = drawn(pa.table({"a\x1b[31m\nb": [1]}), 80)
    assert line == r" a\x1b[31m\nb"
    assert terminal.shown(line) == line
