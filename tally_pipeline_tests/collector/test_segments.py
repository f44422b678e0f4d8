"""The journal's files, however they end."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from tally_pipeline.collector.segments import SegmentName, framed, records
from tally_pipeline.events.batches import Record

ARRIVED = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
LINES = st.lists(st.binary(max_size=40), max_size=6)


def segment(lines: list[bytes]) -> bytes:
    return b"".join(framed(number, ARRIVED, one) for number, one in enumerate(lines))


def made(lines: list[bytes]) -> list[Record]:
    return [Record(str(number), ARRIVED, one) for number, one in enumerate(lines)]


@given(LINES, st.integers(0, 400))
def test_what_is_whole_is_read_and_a_torn_end_is_not(lines: list[bytes], cut: int) -> None:
    whole = segment(lines)
    assert list(records(whole)) == made(lines)
    read = list(records(whole[:cut]))
    assert read == made(lines)[: len(read)]
    assert len(segment(lines[: len(read) + 1])) > cut or len(read) == len(lines)


@given(LINES, LINES, st.binary(max_size=60))
def test_nothing_is_read_behind_a_frame_that_is_broken(
    before: list[bytes], after: list[bytes], junk: bytes
) -> None:
    for broken in (bytes(40), junk + bytes(30), b"\xff" * 9):
        read = list(records(segment(before) + broken + segment(after)))
        assert read[: len(before)] == made(before)
        if not broken.startswith(segment([b""])[:4]):
            assert len(read) == len(before)


@given(LINES.filter(bool), st.data())
def test_a_byte_that_changed_costs_what_is_behind_it_and_is_never_read(
    lines: list[bytes], data: st.DataObject
) -> None:
    whole = bytearray(segment(lines))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    read = list(records(bytes(whole)))
    assert read == made(lines)[: len(read)]
    assert len(read) < len(lines)


def test_a_name_is_read_as_it_was_written() -> None:
    name = SegmentName("collector-0123456789abcdef", 17)
    assert str(name) == "collector-0123456789abcdef-000000000017.journal"
    assert SegmentName.parse(str(name)) == name
    assert SegmentName.parse("collector.lock") is None
