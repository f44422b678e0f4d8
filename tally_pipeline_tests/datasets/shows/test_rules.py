"""Every rule of the contract: what breaks it, what does not, and the words in which the row is rejected."""

from __future__ import annotations

from typing import Any

import pytest

from tally_pipeline.contracts import contract
from tally_pipeline.contracts.row_diagnosis import diagnose
from tally_pipeline.datasets.shows.contract import SHOWS
from tally_pipeline.datasets.shows.refinement import refine
from testkit.captures import Row, bare, show, text_of, with_value, without

LONG = "x" * 100

BROKEN: list[tuple[str, Row | bytes, str]] = [
    ("unreadable", b'{"id":NaN}', "the row cannot be read: "),
    ("unreadable", b'{"id":1,"name":"\\ud800"}', "the row cannot be read: "),
    ("unreadable", b'{"id":1,"name":"\xff"}', "the row cannot be read: "),
    ("unreadable", b"[" * 5000 + b"]" * 5000, "the row cannot be read: "),
    ("not_an_object", b"5", "the row is a number 5, not an object"),
    ("not_an_object", b"null", "the row is null, not an object"),
    ("not_an_object", b"true", "the row is a boolean True, not an object"),
    ("not_an_object", b"[1, 2]", "the row is a list [1, 2], not an object"),
    ("not_an_object", b'"text"', "the row is text 'text', not an object"),
    *(
        ("field_missing", without(show(), field), f"{field} is not there")
        for field in (
            "id",
            "name",
            "original_name",
            "popularity",
            "vote_average",
            "vote_count",
            "genre_ids",
            "origin_country",
        )
    ),
    ("wrong_type", show(id=None), "id is null, not bigint"),
    ("wrong_type", show(id="1"), "id is text '1', not bigint"),
    ("wrong_type", show(id=True), "id is a boolean True, not bigint"),
    ("wrong_type", show(id=1.0), "id is a number 1.0, not bigint"),
    ("wrong_type", show(id=2**70), "id is a number 1.1805916207174113e+21, not bigint"),
    ("wrong_type", show(name=None), "name is null, not string"),
    ("wrong_type", show(name=5), "name is a number 5, not string"),
    ("wrong_type", show(original_name=["a"]), "original_name is a list ['a'], not string"),
    ("wrong_type", show(popularity="9"), "popularity is text '9', not double"),
    ("wrong_type", show(popularity=False), "popularity is a boolean False, not double"),
    ("wrong_type", show(vote_average=None), "vote_average is null, not double"),
    ("wrong_type", show(vote_count=1.5), "vote_count is a number 1.5, not bigint"),
    ("wrong_type", show(vote_count={"n": 1}), "vote_count is an object {'n': 1}, not bigint"),
    ("wrong_type", show(overview=0), "overview is a number 0, not string"),
    ("wrong_type", show(poster_path=False), "poster_path is a boolean False, not string"),
    ("wrong_type", show(first_air_date=2008), "first_air_date is a number 2008, not string"),
    ("wrong_type", show(genre_ids=None), "genre_ids is null, not array<bigint>"),
    ("wrong_type", show(genre_ids=18), "genre_ids is a number 18, not array<bigint>"),
    ("wrong_type", show(genre_ids=["18"]), "genre_ids is a list ['18'], not array<bigint>"),
    ("wrong_type", show(genre_ids=[18.0]), "genre_ids is a list [18.0], not array<bigint>"),
    ("wrong_type", show(genre_ids=[True]), "genre_ids is a list [True], not array<bigint>"),
    ("wrong_type", show(genre_ids=[None]), "genre_ids is a list [None], not array<bigint>"),
    ("wrong_type", show(origin_country="US"), "origin_country is text 'US', not array<string>"),
    ("wrong_type", show(origin_country=[1]), "origin_country is a list [1], not array<string>"),
    ("wrong_type", show(name={"x": LONG}), f"name is an object {{'x': '{'x' * 33}…, not string"),
    ("blank_name", show(name=""), "name is blank"),
    ("blank_name", show(name=" \t\n"), "name is blank"),
    ("blank_name", show(name="\u00a0\u3000"), "name is blank"),
    ("blank_name", show(original_name="\u2003"), "original_name is blank"),
    ("impossible_id", show(id=0), "id is 0, outside 1 to 9223372036854775807"),
    ("impossible_id", show(id=-5), "id is -5, outside 1 to 9223372036854775807"),
    (
        "impossible_id",
        show(id=2**63),
        "id is 9223372036854775808, outside 1 to 9223372036854775807",
    ),
    ("out_of_range", show(vote_average=10.01), "vote_average is 10.01, outside 0 to 10"),
    ("out_of_range", show(vote_average=-1), "vote_average is -1, outside 0 to 10"),
    ("out_of_range", show(popularity=-0.5), "popularity is -0.5, outside 0 to 1.79769e+308"),
    ("out_of_range", show(vote_count=-1), "vote_count is -1, outside 0 to 9.22337e+18"),
    ("out_of_range", show(genre_ids=[2**63]), "genre_ids holds a number beyond 64 bits"),
    (
        "impossible_date",
        show(first_air_date="2023-02-30"),
        "first_air_date is '2023-02-30', not a day of the calendar written YYYY-MM-DD",
    ),
    (
        "impossible_date",
        show(first_air_date="2023"),
        "first_air_date is '2023', not a day of the calendar written YYYY-MM-DD",
    ),
    (
        "impossible_date",
        show(first_air_date="20230201"),
        "first_air_date is '20230201', not a day of the calendar written YYYY-MM-DD",
    ),
    (
        "impossible_date",
        show(first_air_date="2023-2-1"),
        "first_air_date is '2023-2-1', not a day of the calendar written YYYY-MM-DD",
    ),
    (
        "impossible_date",
        show(first_air_date="2023-02-01T00:00"),
        "first_air_date is '2023-02-01T00:00', not a day of the calendar written YYYY-MM-DD",
    ),
    (
        "impossible_date",
        show(first_air_date="٢٠٢٣-٠٢-٠١"),
        "first_air_date is '٢٠٢٣-٠٢-٠١', not a day of the calendar written YYYY-MM-DD",
    ),
    (
        "impossible_date",
        show(first_air_date=" 2023-02-01"),
        "first_air_date is ' 2023-02-01', not a day of the calendar written YYYY-MM-DD",
    ),
]


