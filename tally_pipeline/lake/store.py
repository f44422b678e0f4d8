"""The object store under the lake: a folder or S3 behind one API, with create-only and atomic writes.

Both come from obstore, whose folder store writes to a staging file and renames it: a reader sees the old
object or the new one, never half of one, and a crash leaves at most a staging file, which listings omit.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeAlias, TypeVar

import obstore
from botocore.exceptions import BotoCoreError
from obstore import exceptions
from obstore.store import LocalStore, MemoryStore, ObjectStore

from tally_pipeline import clock
from tally_pipeline.aws import errors
from tally_pipeline.lake import s3
from tally_pipeline.lake.retention import FOR_EVER, ExpiredDayError, Retention

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta, PutMode

    from tally_pipeline.aws.session import Aws

P = ParamSpec("P")
T = TypeVar("T")

Observe: TypeAlias = Callable[[str, int], None]
"""Receives each request: S3's name of the operation ("PutObject", "GetObject", "ListObjectsV2"), and its bytes."""

Explain: TypeAlias = Callable[[BaseException, str, str], str]
"""Explains an error and its remedy, given the error, the operation (a verb) and the object's address."""

LISTED_AT_ONCE = 1000
"""Keys that one request lists at most, on S3."""

CONFLICTS = 3
"""Attempts at a conditional write when S3 reports that another was in progress, which decides nothing."""

_NO_ANSWER = ("Timeout", "Connect", "GenericError")
"""`errors.code_of` of requests that may have succeeded, because their response was lost."""


class LakeError(Exception):
    """The store refused or failed; the message names the object and what to do."""


class NoSuchObjectError(LakeError):
    """There is no object at the key."""


class AlreadyThereError(LakeError):
    """A create-only write found an object at the key; that object is unchanged."""


class ExpiredObjectError(LakeError):
    """An object was not written, because its day is over that the lake keeps."""


class OvertakenError(LakeError):
    """Another writer replaced an object after its version was read; the other's object is unchanged."""


@dataclass(frozen=True)
class ObjectInfo:
    """One object of a listing; `version` changes whenever the object is written."""

    key: str
    size: int
    version: str
    modified: datetime


def _explain_folder(error: BaseException, doing: str, where: str) -> str:
    if isinstance(error, exceptions.InvalidPathError):
        return (
            f"could not {doing} {where}: a file there has a name that no object store takes ({_first_line(error)})."
            " Rename or remove that file; then run the same again."
        )
    return (
        f"could not {doing} {where}: {_first_line(error)}."
        " Check that the lake is there, is writable and has space; then run the same again."
    )


