"""The journal: what is acknowledged is on disk, whatever the disk does."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tally_pipeline.collector import segments
from tally_pipeline.collector.journal import Journal, RealDisk


@dataclass
class Unplugged:
    """A disk that forgets what was not synced when its power goes: `synced` survives, of `written` any beginning.

    It counts its operations and fails those in `fails`.
    """

    fails: frozenset[int] = frozenset()
    synced: dict[Path, bytes] = field(default_factory=dict)
    written: dict[Path, bytes] = field(default_factory=dict)
    _paths: list[Path] = field(default_factory=list)
    _operations: int = 0

    def create(self, path: Path) -> int:
        self._step()
        path.touch()
        self._paths.append(path)
        self.synced[path] = self.written[path] = b""
        return len(self._paths) - 1

    def write(self, file: int, body: bytes) -> None:
        path = self._paths[file]
        self.written[path] += body[: len(body) // 2]
        self._step()
        self.written[path] += body[len(body) // 2 :]

    def sync(self, file: int) -> None:
        self._step()
        self.synced[self._paths[file]] = self.written[self._paths[file]]

    def close(self, file: int) -> None:
        self._step()

    def _step(self) -> None:
        self._operations += 1
        if self._operations in self.fails:
            raise OSError(errno.EIO, "Input/output error")

    def after_the_power_was_gone(self, data: st.DataObject) -> list[bytes]:
        """The lines of all files, as the next collector reads them."""
        found = []
        for path, synced in self.synced.items():
            written = self.written[path]
            kept = data.draw(st.integers(len(synced), len(written)))
            # Blocks may be on disk out of order: what is behind the hole is not what was written.
            tail = data.draw(st.sampled_from([b"", bytes(len(written) - kept), b"\xff" * 7]))
            found += [record.lines for record in segments.records(written[:kept] + tail)]
        return found


@contextmanager
def journal(folder: Path, **options: Any) -> Iterator[tuple[Journal, list[Path]]]:
    closed: list[Path] = []
    made = Journal(folder, closed.append, **options)
    try:
        yield made, closed
    finally:
        made.close()


def outcome(future: Future[None]) -> str:
    return str(future.exception(30) or "taken in")


def lines_in(paths: list[Path]) -> list[bytes]:
    return [record.lines for path in paths for record in segments.records(path.read_bytes())]


@settings(deadline=None)
@given(
    st.lists(st.lists(st.binary(min_size=1, max_size=30), min_size=1, max_size=4), min_size=1, max_size=6),
    st.frozensets(st.integers(1, 25), max_size=4),
    st.integers(20, 200),
    st.data(),
)
def test_nothing_acknowledged_is_lost_with_the_power(
    tmp_path_factory: pytest.TempPathFactory,
    waves: list[list[bytes]],
    fails: frozenset[int],
    segment_bytes: int,
    data: st.DataObject,
) -> None:
    disk = Unplugged(fails)
    acknowledged: list[bytes] = []
    with journal(tmp_path_factory.mktemp("journal"), disk=disk, segment_bytes=segment_bytes) as (made, _):
        for wave in waves:
            futures = [made.append(lines) for lines in wave]
            wait(futures)
            acknowledged += [
                lines for lines, future in zip(wave, futures, strict=True) if not future.exception()
            ]
        survived = disk.after_the_power_was_gone(data)
    for lines in acknowledged:
        survived.remove(lines)


def test_the_property_sees_a_journal_that_does_not_sync(tmp_path: Path) -> None:
    class Careless(Unplugged):
        def sync(self, file: int) -> None:
            pass

    disk = Careless()
    with journal(tmp_path, disk=disk) as (made, _):
        assert outcome(made.append(b"a")) == "taken in"
        assert set(disk.synced.values()) == {b""}


def test_after_a_sync_that_failed_nothing_more_is_acknowledged_in_that_file(tmp_path: Path) -> None:
    class Failing(RealDisk):
        fails = True

        def sync(self, file: int) -> None:
            if self.fails:
                raise OSError(errno.EIO, "Input/output error")
            super().sync(file)

    disk = Failing()
    with journal(tmp_path, disk=disk) as (made, closed):
        assert outcome(made.append(b"first\n")) == "the disk took nothing: Input/output error"
        disk.fails = False
        assert outcome(made.append(b"second\n")) == "taken in"
        assert len(closed) == 1
    assert len(closed) == 2
    assert lines_in(closed[1:]) == [b"second\n"]
    assert made.stored == sum(path.stat().st_size for path in closed)


def test_a_full_disk_is_told_and_the_next_record_tries_again(tmp_path: Path) -> None:
    class Full(RealDisk):
        left = 10

        def write(self, file: int, body: bytes) -> None:
            super().write(file, body[: self.left])
            if len(body) > self.left:
                raise OSError(errno.ENOSPC, "No space left on device")

    disk = Full()
    with journal(tmp_path, disk=disk) as (made, closed):
        assert outcome(made.append(b"a" * 50)) == "the disk took nothing: No space left on device"
        disk.left = 1000
        assert outcome(made.append(b"b")) == "taken in"
    assert lines_in(closed) == [b"b"]
    assert made.stored == sum(path.stat().st_size for path in closed)


def test_it_takes_no_more_than_it_may_hold_until_some_moved(tmp_path: Path) -> None:
    with journal(tmp_path, most_bytes=100) as (made, _):
        assert outcome(made.append(b"a" * 60)) == "taken in"
        assert outcome(made.append(b"a" * 60)) == "the journal is full, for the lake takes nothing"
        made.moved(made.stored)
        assert outcome(made.append(b"a" * 60)) == "taken in"
    assert outcome(made.append(b"a")) == "the collector stops"


def test_one_who_no_longer_waits_stops_nobody_else(tmp_path: Path) -> None:
    class Slow(RealDisk):
        go = threading.Event()

        def sync(self, file: int) -> None:
            self.go.wait(30)
            super().sync(file)

    disk = Slow()
    with journal(tmp_path, disk=disk) as (made, closed):
        first = made.append(b"a")
        while not first.running():
            pass
        assert not first.cancel()
        second, third = made.append(b"b"), made.append(b"c")
        assert second.cancel()
        disk.go.set()
        assert (outcome(first), outcome(third)) == ("taken in", "taken in")
        alone = made.append(b"d")
        alone.cancel()
        assert outcome(made.append(b"e")) == "taken in"
    assert [lines for lines in lines_in(closed) if lines != b"d"] == [b"a", b"c", b"e"]


def test_whatever_ends_it_nobody_waits_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Mad(RealDisk):
        def write(self, file: int, body: bytes) -> None:
            raise MemoryError

    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    made = Journal(tmp_path, lambda _: None, disk=Mad())
    assert outcome(made.append(b"a")) == "the disk took nothing: MemoryError"
    made.close()
    assert outcome(made.append(b"b")) == "the collector stops"


def test_a_file_is_closed_when_it_is_large_or_old(tmp_path: Path) -> None:
    with journal(tmp_path, segment_bytes=50) as (made, closed):
        for _ in range(3):
            assert outcome(made.append(b"a" * 60)) == "taken in"
    assert [len(lines_in([path])) for path in closed] == [1, 1, 1]
    aged = threading.Event()
    made = Journal(tmp_path, lambda _: aged.set(), segment_seconds=0.05)
    assert outcome(made.append(b"a")) == "taken in"
    assert aged.wait(30)
    made.close()


def test_records_that_wait_together_are_synced_together(tmp_path: Path) -> None:
    class Slow(RealDisk):
        syncs = 0
        go = threading.Event()

        def sync(self, file: int) -> None:
            self.syncs += 1
            self.go.wait(30)
            super().sync(file)

    disk = Slow()
    with journal(tmp_path, disk=disk) as (made, closed):
        futures = [made.append(b"%d" % number) for number in range(100)]
        disk.go.set()
        assert {outcome(future) for future in futures} == {"taken in"}
        assert disk.syncs <= 3
    assert lines_in(closed) == [b"%d" % number for number in range(100)]
