"""New bronze objects are seen once, whoever put them there, whenever and with whatever times."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tally_pipeline.datasets import PLACES
from tally_pipeline.lake.layout import BRONZE, BronzeKey, bronze_prefix
from tally_pipeline.lake.object_events import WINDOW_SECONDS, FolderObjectEvents, ObjectEvent
from tally_pipeline.lake.store import Store
from testkit.stored_days import keys_of

LONG_AGO = time.time() - 400 * 24 * 3600
OLD_DAY, NEW_DAY = "2025-01-01", "2025-12-24"


class Watched:
    """A lake's folder that is looked at again and again, as the sensor does."""

    def __init__(self, root: Path, window_seconds: float = WINDOW_SECONDS) -> None:
        self.root = root
        self.cursor: str | None = None
        self._events = FolderObjectEvents(root, PLACES, window_seconds)

    def look(self) -> list[ObjectEvent]:
        found, self.cursor = self._events.poll(self.cursor)
        return found

    def new(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """What the next look finds: list, day, executions."""
        return [
            (one.data_type, one.dt, tuple(sorted(key.execution_id for key in keys_of(one))))
            for one in self.look()
        ]

    def path(self, data_type: str, dt: str, name: str = "") -> Path:
        path = self.root / bronze_prefix(data_type, dt) / name
        (path.parent if name else path).mkdir(parents=True, exist_ok=True)
        return path

    def write(self, data_type: str, dt: str, execution_id: str, body: bytes = b"{}") -> None:
        key = BronzeKey(data_type, dt, execution_id)
        Store.in_folder(self.root).put(str(key), body)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "lake")


SHORT = 0.05
"""A window that tests can wait for, in seconds."""


@pytest.fixture
def briefly_watched(tmp_path: Path) -> Watched:
    """A folder that is looked at again only for a moment after it changed."""
    return Watched(tmp_path / "lake", SHORT)


def let_the_window_pass() -> None:
    time.sleep(3 * SHORT)


def make_old(path: Path) -> None:
    """Sets a folder's and its files' times to the past, as `cp -p` and unpacking an archive do."""
    for inner in [*path.rglob("*"), path]:
        os.utime(inner, (LONG_AGO, LONG_AGO))


def test_a_lake_that_is_not_there_yet_has_no_arrivals(watched: Watched) -> None:
    assert watched.look() == []
    assert watched.look() == []


def test_the_first_look_finds_everything(watched: Watched) -> None:
    watched.write("popular_shows", NEW_DAY, "a")
    watched.write("popular_shows", OLD_DAY, "b")
    watched.write("airing_today", NEW_DAY, "c")

    assert watched.new() == [
        ("airing_today", NEW_DAY, ("c",)),
        ("popular_shows", OLD_DAY, ("b",)),
        ("popular_shows", NEW_DAY, ("a",)),
    ]


def test_what_did_not_change_is_not_reported_twice(watched: Watched) -> None:
    watched.write("popular_shows", NEW_DAY, "a")

    assert len(watched.look()) == 1
    assert [watched.look() for _ in range(3)] == [[]] * 3


def test_a_second_capture_of_a_day_brings_all_of_the_day_under_a_new_digest(watched: Watched) -> None:
    watched.write("popular_shows", NEW_DAY, "a")
    [first] = watched.look()
    watched.write("popular_shows", NEW_DAY, "b")

    [second] = watched.look()

    assert [key.execution_id for key in keys_of(second)] == ["a", "b"]
    assert first.digest != second.digest


def test_the_last_to_arrive_stands_last(watched: Watched) -> None:
    for execution in ("z", "a", "m"):
        watched.write("popular_shows", NEW_DAY, execution)
        time.sleep(0.02)

    [found] = watched.look()

    assert [key.execution_id for key in keys_of(found)] == ["z", "a", "m"]


def test_arrivals_in_the_same_instant_around_a_look_are_neither_lost_nor_doubled(watched: Watched) -> None:
    written: set[str] = set()
    reported: list[tuple[str, str]] = []
    for number in range(100):
        day, execution = f"2025-12-{number % 10 + 1:02}", f"run-{number:02}"
        watched.write("popular_shows", day, execution)
        written.add(execution)
        if number % 3:
            continue
        found = watched.look()
        reported += [(one.dt, one.digest) for one in found]
        assert execution in {key.execution_id for one in found for key in keys_of(one)}
        assert {key.execution_id for one in found for key in keys_of(one)} <= written
        assert watched.look() == []

    assert len(set(reported)) == len(reported)


