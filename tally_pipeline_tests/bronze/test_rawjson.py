"""JSON text is cut into its parts without changing a byte, however hostile one of the parts is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tally_pipeline.bronze.rawjson import MalformedJsonError, elements, members
from testkit.captures import HOSTILE_ROWS, JSON_VALUES, STYLES, recorded_pages, reply, show

DEEP = b"[" * 100_000 + b"]" * 100_000


@given(st.lists(JSON_VALUES, max_size=5), STYLES)
def test_the_elements_of_any_array_are_what_a_json_parser_finds(
    values: list[Any], style: dict[str, Any]
) -> None:
    text = json.dumps(values, **style).encode()

    assert [json.loads(bytes(part)) for part in elements(text)] == values


@given(st.dictionaries(st.text(), JSON_VALUES, max_size=5), STYLES)
def test_the_members_of_any_object_are_what_a_json_parser_finds(
    value: dict[str, Any], style: dict[str, Any]
) -> None:
    text = json.dumps(value, **style).encode()

    assert {name: json.loads(part) for name, part in members(text).items()} == value


@given(st.lists(JSON_VALUES, max_size=5), STYLES, st.sampled_from(HOSTILE_ROWS))
def test_a_hostile_element_costs_none_of_the_others(
    values: list[Any], style: dict[str, Any], hostile: bytes
) -> None:
    text = json.dumps(values, **style).encode()[:-1] + (b"," if values else b"") + hostile + b"]"

    parts = [bytes(part) for part in elements(text)]

    assert parts[-1] == hostile
    assert [json.loads(part) for part in parts[:-1]] == values


@given(st.dictionaries(st.text(), JSON_VALUES, max_size=5), STYLES)
def test_a_hostile_member_costs_none_of_the_others(value: dict[str, Any], style: dict[str, Any]) -> None:
    value.pop("hostile", None)
    text = json.dumps(value, **style).encode()[:-1] + (b"," if value else b"") + b'"hostile":NaN}'

    found = members(text)

    assert found.pop("hostile") == b"NaN"
    assert {name: json.loads(part) for name, part in found.items()} == value


@given(JSON_VALUES, STYLES)
def test_a_part_is_a_slice_of_the_text(value: Any, style: dict[str, Any]) -> None:
    part = json.dumps(value, **style).encode()

    assert [bytes(found) for found in elements(b"[ " + part + b"\n]")] == [part]
    assert members(b'{"a"\t: ' + part + b" }") == {"a": part}
    assert [bytes(found) for found in elements(b"[ " + part + b"\n,NaN]")] == [part, b"NaN"]
    assert members(b'{"a"\t: ' + part + b' ,"b":NaN}') == {"a": part, "b": b"NaN"}


@pytest.mark.parametrize(
    "text",
    [b'["]", "[", "{", "}", ",", ":", "\\"", "\\\\", "\\\\\\"]"]', b'[{"]}": "\\u0022,["}, "\\\\"]', b'[""]'],
)
@pytest.mark.parametrize("hostile", [b"", b",NaN"])
def test_brackets_commas_and_quotes_within_strings_are_text(text: bytes, hostile: bytes) -> None:
    expected = json.loads(text)

    parts = elements(text[:-1] + hostile + b"]")

    assert [json.loads(bytes(part)) for part in parts[: len(expected)]] == expected
    assert len(parts) == len(expected) + bool(hostile)


def test_nesting_too_deep_for_any_parser_is_one_element() -> None:
    assert elements(b"[1," + DEEP + b',"a"]') == [b"1", DEEP, b'"a"']
    assert members(b'{"a":' + DEEP + b',"b":2}') == {"a": DEEP, "b": b"2"}


def test_of_a_name_that_stands_twice_the_last_counts_however_it_is_written() -> None:
    assert members(b'{"id":1,"\\u0069d":2}') == {"id": b"2"}
    assert members(b'{"id":1,"\\u0069d":2,"x":NaN}') == {"id": b"2", "x": b"NaN"}


def test_a_name_with_a_lone_surrogate_does_not_cost_the_other_members() -> None:
    assert members(b'{"results":[NaN],"a\\ud800":1}') == {"results": b"[NaN]", "a\ud800": b"1"}


@pytest.mark.parametrize("text", [b"[]", b" [ ] ", b"[\n]"])
def test_an_empty_array_has_no_elements(text: bytes) -> None:
    assert elements(text) == []


def test_an_empty_object_has_no_members() -> None:
    assert members(b" {\n} ") == {}


def test_a_page_cut_off_at_any_byte_is_refused() -> None:
    body = reply(1, [show(1), show(2, overview='[1, {"a\\"\n'), b"NaN"])

    assert members(body)
    for length in range(len(body)):
        with pytest.raises(MalformedJsonError):
            members(body[:length])


@pytest.mark.slow
def test_a_real_page_cut_off_at_any_byte_is_refused(recordings: Path) -> None:
    body = min((page.body for page in recorded_pages(recordings)), key=len).rstrip()

    for length in range(len(body)):
        with pytest.raises(MalformedJsonError):
            members(body[:length])


@pytest.mark.parametrize("tail", [b"x", b"]", b"[]", b",", b'"', b"{}", b"\x00", b"<html>"])
@pytest.mark.parametrize("array", [b"[]", b"[1]", b"[NaN]"])
def test_text_after_the_end_is_refused(array: bytes, tail: bytes) -> None:
    with pytest.raises(MalformedJsonError):
        elements(array + tail)
    with pytest.raises(MalformedJsonError):
        members(b'{"a":' + array + b"}" + tail)


@pytest.mark.parametrize(
    "text",
    [b"[1,]", b"[,1]", b"[,]", b"[1,,2]", b"[NaN,]", b"[1, ]", b"[", b"]", b"[}", b"[1}", b"[[1]", b'["]'],
)
def test_a_broken_array_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedJsonError):
        elements(text)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,}',
        b'{,"a":1}',
        b'{"a"}',
        b'{"a":}',
        b"{1:2}",
        b'{"a" 1}',
        b'{"a":1',
        b'{"\xff":1}',
        b"{a:1}",
        b"}",
    ],
)
def test_a_broken_object_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedJsonError):
        members(text)


@pytest.mark.parametrize(
    "text", [b"", b"  \n", b"null", b"5", b'"[]"', b"<html></html>", b"\xff\xfe[\x00]\x00"]
)
def test_text_that_is_something_else_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedJsonError):
        elements(text)
    with pytest.raises(MalformedJsonError):
        members(text)


def test_an_array_is_no_object_and_an_object_no_array() -> None:
    with pytest.raises(MalformedJsonError, match="it is a list"):
        members(b"[1]")
    with pytest.raises(MalformedJsonError, match="it is an object"):
        elements(b'{"a":1}')


@pytest.mark.parametrize("hostile", [b"", b',"b":NaN'])
def test_a_byte_order_mark_before_an_object_means_nothing(hostile: bytes) -> None:
    assert members(b'\xef\xbb\xbf {"a": 1' + hostile + b"}")["a"] == b"1"


@given(st.binary(max_size=60) | st.text(alphabet='[]{},:"\\ 1ntrue', max_size=40).map(str.encode))
def test_any_bytes_are_cut_or_refused(text: bytes) -> None:
    for cut in (elements, members):
        try:
            cut(text)
        except MalformedJsonError:
            continue
