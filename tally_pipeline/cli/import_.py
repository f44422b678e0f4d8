"""`tally import`: the bronze of an export, written into the lake create-only, each object proven before and after."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from rich.progress import Progress

from tally_pipeline import clock
from tally_pipeline.cli import terminal
from tally_pipeline.cli.export import copies
from tally_pipeline.cli.export.copies import MANIFEST, Manifest, Stated
from tally_pipeline.datasets import PLACES
from tally_pipeline.datasets.captures import audit_one
from tally_pipeline.deployment import Settings, SettingsError, deploy, first_day
from tally_pipeline.events import batches
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.retention import day_of
from tally_pipeline.lake.store import AlreadyThereError, ExpiredObjectError, ObjectInfo, Store
from tally_pipeline.orchestration import automation
from tally_pipeline.plurals import counted

AT_ONCE = 8
"""Captures under way at once: each is in memory."""

_BRONZE = f"{layout.STREAMS}/"


class RefusedError(Exception):
    """A capture is not imported; the message gives the object, the reason, and the remedy."""


@dataclass(frozen=True)
class Unit:
    """A capture and the objects beside it, if there are some, in the order in which they are written. Without a key
    they are the parts of captures that did not end (the next capture of the day goes on from them), or a batch of
    viewers' events."""

    key: BronzeKey | None
    objects: Mapping[str, Stated]


@dataclass(frozen=True)
class Imported:
    """The outcome for one object. "missing" is what a dry run would write."""

    key: str
    size: int
    done: Literal["written", "missing", "already there"]


@dataclass(frozen=True)
class Expired:
    """A capture of a day that the lake does not keep any more: the lake's own rule, and no fault of the export's.
    Without a key: parts of captures that did not end, or a batch of events."""

    key: BronzeKey | None


@dataclass(frozen=True)
class Refused:
    """The objects of a capture that was not imported, and the reason."""

    keys: tuple[str, ...]
    reason: str


def import_bronze(settings: Settings, folder: Path, *, dry_run: bool, as_json: bool) -> int:
    """Write the bronze of the export in `folder` into the lake; `dry_run` does everything but that.

    Nothing is replaced, and nothing is written that is not what the manifest says, or that an audit would find
    broken. Captures of days that the lake does not keep any more are skipped and counted. Returns 1 if something was
    refused. Raises `SettingsError` if the folder is no export of this source's
    data, and `LakeError` if the lake refuses or fails; what was written by then stays, and the next import goes on.
    """
    words, lake = terminal.words(), deploy(settings).lake
    folder = folder.expanduser().resolve()
    manifest = _manifest(folder)
    _require_source(manifest, folder, settings, lake)
    units, refused = sort_out(manifest.objects)
    refused += [_foreign(folder, key) for key in _unnamed(folder, manifest.objects)]
    words.print(
        f"{counted(len(units), 'capture')}, {_megabytes(units)}, from {folder} into {lake.store.root}",
        markup=False,
    )
    imported: list[Imported] = []
    expired: list[BronzeKey] = []
    # The sensor then expects more of these days, and makes gold once.
    lock = nullcontext() if dry_run else lake.locks.hold(automation.FILLING, (), words.print)
    try:
        with lock:
            if not dry_run:
                _record_first_day(settings, lake, units)
            for result in _results(lake, folder, units, dry_run=dry_run):
                if isinstance(result, Refused):
                    refused.append(result)
                elif isinstance(result, Expired):
                    expired += [result.key] if result.key else []
                else:
                    imported += result
    except KeyboardInterrupt:
        words.print(
            "[yellow]Interrupted. What was written stays; the same command goes on from there.[/yellow]"
        )
        raise
    for one in refused:
        words.print(terminal.on_one_line(f"✗ {one.reason}"), markup=False)
    _tell(lake, folder, manifest, imported, expired, refused, dry_run=dry_run, as_json=as_json)
    return 1 if refused else 0


