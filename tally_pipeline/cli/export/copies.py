"""Copies objects of a store into a folder: atomically, verified, and listed in a manifest."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from tally_pipeline import clock
from tally_pipeline.deployment import SettingsError
from tally_pipeline.lake.store import ObjectInfo

MANIFEST = "manifest.json"
PARTIAL = ".partial"
"""The folder, within the export's, of incomplete files."""

ATTEMPTS = 3
"""Attempts at fetching an object that is changed meanwhile."""

_MD5 = re.compile(r'"?([0-9a-f]{32})"?')


class DoubtError(Exception):
    """There is no verified copy of an object; the message gives the object, the reason, and the remedy."""


class Source(Protocol):
    """Objects to copy: a store, or what expired in it."""

    root: str

    def uri(self, key: str) -> str: ...

    def list(self, folder: str) -> list[ObjectInfo]: ...

    def get(self, key: str) -> bytes: ...


class Stated(msgspec.Struct, frozen=True):
    """A file's entry in the manifest: its size in bytes and its SHA-256."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """The record of an export: its lake, the data's source, its time (UTC), and every file by its key."""

    lake: str
    source: str
    exported_at: str
    objects: dict[str, Stated]


@dataclass(frozen=True)
class Copy:
    """An object's copy. "renewed" replaced an older version, from an earlier export."""

    key: str
    stated: Stated
    done: Literal["written", "renewed", "kept"]


@contextmanager
def into(folder: Path) -> Iterator[None]:
    """Prepares the folder for copies; at the end incomplete files are removed.

    Raises `SettingsError` if the folder is not writable.
    """
    try:
        (folder / PARTIAL).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"cannot export into {folder}: {error.strerror} ({error.filename}). Give a folder that may be written"
            " to, or the name of one to be made."
        ) from error
    try:
        yield
    finally:
        shutil.rmtree(folder / PARTIAL, ignore_errors=True)


def copy(store: Source, info: ObjectInfo, folder: Path, before: Stated | None) -> Copy:
    """Copy an object; `before` is the manifest's entry from an earlier export, if any.

    An existing file that differs is replaced only if it is that export's, unmodified, and the object is not in
    bronze, where objects never change. Raises `DoubtError`, `LakeError`; the existing file then stays.
    """
    path = _place(folder, info.key)
    try:
        there = path.read_bytes() if path.exists() else None
        if there is not None and etag_proves(there, info):
            return Copy(info.key, _stated(there), "kept")
        body = _fetched(store, info)
        if there == body:
            return Copy(info.key, _stated(body), "kept")
        if there is not None and (info.key.startswith("bronze/") or _stated(there) != before):
            raise DoubtError(
                f"{path} is there and differs from {store.uri(info.key)}; it stays as it is. Move it away, or export"
                " into another folder"
            )
        _write(path, body, folder / PARTIAL)
    except OSError as error:
        raise DoubtError(
            f"{store.uri(info.key)} cannot be a file at {path}: {error.strerror or error}. Make room or mend the"
            " folder, then run the same again"
        ) from error
    return Copy(info.key, _stated(body), "written" if there is None else "renewed")


def _place(folder: Path, key: str) -> Path:
    """The path of the copy: below the folder for any key."""
    parts = key.split("/")
    odd = {"", ".", ".."} & set(parts) or any(character in key for character in "\0\\")
    if odd or parts[0] in (MANIFEST, PARTIAL):
        raise DoubtError(
            f"an object named {key!r} has no place in a folder: look at it, and remove it if it is stray"
        )
    return folder.joinpath(*parts)


def _fetched(store: Source, info: ObjectInfo) -> bytes:
    """The object's bytes, checked against the size and, if it has one, the MD5 in the listing."""
    for _ in range(ATTEMPTS):
        body = store.get(info.key)
        if len(body) == info.size and _md5(info) in (None, hashlib.md5(body).hexdigest()):
            return body
        listed = store.list(info.key.rpartition("/")[0])
        now = next((one for one in listed if one.key == info.key), None)
        if now is None:
            raise DoubtError(f"{store.uri(info.key)} was removed while it was exported: run the same again")
        if (now.version, now.size) == (info.version, info.size):
            raise DoubtError(
                f"{store.uri(info.key)} came as {len(body)} bytes that do not hash to its ETag {info.version}"
                f" ({info.size} bytes). Run the same again; where the bucket encrypts with a KMS key an ETag is no"
                " hash, and only `tally audit` proves an object"
            )
        info = now
    raise DoubtError(
        f"{store.uri(info.key)} changed each time it was read: stop what writes it, and run the same again"
    )


def etag_proves(body: bytes, info: ObjectInfo) -> bool:
    """True if the listing of an object on S3 proves that these are its bytes."""
    return len(body) == info.size and hashlib.md5(body).hexdigest() == _md5(info)


def _md5(info: ObjectInfo) -> str | None:
    """The MD5 in the S3 ETag of an object that was uploaded in one part; None for another ETag."""
    match = _MD5.fullmatch(info.version)
    return match[1] if match else None


def _write(path: Path, body: bytes, partial: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=partial, delete=False) as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)


def _stated(body: bytes) -> Stated:
    return Stated(len(body), hashlib.sha256(body).hexdigest())


# --- the manifest ------------------------------------------------------------------------------------------


def read_manifest(
    folder: Path, remedy: str = "export into another folder, or move it away"
) -> Manifest | None:
    """The manifest of the last export; None without one. Raises `SettingsError` if it is unreadable."""
    try:
        return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise SettingsError(f"{folder / MANIFEST} cannot be read ({error}): {remedy}") from error


def write_manifest(folder: Path, lake: str, source: str, objects: Mapping[str, Stated]) -> None:
    """Write the manifest, replacing any existing one."""
    now = clock.now().isoformat(timespec="seconds").replace("+00:00", "Z")
    told = Manifest(lake, source, now, dict(sorted(objects.items())))
    _write(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(told)), folder / PARTIAL)


def verify(folder: Path, objects: Mapping[str, Stated]) -> list[str]:
    """Read every file again; returns the differences from the manifest."""
    found = []
    for key, stated in objects.items():
        path = folder / key
        try:
            now = _stated(path.read_bytes())
        except OSError as error:
            found.append(f"{path} cannot be read: {error.strerror}. Run the same again: it is fetched anew")
            continue
        if now != stated:
            found.append(
                f"{path} is not what was exported: it has {now.bytes} bytes with the SHA-256 {now.sha256}, the"
                f" manifest says {stated.bytes} with {stated.sha256}. Move it away and run the same again"
            )
    return found
