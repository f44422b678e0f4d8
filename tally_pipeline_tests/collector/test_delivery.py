"""The way from the journal's files to bronze."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tally_pipeline.collector import delivery
from tally_pipeline.collector.delivery import Delivery, Moved, move
from tally_pipeline.collector.segments import SegmentName, framed
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import Store
from testkit.collecting import lines

SHARD = "collector-0123456789abcdef"
ARRIVED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OBJECT = f"bronze/events/dt=2026-03-01/hour=12/{SHARD}-0.jsonl.gz"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Store.in_folder(tmp_path / "lake"), "sandbox")


def segment(folder: Path, *found: bytes, first: int = 0, torn: bytes = b"") -> Path:
    path = folder / str(SegmentName(SHARD, first))
    frames = [framed(first + number, ARRIVED, one) for number, one in enumerate(found)]
    path.write_bytes(b"".join(frames) + torn)
    return path


def test_a_file_becomes_an_object_and_goes(tmp_path: Path, lake: Lake) -> None:
    path = segment(tmp_path, b'{"a":1}\n', b'{"a":2}\n', torn=b"\x09\0")
    assert move(path, lake).keys == [OBJECT]
    assert list(lines(tmp_path / "lake")) == [b'{"a":1}', b'{"a":2}']
    assert not path.exists()


def test_one_that_was_moved_and_not_removed_is_moved_again_and_changes_nothing(
    tmp_path: Path, lake: Lake
) -> None:
    move(segment(tmp_path, b'{"a":1}\n'), lake)
    before = lake.store.get(OBJECT)
    move(segment(tmp_path, b'{"a":1}\n'), lake)
    assert lake.store.get(OBJECT) == before
    assert [info.key for info in lake.store.list("bronze")] == [OBJECT]


def test_a_file_without_a_whole_record_leaves_nothing(tmp_path: Path, lake: Lake) -> None:
    path = segment(tmp_path, torn=b"\x09\0\0")
    assert move(path, lake).keys == []
    assert not path.exists()
    assert lake.store.list("bronze") == []


def test_another_sources_lake_gets_nothing_and_the_file_stays(tmp_path: Path, lake: Lake) -> None:
    lake.write_once("bronze/a", b"")
    moved: list[Moved] = []
    working = Delivery(Lake(lake.store, "tmdb"), moved.append)
    path = segment(tmp_path, b'{"a":1}\n')
    working.add(path)
    assert working.finish(30) == 1
    assert path.exists()
    assert "is a lake of sandbox data" in (working.trouble or "")


def test_what_the_lake_does_not_take_waits_and_holds_nothing_else_back(
    tmp_path: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "FIRST_WAIT", 0.01)
    moved: list[Moved] = []
    bad, good = segment(tmp_path, b"1\n"), segment(tmp_path, b"2\n", first=7)
    (tmp_path / "lake" / OBJECT).mkdir(parents=True)
    working = Delivery(lake, moved.append)
    working.add(bad)
    working.add(good)
    until = time.monotonic() + 30
    while good.exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert not good.exists()
    assert bad.exists()
    assert working.trouble
    (tmp_path / "lake" / OBJECT).rmdir()
    while bad.exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert working.finish(30) == 0
    assert sorted(lines(tmp_path / "lake")) == [b"1", b"2"]
    assert working.trouble is None