def sort_out(objects: Mapping[str, Stated]) -> tuple[list[Unit], list[Refused]]:
    """The captures among a manifest's objects, by key, and those of its objects in bronze that are none.

    Objects of other layers are in neither: they are made from bronze.
    """
    captures = {key: parsed for key in objects if (parsed := PLACES.parse(key))}
    # The captures of a day may share parts.
    parts: dict[str, list[str]] = {}
    for key in sorted(filter(PLACES.is_part, objects)):
        parts.setdefault(key.rpartition("/parts/")[0], []).append(key)
    units = []
    taken = {layout.OWNERSHIP_MARKER, *captures}
    for key, parsed in sorted(captures.items()):
        place = PLACES.of(parsed.data_type)
        # As captures are written: an object that is seen has its receipt, and its parts.
        day_parts = parts.get(place.day_folder(parsed.dt), ())
        names = [name for name in (*day_parts, place.key_beside(key), key) if name in objects]
        units.append(Unit(parsed, {name: objects[name] for name in names}))
        taken.update(names)
    for day_parts in parts.values():
        if not taken.issuperset(day_parts):
            units.append(Unit(None, {name: objects[name] for name in day_parts}))
            taken.update(day_parts)
    for key in sorted(filter(batches.is_key, objects)):
        units.append(Unit(None, {key: objects[key]}))
        taken.add(key)
    refused = [
        Refused((key,), f"{key!r} is no key of a capture, nor of what is kept beside one: it is not imported")
        for key in sorted(objects.keys() - taken)
        if not _is_rebuilt(key)
    ]
    return units, refused


def _is_rebuilt(key: str) -> bool:
    """True for an object of a layer that is made from bronze."""
    parts = key.split("/")
    return parts[0] in REBUILT and not {"", ".", ".."} & set(parts)


REBUILT = (layout.SILVER.partition("/")[0], layout.QUARANTINE.partition("/")[0], layout.GOLD, layout.REPORTS)
"""The layers that are made from bronze, and never imported."""


def _manifest(folder: Path) -> Manifest:
    if not folder.is_dir():
        raise SettingsError(f"there is no folder {folder}: give the one that `tally export` wrote")
    manifest = copies.read_manifest(folder, remedy="run the export into this folder again")
    if manifest is None:
        raise SettingsError(
            f"{folder} has no {MANIFEST}, which says what its files should be: give the folder that `tally export`"
            " wrote, or run an export that was broken off to its end"
        )
    return manifest


def _require_source(manifest: Manifest, folder: Path, settings: Settings, lake: Lake) -> None:
    """Raises `SettingsError` if the export is of another source's data, `LakeOwnershipError` if the lake is."""
    if manifest.source != settings.source:
        raise SettingsError(
            f"{folder} holds {manifest.source} data, and {lake.store.root} is for {settings.source} data: nothing was"
            " written. TALLY_SOURCE chooses the lake on this machine; on AWS each source has an environment"
        )
    if layout.OWNERSHIP_MARKER in manifest.objects:
        Lake(Store.in_folder(folder).read_only(), manifest.source).check_source()
    lake.check_source()


def _unnamed(folder: Path, named: Collection[str]) -> list[str]:
    """The files in the export's bronze that its manifest does not name."""
    files = (
        (Path(parent) / name).relative_to(folder).as_posix()
        for parent, _, names in os.walk(folder / _BRONZE.partition("/")[0])
        for name in names
    )
    return sorted(set(files) - set(named))


def _foreign(folder: Path, key: str) -> Refused:
    return Refused((key,), f"{folder / key} is not in {MANIFEST}: it is not imported. Move it away")


def _record_first_day(settings: Settings, lake: Lake, units: Sequence[Unit]) -> None:
    """Before the first is written, so that a running `tally up` has partitions for the days by then."""
    today = clock.today().isoformat()
    days = [
        unit.key.dt
        for unit in units
        if unit.key and layout.EARLIEST <= unit.key.dt <= today and not _is_over(lake, unit)
    ]
    if days:
        first_day.record(settings, date.fromisoformat(min(days)))


