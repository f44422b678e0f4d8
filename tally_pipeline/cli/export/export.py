"""`tally export`: the lake as plain files in a folder, proven equal to the store's objects."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.progress import Progress

from tally_pipeline import clock
from tally_pipeline.aws.session import Aws
from tally_pipeline.cli import terminal
from tally_pipeline.cli.commands.export import LAYERS
from tally_pipeline.cli.export import copies
from tally_pipeline.cli.export.copies import MANIFEST, Copy, DoubtError, Source, Stated
from tally_pipeline.datasets.captures import audit
from tally_pipeline.deployment import Settings, SettingsError, deploy
from tally_pipeline.lake import layout
from tally_pipeline.lake.expired import ExpiredObjects
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.retention import day_of
from tally_pipeline.lake.store import LakeError, NoSuchObjectError, ObjectInfo, Store
from tally_pipeline.plurals import counted

AT_ONCE = 8
"""Concurrent downloads: more would hardly be faster, and each holds its object in memory."""


def export(settings: Settings, folder: Path, only: Sequence[str], *, expired: bool = False) -> int:
    """Copy the lake, or some of its layers, and prove the copy. 1 when anything is in doubt.

    The folder is a lake again. Existing equal files are kept, so that an interrupted export can go on. Only the
    newest version of an object is copied; with `expired` instead that of each bronze object that S3 expired. Raises
    `SettingsError` if the folder cannot be used, or if nothing can have expired.
    """
    words, lake = terminal.words(), deploy(settings).lake
    folder = folder.expanduser().resolve()
    _require_apart(folder, settings)
    source: Source = _expired(settings, only) if expired else lake.store
    with copies.into(folder):
        known = _known(folder, lake)
        objects = _objects(source, ("bronze",) if expired else only or LAYERS)
        size = sum(info.size for info in objects) / 1e6
        words.print(
            f"{counted(len(objects), 'object')}, {size:,.1f} MB, from {lake.store.root} into {folder}",
            markup=False,
        )
        made, doubts = _made(source, objects, folder, known)
        manifest = {**known, **{copy.key: copy.stated for copy in made}}
        copies.write_manifest(folder, lake.store.root, lake.source, manifest)
        doubts += copies.verify(folder, manifest)
    doubts += _audited(folder, lake.source)
    for doubt in doubts:
        words.print(terminal.on_one_line(f"✗ {doubt}"), markup=False)
    counts = {done: sum(copy.done == done for copy in made) for done in ("written", "renewed", "kept")}
    words.print(
        f"{counts['written']} written, {counts['renewed']} renewed, {counts['kept']} were there. {folder / MANIFEST}"
        f" names {counted(len(manifest), 'file')}, each read again and hashed: "
        + (f"{counted(len(doubts), 'doubt')}." if doubts else "all hold."),
        markup=False,
    )
    if expired and (over := _over(lake, manifest)):
        words.print(over, markup=False)
    return 1 if doubts else 0


def _require_apart(folder: Path, settings: Settings) -> None:
    if folder == settings.home or folder.is_relative_to(settings.state):
        raise SettingsError(f"{folder} is where the lake itself is: export into a folder of its own")


def _expired(settings: Settings, only: Sequence[str]) -> ExpiredObjects:
    if settings.aws is None:
        raise SettingsError(
            "--expired reads the old versions that a bucket keeps, and this lake is a folder: nothing expires there"
        )
    if only:
        raise SettingsError("--expired takes bronze alone, the rest is made from it: leave --only out")
    return ExpiredObjects(Aws(settings.aws), settings.aws.lake_bucket)


def _over(lake: Lake, keys: Iterable[str]) -> str:
    """The objects that the lake would not take back, and how it would; empty if it would take all."""
    first = lake.store.retention.first_kept(clock.today())
    days = sorted({day for key in keys if (day := day_of(key)) and first and day < first.isoformat()})
    if not days:
        return ""
    return (
        f"{counted(len(days), 'day')} of these, from {days[0]} to {days[-1]}, expired because they are over: `tally"
        f" import` leaves them out, for {first} is the first day that the lake keeps. To bring them back, first raise"
        " Terraform's retention_days as far as TMDB's terms allow, apply, and write .env anew."
    )


def _known(folder: Path, lake: Lake) -> dict[str, Stated]:
    """The entries of an earlier export into this folder. Raises `SettingsError` if it was of another lake."""
    manifest = copies.read_manifest(folder)
    if manifest is None:
        return {}
    if (manifest.lake, manifest.source) != (lake.store.root, lake.source):
        raise SettingsError(
            f"{folder} holds an export of {manifest.lake} ({manifest.source}), not of {lake.store.root}"
            f" ({lake.source}): export into another folder"
        )
    return manifest.objects


def _objects(store: Source, layers: Sequence[str]) -> list[ObjectInfo]:
    """The layers' objects and the ownership marker. The pipeline's role may list layers, not the whole bucket."""
    try:
        whose = [
            ObjectInfo(layout.OWNERSHIP_MARKER, len(store.get(layout.OWNERSHIP_MARKER)), "", clock.now())
        ]
    except NoSuchObjectError:
        whose = []
    listed = (info for layer in layers for info in store.list(layer))
    # What `tally deploy prove` left is of the account, and not of the lake.
    return [*whose, *(info for info in listed if not layout.is_proof(info.key))]


def _made(
    store: Source, objects: Sequence[ObjectInfo], folder: Path, known: Mapping[str, Stated]
) -> tuple[list[Copy], list[str]]:
    """The copies of the objects, and the reasons why the others have no verified copy."""
    made: list[Copy] = []
    doubts: list[str] = []
    quiet = not sys.stderr.isatty()
    results = _results(store, objects, folder, known)
    # Rich would interpret escape sequences in foreign output; the streams here escape them.
    with Progress(
        console=terminal.words(), disable=quiet, redirect_stdout=False, redirect_stderr=False
    ) as bar:
        for result in bar.track(results, len(objects), description="exporting"):
            if isinstance(result, Copy):
                made.append(result)
            else:
                doubts.append(result)
    return made, doubts


def _results(
    store: Source, objects: Sequence[ObjectInfo], folder: Path, known: Mapping[str, Stated]
) -> Iterator[Copy | str]:
    def copy(info: ObjectInfo) -> Copy | str:
        try:
            return copies.copy(store, info, folder, known.get(info.key))
        except (DoubtError, LakeError) as error:
            return str(error)

    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        yield from pool.map(copy, objects)
    finally:
        pool.shutdown(cancel_futures=True)


def _audited(folder: Path, source: str) -> list[str]:
    """The problems that an audit finds in the copy's bronze."""
    lake = Lake(Store.in_folder(folder), source)
    return [f"{found.key}: {problem}" for found in audit(lake) for problem in found.problems]
