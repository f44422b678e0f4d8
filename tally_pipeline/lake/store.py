"""The object store under the lake: a folder or S3 behind one API, with create-only and atomic writes.

Both come from obstore, whose folder store writes to a staging file and renames it: a reader sees the old
object or the new one, never half of one, and a crash leaves at most a staging file that no listing shows.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import obstore
from obstore import exceptions
from obstore.store import LocalStore, ObjectStore

P = ParamSpec("P")
T = TypeVar("T")


class LakeError(Exception):
    """The store refused or failed; the message names the object and what to do."""


class NoSuchObjectError(LakeError):
    """There is no object at the key."""


class AlreadyThereError(LakeError):
    """A create-only write found an object at the key; that object is unchanged."""


@dataclass(frozen=True)
class ObjectInfo:
    """One object of a listing; `version` changes whenever the object is written."""

    key: str
    size: int
    version: str
    modified: datetime


def _explained(verb: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Turns obstore's exceptions into `LakeError`s that name the object and the remedy."""

    def decorate(method: Callable[P, T]) -> Callable[P, T]:
        @wraps(method)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
            store, key = args[0], args[1]
            assert isinstance(store, Store)
            try:
                return method(*args, **kwargs)
            except (FileNotFoundError, exceptions.NotFoundError) as error:
                raise NoSuchObjectError(f"there is no object {store.uri(str(key))}") from error
            except exceptions.AlreadyExistsError as error:
                raise AlreadyThereError(
                    f"{store.uri(str(key))} is there already; it stays as it is"
                ) from error
            except ValueError as error:
                raise LakeError(f"{key!r} is no name for an object: {_first_line(error)}") from error
            except exceptions.InvalidPathError as error:
                raise LakeError(
                    f"could not {verb} {store.uri(str(key))}: a file there has a name that no object store takes"
                    f" ({_first_line(error)}). Rename or remove that file; then run the same again."
                ) from error
            except (exceptions.BaseError, OSError) as error:
                raise LakeError(
                    f"could not {verb} {store.uri(str(key))}: {_first_line(error)}."
                    " Check that the lake is there, is writable and has space; then run the same again."
                ) from error

        return wrapper

    return decorate


class Store:
    """Objects by key below one root. Every method raises `LakeError` when the store fails."""

    def __init__(self, connect: Callable[[], ObjectStore], root: str) -> None:
        """`connect` is called once, when the first object is asked for."""
        self._connect = connect
        self.root = root.rstrip("/")

    @classmethod
    def in_folder(cls, folder: Path) -> Store:
        """The store in a local folder, which is made when it is first used."""
        return cls(lambda: LocalStore(folder, mkdir=True), str(folder))

    @cached_property
    def _backend(self) -> ObjectStore:
        return self._connect()

    def uri(self, key: str) -> str:
        """Where the object is, for people and other tools: a path or an s3:// address."""
        return f"{self.root}/{key}"

    @_explained("read")
    def get(self, key: str) -> bytes:
        """The object's bytes; raises `NoSuchObjectError`."""
        return bytes(obstore.get(self._backend, key).bytes())

    @_explained("read the end of")
    def tail(self, key: str, length: int) -> bytes:
        """The object's last `length` bytes, or all of it when it is shorter; raises `NoSuchObjectError`."""
        # One request: between two, the object could be another.
        return bytes(obstore.get(self._backend, key, options={"range": {"suffix": length}}).bytes())

    @_explained("write")
    def create(self, key: str, body: bytes) -> None:
        """Write an object that must not be there yet; raises `AlreadyThereError` and changes nothing if it is."""
        obstore.put(self._backend, key, body, mode="create", use_multipart=False)

    @_explained("write")
    def put(self, key: str, body: bytes) -> None:
        """Write an object whole, in place of the one that may be there."""
        obstore.put(self._backend, key, body, mode="overwrite", use_multipart=False)

    @_explained("look for")
    def exists(self, key: str) -> bool:
        try:
            obstore.head(self._backend, key)
        except (FileNotFoundError, exceptions.NotFoundError):
            return False
        return True

    @_explained("list")
    def list(self, folder: str) -> builtins.list[ObjectInfo]:
        """Every object below a folder, by key; an absent folder is empty."""
        return sorted(self._walk(folder), key=lambda found: found.key)

    @_explained("list")
    def folders(self, folder: str) -> builtins.list[str]:
        """The names of the folders right below a folder, sorted."""
        found = obstore.list_with_delimiter(self._backend, folder)["common_prefixes"]
        return sorted(prefix.rstrip("/").rsplit("/", 1)[-1] for prefix in found)

    def _walk(self, folder: str) -> Iterator[ObjectInfo]:
        for batch in obstore.list(self._backend, folder):
            for meta in batch:
                version = meta.get("version") or meta.get("e_tag") or meta["last_modified"].isoformat()
                yield ObjectInfo(meta["path"], meta["size"], version, meta["last_modified"])


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")
