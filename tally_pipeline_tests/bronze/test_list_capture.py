"""A bronze object keeps TMDB's replies to the byte, and others' objects are read as far as they can be."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tally_pipeline.bronze import list_capture
from tally_pipeline.bronze.list_capture import (
    MalformedPageError,
    Metadata,
    UnreadableBronzeError,
    decode,
    encode,
    read_page,
    rebuild_pages,
)
from tally_pipeline.datasets.shows.refinement import refine
from testkit.captures import (
    HOSTILE_ROWS,
    JSON_VALUES,
    ROW_SOUP,
    STYLES,
    Row,
    bare,
    capture,
    page,
    recorded_pages,
    reply,
    show,
)

WHITE = st.text(" \t\r\n", max_size=3).map(str.encode)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A reply of any layout: fields before and after the rows, white space wherever JSON allows it."""
    rows = draw(st.lists(JSON_VALUES, max_size=3) | st.just([]))
    text = draw(WHITE).join([b"[", json.dumps(rows, **draw(STYLES)).encode()[1:-1], b"]"])
    if draw(st.booleans()):
        hostile = [*draw(st.lists(st.sampled_from(HOSTILE_ROWS), max_size=2)), b"1"]
        text = b"[" + (draw(WHITE) + b"," + draw(WHITE)).join(hostile) + b"]"
    extra = draw(st.dictionaries(st.text(max_size=5), JSON_VALUES, max_size=3))
    envelope = [
        json.dumps(name).encode() + b":" + json.dumps(value).encode() for name, value in extra.items()
    ]
    envelope.insert(
        draw(st.integers(0, len(envelope))), b'"results"' + draw(WHITE) + b":" + draw(WHITE) + text
    )
    if extra.keys() & {"page", "results"}:
        envelope = [b'"results":' + text]
    return draw(WHITE) + b"{" + draw(WHITE) + b",".join(envelope) + draw(WHITE) + b"}" + draw(WHITE)


@given(st.lists(bodies(), max_size=4))
def test_every_reply_is_rebuilt_to_the_byte(replies: list[bytes]) -> None:
    pages = [read_page(number, body, {}) for number, body in enumerate(replies, start=1)]

    kept = decode(encode(pages, Metadata()))

    assert [body for _, body in rebuild_pages(kept)] == replies
    assert [record for record, _ in rebuild_pages(kept)] == [page.record for page in pages]
    assert sum(page.record.rows for page in pages) == len(kept.rows())


@given(st.lists(bodies(), min_size=1, max_size=4))
def test_the_hash_is_that_of_the_body_as_received(replies: list[bytes]) -> None:
    kept = decode(encode([read_page(n, body, {}) for n, body in enumerate(replies, start=1)], Metadata()))

    assert [(r.sha256, r.bytes) for r in kept.metadata.pages] == [
        (hashlib.sha256(body).hexdigest(), len(body)) for body in replies
    ]


def test_real_replies_are_rebuilt_to_the_byte_and_their_rows_stand_verbatim(recordings: Path) -> None:
    recorded = recorded_pages(recordings)
    assert len(recorded) > 15

    for one in recorded:
        whole = encode([one.read()], Metadata())

        assert rebuild_pages(decode(whole))[0][1] == one.body, one.path
        rows = one.body[one.body.index(b"[", one.body.index(b'"results"')) + 1 : one.body.rindex(b"]")]
        assert rows in whole, one.path
        assert len(decode(whole).rows()) == len(json.loads(one.body)["results"]) == 20, one.path


def test_pages_of_different_years_stand_side_by_side(recordings: Path) -> None:
    recorded = recorded_pages(recordings)
    pages = [
        read_page(number, re.sub(rb'"page":\d+', b'"page":%d' % number, one.body, count=1), {})
        for number, one in enumerate(recorded, start=1)
    ]

    kept = decode(encode(pages[::-1], Metadata()))

    assert [json.loads(bytes(row)) for row in kept.rows()] == [
        row for one in recorded for row in json.loads(one.body)["results"]
    ]


