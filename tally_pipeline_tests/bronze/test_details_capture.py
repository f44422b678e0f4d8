"""Parts of captures of details: whatever TMDB or a proxy sends comes back byte for byte, and nothing cut passes."""

from __future__ import annotations

import json
from contextlib import suppress

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tally_pipeline.bronze import details_capture
from tally_pipeline.bronze.details_capture import (
    Carried,
    Head,
    Manifest,
    MissingShow,
    PartRef,
    Reply,
    UnreadableDetailsError,
)
from testkit import details

BODIES = (
    st.binary(max_size=200)
    | st.sampled_from(
        [
            b"",
            b"{}",
            b"null",
            b'{"id":1}\n',
            b'{\r\n"id":1}',
            b'{"name":"\\ud800"}',
            b'{"name":"\xff"}',
            b'{"a":{"b":1},"reply":{"c":2}}',
            b'{"a":1},"reply":{"b":2}',
            b'{"a":1},"reply_base64":"e30="',
            b"[" * 5000,
            b'{"a":' * 2000 + b"1" + b"}" * 2000,
            b"<html>\n</html>",
            '{"name":"\u2028 \u0085 Größe"}'.encode(),
        ]
    )
    | st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4).map(
        lambda x: json.dumps(x).encode()
    )
)
HEADS = st.builds(
    Head,
    show_id=st.integers(0, 2**63 - 1),
    status=st.integers(100, 599),
    received_at=st.text(max_size=10),
    sha256=st.text(max_size=10),
    bytes=st.integers(0, 2**31),
    season=st.none() | st.integers(0, 99),
    etag=st.none() | st.text(max_size=20) | st.just('W/"x",\n"reply":{}'),
)
REPLIES = st.builds(Reply, HEADS, BODIES)


@given(st.lists(REPLIES, max_size=5))
def test_whatever_was_received_comes_back_byte_for_byte_one_reply_a_line(replies: list[Reply]) -> None:
    lines = [details_capture.encode_reply(one) for one in replies]
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 and b"\r" not in line for line in lines)
    part = details_capture.encode_part(lines)
    assert list(details_capture.decode_part(part)) == replies
    # The journal splits files at any line break that there is.
    assert b"".join(lines).splitlines(keepends=True) == lines


@given(REPLIES)
def test_any_reader_of_json_takes_every_line(reply: Reply) -> None:
    line = details_capture.encode_reply(reply)
    try:
        read = json.loads(line)
    except RecursionError:
        return  # nested deeper than Python's own reader goes
    assert read["show_id"] == reply.head.show_id
    assert ("reply" in read) != ("reply_base64" in read)


@given(REPLIES, st.data())
def test_a_line_that_is_cut_off_is_no_reply_or_not_the_bytes_that_came(
    reply: Reply, data: st.DataObject
) -> None:
    honest = details.reply(reply.head.show_id, reply.body)
    line = details_capture.encode_reply(honest)[:-1]
    left = line[: data.draw(st.integers(0, len(line) - 1))]
    with suppress(UnreadableDetailsError):
        assert not details_capture.decode_line(left).is_proven


def test_a_part_cut_off_anywhere_is_told_as_unreadable() -> None:
    part = details_capture.encode_part(details_capture.encode_reply(details.reply(n)) for n in (1, 2, 3))
    for length in range(len(part)):
        with pytest.raises(UnreadableDetailsError, match=r"zstd|empty"):
            list(details_capture.decode_part(part[:length]))


def test_a_part_whose_last_line_does_not_end_is_told_as_cut_off() -> None:
    lines = (
        details_capture.encode_reply(details.reply(1)) + details_capture.encode_reply(details.reply(2))[:-1]
    )
    with pytest.raises(UnreadableDetailsError, match="its last line is cut off"):
        list(details_capture.decode_part(details_capture.encode_part([lines])))


def test_what_is_no_part_is_told_as_unreadable() -> None:
    for body in (b"", b"{}", pa.Codec("gzip").compress(b"x\n", asbytes=True)):
        with pytest.raises(UnreadableDetailsError):
            assert list(details_capture.decode_part(body))


def test_a_manifest_comes_back_as_it_was_written() -> None:
    part = PartRef(key="k", sha256="s", shows=(3, 1))
    missing = MissingShow(show_id=5, error="503", status=503, code=9, reply="<html>")
    manifest = details.manifest(
        "2026-01-07",
        [part],
        carried=[Carried(dt="2026-01-05", part=part)],
        gone=[3],
        missing=[5],
    )
    whole = Manifest(
        **{**{f: getattr(manifest, f) for f in manifest.__struct_fields__}, "missing": (missing,)}
    )
    assert details_capture.decode_manifest(details_capture.encode_manifest(whole)) == whole
    assert (whole.got, whole.missing_share, whole.verdict) == (1, 1 / 3, "partial")


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"results":[]}'])
def test_what_is_no_manifest_is_told_as_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableDetailsError, match="no manifest of a capture of details"):
        details_capture.decode_manifest(body)


@pytest.mark.parametrize(
    ("asked", "answered", "verdict"),
    [(3, 3, "complete"), (3, 2, "partial"), (3, 0, "empty"), (0, 0, "empty")],
)
def test_a_capture_is_complete_partial_or_empty(asked: int, answered: int, verdict: str) -> None:
    assert details_capture.verdict(asked=asked, answered=answered) == verdict


def test_only_tmdb_itself_says_that_a_show_is_gone() -> None:
    assert details_capture.says_gone(404, 34)
    assert details_capture.says_gone(404, 6)
    for status, code in ((404, None), (404, 7), (200, 34), (None, None)):
        assert not details_capture.says_gone(status, code)