def _is_over(lake: Lake, unit: Unit) -> bool:
    first = lake.store.retention.first_kept(clock.today())
    day = unit.key.dt if unit.key else max(filter(None, map(day_of, unit.objects)), default=None)
    return first is not None and day is not None and day < first.isoformat()


def _results(
    lake: Lake, folder: Path, units: Sequence[Unit], *, dry_run: bool
) -> Iterator[list[Imported] | Expired | Refused]:
    folders = (layout.STREAMS, batches.FOLDER) if _has_events(units) else (layout.STREAMS,)
    there = {info.key: info for folder in folders for info in lake.store.list(folder)}

    def transfer(unit: Unit) -> list[Imported] | Expired | Refused:
        if _is_over(lake, unit):
            return Expired(unit.key)
        try:
            bodies = {key: _proven(folder, key, stated) for key, stated in unit.objects.items()}
            if unit.key is not None:
                _audit(folder, unit.key, bodies, lake.source)
            _check_batches(bodies)
            return list(write_missing(lake, bodies, there, dry_run=dry_run))
        except ExpiredObjectError:  # midnight passed meanwhile
            return Expired(unit.key)
        except RefusedError as error:
            return Refused(tuple(unit.objects), str(error))

    pool = ThreadPoolExecutor(AT_ONCE)
    # Rich would interpret escape sequences in foreign output; the streams here escape them.
    bar = Progress(
        console=terminal.words(),
        disable=not sys.stderr.isatty(),
        redirect_stdout=False,
        redirect_stderr=False,
    )
    try:
        with bar:
            yield from bar.track(pool.map(transfer, units), len(units), description="importing")
    finally:
        pool.shutdown(cancel_futures=True)


def _proven(folder: Path, key: str, stated: Stated) -> bytes:
    """The bytes of the export's file, which are those that the manifest states."""
    path = folder.joinpath(*key.split("/"))
    try:
        if os.path.realpath(path) != str(path):
            raise RefusedError(
                f"{path} is reached by a link, and an export has none: put the file itself there"
            )
        if not path.is_file():
            raise RefusedError(
                f"{path} is named by {MANIFEST} and is not there: run the export into this folder again"
            )
        size = path.stat().st_size
        body = path.read_bytes() if size == stated.bytes else None
    except OSError as error:
        raise RefusedError(f"{path} cannot be read: {error.strerror or error}. Mend the folder") from error
    if body is None or hashlib.sha256(body).hexdigest() != stated.sha256:
        raise RefusedError(
            f"{path} is not what was exported: {size} bytes, and {MANIFEST} says {stated.bytes} with the SHA-256"
            f" {stated.sha256}. Move it away, and run the export into this folder again"
        )
    return body


def _has_events(units: Iterable[Unit]) -> bool:
    return any(batches.is_key(key) for unit in units for key in unit.objects)


def _check_batches(bodies: Mapping[str, bytes]) -> None:
    for key in filter(batches.is_key, bodies):
        if fault := batches.fault_in(key, bodies[key]):
            raise RefusedError(f"{key} does not hold ({fault}): it is not imported")


def _audit(folder: Path, key: BronzeKey, bodies: Mapping[str, bytes], source: str) -> None:
    """Refuse a capture that an audit finds broken, of another source, or of a day that never was.

    Bronze keeps what it holds for good, and of such a day nothing would be refined.
    """
    if not layout.EARLIEST <= key.dt <= clock.today().isoformat():
        raise RefusedError(
            f"{key} is of a day before {layout.EARLIEST} or after today, of which nothing is ever captured: it is not"
            " imported. If its day is right, set this machine's clock"
        )
    staged = Store.in_memory(str(folder))
    for name, body in bodies.items():
        staged.put(name, body)
    if problems := audit_one(staged, key, source).problems:
        raise RefusedError(f"{key} does not hold ({'; '.join(problems)}): it is not imported")


