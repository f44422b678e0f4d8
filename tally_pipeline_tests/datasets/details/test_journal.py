"""The journal of a capture: what it took in is there after a kill, and nothing stands in two parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tally_pipeline.bronze import details_capture
from tally_pipeline.datasets.details.journal import Journal, Kept
from testkit import details

DAY = "2026-01-07"


def ids(kept: Iterable[Kept]) -> list[int]:
    return [one.head.show_id for one in kept]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_replies_of_a_process_that_died_are_there_for_the_next_one(tmp_path: Path) -> None:
    first = Journal(tmp_path / "captures", DAY)  # never closed, as in a process that was killed
    replies = [details.reply(1), details.reply(2, b"<html>\n"), details.gone(3)]
    for one in replies:
        first.add(one)
    with Journal(tmp_path / "captures", DAY) as second:
        second.add(details.reply(4))
        assert ids(second.kept) == [1, 2, 3, 4]
        assert [details_capture.decode_line(one.line[:-1]) for one in second.kept][:3] == replies


@pytest.mark.parametrize(
    "harm",
    [
        lambda text: text[:-1],
        lambda text: text[:-20],
        lambda text: text + b'{"show_id":4,"sta',
        lambda text: text.replace(b"Show 3", b"Show 4"),
        lambda text: text[: text.rindex(b'{"show_id"')] + bytes(300),
    ],
)
def test_a_line_that_a_kill_or_a_disk_spoilt_is_dropped_and_those_before_it_stay(
    harm: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    with Journal(tmp_path, DAY) as journal:
        for number in (1, 2, 3):
            journal.add(details.reply(number))
    (path,) = tmp_path.iterdir()
    path.write_bytes(harm(path.read_bytes()))
    with Journal(tmp_path, DAY) as journal:
        assert set(ids(journal.kept)) in ({1, 2}, {1, 2, 3})
        assert (3 in ids(journal.kept)) == (b'{"show_id":4,"sta' in path.read_bytes())


def test_what_is_cut_for_a_part_stays_on_disk_until_it_is_removed(tmp_path: Path) -> None:
    with Journal(tmp_path, DAY) as journal:
        journal.add(details.reply(1))
        kept, paths = journal.cut()
        journal.add(details.reply(2))
        assert (ids(kept), ids(journal.kept)) == ([1], [2])
    with Journal(tmp_path, DAY) as journal:  # killed before the part was in the lake
        assert ids(journal.kept) == [1, 2]
    for path in paths:
        path.unlink()
    with Journal(tmp_path, DAY) as journal:  # killed after it
        assert ids(journal.kept) == [2]
        journal.remove()
    assert files(tmp_path) == []


def test_each_day_has_a_journal_of_its_own(tmp_path: Path) -> None:
    with Journal(tmp_path, DAY) as journal:
        journal.add(details.reply(1))
    with Journal(tmp_path, "2026-01-08") as journal:
        assert not journal.kept
        journal.remove()
    with Journal(tmp_path, DAY) as journal:
        assert ids(journal.kept) == [1]


def test_many_threads_add_while_parts_are_cut_and_each_reply_is_in_one_part(tmp_path: Path) -> None:
    cuts: list[list[Kept]] = []
    with Journal(tmp_path, DAY) as journal, ThreadPoolExecutor(8) as threads:
        adding = [threads.submit(journal.add, details.reply(number)) for number in range(400)]
        while not all(one.done() for one in adding):
            kept, paths = journal.cut()
            on_disk = b"".join(path.read_bytes() for path in paths)
            assert on_disk == b"".join(one.line for one in kept)
            cuts.append(list(kept))
        cuts.append(list(journal.cut()[0]))
        assert all(one.exception() is None for one in adding)
    assert sorted(number for kept in cuts for number in ids(kept)) == list(range(400))
