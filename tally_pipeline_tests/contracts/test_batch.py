"""However fast, refining a chunk comes to what looking at each of its rows comes to."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tally_pipeline.contracts import batch
from tally_pipeline.contracts.batch import BLOCK_ROWS, refine_batch
from tally_pipeline.contracts.contract import RowContract
from tally_pipeline.contracts.row_decoder import Row
from tally_pipeline.contracts.row_diagnosis import Reason, diagnose
from tally_pipeline.datasets.shows.contract import SHOWS
from testkit.captures import JSON_VALUES, NASTY_VALUES, raws, row_texts, show, text_of, with_value, without
from testkit.plain_refining import assert_refined_as_plainly

FIELDS = [*show(), "new", "media_type", ""]


@pytest.fixture
def no_row_is_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    def examined(row: object, _: object) -> None:
        raise AssertionError(f"{row!r} was looked at closely")

    monkeypatch.setattr(batch, "diagnose", examined)


@pytest.mark.usefixtures("no_row_is_examined")
@pytest.mark.parametrize(
    "row",
    [
        show(1),
        show(2, poster_path=None, overview="", first_air_date="", genre_ids=[], origin_country=[]),
        show(3, name=" Leading blank", genre_ids=[18, 18], vote_average=8, popularity=0),
        show(4, name="\u3042", original_name="\u00c9", overview="\u2003", first_air_date=" "),
        without(show(5), "adult"),
        without(show(6), "overview"),
        show(7, media_type="tv"),
        show(8, softcore=True, networks=[1, "two"], vote=1.5),
    ],
)
def test_a_sound_row_is_not_looked_at_closely(row: dict[str, object]) -> None:
    assert refine_batch(raws(row), SHOWS).broken == {}
    assert refine_batch(raws(*[row] * 3), SHOWS).broken == {}


@pytest.mark.usefixtures("no_row_is_examined")
def test_a_new_field_on_every_row_is_counted_on_the_fast_road() -> None:
    rows = raws(*(show(number, softcore=None) for number in range(1, BLOCK_ROWS + 2)))

    assert refine_batch(rows, SHOWS).unknown == {"softcore": BLOCK_ROWS + 1}


def test_a_bad_row_costs_no_other_row_the_fast_road(monkeypatch: pytest.MonkeyPatch) -> None:
    examined: list[bytes] = []

    def noted(row: Row, of: RowContract) -> tuple[dict[str, Any], list[Reason]]:
        examined.append(bytes(row))
        return diagnose(row, of)

    monkeypatch.setattr(batch, "diagnose", noted)
    bad = [
        text_of(show(0)),
        text_of(show(3, name=" ")),
        text_of(show(4, first_air_date="2023-02-29")),
        b"null",
    ]

    refined = refine_batch(raws(show(1), *bad, show(2)), SHOWS)

    assert list(refined.broken) == [1, 2, 3, 4]
    assert sorted(examined) == sorted(bad)


@pytest.mark.parametrize("value", NASTY_VALUES, ids=lambda value: value.decode())
def test_every_nasty_value_in_every_field_is_refined_as_plainly(value: bytes) -> None:
    for field in FIELDS:
        nasty = with_value(field, value)
        for rows in ([nasty], [show(1), nasty], [nasty, show(1)], [nasty, nasty]):
            assert_refined_as_plainly(raws(*rows))


@pytest.mark.parametrize("field", list(show()))
def test_a_field_that_some_or_all_rows_lack_is_told_as_plainly(field: str) -> None:
    assert_refined_as_plainly(raws(show(1), without(show(2), field)))
    assert_refined_as_plainly(raws(without(show(1), field), without(show(2), field)))


@settings(max_examples=200)
@given(st.lists(row_texts(), min_size=1, max_size=6))
def test_any_mutated_rows_are_refined_as_plainly(rows: list[bytes]) -> None:
    assert_refined_as_plainly(raws(*rows))


@given(st.lists(st.one_of(row_texts(), st.binary(max_size=40)), min_size=1, max_size=6))
def test_rows_that_are_not_even_json_are_refined_as_plainly(rows: list[bytes]) -> None:
    assert_refined_as_plainly(rows)


@given(st.sampled_from(FIELDS), JSON_VALUES)
def test_any_value_in_any_field_is_refined_as_plainly(field: str, value: object) -> None:
    changed = text_of(show(2, **{field: value}))

    assert_refined_as_plainly(raws(changed))
    assert_refined_as_plainly(raws(show(1), changed))


@pytest.mark.parametrize("name", ["", "a b", 'a"b', "a\\b", "a\n", "\u00e9", "_0", "self", "x" * 5000])
def test_a_new_field_may_have_any_name(name: str) -> None:
    refined = assert_refined_as_plainly(raws(*(show(number, **{name: 1}) for number in (1, 2))))

    assert refined.unknown == {name: 2}


def test_more_new_fields_than_anyone_would_add_are_all_counted() -> None:
    many = {f"new{number}": number for number in range(200)}

    assert assert_refined_as_plainly(raws(show(1, **many), show(2, **many))).unknown == dict.fromkeys(many, 2)


@pytest.mark.parametrize("bad_at", [0, BLOCK_ROWS - 1, BLOCK_ROWS, 2 * BLOCK_ROWS])
@pytest.mark.parametrize("bad", [b"null", text_of(show(3, name=" ")), text_of(show(0, new=1))])
def test_a_bad_row_is_found_wherever_it_stands(bad_at: int, bad: bytes) -> None:
    rows: list[dict[str, object] | bytes] = [show(number, new=1) for number in range(1, 2 * BLOCK_ROWS + 2)]
    rows[bad_at] = bad

    assert list(assert_refined_as_plainly(raws(*rows)).broken) == [bad_at]


def test_a_chunk_without_a_sound_row_has_empty_columns() -> None:
    refined = assert_refined_as_plainly(raws(b"null", show(0), b"1"))

    assert {len(column) for column in refined.columns.values()} == {0}


@pytest.mark.parametrize("field", ["name", "overview", "new"])
@pytest.mark.parametrize("value", [b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"', b'{"\xff":1}'])
def test_text_must_be_utf8(field: str, value: bytes) -> None:
    assert assert_refined_as_plainly([with_value(field, value)]).broken.keys() == {0}


@pytest.mark.parametrize("depth", [90, 150, 900, 1030, 5000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
@pytest.mark.parametrize("field", ["new", "adult", "genre_ids"])
def test_rows_may_nest_as_deep_as_they_like(depth: int, opening: bytes, closing: bytes, field: str) -> None:
    deep = with_value(field, opening * depth + b"1" + closing * depth)

    assert_refined_as_plainly([deep])
    assert_refined_as_plainly([text_of(show(1)), deep])


def test_of_a_doubled_field_the_last_counts() -> None:
    doubled = text_of(show(1))[:-1] + b',"\\u0069d":5}'

    assert assert_refined_as_plainly(raws(doubled)).columns["show_id"].to_pylist() == [5]


@pytest.mark.parametrize("number", [2**32 - 1, 2**32, 2**63 - 1, -1, -(2**63)])
def test_a_genre_of_any_number_counts_once(number: int) -> None:
    refined = assert_refined_as_plainly(
        raws(show(1, genre_ids=[number, 18, number]), show(2, genre_ids=[18]))
    )

    assert refined.columns["genre_ids"].to_pylist() == [[number, 18], [18]]
