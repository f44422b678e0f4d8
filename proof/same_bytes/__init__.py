"""The same bytes as the commit before: lakes and the fuzzing corpus, made by both trees and held against each other.

`python -m proof.same_bytes [REVISION] [--long] [--tree FOLDER]` does it for another commit before, or another tree
after. What may differ legitimately is pinned in `at_a_moment.py` before it is made: nothing is left out of the
comparison.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from proof.report import Proof, verdict
from proof.same_bytes import corpus, scenes
from proof.same_bytes.differences import differences, digest, objects
from proof.same_bytes.trees import BEFORE, REPOSITORY, AbsentError, CommandError, Home, Tree, commit

DAYS_SHORT, DAYS_LONG = 8, 60
EACH_SHORT, EACH_LONG = 250, 1500
SHOWN = 5
"""Differences that are told of each scene."""

COLUMNS = ("made by both", "objects", "sha256 of all", "what differs", "verdict")


@dataclass(frozen=True)
class Scene:
    """Something that both trees make in a folder of their own; returns how the commands ended."""

    name: str
    make: Callable[[Tree, Path], Sequence[str]]
    within: str
    """The part of the folder that is compared."""


def prove(long: bool, seed: int) -> Proof:
    """Hold this tree against the commit before it. Where that or the recordings are absent nothing is proven: in CI
    that is a failure."""
    try:
        return held_against(BEFORE, Tree("after", REPOSITORY), long=long, seed=seed)
    except AbsentError as absent:
        on_ci = bool(os.environ.get("CI"))
        row = ("nothing", 0, "", f"{absent}.", verdict(False) if on_ci else "not tried")
        return _told([row], not on_ci, seed, notes=[])


def held_against(revision: str, after: Tree, *, long: bool, seed: int) -> Proof:
    """Hold a tree against a commit of this repository's. Raises `AbsentError`."""
    recordings = _recordings()
    with commit(revision) as before, tempfile.TemporaryDirectory(prefix="tally-same-bytes-") as folder:
        return _proof(before, after, Path(folder), recordings, revision, long=long, seed=seed)


def _recordings() -> Path:
    shared = Path(os.environ.get("TALLY_SHARED", REPOSITORY.parent / "shared"))
    folder = shared / "tmdb" / "recordings"
    if not (folder / "index.jsonl").is_file():
        raise AbsentError(
            f"no recordings of TMDB at {folder}: put shared/ beside the repository, or name it in TALLY_SHARED"
        )
    return folder


def _proof(
    before: Tree, after: Tree, folder: Path, recordings: Path, revision: str, *, long: bool, seed: int
) -> Proof:
    inputs = _write_corpus(folder / "corpus", recordings, long=long, seed=seed)
    todo = _scenes(recordings, folder / "corpus", DAYS_LONG if long else DAYS_SHORT)
    # A tree has a thread, each command a process: two cores are busy, and neither tree is ahead of the other.
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda tree: _made(tree, folder / tree.name, todo), (before, after)))
    rows: list[Sequence[object]] = []
    kinds: dict[str, bytes] = {}
    holds = True
    for scene, was, now in zip(todo, *ended, strict=True):
        old, new = (objects(folder / tree.name / scene.name / scene.within) for tree in (before, after))
        found = [f"ended otherwise: {one} / {other}" for one, other in zip_longest(was, now) if one != other]
        found += differences(old, new)
        kinds |= {f"{scene.name}/{key}": body for key, body in new.items()}
        same = not found and bool(old)
        holds &= same
        more = [f"and {len(found) - SHOWN:,} more"] if len(found) > SHOWN else []
        told = "; ".join([*found[:SHOWN], *more]) or ("nothing" if old else "nothing was made")
        rows.append((scene.name, len(old), digest(new)[:16], told, verdict(same)))
    seen, row = _would_be_seen(kinds)
    return _told(
        [*rows, row],
        holds and seen,
        seed,
        notes=[
            f"Before: {revision[:12]}, checked out beside this tree, on the same packages. Every key and byte of the"
            f" lakes is compared, bronze too; of the corpus ({inputs:,} inputs) silver, quarantine, bronze or the"
            " text of the refusal.",
            "Pinned in both before anything is made, for it is of the moment: Tally's clock, the ids of runs, the"
            " version that bronze says as `client`, how long a capture took, the port of the server on this machine.",
        ],
    )


def _told(rows: Sequence[Sequence[object]], holds: bool, seed: int, notes: Sequence[str]) -> Proof:
    return Proof(
        name="same_bytes",
        title="what the commit before made is made, byte for byte",
        columns=COLUMNS,
        rows=rows,
        holds=holds,
        seed=seed,
        numeric=("objects",),
        notes=notes,
    )


def _write_corpus(folder: Path, recordings: Path, *, long: bool, seed: int) -> int:
    """The same inputs for both, one a file; how many there are."""
    folder.mkdir()
    each = EACH_LONG if long else EACH_SHORT
    found = [*corpus.recorded(recordings), *corpus.inputs(seed, each, monstrous=long)]
    for number, (kind, data) in enumerate(found):
        (folder / f"{number:06}-{kind}").write_bytes(data)
    return len(found)


def _scenes(recordings: Path, inputs: Path, days: int) -> list[Scene]:
    snapshots = {"2025-12-24": 2, "2022-11-26": 1, "2013-11-26": 1}

    def of_recordings(snapshot: str, pages: int) -> Scene:
        deep = {**scenes.depths(pages), "TALLY_PAGES_TRENDING_SHOWS": "1"}
        return _of_lake(
            f"recordings-{snapshot}", lambda home: scenes.recorded(home, recordings, snapshot, deep)
        )

    def refined(tree: Tree, folder: Path) -> Sequence[str]:
        scenes.refined(tree, inputs, folder / "made")
        return ()

    return [
        _of_lake(f"sandbox-{days}-days", lambda home: scenes.invented(home, days)),
        *(of_recordings(snapshot, pages) for snapshot, pages in snapshots.items()),
        _of_lake("recordings-cut-short", lambda home: scenes.cut_short(home, recordings, "2025-12-24")),
        Scene("corpus", refined, "made"),
    ]


def _of_lake(name: str, make: Callable[[Home], None]) -> Scene:
    def made(tree: Tree, folder: Path) -> Sequence[str]:
        home = Home(tree, folder)
        make(home)
        return home.ended

    return Scene(name, made, "sandbox/lake")


def _made(tree: Tree, folder: Path, todo: Sequence[Scene]) -> list[Sequence[str]]:
    ended: list[Sequence[str]] = []
    for scene in todo:
        (folder / scene.name).mkdir(parents=True)
        try:
            ended.append(scene.make(tree, folder / scene.name))
        except CommandError as error:
            ended.append([str(error)])
    return ended


def _would_be_seen(made: Mapping[str, bytes]) -> tuple[bool, Sequence[object]]:
    """One byte of each kind of object is changed in a copy: each change must be seen."""
    ends = (".parquet", ".html", ".json", ".json.gz", ".txt")
    chosen = {next(key for key in sorted(made) if key.endswith(end) and made[key]) for end in ends}
    spoiled = {**made, **{key: _with_a_byte_changed(made[key]) for key in chosen}}
    seen = {key for key in chosen if any(told.startswith(f"{key}: ") for told in differences(made, spoiled))}
    told = f"{len(seen)} of {len(chosen)} are seen"
    return seen == chosen, ("one byte changed in a copy", len(chosen), "", told, verdict(seen == chosen))


def _with_a_byte_changed(body: bytes) -> bytes:
    place = len(body) // 2
    return body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