def refined(*rows: Row | bytes) -> Any:
    return refine(bare(*rows), data_type="popular_shows", dt="2025-12-24", key="bronze/key.json")


def test_every_rule_is_tried_below() -> None:
    assert {rule for rule, _, _ in BROKEN} == set(contract.RULES)


@pytest.mark.parametrize(("rule", "row", "reason"), BROKEN)
def test_a_row_that_breaks_a_rule_is_rejected_in_words_that_name_field_and_value(
    rule: str, row: Row | bytes, reason: str
) -> None:
    result = refined(show(99), row)

    [rejected] = result.quarantine.to_pylist()
    assert rejected["rules"] == [rule]
    assert rejected["reasons"][0].startswith(reason)
    assert len(rejected["reasons"]) == 1
    assert result.counts.by_rule == dict.fromkeys(contract.RULES, 0) | {rule: 1}
    assert result.silver["show_id"].to_pylist() == [99]


@pytest.mark.parametrize("value", [b"1e400", b"1e999", b"-1e999"])
def test_a_number_too_large_for_a_double_is_rejected(value: bytes) -> None:
    [rejected] = refined(show(99), with_value("popularity", value)).quarantine.to_pylist()

    assert rejected["rules"][0] in ("unreadable", "out_of_range")


def test_every_reason_of_a_row_is_given() -> None:
    [rejected] = refined(show(id=0, name=" ", original_name="", vote_average=11)).quarantine.to_pylist()

    assert rejected["rules"] == ["impossible_id", "blank_name", "out_of_range"]
    assert rejected["reasons"] == [
        "id is 0, outside 1 to 9223372036854775807",
        "name is blank",
        "original_name is blank",
        "vote_average is 11, outside 0 to 10",
    ]


def test_a_row_that_breaks_two_rules_counts_under_both_and_once_in_quarantine() -> None:
    counts = refined(show(id=0, name=" "), show(id=-1)).counts

    assert (counts.by_rule["impossible_id"], counts.by_rule["blank_name"]) == (2, 1)
    assert counts.quarantined == 2


@pytest.mark.parametrize(
    "row",
    [
        show(vote_average=0, vote_count=0),
        show(vote_average=10),
        show(vote_average=10.0),
        show(popularity=7603.9),
        show(popularity=2**64),
        show(id=2**63 - 1, vote_count=2**63 - 1),
        show(genre_ids=[-(2**63), 2**63 - 1]),
        show(genre_ids=[], origin_country=[]),
        show(origin_country=["US", "US", ""]),
        show(original_language="cn"),
        show(name="\u200b"),
        show(first_air_date="1947-01-01"),
        show(first_air_date="2999-12-31"),
        show(first_air_date="2024-02-29"),
        show(adult=None, media_type=5),
        show(name=LONG * 1000),
    ],
)
def test_a_row_at_the_edge_of_the_rules_is_sound(row: Row) -> None:
    assert refined(row).counts.quarantined == 0
    assert diagnose(text_of(row), SHOWS)[1] == []
