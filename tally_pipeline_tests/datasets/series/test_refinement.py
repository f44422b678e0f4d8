"""Exports refined: what is sound, what is not and why, and that nothing gets lost."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tally_pipeline.contracts import batch
from tally_pipeline.contracts.lines import UnreadableExportError
from tally_pipeline.datasets.series import refinement
from tally_pipeline.datasets.series.refinement import SERIES, Refined, refine
from testkit.plain_refining import assert_refined_as_plainly
from testkit.tmdb.export_server import file_of, line, shows


def refined(*lines: bytes) -> Refined:
    return refine(file_of(lines), key="k")


def rules_of(told: Refined) -> dict[int, list[str]]:
    return {row["line"]: row["rules"] for row in told.quarantine.to_pylist()}


def test_series_are_ranked_by_popularity_then_by_id() -> None:
    told = refined(line(3, popularity=1), line(9, popularity=5), line(1, popularity=1), line(4, "Ü", 0))
    assert told.silver.schema.equals(refinement.SILVER)
    assert told.silver.to_pylist() == [
        {"show_id": 9, "original_name": "A Show", "popularity": 5.0, "rank": 1},
        {"show_id": 1, "original_name": "A Show", "popularity": 1.0, "rank": 2},
        {"show_id": 3, "original_name": "A Show", "popularity": 1.0, "rank": 3},
        {"show_id": 4, "original_name": "Ü", "popularity": 0.0, "rank": 4},
    ]
    assert told.counts.zero_popularity == 1


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (b"not JSON", "unreadable"),
        (b'{"id":5,"original_name":"Cut', "unreadable"),
        (b'{"id":5,"original_name":"x","popularity":NaN}', "unreadable"),
        (b'{"id":5,"original_name":"\xff","popularity":1}', "unreadable"),
        (b'{"id":5,"original_name":"\\ud800","popularity":1}', "unreadable"),
        (b'{"id":5,"original_name":"x","popularity":1} {"id":6}', "unreadable"),
        (b"null", "not_an_object"),
        (b"[1]", "not_an_object"),
        (b'{"original_name":"x","popularity":1}', "field_missing"),
        (b'{"id":"5","original_name":"x","popularity":1}', "wrong_type"),
        (b'{"id":true,"original_name":"x","popularity":1}', "wrong_type"),
        (b'{"id":5,"original_name":null,"popularity":1}', "wrong_type"),
        (b'{"id":5,"original_name":"  ","popularity":1}', "blank_name"),
        (b'{"id":0,"original_name":"x","popularity":1}', "impossible_id"),
        (b'{"id":5,"original_name":"x","popularity":-0.1}', "out_of_range"),
        (line(1), "repeated_id"),
    ],
)
def test_a_line_that_breaks_a_rule_is_kept_with_its_number_and_reason(text: bytes, rule: str) -> None:
    told = refined(line(1), text, line(2))
    (kept,) = told.quarantine.to_pylist()
    assert (kept["line"], kept["rules"], kept["bronze_key"]) == (2, [rule], "k")
    assert kept["raw"].encode("utf-8", "surrogateescape") == text.decode("utf-8", "backslashreplace").encode()
    assert all(kept["reasons"])
    assert told.silver["show_id"].to_pylist() == [1, 2]
    assert (told.counts.lines, told.counts.silver_rows, told.counts.quarantined) == (3, 2, 1)
    assert told.counts.by_rule[rule] == 1


def test_of_a_repeated_id_the_first_line_stays() -> None:
    told = refined(line(1, "first"), line(2), line(1, "second", 99))
    assert {row["show_id"]: row["original_name"] for row in told.silver.to_pylist()}[1] == "first"
    assert (told.counts.repeats, rules_of(told)) == (1, {3: ["repeated_id"]})


def test_two_values_on_one_line_do_not_make_up_for_one_over_two_lines() -> None:
    told = refined(line(1) + b"," + line(2), b'{"id":3,"original_name":"x"', b'"popularity":1}')
    assert told.silver.num_rows == 0
    assert rules_of(told) == {n: ["unreadable"] for n in (1, 2, 3)}


def test_carriage_returns_and_a_last_line_without_an_end_do_no_harm() -> None:
    told = refine(gzip.compress(line(1) + b"\r\n" + line(2)), key="k")
    assert told.silver["show_id"].to_pylist() == [1, 2]
    assert told.counts.lines == 2


@pytest.mark.parametrize("blank", [b"", b" \t", b"\r"])
def test_a_blank_line_is_no_rejected_one_and_is_accounted_for(blank: bytes) -> None:
    told = refined(blank, line(1), blank, b"bad", line(2), line(1), blank)
    counts = told.counts
    assert told.silver["show_id"].to_pylist() == [1, 2]
    assert rules_of(told) == {4: ["unreadable"], 6: ["repeated_id"]}
    assert (counts.lines, counts.silver_rows, counts.quarantined, counts.blank) == (7, 2, 2, 3)
    assert (counts.balanced, counts.pass_rate) == (True, 50.0)


def test_a_file_of_blank_lines_holds_nothing() -> None:
    told = refined(b"", b"")
    assert (told.counts.lines, told.counts.filled, told.counts.balanced) == (2, 0, True)
    assert told.counts.lost_fields == ()


def test_a_byte_order_mark_costs_no_series() -> None:
    told = refine(file_of([b"\xef\xbb\xbf" + line(1), line(2)]), key="k")
    assert told.silver["show_id"].to_pylist() == [1, 2]
    assert told.counts.quarantined == 0


def test_the_counts_of_a_file_without_blank_lines_are_written_as_they_always_were() -> None:
    assert b"blank" not in msgspec.json.encode(refined(line(1)).counts).replace(b"blank_name", b"")


def test_a_new_field_is_counted_and_breaks_nothing() -> None:
    told = refined(*(line(n)[:-1] + b',"mood":"odd"}' for n in range(1, 4)))
    assert told.counts.new_fields == {"mood": 3}
    assert told.silver.num_rows == 3


def test_a_lost_field_is_named() -> None:
    told = refined(b'{"id":1,"original_name":"x"}', b'{"id":2,"original_name":"y"}')
    assert told.counts.lost_fields == ("popularity",)
    assert told.counts.pass_rate == 0


def test_an_empty_file_is_accounted_for() -> None:
    told = refined()
    assert told.counts.lines == 0
    assert told.counts.balanced
    assert told.silver.schema.equals(refinement.SILVER)


@pytest.mark.parametrize("body", [b"", b"plain text", shows(20)[:-5]])
def test_what_is_no_whole_gzip_file_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableExportError, match="not a whole gzip file"):
        refine(body, key="k")


def test_the_same_file_gives_the_same_tables() -> None:
    body = shows(500)
    first, second = refine(body, key="k"), refine(body, key="k")
    assert first.silver.equals(second.silver)
    assert first.counts == second.counts


VALUES: Any = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=6),
    st.none(),
    st.booleans(),
    st.just("A Show"),
    st.just(1),
)
ROWS = st.fixed_dictionaries(
    {}, optional={"id": VALUES, "original_name": VALUES, "popularity": VALUES, "adult": VALUES, "new": VALUES}
)


@given(st.lists(st.one_of(ROWS, VALUES), max_size=8))
def test_lines_are_refined_as_plainly(rows: list[Any]) -> None:
    lines = [json.dumps(row).encode() for row in [{"id": 1, "original_name": "x", "popularity": 1}, *rows]]
    assert_refined_as_plainly(lines, SERIES)


@given(
    st.lists(
        st.one_of(st.binary(max_size=12), st.integers(1, 9).map(line), ROWS.map(json.dumps).map(str.encode))
    )
)
def test_every_line_is_in_silver_or_in_quarantine_or_blank(lines: list[bytes]) -> None:
    lines = [text.replace(b"\n", b" ") for text in lines]
    told = refined(*lines)
    blank = sum(not text.strip() for text in lines)
    assert told.counts.lines == len(lines) == told.silver.num_rows + told.quarantine.num_rows + blank
    assert told.counts.balanced
    assert len(set(told.silver["show_id"].to_pylist())) == told.silver.num_rows
    assert set(rules_of(told)) <= set(range(1, len(lines) + 1))


def test_no_line_of_a_clean_file_is_looked_at_closely(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a line was looked at closely")

    monkeypatch.setattr(batch, "diagnose", never)
    assert refine(shows(12_000), key="k").counts.silver_rows == 12_000


@pytest.mark.slow
def test_200_000_lines_take_well_under_a_second_of_this_machine() -> None:
    body = shows(200_000)
    refine(shows(10), key="k")
    started = time.process_time()
    refine(body, key="k")
    assert time.process_time() - started < 1.5
