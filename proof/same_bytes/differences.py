"""Two folders held against each other, file by file, and what it is that differs in a file."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

AROUND = 60


def objects(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path within."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def digest(held: Mapping[str, bytes]) -> str:
    """One hash of all keys and all their hashes."""
    told = hashlib.sha256()
    for key in sorted(held):
        told.update(f"{key} {hashlib.sha256(held[key]).hexdigest()}\n".encode("utf-8", "surrogateescape"))
    return told.hexdigest()


def differences(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Iterator[str]:
    """The differences, one sentence an object, in the order of their keys."""
    for key in sorted(before.keys() | after.keys()):
        if key not in after:
            yield f"{key}: is not made any more ({len(before[key]):,} bytes before)"
        elif key not in before:
            yield f"{key}: is new ({len(after[key]):,} bytes)"
        elif before[key] != after[key]:
            yield f"{key}: {what_differs(key, before[key], after[key])}"


def what_differs(key: str, before: bytes, after: bytes) -> str:
    """In one file: the schema, the footer, the first row that differs; or else the first bytes."""
    if key.endswith(".parquet"):
        try:
            return _in_tables(before, after)
        except (pa.ArrowException, OSError) as error:
            return f"a file that cannot be read as Parquet ({error}); {_in_bytes(before, after)}"
    return _in_bytes(before, after)


def _in_tables(before: bytes, after: bytes) -> str:
    old, new = pq.read_table(io.BytesIO(before)), pq.read_table(io.BytesIO(after))
    if not old.schema.equals(new.schema, check_metadata=False):
        return f"schema: {old.schema.remove_metadata()} / {new.schema.remove_metadata()}"
    if (metadata := _metadata(old)) != _metadata(new):
        return f"footer: {_in_bytes(metadata, _metadata(new))}"
    if not old.schema.equals(new.schema, check_metadata=True):
        return "schema: the metadata of a field"
    if old.num_rows != new.num_rows:
        return f"{old.num_rows:,} rows before, {new.num_rows:,} now"
    for place in range(old.num_rows):
        was, now = old.slice(place, 1).to_pylist()[0], new.slice(place, 1).to_pylist()[0]
        if _told(was) != _told(now):
            names = [name for name in was if _told(was[name]) != _told(now[name])]
            changed = "; ".join(f"{name} {was[name]!r} / {now[name]!r}" for name in names)
            return f"row {place}: {changed}"
    return f"schema, footer and rows are the same, how they are encoded is not; {_in_bytes(before, after)}"


def _metadata(table: pa.Table) -> bytes:
    return b"; ".join(b"%s=%s" % member for member in sorted((table.schema.metadata or {}).items()))


def _told(value: Any) -> str:
    """NaN as NaN, and -0.0 apart from 0.0."""
    return repr(value)


def _in_bytes(before: bytes, after: bytes) -> str:
    most = min(len(before), len(after))
    place = next((n for n in range(most) if before[n] != after[n]), most)
    start = max(0, place - AROUND)
    old, new = (text[start : place + AROUND].decode("utf-8", "replace") for text in (before, after))
    return f"byte {place:,} of {len(before):,} / {len(after):,}: …{old!r}… / …{new!r}…"