def test_tmdbs_etag_is_known_to_be_the_bodys_hash(recordings: Path) -> None:
    pages = [one for one in recorded_pages(recordings) if one.snapshot == "2025-12-24"]

    assert {one.read().record.etag_is_body_hash for one in pages} == {True}


@pytest.mark.parametrize(
    ("etag", "says"),
    [(None, None), ('W/"00000000000000000000000000000000"', False), ('"abc"', False), ("", False)],
)
def test_an_etag_that_is_no_hash_is_kept_and_marked(etag: str | None, says: bool | None) -> None:
    record = read_page(1, reply(1, [show()]), {"ETag": etag} if etag is not None else {}).record

    assert (record.etag, record.etag_is_body_hash) == (etag, says)


def test_a_strong_etag_of_the_bodys_hash_counts_as_well() -> None:
    body = reply(1, [show()])

    record = read_page(1, body, {"ETag": f'"{hashlib.sha256(body).hexdigest()[:32]}"'}).record

    assert record.etag_is_body_hash is True


def test_what_tmdb_says_about_a_page_is_recorded() -> None:
    headers = {"Date": "Wed, 24 Dec 2025 03:00:00 GMT", "Age": "17"}

    record = read_page(2, reply(2, [show(1), show(2)], total_pages=11, total_results=220), headers).record

    assert (record.page, record.rows, record.total_pages, record.total_results) == (2, 2, 11, 220)
    assert (record.date, record.age) == ("Wed, 24 Dec 2025 03:00:00 GMT", "17")


def test_numbers_that_no_list_can_have_are_not_taken_over() -> None:
    absurd = page(1, [show(10**30)])
    record = read_page(1, reply(1, [], total_pages=10**30, total_results=-1), {}).record

    assert (record.total_pages, record.total_results, absurd.ids) == (None, None, (None,))
    assert decode(encode([absurd], Metadata())).metadata.pages == (absurd.record,)


def test_pages_stand_in_page_order_however_they_came() -> None:
    pages = [page(3, [show(3)]), page(1, [show(1)]), page(2, [])]

    kept = decode(encode(pages, Metadata()))

    assert [record.page for record in kept.metadata.pages] == [1, 2, 3]
    assert [json.loads(bytes(row))["id"] for row in kept.rows()] == [1, 3]


def test_a_row_without_a_usable_id_has_none() -> None:
    rows: list[Row | bytes] = [
        show(5),
        {"id": "5"},
        {"id": 5.0},
        {"id": True},
        {},
        b"NaN",
        b"[5]",
        b'{"id":NaN}',
        {"id": -1},
    ]

    assert page(1, [show(2**63 - 1), show(2**63)]).ids == (2**63 - 1, None)
    assert page(1, rows).ids == (5, None, None, None, None, None, None, None, None)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<html><body>Oops</body></html>", r"not a JSON object \(it is no JSON at all\); it begins '<html>"),
        (b"", r"the reply is not a JSON object \(it is empty\)$"),
        (reply(1, [show()])[:-1], "the reply is not a JSON object .*it is cut off after"),
        (reply(1, [show()])[:-5], "the reply is not a JSON object .*a string in it .* does not end"),
        (b"[1,2]", r"not a JSON object \(it is a list\)"),
        ("{}".encode("utf-16"), r"not a JSON object \(it is no JSON at all\)"),
        ('{"results":[]}'.encode("utf-16"), r"not a JSON object \(it is no JSON at all\)"),
        (b" null", r"not a JSON object \(it is null\)"),
        (b"5", r"not a JSON object \(it is a number\)"),
        (b'"{}"', r"not a JSON object \(it is text\)"),
        (b'\x1f\x8b\x08\x00"', r"not a JSON object \(it is no JSON at all\)"),
        (reply(1, [show()]) + b"\n{}", r"not a JSON object \(more text follows it"),
        (b'{"status_code":34,"status_message":"Not found"}', "has no `results`; it begins .*status_code"),
        (b'{"results":null}', r"`results` is not a list \(it is null\)"),
        (b'{"results":{"id":1}}', r"`results` is not a list \(it is an object\)"),
        (b'{"results":"[]"}', r"`results` is not a list \(it is text\)"),
        (b'{"page":2,"results":[]}', "asked for page 1, the reply is page 2"),
        (b'{"x":"\xff","results":[]}', "the reply is not UTF-8 outside its rows"),
    ],
)
def test_a_reply_that_is_no_page_is_refused_in_clear_words(body: bytes, says: str) -> None:
    with pytest.raises(MalformedPageError, match=says):
        read_page(1, body, {})


