"""Captures longer than a chunk are refined as if there were no chunks."""

from __future__ import annotations

import pytest

from tally_pipeline.bronze.list_capture import decode
from tally_pipeline.datasets.shows import refinement as refining
from tally_pipeline.datasets.shows.refinement import BATCH_ROWS, Refined, refine
from tally_pipeline.tmdb.lists import ROWS_PER_PAGE
from testkit.captures import Row, capture, page, show, without

BROKEN_AT = BATCH_ROWS + 37


def refined(rows: list[Row | bytes], missing: tuple[int, ...] = ()) -> Refined:
    numbers = (number for number in range(1, 10_000) if number not in missing)
    pages = [
        page(next(numbers), rows[start : start + ROWS_PER_PAGE])
        for start in range(0, len(rows), ROWS_PER_PAGE)
    ]
    return refine(
        decode(capture(pages, missing=missing)), data_type="popular_shows", dt="2025-12-24", key="key"
    )


@pytest.fixture(autouse=True)
def every_page_number_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """TMDB's lists end at page 500, which is just one chunk."""
    monkeypatch.setattr(refining, "MAX_PAGES", 10_000)


def test_a_broken_row_in_the_second_chunk_is_found_with_its_page_and_place() -> None:
    rows: list[Row | bytes] = [show(number) for number in range(1, BATCH_ROWS + 101)]
    rows[BROKEN_AT] = show(0)

    result = refined(rows)

    [rejected] = result.quarantine.to_pylist()
    assert (rejected["page"], rejected["place"]) == (BROKEN_AT // 20 + 1, BROKEN_AT % 20 + 1)
    ranks = result.silver["rank"].to_pylist()
    assert ranks == [rank for rank in range(1, BATCH_ROWS + 101) if rank != BROKEN_AT + 1]


def test_a_repeat_of_a_show_of_the_first_chunk_is_dropped_in_the_second() -> None:
    rows: list[Row | bytes] = [show(number) for number in range(1, BATCH_ROWS + 1)]
    rows += [show(1, name="again"), show(BATCH_ROWS + 1), show(BATCH_ROWS, name="again")]

    result = refined(rows)

    assert result.counts.repeats == 2
    assert result.silver["show_id"].to_pylist() == [*range(1, BATCH_ROWS + 2)]
    assert result.silver["rank"].to_pylist() == [*range(1, BATCH_ROWS + 1), BATCH_ROWS + 2]
    assert "again" not in result.silver["title"].to_pylist()


@pytest.mark.parametrize("length", [BATCH_ROWS - 1, BATCH_ROWS, BATCH_ROWS + 1])
def test_no_row_is_lost_where_a_chunk_ends(length: int) -> None:
    result = refined([show(number) for number in range(1, length + 1)])

    assert result.counts.silver_rows == length
    assert result.silver["rank"].to_pylist() == [*range(1, length + 1)]


def test_a_missing_page_moves_the_ranks_of_every_later_chunk() -> None:
    result = refined([show(number) for number in range(1, BATCH_ROWS + 21)], missing=(2,))

    assert result.silver["rank"].to_pylist() == [*range(1, 21), *range(41, BATCH_ROWS + 41)]


@pytest.mark.parametrize("having", [0, BATCH_ROWS])
def test_a_field_that_one_row_of_any_chunk_has_is_not_lost(having: int) -> None:
    rows: list[Row | bytes] = [without(show(number), "overview") for number in range(1, BATCH_ROWS + 2)]
    rows[having] = show(having + 1)

    assert refined(rows).counts.lost_fields == ()


def test_fields_are_counted_over_all_chunks() -> None:
    rows: list[Row | bytes] = [show(number, overview=None) for number in range(1, BATCH_ROWS + 1)]
    rows += [show(BATCH_ROWS + 1, new=1), show(BATCH_ROWS + 2, new=2), b"5"]

    counts = refined(rows).counts

    assert counts.new_fields == {"new": 2}
    assert counts.nulls["overview"] == BATCH_ROWS
    assert counts.lost_fields == ()
    assert counts.balanced