def test_an_object_that_arrives_late_under_an_old_day_is_seen(briefly_watched: Watched) -> None:
    briefly_watched.write("popular_shows", OLD_DAY, "a")
    briefly_watched.write("popular_shows", NEW_DAY, "b")
    make_old(briefly_watched.root)
    let_the_window_pass()
    briefly_watched.look()
    let_the_window_pass()
    assert briefly_watched.look() == []

    briefly_watched.write("popular_shows", OLD_DAY, "late")

    assert briefly_watched.new() == [("popular_shows", OLD_DAY, ("a", "late"))]


def test_a_copy_that_keeps_old_times_is_seen(watched: Watched, tmp_path: Path) -> None:
    watched.write("popular_shows", NEW_DAY, "a")
    watched.look()
    source = tmp_path / "old.json"
    source.write_bytes(b"{}")
    os.utime(source, (LONG_AGO, LONG_AGO))

    subprocess.run(["cp", "-p", source, watched.path("popular_shows", OLD_DAY, "copied.json")], check=True)
    make_old(watched.path("popular_shows", OLD_DAY))

    assert watched.new() == [("popular_shows", OLD_DAY, ("copied",))]


@pytest.mark.parametrize("folder", [f"{BRONZE}/on_the_air/dt={OLD_DAY}", f"{BRONZE}/on_the_air", "bronze"])
def test_a_folder_moved_in_whole_with_old_times_is_seen_once(
    briefly_watched: Watched, tmp_path: Path, folder: str
) -> None:
    elsewhere = Watched(tmp_path / "elsewhere")
    elsewhere.write("on_the_air", OLD_DAY, "moved")
    make_old(elsewhere.root)
    if folder != "bronze":
        briefly_watched.write("popular_shows", NEW_DAY, "a")
    let_the_window_pass()
    briefly_watched.look()

    target = briefly_watched.root / folder
    target.parent.mkdir(parents=True, exist_ok=True)
    (elsewhere.root / folder).rename(target)

    assert briefly_watched.new() == [("on_the_air", OLD_DAY, ("moved",))]
    assert briefly_watched.look() == []
    let_the_window_pass()
    assert briefly_watched.look() == []


def test_a_list_folder_taken_away_and_put_back_is_reported_or_not_but_breaks_nothing(
    watched: Watched, tmp_path: Path
) -> None:
    watched.write("popular_shows", NEW_DAY, "a")
    watched.look()
    shutil.move(watched.root / BRONZE, tmp_path / "away")

    assert watched.look() == []
    shutil.move(tmp_path / "away", watched.root / BRONZE)

    assert watched.new() == [("popular_shows", NEW_DAY, ("a",))]


def test_a_file_that_grows_is_reported_again(watched: Watched) -> None:
    path = watched.path("popular_shows", NEW_DAY, "slow.json")
    digests = []
    for size in (0, 10, 20):
        path.write_bytes(b"x" * size)
        digests += [found.digest for found in watched.look()]

    assert len(set(digests)) == 3
    assert watched.look() == []


def test_a_file_that_is_replaced_is_reported_again(watched: Watched) -> None:
    watched.write("popular_shows", NEW_DAY, "a", b"{ }")
    watched.look()
    time.sleep(0.02)
    watched.write("popular_shows", NEW_DAY, "a", b"{\n}")

    assert watched.new() == [("popular_shows", NEW_DAY, ("a",))]


def test_nothing_is_reported_twice_when_the_window_ends(briefly_watched: Watched) -> None:
    briefly_watched.write("popular_shows", NEW_DAY, "a")
    assert len(briefly_watched.look()) == 1

    end = time.monotonic() + 4 * SHORT
    while time.monotonic() < end:
        assert briefly_watched.look() == []
        time.sleep(SHORT / 10)

    assert '"seen":{}' in (briefly_watched.cursor or "")


