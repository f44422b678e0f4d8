"""Faults of a lake in a folder: full, read-only, refusing, damaged, and changing under the reader."""

from __future__ import annotations

import errno
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from proof.cases import SILVER, Case, Home, Ran, demand, glimpse, ran
from tally_pipeline.datasets import named
from tally_pipeline.datasets.captures import NoCaptureError, choose
from tally_pipeline.datasets.shows.refinement import refine
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import LakeError, Store
from testkit.pipeline import POPULAR, Pipeline, assert_sound, contents, day
from testkit.stored_days import keys_of

SIDE = "folder"
SMALL = 200
"""KB of the file system that is too small."""


def cases(home: Home, *, limited: bool = True) -> list[Case]:
    """`limited`: with a limit on the size of files, too. Dagster's history breaks under it where it lies in files."""
    red = "red, says which object and why; the last good file stays; the next sync is whole"
    silver, bronze = Path(SILVER), Path(layout.bronze_prefix(POPULAR.name, day()))
    return [
        Case(SIDE, f"disk full: {_MOUNTS or 'file size limit'}", red, lambda: _full(home)),
        *([Case(SIDE, "a write that the system breaks off at 4 KB", red, lambda: _limited(home))] if limited else []),
        Case(SIDE, f"read-only: {_MOUNTS or 'mode 0500'}", red, lambda: _read_only(home)),
        Case(SIDE, "refuses to replace silver (a folder stands there)", red, lambda: _blocked(home, silver)),
        Case(SIDE, "refuses new captures (a file stands where the day's folder goes)", red,
             lambda: _blocked(home, bronze)),
        Case(SIDE, "the lake's folder is a file", red, lambda: _lake_is_a_file(home)),
        Case(SIDE, "an object vanishes between list and get",
             "the other capture is taken, the vanished one named; or none is, and it says so",
             lambda: _vanishes(home)),
        Case(SIDE, "half a file that a dead writer left", "nobody lists or reads it",
             lambda: _left_behind(home)),
        Case(SIDE, "a bronze object cut in half", "passed over and named; the whole one is refined",
             lambda: _damaged(home, lambda body: body[: len(body) // 2])),
        Case(SIDE, "a bronze object of zeros", "passed over and named; the whole one is refined",
             lambda: _damaged(home, lambda body: bytes(len(body)))),
        Case(SIDE, "a link that leads nowhere among the captures", "passed over; the whole one is refined",
             lambda: _dangling(home)),
        Case(SIDE, "lake.json names another source", "nothing is written or refined, says whose lake it is",
             lambda: _claimed(home, b'{"source": "tmdb"}', "is a lake of tmdb data")),
        Case(SIDE, "lake.json is damaged", "nothing is written or refined, says what to write there",
             lambda: _claimed(home, b'{"sou', "does not say whose data")),
    ]  # fmt: skip


# --- no room, no right -------------------------------------------------------------------------------------


def _can_mount() -> str:
    """The mounted file system, if mounting is allowed; else empty."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0 or shutil.which("mount") is None:
        return ""
    probe = Path("/tmp") / f"tally-mount-{os.getpid()}"
    probe.mkdir(exist_ok=True)
    try:
        with _tmpfs(probe, 64):
            return "a tmpfs"
    except subprocess.CalledProcessError:
        return ""
    finally:
        probe.rmdir()


@contextmanager
def _tmpfs(folder: Path, kilobytes: int) -> Iterator[None]:
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    subprocess.run(mount, check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)


def _remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True, capture_output=True)


_MOUNTS = _can_mount()


@contextmanager
def _mounted(home: Home) -> Iterator[None]:
    """The lake, as it was, on a small file system of its own."""
    home.restore()
    kept = home.root.with_name("kept")
    home.root.rename(kept)
    home.root.mkdir()
    with ExitStack() as stack:
        stack.callback(kept.rename, home.root)
        stack.callback(home.root.rmdir)
        stack.enter_context(_tmpfs(home.root, SMALL))
        shutil.copytree(kept, home.root, dirs_exist_ok=True)
        yield


def _full(home: Home) -> str:
    if not _MOUNTS:
        return _limited(home)
    with _mounted(home):
        filler = home.root / "filler"
        with _until_full(), filler.open("wb") as file:
            while True:
                file.write(bytes(4096))
                file.flush()
        found = _red(home, home.sync(), r"No space left")
        filler.unlink()
        home.heals()
    return found


@contextmanager
def _until_full() -> Iterator[None]:
    """Writes inside until there is no room left."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


def _limited(home: Home) -> str:
    """A file may grow to 4 KB, no more: what `ulimit -f` and a quota do."""
    home.restore()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        found = home.sync()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    return _red(home, found, r"File too large|No space left", heals=True)


def _read_only(home: Home) -> str:
    if _MOUNTS:
        with _mounted(home):
            _remount(home.root, "ro")
            found = _red(home, home.sync(), r"Read-only file system")
            _remount(home.root, "rw")
            home.heals()
        return found
    home.restore()
    folders = [home.root, *(path for path in home.root.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o500)
    try:
        sync = home.sync()
    finally:
        for folder in folders:
            folder.chmod(0o700)
    return _red(home, sync, r"Permission denied", heals=True)


def _blocked(home: Home, key: Path) -> str:
    home.restore()
    there, aside = home.root / key, home.root / "aside"
    there.rename(aside)
    if aside.is_dir():
        there.write_bytes(b"")
    else:
        there.mkdir()
        (there / "something").write_bytes(b"")
    found = home.sync()
    shutil.rmtree(there) if there.is_dir() else there.unlink()
    aside.rename(there)
    return _red(home, found, re.escape(str(key)), heals=True)


def _lake_is_a_file(home: Home) -> str:
    home.restore()
    aside = home.root.with_name("aside")
    home.root.rename(aside)
    home.root.write_bytes(b"")
    found = home.sync()
    home.root.unlink()
    aside.rename(home.root)
    return _red(home, found, re.escape(str(home.root)), heals=True)


def _red(home: Home, found: Ran, says: str, *, heals: bool = False) -> str:
    demand(not found.published, "published all the same")
    demand(re.search(says, found.said), f"says: {glimpse(found.said, 300)}")
    demand("Traceback" not in found.said, f"shows a traceback: {glimpse(found.said)}")
    home.nothing_lost(published=False)
    if heals:
        home.heals()
    return f"red, last good file kept: {glimpse(found.said)}"


# --- what is there is not as it should be ------------------------------------------------------------------


def _vanishes(home: Home) -> str:
    """The listing is told of before it is used: that is when the object goes."""
    told = []
    for others in (True, False):
        home.restore()
        if others:
            demand(home.sync().published, "the second capture failed")
        *_, last = home.lake.bronze_keys(POPULAR.name, day())

        def vanish(operation: str, size: int, path: Path = home.root / str(last)) -> None:
            if operation == "ListObjectsV2":
                path.unlink(missing_ok=True)

        lake = Lake(Store.in_folder(home.root, vanish), "sandbox")
        if others:
            capture = choose(lake, named(POPULAR.name), day())
            demand(str(last) in " ".join(capture.passed_over), f"passed over {capture.passed_over}")
            refine(capture.content, data_type=POPULAR.name, dt=day(), key=str(capture.key))
            told.append("one is left and taken")
            continue
        with home.pipeline() as pipeline:
            seen = Pipeline(replace(pipeline.deployment, lake=lake), pipeline.instance)
            found = ran(seen.refine)
        demand(
            not found.published and "there is no object" in found.said, f"says: {glimpse(found.said, 300)}"
        )
        demand(contents(home.lake)[SILVER] == home.before[SILVER], "silver changed")
        told.append(f"none is left: {glimpse(found.said)}")
    return "; ".join(told)


def _left_behind(home: Home) -> str:
    home.restore()
    (key,) = home.lake.bronze_keys(POPULAR.name, day())
    halves = [home.root / f"{name}#1" for name in (str(key), SILVER)]
    for path in halves:
        path.write_bytes(b"half of it")
    listed = [info.key for info in home.lake.store.list("")]
    demand(not [name for name in listed if "#" in name], f"listed: {listed}")
    with home.pipeline() as pipeline:
        arrived, _ = pipeline.deployment.object_events.poll(None)
        demand([keys_of(arrival) for arrival in arrived] == [(key,)], f"the sensor sees {arrived}")
        demand(pipeline.deployment.query_engine.query("SELECT count(*) AS n FROM silver_shows")["n"][0].as_py()
               == len(home.truth), "the table counts it")  # fmt: skip
    for path in halves:
        path.unlink()
    home.heals()
    return "not listed, not seen by the sensor, not in the table; the next sync is whole"


def _damaged(home: Home, damage: Callable[[bytes], bytes]) -> str:
    home.restore()
    (good,) = home.lake.bronze_keys(POPULAR.name, day())
    bad = home.root / layout.bronze_prefix(POPULAR.name, day()) / "zz-damaged.json"
    bad.write_bytes(damage((home.root / str(good)).read_bytes()))
    with home.pipeline() as pipeline:
        found = ran(pipeline.refine)
    demand(found.published, f"did not publish: {glimpse(found.said)}")
    capture = choose(home.lake, named(POPULAR.name), day())
    demand(capture.key == good and "zz-damaged" in capture.passed_over[0], f"took {capture.key}")
    bad.unlink()
    home.nothing_lost(published=True)
    return f"refined from the whole one; {glimpse(capture.passed_over[0].rpartition('/')[2])}"


def _dangling(home: Home) -> str:
    home.restore()
    (good,) = home.lake.bronze_keys(POPULAR.name, day())
    link = home.root / layout.bronze_prefix(POPULAR.name, day()) / "zz-link.json"
    link.symlink_to("/nowhere/at/all.json")
    try:
        with home.pipeline() as pipeline:
            found = ran(pipeline.refine)
            pipeline.deployment.object_events.poll(None)
    finally:
        link.unlink()
    demand(found.published, f"did not publish: {glimpse(found.said)}")
    demand(choose(home.lake, named(POPULAR.name), day()).key == good, "took another")
    home.nothing_lost(published=True)
    return "passed over; refined from the whole one"


def _claimed(home: Home, claim: bytes, says: str) -> str:
    home.restore()
    (home.root / layout.OWNERSHIP_MARKER).write_bytes(claim)
    before = contents(home.lake)
    lake = Lake(Store.in_folder(home.root), "sandbox")
    try:
        choose(lake, named(POPULAR.name), day())
    except (LakeError, NoCaptureError) as error:
        demand(says in str(error), f"says: {glimpse(str(error), 300)}")
    else:
        demand(False, "refined all the same")
    found = home.sync()
    demand(not found.published and says in found.said, f"says: {glimpse(found.said, 300)}")
    after = contents(home.lake)
    written = [key for key in after if before.get(key) != after[key]]
    demand(not written, f"written: {written}")
    home.restore()
    assert_sound(home.lake)
    return f"nothing written: {glimpse(found.said)}"
