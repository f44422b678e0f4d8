"""The sink: batches of a stream's records as objects that are only created."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tally_pipeline.events.batches import (
    HEAD_BYTES,
    ForeignObjectError,
    Record,
    deliver,
    fault_in,
    is_key,
    key_of,
    packed,
)

BEGAN = datetime(2026, 12, 31, 23, 59, 58, tzinfo=UTC)


class Bucket(dict[str, bytes]):
    def put(self, key: str, body: bytes) -> bool:
        if key in self:
            return False
        self[key] = body
        return True

    def head(self, key: str) -> bytes:
        return self[key][:HEAD_BYTES]

    def receive(self, records: Sequence[Record]) -> list[str]:
        return list(deliver("shardId-000000000000", records, self.put, self.head))

    def lines(self) -> list[bytes]:
        return [line for key in sorted(self) for line in gzip.decompress(self[key]).splitlines()]


def records(count: int) -> list[Record]:
    return [
        Record(str(10**55 + number), BEGAN + timedelta(seconds=number), b'{"n":%d}\n' % number)
        for number in range(count)
    ]


def test_a_batch_is_one_object_by_the_hour_in_which_it_began() -> None:
    bucket = Bucket()
    made = bucket.receive(records(5))
    assert made == [f"bronze/events/dt=2026-12-31/hour=23/shardId-000000000000-{10**55}.jsonl.gz"]
    assert bucket.lines() == [b'{"n":%d}' % number for number in range(5)]


def test_a_batch_that_comes_again_meets_itself() -> None:
    bucket = Bucket()
    bucket.receive(records(5))
    before = dict(bucket)
    bucket.receive(records(5))
    bucket.receive(records(3))
    assert bucket == before


def test_the_rest_of_a_longer_batch_gets_a_key_of_its_own() -> None:
    bucket = Bucket()
    bucket.receive(records(3))
    assert [key[-10:-9] for key in bucket.receive(records(5))] == ["0", "3"]
    assert sorted(bucket.lines()) == [b'{"n":%d}' % number for number in range(5)]


@given(st.integers(1, 12), st.lists(st.tuples(st.integers(0, 11), st.integers(1, 12)), max_size=8))
def test_nothing_is_lost_however_a_stream_cuts_its_batches(count: int, cuts: list[tuple[int, int]]) -> None:
    bucket = Bucket()
    for begin, length in cuts:
        bucket.receive(records(count)[begin : begin + length])
    bucket.receive(records(count))
    assert set(bucket.lines()) == {record.lines.rstrip() for record in records(count)}


def test_the_same_records_are_the_same_bytes_that_gunzip_and_duckdb_read(tmp_path: Path) -> None:
    assert packed(records(9)) == packed(records(9))
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(packed(records(9)))
    assert gzip.decompress(path.read_bytes()).count(b"\n") == 9
    with duckdb.connect() as connection:
        assert connection.execute(f"SELECT sum(n) FROM read_json('{path}')").fetchall() == [(36,)]


def test_an_object_is_known_by_its_key_and_proven_by_its_bytes() -> None:
    bucket = Bucket()
    (key,) = bucket.receive(records(3))
    assert is_key(key)
    assert fault_in(key, bucket[key]) is None
    assert not is_key(key.replace("hour=", "hour=x"))
    for broken, fault in (
        (bucket[key][:-1], "its gzip is broken"),
        (bucket[key][:80] + b"\0" + bucket[key][81:], "its gzip is broken"),
        (gzip.compress(b"{}\n"), "its gzip is broken"),
        (
            packed(records(1)[:1]).replace(b"1" + b"0" * 55 + b".jsonl", b"0" * 56 + b".jsonl"),
            "its last sequence",
        ),
        (packed([Record("7", BEGAN, b"{}")]), "its last sequence is before its first"),
    ):
        assert (fault_in(key, broken) or "").startswith(fault)
    torn = Record(records(1)[0].sequence, BEGAN, b"{}")
    assert fault_in(key, packed([torn])) == "its last line is cut off"


def test_an_object_of_somebody_elses_is_left_and_named() -> None:
    bucket = Bucket()
    key = key_of("shardId-000000000000", records(1)[0])
    bucket[key] = gzip.compress(b"{}")
    with pytest.raises(ForeignObjectError, match=key):
        bucket.receive(records(2))
    assert gzip.decompress(bucket[key]) == b"{}"