def test_a_page_with_a_byte_order_mark_is_read_and_rebuilt_with_it() -> None:
    body = b"\xef\xbb\xbf" + reply(1, [show(5)])

    kept = decode(encode([read_page(1, body, {})], Metadata()))

    assert [json.loads(bytes(row))["id"] for row in kept.rows()] == [5]
    assert rebuild_pages(kept)[0][1] == body


def test_an_object_that_another_tool_wrote_with_a_byte_order_mark_has_its_rows_and_metadata() -> None:
    kept = decode(b"\xef\xbb\xbf" + b'{"results":[{"id":5}],"_metadata":{"source":"tmdb"}}')

    assert [bytes(row) for row in kept.rows()] == [b'{"id":5}']
    assert kept.metadata.source == "tmdb"


def test_a_page_that_does_not_say_its_number_is_taken_for_the_one_asked_for() -> None:
    assert read_page(7, b'{"results":[]}', {}).record.page == 7


@given(st.binary(max_size=60) | st.text(alphabet='[]{}:,"results1 ', max_size=40).map(str.encode))
def test_any_bytes_are_a_page_or_refused(body: bytes) -> None:
    try:
        found = read_page(1, b'{"results":' + body + b"}", {})
    except MalformedPageError:
        return
    assert rebuild_pages(decode(encode([found], Metadata())))[0][1] == b'{"results":' + body + b"}"


# Objects of other tools


@pytest.mark.parametrize(
    "metadata", [b"null", b"[]", b"5", b'"text"', b"{}", b"NaN", b'{"a":"\xff"}', b"[" * 3000]
)
def test_an_object_whose_metadata_says_nothing_still_has_its_rows(metadata: bytes) -> None:
    closed = metadata + b"]" * (3000 if metadata.startswith(b"[[") else 0)

    kept = decode(b'{"results":[{"id":1},{"id":2}],"_metadata":' + closed + b"}")

    assert kept.metadata == Metadata()
    assert len(kept.rows()) == 2


def test_an_object_without_metadata_still_has_its_rows() -> None:
    kept = decode(b'{"page":1,"results":[{"id":1}],"total_pages":3}')

    assert kept.metadata == Metadata()
    assert [bytes(row) for row in kept.rows()] == [b'{"id":1}']


@given(st.sampled_from(Metadata.__struct_fields__), JSON_VALUES)
def test_one_odd_field_of_the_metadata_costs_only_itself(name: str, value: Any) -> None:
    stated = {"data_type": "popular_shows", "source": "tmdb", "depth": 5, "colour": "blue"}
    expected = Metadata(data_type="popular_shows", source="tmdb", depth=5)

    kept = decode(json.dumps({"_metadata": stated | {name: value}, "results": []}).encode())

    for field in Metadata.__struct_fields__:
        if field != name:
            assert getattr(kept.metadata, field) == getattr(expected, field)


