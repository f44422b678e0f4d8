"""Whether the pages of a capture make up a whole list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tally_pipeline.bronze.completeness import PageSet, assess
from tally_pipeline.plurals import counted


def of(*pages: list[int | None], missing: tuple[int, ...] = ()) -> PageSet:
    return assess(missing=missing, ids_by_page=pages, totals=[(len(pages), 20 * len(pages))] * len(pages))


def test_all_pages_with_rows_are_complete() -> None:
    verdict = of([1, 2], [3])

    assert verdict.verdict == "complete"
    assert (verdict.pages_asked, verdict.pages_got, verdict.rows, verdict.distinct_ids) == (2, 2, 3, 3)
    assert verdict.reason == "all 2 pages came back with 3 rows"


def test_a_missing_page_makes_it_partial_and_is_named() -> None:
    verdict = of([1], [2], missing=(9, 3))

    assert verdict.verdict == "partial"
    assert verdict.pages_missing == (3, 9)
    assert verdict.reason == "2 of 4 pages came back; missing: 3, 9"


def test_many_missing_pages_are_named_up_to_twenty() -> None:
    assert of([1], missing=tuple(range(2, 32))).reason.endswith("20, 21 and 10 more")


@pytest.mark.parametrize("pages", [[], [[]], [[], []]])
@pytest.mark.parametrize("missing", [(), (3,)])
def test_no_rows_at_all_are_empty_however_many_pages_came(
    pages: list[list[int | None]], missing: tuple[int, ...]
) -> None:
    verdict = of(*pages, missing=missing)

    assert verdict.verdict == "empty"
    asked = counted(len(pages) + len(missing), "page")
    assert verdict.reason == f"{len(pages)} of {asked} came back and held no rows"


def test_a_single_page_and_row_are_told_as_such() -> None:
    assert of([1]).reason == "the only page came back with 1 row"


def test_a_repeat_across_pages_is_counted_once() -> None:
    verdict = of([1, 2], [2, 3], [2])

    assert (verdict.rows, verdict.distinct_ids, verdict.repeats) == (5, 3, 2)


def test_rows_without_an_id_repeat_nothing() -> None:
    verdict = of([None, 1], [None])

    assert (verdict.rows, verdict.distinct_ids, verdict.repeats) == (3, 1, 0)


@pytest.mark.parametrize(
    ("totals", "moved"),
    [
        ([(11, 221), (11, 220)], True),
        ([(11, 220), (12, 220)], True),
        ([(11, 220), (11, 220)], False),
        ([(11, 220), (None, None)], True),
        ([], False),
    ],
)
def test_totals_that_differ_between_pages_have_moved(
    totals: list[tuple[int | None, int | None]], moved: bool
) -> None:
    assert assess(missing=(), ids_by_page=[[1], [2]], totals=totals).totals_moved is moved


@given(st.lists(st.lists(st.none() | st.integers(1, 9))), st.sets(st.integers(1, 500)))
def test_the_counts_always_add_up(pages: list[list[int | None]], missing: set[int]) -> None:
    verdict = of(*pages, missing=tuple(missing))

    assert verdict.rows == verdict.distinct_ids + verdict.repeats + sum(ids.count(None) for ids in pages)
    assert verdict.pages_asked == verdict.pages_got + len(verdict.pages_missing)
    assert (verdict.verdict == "complete") == (verdict.rows > 0 and not missing)
