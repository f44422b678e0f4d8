"""The audit proves the bronze layer, and names whatever does not hold."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tally_pipeline.datasets.captures import audit
from tally_pipeline.datasets.dataset import AuditResult
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline_tests.lake.conftest import DAY, FolderLake
from testkit.captures import capture, page, recorded_pages, show, text_of

KEY = BronzeKey("popular_shows", DAY, "run-1")
WHOLE = capture([page(1, [show(1), show(2)]), page(2, []), page(3, [show(3)])])


def problem(lake: FolderLake, key: BronzeKey | str = KEY) -> str:
    """What is wrong with the one object that does not hold."""
    [found] = [found for found in audit(lake) if found.problems]
    assert found.key == str(key)
    return "; ".join(found.problems)


def change(lake: FolderLake, alter: Callable[[bytes], bytes]) -> None:
    """Writes the capture with something altered, past the store, and a sound one beside it."""
    lake.keep("run-0")
    lake.path(KEY).write_bytes(alter(WHOLE))


def test_an_empty_lake_passes(lake: FolderLake) -> None:
    assert list(audit(lake)) == []


def test_a_clean_lake_passes_and_is_counted(lake: FolderLake) -> None:
    other = BronzeKey("airing_today", DAY, "run-1")
    lake.write_bronze(KEY, WHOLE)
    lake.write_bronze(other, capture([page(1, [show(1)])], missing=[2], data_type="airing_today"))

    assert list(audit(lake)) == [
        AuditResult(str(other), pages=1, rows=1),
        AuditResult(str(KEY), pages=3, rows=3),
    ]


def test_real_replies_pass(lake: FolderLake, recordings: Path) -> None:
    recorded = recorded_pages(recordings)
    for number, one in enumerate(recorded):
        whole = capture([one.read()], execution_id=f"run-{number:02}")
        lake.write_bronze(BronzeKey("popular_shows", DAY, f"run-{number:02}"), whole)

    found = list(audit(lake))

    assert [(one.pages, one.rows, one.problems) for one in found] == [(1, 20, ())] * len(recorded)


def test_an_empty_capture_passes(lake: FolderLake) -> None:
    lake.write_bronze(KEY, capture([page(1, [])]))

    assert list(audit(lake)) == [AuditResult(str(KEY), pages=1)]


def test_a_changed_byte_in_a_row_is_named_with_its_page(lake: FolderLake) -> None:
    change(lake, lambda whole: whole.replace(b'"id": 3', b'"id": 4', 1))

    assert problem(lake) == "page 3 does not hash to the SHA-256 taken when it was received"


def test_a_changed_byte_around_the_rows_is_named_with_its_page(lake: FolderLake) -> None:
    change(lake, lambda whole: whole.replace(rb"\"total_pages\":3", rb"\"total_pages\":4", 1))

    assert problem(lake) == "page 1 does not hash to the SHA-256 taken when it was received"


def test_a_changed_hash_is_named(lake: FolderLake) -> None:
    change(lake, lambda whole: whole.replace(b'"sha256":"', b'"sha256":"0', 1))

    assert problem(lake) == "page 1 does not hash to the SHA-256 taken when it was received"


def results_end(whole: bytes) -> int:
    return whole.index(b'], "_metadata"')


@given(place=st.integers(len(b'{"results": ['), results_end(WHOLE) - 1), bit=st.integers(0, 7))
def test_a_bit_that_flips_anywhere_in_the_rows_is_named(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int
) -> None:
    lake = FolderLake(tmp_path_factory.mktemp("flipped"))
    damaged = bytearray(WHOLE)
    damaged[place] ^= 1 << bit

    change(lake, lambda _: bytes(damaged))

    assert problem(lake)


@given(st.integers(0, len(WHOLE) - 1))
def test_a_file_cut_off_anywhere_is_named(tmp_path_factory: pytest.TempPathFactory, length: int) -> None:
    lake = FolderLake(tmp_path_factory.mktemp("cut"))

    change(lake, lambda whole: whole[:length])

    assert f"{KEY} is not a capture: it is not a JSON object" in problem(lake)


def test_an_added_row_is_named(lake: FolderLake) -> None:
    change(lake, lambda whole: whole.replace(b'], "_metadata"', b"," + text_of(show(9)) + b'], "_metadata"'))

    assert "`results` holds more than the pages of `_metadata` account for" in problem(lake)


def test_rows_added_to_a_capture_of_empty_pages_are_named(lake: FolderLake) -> None:
    empty = capture([page(1, [])])

    change(lake, lambda _: empty.replace(b"[]", b"[" + text_of(show(9)) + b"]", 1))

    assert problem(lake) == "it holds 1 rows, its pages account for 0"


def test_a_wrong_count_of_rows_is_named(lake: FolderLake) -> None:
    change(lake, lambda whole: whole.replace(b'"rows":2', b'"rows":3', 1))

    assert problem(lake) == "it holds 3 rows, its pages account for 4"


@pytest.mark.parametrize("field", [b'"pages"', b'"sha256"', b'"rows_bytes"'])
def test_page_records_that_cannot_be_read_any_more_are_named(lake: FolderLake, field: bytes) -> None:
    change(lake, lambda whole: whole.replace(field + b":", field[:-2] + b'X":', 1))

    assert "its record of the pages cannot be read" in problem(lake)


def test_a_file_that_is_no_capture_is_named(lake: FolderLake) -> None:
    lake.write_bronze(KEY, WHOLE)
    lake.path("bronze/tmdb/shows/popular_shows/notes.txt").write_text("stray")

    assert "its name is not a capture's" in problem(lake, "bronze/tmdb/shows/popular_shows/notes.txt")


@pytest.mark.parametrize(
    ("moved_to", "says"),
    [
        (
            BronzeKey("airing_today", DAY, "run-1"),
            "it says its list is popular_shows, its place says airing_today",
        ),
        (BronzeKey("popular_shows", "2025-12-23", "run-1"), f"its day is {DAY}, its place says 2025-12-23"),
        (BronzeKey("popular_shows", DAY, "run-2"), "it says its execution is run-1, its place says run-2"),
    ],
)
def test_a_moved_file_is_named(lake: FolderLake, moved_to: BronzeKey, says: str) -> None:
    lake.write_bronze(KEY, WHOLE)
    shutil.move(lake.path(KEY), lake.path(moved_to))

    assert says in problem(lake, moved_to)


def test_sandbox_data_in_a_lake_of_real_data_is_named(lake: FolderLake) -> None:
    lake.write_bronze(KEY, capture([page(1, [show(1)])], source="sandbox"))

    assert problem(lake) == "it says its source is sandbox, its place says tmdb"


def test_an_object_of_another_tool_is_readable_yet_unproven(lake: FolderLake) -> None:
    lake.path(KEY).write_bytes(b'{"results":[' + text_of(show(1)) + b"]}")

    assert list(audit(lake)) == [AuditResult(str(KEY), rows=1, unproven=True)]
