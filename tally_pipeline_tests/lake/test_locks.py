from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tally_pipeline.lake.locks import TableLocks

SOON, LONG = 0.3, 20.0

HOLDER = """
import sys, time
from pathlib import Path
from tally_pipeline.lake.locks import TableLocks
with TableLocks(Path(sys.argv[1])).hold("gold", ["silver"], print):
    print("taken", flush=True)
    time.sleep(600)
"""


def silent(_: str) -> None:
    """Nobody is told."""


@contextmanager
def waiting(locks: TableLocks, makes: str, *reads: str) -> Iterator[tuple[threading.Event, list[str]]]:
    """Another who wants a turn: whether he has it, and what he was told; he is over at the end."""
    has_it, told = threading.Event(), list[str]()

    def take() -> None:
        with locks.hold(makes, reads, told.append):
            has_it.set()

    other = threading.Thread(target=take)
    other.start()
    yield has_it, told
    other.join(LONG)
    assert has_it.is_set()


@pytest.mark.parametrize(
    ("makes", "reads"),
    [("gold", ()), ("silver", ()), ("report", ("gold",))],
    ids=["makes the same", "makes what is read", "reads what is made"],
)
def test_who_would_disturb_waits_and_says_for_what(
    tmp_path: Path, makes: str, reads: tuple[str, ...]
) -> None:
    locks = TableLocks(tmp_path / "locks")
    with ExitStack() as other, locks.hold("gold", ["silver"], silent):
        has_it, told = other.enter_context(waiting(locks, makes, *reads))
        assert not has_it.wait(SOON)
    assert len(told) == 1
    assert "waits for it" in told[0]


def test_two_that_only_read_the_same_do_not_wait(tmp_path: Path) -> None:
    locks = TableLocks(tmp_path / "locks")
    with locks.hold("gold", ["silver"], silent), waiting(locks, "table", "silver") as (has_it, told):
        assert has_it.wait(LONG)
    assert told == []


def test_a_turn_goes_with_the_process_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"taken\n"
        with waiting(TableLocks(tmp_path), "silver") as (has_it, _):
            assert not has_it.wait(SOON)
            holder.kill()


def test_a_lake_has_the_same_turns_by_whatever_path(tmp_path: Path) -> None:
    (tmp_path / "one" / "lake").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "lake").symlink_to(tmp_path / "one" / "lake")
    mine, theirs = (TableLocks.beside(tmp_path / name / "lake") for name in ("one", "other"))
    with ExitStack() as other, mine.hold("gold", (), silent):
        has_it, _ = other.enter_context(waiting(theirs, "gold"))
        assert not has_it.wait(SOON)
