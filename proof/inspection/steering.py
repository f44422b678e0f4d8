"""Text that would steer a terminal: in what every command prints it must come out written out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from proof.cases import Case, demand
from testkit import hostile_terminal


def cases(folder: Path) -> Iterator[Case]:
    yield Case(
        "terminal",
        f"{len(hostile_terminal.EVIL)} texts that steer a terminal, as titles, errors, file names and SQL, in every"
        " command",
        "no control character, no override of direction, no markup taken for ours, on either stream",
        lambda: _printed(folder),
    )


def _printed(folder: Path) -> str:
    folder.mkdir()
    letters = count = shown = 0
    for command, ran in hostile_terminal.commands(folder, whole=True):
        said = ran.out + ran.err
        found = hostile_terminal.steering(said)
        demand(not found, f"{command!r} sent {sorted(set(found))}")
        letters, count = letters + len(said), count + 1
        shown += r"\x1b" in said or r"\u202e" in said
    demand(shown >= 10, f"only {shown} commands had such a text to show")
    return f"{count} commands, {letters / 1e3:,.0f} thousand letters; {shown} of them showed such texts, written out"