def test_what_was_found_is_not_found_again_by_a_look_long_after(briefly_watched: Watched) -> None:
    briefly_watched.write("popular_shows", NEW_DAY, "a")
    assert len(briefly_watched.look()) == 1
    let_the_window_pass()

    assert briefly_watched.look() == []


@pytest.mark.parametrize(
    "name", ["a.json#1", ".a.json.swp", "a.json.tmp", "a.tmp", "notes.txt", "run 1.json"]
)
def test_files_that_are_no_captures_are_not_arrivals(watched: Watched, name: str) -> None:
    watched.path("popular_shows", NEW_DAY, name).write_bytes(b"half")

    assert watched.look() == []
    watched.write("popular_shows", NEW_DAY, "a")
    [found] = watched.look()
    watched.path("popular_shows", NEW_DAY, name).write_bytes(b"whole now")

    assert [key.execution_id for key in keys_of(found)] == ["a"]
    assert watched.look() == []


def test_folders_that_are_no_days_are_passed_over(watched: Watched) -> None:
    for folder in ("dt=2025-02-30", "2025-12-24", "dt=2025-12-24T00"):
        path = watched.root / BRONZE / "popular_shows" / folder / "a.json"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"{}")
    (watched.root / BRONZE / "README").write_bytes(b"")

    assert watched.look() == []


def test_a_link_to_nowhere_is_not_in_the_way(watched: Watched) -> None:
    watched.write("popular_shows", NEW_DAY, "a")
    watched.path("popular_shows", NEW_DAY, "b.json").symlink_to("nowhere")

    assert watched.new() == [("popular_shows", NEW_DAY, ("a",))]


def test_an_object_that_is_deleted_changes_the_day_and_an_empty_day_is_none(watched: Watched) -> None:
    watched.write("popular_shows", NEW_DAY, "a")
    watched.write("popular_shows", NEW_DAY, "b")
    watched.look()
    watched.path("popular_shows", NEW_DAY, "b.json").unlink()

    assert watched.new() == [("popular_shows", NEW_DAY, ("a",))]
    watched.path("popular_shows", NEW_DAY, "a.json").unlink()
    assert watched.look() == []


@pytest.mark.parametrize(
    "cursor", ["", "{", "null", "[]", "5", '{"looked_ns":"x"}', '{"seen":[]}', "2025-12-24", "é", "\ud800"]
)
def test_a_cursor_that_cannot_be_read_leads_to_a_full_look(watched: Watched, cursor: str) -> None:
    watched.write("popular_shows", NEW_DAY, "a")
    make_old(watched.root)
    watched.look()
    watched.cursor = cursor

    assert watched.new() == [("popular_shows", NEW_DAY, ("a",))]
    assert watched.look() == []


@pytest.mark.parametrize("hours", [-30, -1, 1, 30])
def test_the_clock_of_where_the_lake_lies_may_be_another(
    briefly_watched: Watched, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + hours * 3600 * 10**9)
    for name in ("a", "b", "c"):
        briefly_watched.write("popular_shows", NEW_DAY, name)
        assert len(briefly_watched.look()) == 1
        assert briefly_watched.look() == []
        let_the_window_pass()
        assert briefly_watched.look() == []
        assert briefly_watched.look() == []
    briefly_watched.write("popular_shows", OLD_DAY, "late")
    assert briefly_watched.new() == [("popular_shows", OLD_DAY, ("late",))]


def test_nothing_is_lost_when_a_clock_that_was_ahead_is_set_right(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time_ns
    watched.write("popular_shows", OLD_DAY, "a")
    with monkeypatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: real() + 86_400 * 10**9)
        assert len(watched.look()) == 1
    watched.write("popular_shows", NEW_DAY, "b")
    assert ("popular_shows", NEW_DAY, ("b",)) in watched.new()


def test_a_folder_dated_into_the_future_hides_nothing(watched: Watched) -> None:
    watched.write("popular_shows", OLD_DAY, "a")
    future = time.time() + 400 * 24 * 3600
    os.utime(watched.path("popular_shows", OLD_DAY), (future, future))
    assert len(watched.look()) == 1
    watched.write("popular_shows", NEW_DAY, "b")
    assert watched.new() == [("popular_shows", NEW_DAY, ("b",))]