def _explained(verb: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Translate obstore's exceptions into `LakeError`s that name the object and the remedy."""

    def decorate(method: Callable[P, T]) -> Callable[P, T]:
        @wraps(method)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
            store, key = args[0], args[1]
            assert isinstance(store, Store)
            try:
                return method(*args, **kwargs)
            except LakeError:
                raise
            except (FileNotFoundError, exceptions.NotFoundError) as error:
                if errors.code_of(error) == "NoSuchBucket":
                    raise LakeError(store.explain(error, verb, store.uri(str(key)))) from None
                raise NoSuchObjectError(f"there is no object {store.uri(str(key))}") from error
            except exceptions.AlreadyExistsError as error:
                raise AlreadyThereError(
                    f"{store.uri(str(key))} is there already; it stays as it is"
                ) from error
            except ExpiredDayError as error:
                raise ExpiredObjectError(f"{store.uri(str(key))} was not written: {error}.") from None
            except ValueError as error:
                raise LakeError(f"{key!r} is no name for an object: {_first_line(error)}") from error
            except (exceptions.BaseError, BotoCoreError, OSError) as error:
                # Not the cause's text: S3's may hold an access key.
                raise LakeError(store.explain(error, verb, store.uri(str(key)))) from None

        return wrapper

    return decorate


class Store:
    """Objects by key below one root. Every method raises `LakeError` when the store fails."""

    def __init__(
        self,
        connect: Callable[[], ObjectStore],
        root: str,
        explain: Explain = _explain_folder,
        observe: Observe | None = None,
        retention: Retention = FOR_EVER,
    ) -> None:
        """`connect` is called once, at the first request. A day that `retention` does not keep is not written."""
        self._connect = connect
        self.root = root.rstrip("/")
        self.explain = explain
        self._observe = observe
        self.retention = retention

    @classmethod
    def in_folder(
        cls, folder: Path, observe: Observe | None = None, retention: Retention = FOR_EVER
    ) -> Store:
        """The store in a local folder, which is created on first use."""
        return cls(lambda: LocalStore(folder, mkdir=True), str(folder), observe=observe, retention=retention)

    @classmethod
    def in_memory(cls, root: str = "memory:") -> Store:
        """A store in this process's memory, which touches no disk."""
        backend = MemoryStore()
        return cls(lambda: backend, root)

    @classmethod
    def on_s3(
        cls, aws: Aws, bucket: str, observe: Observe | None = None, retention: Retention = FOR_EVER
    ) -> Store:
        """The store in a bucket, which must exist. Contacts nothing before the first use."""
        return cls(partial(s3.connect, aws, bucket), f"s3://{bucket}", errors.explain, observe, retention)

    def read_only(self) -> Store:
        """The same objects, read-only."""
        return _ReadOnly(self._connect, self.root, self.explain, self._observe, self.retention)

    @cached_property
    def _backend(self) -> ObjectStore:
        return self._connect()

    def uri(self, key: str) -> str:
        """The object's address, for people and other tools: a path or an s3:// address."""
        return f"{self.root}/{key}"

    @_explained("read")
    def get(self, key: str) -> bytes:
        """The object's bytes; raises `NoSuchObjectError`."""
        return self._read(key, None)

    @_explained("read")
    def get_with_version(self, key: str) -> tuple[bytes, str]:
        """The object's bytes, and its version; raises `NoSuchObjectError`."""
        result = obstore.get(self._backend, _checked_key(key))
        body = bytes(result.bytes())
        self._observe_request("GetObject", len(body))
        return body, _version(result.meta)

    @_explained("read the end of")
    def tail(self, key: str, length: int) -> bytes:
        """The object's last `length` bytes, or the whole of a shorter one; raises `NoSuchObjectError`."""
        return self._tail(key, length)

    @_explained("read the beginning of")
    def head(self, key: str, length: int) -> bytes:
        """The object's first `length` bytes, or the whole of a shorter one; raises `NoSuchObjectError`."""
        return self._read(key, {"range": (0, length)})

    @_explained("write")
    def create(self, key: str, body: bytes) -> None:
        """Write an object that must not exist yet; raises `AlreadyThereError` and changes nothing if it does."""
        for attempt in range(CONFLICTS):
            self._observe_request("PutObject", len(body))
            try:
                self._write(key, body, "create")
            except exceptions.AlreadyExistsError as error:
                if errors.code_of(error) != "ConditionalRequestConflict":
                    raise
                if attempt == CONFLICTS - 1:
                    raise LakeError(self.explain(error, "write", self.uri(key))) from None
            else:
                return

    @_explained("write")
    def put(self, key: str, body: bytes) -> None:
        """Write an object atomically, in place of any existing one."""
        self._observe_request("PutObject", len(body))
        self._write(key, body, "overwrite")

    def _write(self, key: str, body: bytes, mode: PutMode, shows: str | None = None) -> None:
        tags = self.retention.tags(key, clock.today(), shows)
        obstore.put(
            self._backend,
            _checked_key(key),
            body,
            mode=mode,
            use_multipart=False,
            # A folder has no tags, and no rules that would read them.
            tags=dict(tags) if tags and self.is_shared else None,
        )

    @property
    def is_shared(self) -> bool:
        """True if several machines can write here: one machine's locks do not hold back the others."""
        return not isinstance(self._backend, LocalStore)

    @_explained("look at")
    def version(self, key: str) -> str | None:
        """The present version of the object; None without one."""
        self._observe_request("GetObject", 1)
        return self._version(key)

    def _version(self, key: str) -> str | None:
        try:
            # As in `exists`, not by HEAD.
            result = obstore.get(self._backend, _checked_key(key), options={"range": {"suffix": 1}})
        except (FileNotFoundError, exceptions.NotFoundError) as error:
            if errors.code_of(error) == "NoSuchBucket":
                raise
            return None
        return _version(result.meta)

    @_explained("write")
    def replace(self, key: str, body: bytes, version: str | None, shows: str | None = None) -> bool:
        """Write an object atomically in place of this version of it (None: it must not exist yet).

        Returns True if this call is known to have written it; False if the very same bytes were found there, be they
        another writer's or of an attempt whose response was lost.
        `shows` is the day whose content it holds, if its key has none: it expires with that day.
        Raises `OvertakenError`, and changes nothing, if another version exists. A folder has no conditional write:
        there the caller must hold the table's lock meanwhile, as every writer on that machine does.
        """
        if not self.is_shared:
            if self._version(key) != version:
                raise self._overtaken(key)
            self._observe_request("PutObject", len(body))
            self._write(key, body, "overwrite", shows)
            return True
        mode: PutMode = "create" if version is None else {"e_tag": version}
        for attempt in range(CONFLICTS):
            self._observe_request("PutObject", len(body))
            is_last = attempt == CONFLICTS - 1
            try:
                self._write(key, body, mode, shows)
            except (
                exceptions.AlreadyExistsError,
                exceptions.PreconditionError,
                exceptions.NotFoundError,
            ) as error:
                code = errors.code_of(error)
                if code == "NoSuchBucket" or (code == "ConditionalRequestConflict" and is_last):
                    raise
                if code == "ConditionalRequestConflict":
                    continue
                # An own attempt may have succeeded with its response lost.
                if self._holds(key, body):
                    return False
                raise self._overtaken(key) from None
            except exceptions.GenericError as error:
                # obstore does not retry a conditional write without a response.
                if is_last or errors.code_of(error) not in _NO_ANSWER:
                    raise
            else:
                return True
        raise AssertionError("the last attempt returns or raises")

    def _overtaken(self, key: str) -> OvertakenError:
        return OvertakenError(
            f"{self.uri(key)} was replaced by another writer meanwhile; it stays as that wrote it"
        )

    def _holds(self, key: str, body: bytes) -> bool:
        try:
            return self._read(key, None) == body
        except (FileNotFoundError, exceptions.NotFoundError):
            return False

    @_explained("look for")
    def exists(self, key: str) -> bool:
        # Not by HEAD: its errors have no code, so a missing bucket would pass for a missing object.
        try:
            self._tail(key, 1)
        except (FileNotFoundError, exceptions.NotFoundError) as error:
            if errors.code_of(error) == "NoSuchBucket":
                raise
            return False
        return True

    @_explained("list")
    def list(self, folder: str) -> builtins.list[ObjectInfo]:
        """Every object below a folder, by key; an absent folder is empty."""
        objects = sorted(self._walk(folder), key=lambda objects: objects.key)
        self._observe_listing(len(objects))
        return objects

    @_explained("list")
    def folders(self, folder: str) -> builtins.list[str]:
        """The names of the folders directly below a folder, sorted."""
        listing = obstore.list_with_delimiter(self._backend, folder)
        self._observe_listing(len(listing["common_prefixes"]) + len(listing["objects"]))
        return sorted(prefix.rstrip("/").rsplit("/", 1)[-1] for prefix in listing["common_prefixes"])

    def _walk(self, folder: str) -> Iterator[ObjectInfo]:
        for batch in obstore.list(self._backend, folder):
            for meta in batch:
                yield ObjectInfo(meta["path"], meta["size"], _version(meta), meta["last_modified"])

    def _tail(self, key: str, length: int) -> bytes:
        # One request: the object could change between two.
        try:
            return self._read(key, {"range": {"suffix": length}})
        except exceptions.BaseError as error:
            # S3 refuses the range of an empty object, others answer with the whole of it.
            if errors.code_of(error) == "InvalidRange" or "non-partial response" in str(error):
                return self._read(key, None)[-length:]
            raise

    def _read(self, key: str, options: GetOptions | None) -> bytes:
        body = b""
        try:
            body = bytes(obstore.get(self._backend, _checked_key(key), options=options).bytes())
        finally:
            self._observe_request("GetObject", len(body))
        return body

    def _observe_request(self, operation: str, size: int) -> None:
        if self._observe is not None:
            self._observe(operation, size)

    def _observe_listing(self, keys: int) -> None:
        for _ in range(max(1, -(-keys // LISTED_AT_ONCE))):
            self._observe_request("ListObjectsV2", 0)


class _ReadOnly(Store):
    """Refuses to write."""

    def create(self, key: str, body: bytes) -> None:
        raise LakeError(f"{self.uri(key)} was not written: this lake was opened for reading only")

    put = create

    def replace(self, key: str, body: bytes, version: str | None, shows: str | None = None) -> bool:
        self.create(key, body)
        return False


def _version(meta: ObjectMeta) -> str:
    """A value that changes with every write of the object: S3's ETag, or its counterpart in a folder."""
    return meta.get("e_tag") or meta["last_modified"].isoformat()


def _checked_key(key: str) -> str:
    if not key:  # on S3 it would mean the bucket itself
        raise ValueError("it is empty")
    return key


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")
