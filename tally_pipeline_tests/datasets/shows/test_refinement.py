"""Refining: what becomes of each value, repeats, ranks, fields that come and go, and books that always balance."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tally_pipeline.bronze.list_capture import UnreadableBronzeError, decode
from tally_pipeline.contracts.contract import RULES
from tally_pipeline.datasets.shows import contract
from tally_pipeline.datasets.shows import refinement as refining
from tally_pipeline.datasets.shows.footer import footer_for
from tally_pipeline.datasets.shows.refinement import Refined, refine
from tally_pipeline.lake import parquet
from tally_pipeline.lake.parquet import BronzeRef
from testkit.captures import JSON_VALUES, ROW_SOUP, Row, bare, capture, page, show, text_of, without

KEY = "bronze/tmdb/shows/popular_shows/dt=2025-12-24/run-1.json"


def refined(*rows: Row | bytes) -> Refined:
    return refine(bare(*rows), data_type="popular_shows", dt="2025-12-24", key=KEY)


def of(whole: bytes) -> Refined:
    return refine(decode(whole), data_type="popular_shows", dt="2025-12-24", key=KEY)


def only(result: Refined, column: str) -> Any:
    [value] = result.silver[column].to_pylist()
    return value


def as_is(row: Row) -> Refined:
    return refined(row)


def beside_a_broken_row(row: Row) -> Refined:
    return refined(row, b"5")


BOTH_ROADS = pytest.mark.parametrize("alone", [as_is, beside_a_broken_row])


# What becomes of the values


@BOTH_ROADS
def test_a_row_becomes_the_contracts_columns(alone: Any) -> None:
    result = alone(show(7))

    assert result.silver.schema.equals(contract.SILVER, check_metadata=True)
    assert result.silver.to_pylist() == [
        {
            "show_id": 7,
            "title": "Name",
            "original_title": "Original",
            "popularity": 12.5,
            "vote_average": 8.9,
            "vote_count": 1000,
            "first_air_date": "2008-01-20",
            "genre_ids": [18, 80],
            "origin_country": ["US"],
            "poster_path": "/p.jpg",
            "backdrop_path": "/b.jpg",
            "overview": "What happens.",
            "original_language": "en",
            "ingestion_date": "2025-12-24",
            "data_type": "popular_shows",
            "rank": 1,
        }
    ]


@BOTH_ROADS
@pytest.mark.parametrize("column", [column.name for column in contract.COLUMNS if column.nullable])
@pytest.mark.parametrize("blank", ["", " ", "\t\n", "\u00a0", "\u3000\u2003", None])
def test_a_blank_becomes_null(alone: Any, column: str, blank: str | None) -> None:
    result = alone(show(1, **{column: blank}))

    assert only(result, column) is None
    assert result.counts.nulls[column] == 1


@BOTH_ROADS
@pytest.mark.parametrize("column", [column.name for column in contract.COLUMNS if column.nullable])
def test_an_optional_field_that_is_not_there_becomes_null(alone: Any, column: str) -> None:
    assert only(alone(without(show(1), column)), column) is None


@BOTH_ROADS
def test_a_whole_vote_average_becomes_a_double(alone: Any) -> None:
    result = alone(show(1, vote_average=8, popularity=3))

    assert result.silver.schema.field("vote_average").type == pa.float64()
    assert (only(result, "vote_average"), only(result, "popularity")) == (8.0, 3.0)


@BOTH_ROADS
def test_each_genre_of_a_row_stands_once_in_tmdbs_order(alone: Any) -> None:
    assert only(alone(show(1, genre_ids=[35, 18, 35, 18, 80])), "genre_ids") == [35, 18, 80]


@BOTH_ROADS
def test_titles_keep_their_leading_blanks_and_every_script(alone: Any) -> None:
    result = alone(show(1, name=" 진격의 거인 \n", original_name="\U0001f600", overview=" a\r\nb "))

    assert only(result, "title") == " 진격의 거인 \n"
    assert only(result, "original_title") == "\U0001f600"
    assert only(result, "overview") == " a\r\nb "


@pytest.mark.parametrize(
    ("stamp", "day"),
    [
        ("2025-12-24T23:59:59.999Z", "2025-12-24"),
        ("2025-12-25T01:00:00+09:00", "2025-12-24"),
        ("2025-12-23T20:00:00-08:00", "2025-12-24"),
        ("2025-12-20T03:00:00", "2025-12-20"),
        ("0001-01-01T00:00:00+14:00", "2025-12-24"),
        ("no time at all", "2025-12-24"),
        (None, "2025-12-24"),
    ],
)
def test_the_ingestion_date_is_bronzes_utc_day_or_else_the_partitions(stamp: str | None, day: str) -> None:
    result = of(capture([page(1, [show(1), b"5"])], ingestion_timestamp=stamp))

    assert only(result, "ingestion_date") == day
    assert result.quarantine["ingestion_date"].to_pylist() == [day]


# Repeats and ranks


def test_a_repeat_keeps_the_better_rank() -> None:
    result = of(
        capture([page(1, [show(1), show(2, name="first")]), page(2, [show(2, name="second"), show(3)])])
    )

    assert result.silver["show_id"].to_pylist() == [1, 2, 3]
    assert result.silver["title"].to_pylist() == ["Name", "first", "Name"]
    assert result.silver["rank"].to_pylist() == [1, 2, 4]
    assert (result.counts.repeats, result.counts.silver_rows) == (1, 3)


def test_a_broken_repeat_is_quarantined_and_the_sound_one_stays() -> None:
    result = refined(show(5, name=""), show(5), show(5, vote_average=11), show(5))

    assert result.silver["rank"].to_pylist() == [2]
    assert (result.counts.silver_rows, result.counts.repeats, result.counts.quarantined) == (1, 1, 2)


def test_a_rejected_row_keeps_its_place_free() -> None:
    assert refined(show(1), b"5", show(2)).silver["rank"].to_pylist() == [1, 3]


def test_a_missing_page_keeps_its_places_free() -> None:
    full = [page(number, [show(number * 100 + n) for n in range(20)]) for number in (1, 3, 6)]

    ranks = of(capture(full, missing=[2, 4, 5, 9])).silver["rank"].to_pylist()

    assert ranks == [*range(1, 21), *range(41, 61), *range(101, 121)]


def test_a_missing_first_page_moves_every_rank() -> None:
    ranks = of(capture([page(2, [show(1), show(2)])], missing=[1])).silver["rank"].to_pylist()

    assert ranks == [21, 22]


def test_ranks_are_row_numbers_where_the_pages_do_not_account_for_the_rows() -> None:
    whole = capture([page(2, [show(1), show(2), b"5"])], missing=[1]).replace(b'"rows":3', b'"rows":7')
    result = of(whole)

    assert result.silver["rank"].to_pylist() == [1, 2]
    assert [result.quarantine[name].to_pylist() for name in ("page", "place")] == [[None], [3]]


@pytest.mark.parametrize("page_number", [b"501", b"99999999999999999999", b"4611686018427387904"])
def test_a_page_number_nobody_can_have_is_not_believed(page_number: bytes) -> None:
    whole = capture([page(1, [show(1), b"5"])]).replace(
        b'"pages":[{"page":1', b'"pages":[{"page":' + page_number
    )
    result = of(whole)

    assert result.quarantine["page"].to_pylist() == [None]


# Quarantine


def test_a_rejected_row_is_kept_with_its_text_page_place_and_bronze_key() -> None:
    pages = [page(1, [show(1), show(2)]), page(2, [show(3), '{ "id" : "ümlaut" }'.encode(), b"NaN"])]

    result = of(capture(pages))

    assert result.quarantine.schema.equals(contract.QUARANTINE, check_metadata=True)
    first, second = result.quarantine.to_pylist()
    assert first["raw"] == '{ "id" : "ümlaut" }'
    assert (first["page"], first["place"]) == (2, 2)
    assert (first["bronze_key"], first["data_type"], first["ingestion_date"]) == (
        KEY,
        "popular_shows",
        "2025-12-24",
    )
    assert (second["raw"], second["page"], second["place"]) == ("NaN", 2, 3)


def test_a_rejected_row_that_is_not_utf8_is_shown_escaped() -> None:
    [rejected] = refined(b'{"id":"\xff\xfe"}').quarantine.to_pylist()

    assert rejected["raw"] == '{"id":"\\xff\\xfe"}'


def test_a_clean_capture_has_an_empty_quarantine_of_the_same_schema() -> None:
    quarantine = refined(show(1)).quarantine

    assert quarantine.num_rows == 0
    assert quarantine.schema.equals(contract.QUARANTINE)


# Fields that come and go


@BOTH_ROADS
def test_an_unknown_field_is_announced_and_breaks_nothing(alone: Any) -> None:
    result = alone(show(1, softcore=False))

    assert result.counts.new_fields == {"softcore": 1}
    assert result.counts.silver_rows == 1


def test_an_unknown_field_is_counted_on_the_rows_that_have_it_even_where_it_is_null() -> None:
    rows = [show(1, new=None), show(2, new=1, other=[]), show(3), show(0, new={})]

    assert refined(*rows).counts.new_fields == {"new": 3, "other": 1}


def test_optional_extras_of_other_lists_surprise_nobody() -> None:
    rows = [show(1, media_type="tv"), without(show(2), "adult")]

    assert refined(*rows).counts.new_fields == {}


def test_unknown_fields_are_named_up_to_a_limit() -> None:
    counts = refined(show(1, **{f"new{number:03}": 1 for number in range(500)})).counts

    assert list(counts.new_fields) == [f"new{number:03}" for number in range(refining.SHOWN)]


@pytest.mark.parametrize("field", [column.field for column in contract.COLUMNS if column.required])
def test_a_required_field_lost_everywhere_rejects_every_row_and_is_named(field: str) -> None:
    counts = refined(*(without(show(number), field) for number in range(1, 4))).counts

    assert counts.lost_fields == (field,)
    assert (counts.quarantined, counts.silver_rows, counts.pass_rate) == (3, 0, 0.0)
    assert counts.by_rule["field_missing"] == 3


@pytest.mark.parametrize("field", [column.field for column in contract.COLUMNS if column.nullable])
def test_an_optional_field_lost_everywhere_is_named_and_rejects_nothing(field: str) -> None:
    counts = refined(*(without(show(number), field) for number in range(1, 4))).counts

    assert (counts.lost_fields, counts.silver_rows) == ((field,), 3)


def test_a_field_that_one_row_has_is_not_lost() -> None:
    assert refined(show(1, overview=None), without(show(2), "overview")).counts.lost_fields == ()
    assert refined(without(show(1), "overview"), show(2)).counts.lost_fields == ()


def test_a_required_field_retyped_everywhere_rejects_every_row() -> None:
    counts = refined(*(show(number, vote_average=str(number)) for number in range(1, 4))).counts

    assert counts.by_rule["wrong_type"] == counts.quarantined == 3
    assert counts.lost_fields == ()


def test_unknown_genres_are_counted_by_silver_rows() -> None:
    rows = [show(1, genre_ids=[18, 28, 28]), show(2, genre_ids=[28, 12]), show(0, genre_ids=[99999])]

    assert refined(*rows).counts.unknown_genres == {"12": 1, "28": 2}


# The books


def test_the_pass_rate_counts_repeats_as_passing() -> None:
    counts = refined(*[show(1)] * 19, b"5").counts

    assert (counts.pass_rate, counts.repeats, counts.silver_rows) == (95.0, 18, 1)


def test_an_empty_capture_has_empty_books() -> None:
    result = of(capture([page(1, [])]))

    assert result.counts.balanced
    assert (result.counts.bronze_rows, result.counts.pass_rate, result.counts.lost_fields) == (0, 0.0, ())
    assert result.silver.schema.equals(contract.SILVER)


@given(ROW_SOUP)
def test_the_books_balance_whatever_the_rows_are(rows: list[bytes]) -> None:
    assert_sound(refined(*rows), rows)


@given(st.lists(JSON_VALUES, max_size=8))
def test_the_books_balance_for_any_json(values: list[Any]) -> None:
    rows = [json.dumps(value).encode() for value in values]
    assert_sound(refined(*rows), rows)


@given(st.lists(ROW_SOUP, max_size=4), st.sets(st.integers(1, 6)))
def test_the_books_balance_whatever_the_pages_are(pages: list[list[bytes]], missing: set[int]) -> None:
    numbers = [number for number in range(1, 20) if number not in missing][: len(pages)]
    read = [page(number, rows) for number, rows in zip(numbers, pages, strict=True)]
    result = of(capture(read, missing=sorted(missing)))

    assert_sound(result, [row for rows in pages for row in rows])
    for rejected in result.quarantine.to_pylist():
        assert (
            rejected["raw"].encode()[:1] == pages[numbers.index(rejected["page"])][rejected["place"] - 1][:1]
        )


def assert_sound(result: Refined, rows: Sequence[bytes]) -> None:
    counts, silver = result.counts, result.silver
    assert counts.bronze_rows == len(rows) == silver.num_rows + counts.repeats + result.quarantine.num_rows
    assert counts.balanced
    silver.validate(full=True)
    ids = silver["show_id"].to_pylist()
    assert len(set(ids)) == len(ids)
    assert all(show_id > 0 for show_id in ids)
    ranks = silver["rank"].to_pylist()
    assert ranks == sorted(set(ranks))
    for column in contract.COLUMNS:
        if not column.nullable:
            assert silver[column.name].null_count == 0
    assert all(0 <= vote <= 10 for vote in silver["vote_average"].to_pylist())
    assert all(rejected["reasons"] for rejected in result.quarantine.to_pylist())
    assert all(set(rejected["rules"]) <= set(RULES) for rejected in result.quarantine.to_pylist())


@given(ROW_SOUP)
def test_the_same_bronze_gives_the_same_bytes(rows: list[bytes]) -> None:
    whole = capture([page(1, rows)])

    def files() -> list[bytes]:
        result = of(whole)
        footer = footer_for((BronzeRef(KEY, decode(whole).sha256),), "complete", "tmdb", result.counts)
        return [parquet.encode(result.silver, footer), parquet.encode(result.quarantine, footer)]

    assert files() == files()


# What is refused


def test_a_capture_of_another_list_is_refused() -> None:
    whole = decode(capture([page(1, [show(1)])], data_type="airing_today"))

    with pytest.raises(
        UnreadableBronzeError, match="a capture of airing_today, yet lies under popular_shows"
    ):
        refine(whole, data_type="popular_shows", dt="2025-12-24", key=KEY)


@pytest.mark.parametrize("results", [b"{}", b"null", b"5", b'"[]"', b"[1,]"])
def test_results_that_are_no_array_are_refused(results: bytes) -> None:
    with pytest.raises(UnreadableBronzeError, match="`results` is not a list"):
        of(b'{"results":' + results + b"}")


def test_the_text_of_a_row_does_not_depend_on_its_neighbours() -> None:
    strange = text_of(show(1))[:-1] + b', "deep": ' + b"[" * 3000 + b"]" * 3000 + b"}"
    result = refined(strange, show(2))

    assert [rejected["rules"] for rejected in result.quarantine.to_pylist()] == [["unreadable"]]
    assert result.silver["show_id"].to_pylist() == [2]
