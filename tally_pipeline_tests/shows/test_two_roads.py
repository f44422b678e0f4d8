"""The fast road through refining decides nothing by itself: what it accepts is what the careful one makes of it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tally_pipeline.shows import columnwise, rowwise
from tally_pipeline_tests.shows.building import (
    JSON_VALUES,
    NASTY_VALUES,
    raws,
    row_texts,
    show,
    text_of,
    with_value,
    without,
)

FIELDS = [*show(), "new", "media_type", ""]


def assert_agree(rows: Sequence[bytes | msgspec.Raw]) -> None:
    fast = columnwise.refine_chunk(rows)
    if fast is None:
        return
    careful = rowwise.refine_chunk(rows)
    assert not careful.broken
    assert fast.seen == careful.seen
    assert fast.unknown == careful.unknown
    assert fast.columns.keys() == careful.columns.keys()
    for name, values in fast.columns.items():
        assert values.equals(careful.columns[name]), name
        assert values.type == careful.columns[name].type, name
        values.validate(full=True)


def test_clean_rows_take_the_fast_road() -> None:
    rows = [
        show(1),
        show(2, poster_path=None, overview="", first_air_date="", genre_ids=[], origin_country=[]),
        show(3, name=" Leading blank", genre_ids=[18, 18], vote_average=8, popularity=0),
        without(show(4), "adult"),
        without(show(5), "overview"),
    ]

    for chunk in ([rows[0]], rows):
        assert columnwise.refine_chunk(raws(*chunk)) is not None
        assert_agree(raws(*chunk))


def test_a_new_field_on_every_row_takes_the_fast_road() -> None:
    refined = columnwise.refine_chunk(raws(show(1, softcore=False), show(2, softcore=True)))

    assert refined is not None
    assert refined.unknown == {"softcore": 2}


@pytest.mark.parametrize("value", NASTY_VALUES, ids=lambda value: value.decode())
def test_the_roads_agree_on_every_nasty_value_in_every_field(value: bytes) -> None:
    for field in FIELDS:
        nasty = with_value(field, value)
        assert_agree(raws(nasty))
        assert_agree(raws(show(1), nasty))
        assert_agree(raws(nasty, nasty))


@pytest.mark.parametrize("field", list(show()))
def test_the_roads_agree_on_a_field_that_some_or_all_rows_lack(field: str) -> None:
    assert_agree(raws(show(1), without(show(2), field)))
    assert_agree(raws(without(show(1), field), without(show(2), field)))


@settings(max_examples=200)
@given(st.lists(row_texts(), min_size=1, max_size=6))
def test_the_roads_agree_on_any_mutated_rows(rows: list[bytes]) -> None:
    assert_agree(raws(*rows))


@given(st.sampled_from(FIELDS), JSON_VALUES)
def test_the_roads_agree_on_any_value_in_any_field(field: str, value: object) -> None:
    changed = text_of(show(2, **{field: value}))

    assert_agree(raws(changed))
    assert_agree(raws(show(1), changed))


@pytest.mark.parametrize("rows", [[b"null"], [b"null", b"null"], [b"null", show(1)], [show(1), b"null"]])
def test_a_row_that_is_null_does_not_reach_arrow_whose_parser_it_kills(rows: list[bytes]) -> None:
    assert columnwise.refine_chunk(raws(*rows)) is None
    assert len(rowwise.refine_chunk(raws(*rows)).broken) == rows.count(b"null")


@pytest.mark.parametrize("field", ["name", "overview", "new"])
@pytest.mark.parametrize("value", [b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"', b'{"\xff":1}'])
def test_the_roads_agree_that_text_must_be_utf8(field: str, value: bytes) -> None:
    rows = raws(with_value(field, value))

    assert columnwise.refine_chunk(rows) is None
    assert rowwise.refine_chunk(rows).broken.keys() == {0}


@pytest.mark.parametrize("depth", [90, 150, 900, 1030, 5000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_the_roads_agree_on_nesting_of_any_depth(depth: int, opening: bytes, closing: bytes) -> None:
    deep = with_value("new", opening * depth + b"1" + closing * depth)
    try:
        rows = raws(deep)
    except RecursionError:
        # How deep msgspec goes depends on the Python; what it refuses never reaches the fast road.
        assert columnwise.refine_chunk([deep]) is None
        return
    assert_agree(rows)


def test_text_that_msgspec_did_not_vouch_for_takes_the_careful_road() -> None:
    assert columnwise.refine_chunk([text_of(show(1))]) is None
    assert columnwise.refine_chunk([*raws(show(1)), text_of(show(2))]) is None


def test_doubled_fields_take_the_careful_road_where_the_last_counts() -> None:
    doubled = text_of(show(1))[:-1] + b',"\\u0069d":5}'

    assert columnwise.refine_chunk(raws(doubled)) is None
    assert rowwise.refine_chunk(raws(doubled)).columns["show_id"].to_pylist() == [5]