def write_missing(
    lake: Lake, bodies: Mapping[str, bytes], there: Mapping[str, ObjectInfo], *, dry_run: bool
) -> Iterator[Imported]:
    """Write a capture's objects that are not there yet, in this order; `there` are those that the lake lists.

    All that is there is compared first: no half of a capture joins another's. Raises `RefusedError` for other bytes.
    """
    for key in bodies.keys() & there.keys():
        _require_same(lake, key, bodies[key], there[key])
    for key, body in bodies.items():
        if key in there:
            yield Imported(key, len(body), "already there")
        elif dry_run:
            yield Imported(key, len(body), "missing")
        else:
            yield Imported(key, len(body), _write(lake, key, body))


def _write(lake: Lake, key: str, body: bytes) -> Literal["written", "already there"]:
    done: Literal["written", "already there"] = "written"
    try:
        lake.write_once(key, body)
    except AlreadyThereError:  # another import was quicker
        done = "already there"
    _require_same(lake, key, body)
    return done


def _require_same(lake: Lake, key: str, body: bytes, info: ObjectInfo | None = None) -> None:
    """Raise `RefusedError` if the lake's object has other bytes; its listing, if given, may prove it unread."""
    if info is not None and copies.etag_proves(body, info):
        return
    if lake.store.get(key) != body:
        raise RefusedError(
            f"{lake.store.uri(key)} is there and has other bytes than the export's; it stays as it is. `tally audit`"
            " says which of the two holds"
        )


def _megabytes(units: Sequence[Unit]) -> str:
    sizes = {key: stated.bytes for unit in units for key, stated in unit.objects.items()}
    return f"{sum(sizes.values()) / 1e6:,.1f} MB"


def _tell(
    lake: Lake,
    folder: Path,
    manifest: Manifest,
    imported: Sequence[Imported],
    expired: Sequence[BronzeKey],
    refused: Sequence[Refused],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    # Captures of a day may share parts, each of which counts once, as what was done first.
    done = {
        one.key: one for one in sorted(imported, key=lambda one: one.done == "already there", reverse=True)
    }
    counts = Counter(one.done for one in done.values())
    left = Counter(key.partition("/")[0] for key in manifest.objects if _is_rebuilt(key))
    if as_json:
        result = {
            "folder": str(folder),
            "lake": lake.store.root,
            "source": lake.source,
            "dry_run": dry_run,
            "written": counts["written"],
            "to_write": counts["missing"],
            "already_there": counts["already there"],
            "bytes": sum(one.size for one in done.values()),
            "left_out": dict(sorted(left.items())),
            "expired": sorted(map(str, expired)),
            "refused": {key: one.reason for one in refused for key in one.keys},
        }
        terminal.print_json(json.dumps(result, indent=2, ensure_ascii=False))
        return
    made = f"{counts['missing']} would be written" if dry_run else f"{counts['written']} written"
    print(
        terminal.on_one_line(
            f"{made}, {counts['already there']} already there, {counted(len(refused), 'refusal')}: "
            + (
                "nothing was written."
                if dry_run
                else f"each in {lake.store.root} was held against the export."
            )
        )
    )
    if expired:
        print(_expired_in_words(lake, expired))
    if left:
        print(
            f"Left out, as it is made from bronze: {', '.join(f'{n} in {name}' for name, n in sorted(left.items()))}."
        )
    if counts["written"]:
        print("A running `tally up` refines what is new by itself; `tally rebuild` does.")


def _expired_in_words(lake: Lake, expired: Sequence[BronzeKey]) -> str:
    first = lake.store.retention.first_kept(clock.today())
    return (
        f"Left out: {counted(len(expired), 'capture')} of days that the lake does not keep any more, the last of"
        f" {max(key.dt for key in expired)}; the first day that it keeps is {first}. TALLY_RETENTION_DAYS decides (on"
        " AWS Terraform's retention_days)."
    )