def test_one_odd_page_record_costs_the_records_but_nothing_else() -> None:
    whole = json.loads(capture([page(1, [show(1)])]))
    del whole["_metadata"]["pages"][0]["sha256"]

    kept = decode(json.dumps(whole).encode())

    assert kept.metadata.pages == ()
    assert kept.metadata.verdict == "complete"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", r"it is not a JSON object \(it is empty\)"),
        (b"{", "it is not a JSON object .*cut off"),
        (b"[]", "it is not a JSON object .*it is a list"),
        (b'{"rows":[]}', "it has no `results`; it begins"),
    ],
)
def test_an_object_that_is_no_capture_is_refused_in_clear_words(body: bytes, says: str) -> None:
    with pytest.raises(UnreadableBronzeError, match=says):
        decode(body)


def test_results_that_are_no_array_are_refused_when_they_are_asked_for() -> None:
    with pytest.raises(UnreadableBronzeError, match="`results` is not a list"):
        decode(b'{"results":{}}').rows()


def test_page_records_that_do_not_fit_the_rows_are_refused() -> None:
    whole = capture([page(1, [show(1)]), page(2, [show(2)])])
    first = decode(whole).metadata.pages[0].rows_bytes

    with pytest.raises(UnreadableBronzeError, match="ends within page 2"):
        rebuild_pages(decode(whole.replace(b'"rows_bytes":%d' % first, b'"rows_bytes":%d' % (first + 9), 1)))
    with pytest.raises(UnreadableBronzeError, match="holds more than the pages"):
        rebuild_pages(decode(whole.replace(b'], "_metadata"', b',{"id":3}], "_metadata"')))


@given(ROW_SOUP, st.data())
def test_a_damaged_object_is_refused_or_read_but_never_crashes(
    rows: list[bytes], data: st.DataObject
) -> None:
    damaged = bytearray(capture([page(1, rows[:5]), page(2, rows[5:])], missing=[3]))
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    text = bytes(damaged)[: data.draw(st.none() | st.integers(0, len(damaged)))]

    try:
        kept = decode(text)
        refined = refine(kept, data_type="popular_shows", dt="2025-12-24", key="k")
    except UnreadableBronzeError:
        return
    assert refined.counts.balanced
    assert refined.counts.bronze_rows == len(kept.rows())


# When it was captured


@pytest.mark.parametrize(
    ("stamp", "moment"),
    [
        ("2025-12-24T03:00:00.123Z", datetime(2025, 12, 24, 3, 0, 0, 123_000, tzinfo=UTC)),
        ("2025-12-24T03:00:00", datetime(2025, 12, 24, 3, tzinfo=UTC)),
        ("2025-12-25T01:00:00+09:00", datetime(2025, 12, 24, 16, tzinfo=UTC)),
        ("2025-12-24", datetime(2025, 12, 24, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-01:00", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_the_moment_of_capture_is_read_in_utc(stamp: str | None, moment: datetime | None) -> None:
    assert Metadata(ingestion_timestamp=stamp).captured_at == moment


def test_an_objects_hash_is_that_of_its_bytes() -> None:
    whole = capture([page(1, [show()])])

    assert decode(whole).sha256 == hashlib.sha256(whole).hexdigest()


def test_an_object_is_plain_json_for_every_other_tool() -> None:
    whole: dict[str, Any] = json.loads(capture([page(1, [show(1), show(2)])], missing=[2]))

    assert [row["id"] for row in whole["results"]] == [1, 2]
    assert whole["_metadata"]["verdict"] == "partial"
    assert whole["_metadata"]["missing"][0]["page"] == 2
    assert bare(show(1)).metadata == list_capture.Metadata()


def test_an_object_with_a_name_that_is_no_text_is_refused_in_words() -> None:
    with pytest.raises(UnreadableBronzeError, match="it is not a JSON object"):
        decode(b'{"\xff": 1, "results": []}')


@pytest.mark.parametrize("more", [b"", b',"more":1', b',"more":NaN', b',"r\\u0065sults":[{"id":2}]'])
def test_an_objects_rows_are_the_parts_of_its_results(more: bytes) -> None:
    found = decode(b'{"results": [{"id":1}, null]' + more + b"}")

    assert b"[" + b", ".join(map(bytes, found.rows())) + b"]" == found.results
