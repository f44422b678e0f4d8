"""Silver and quarantine files: Arrow tables as Parquet bytes, with the row counts in the footer."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import IO, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

F = TypeVar("F", bound=msgspec.Struct)

_KEY = b"tally"
FOOTER_BYTES = 64 * 1024
"""Enough for the footer of nearly any file written here (about 9 KB)."""

# Arrow's exceptions for a damaged file, which depend on the place of the damage.
_DAMAGED = (pa.ArrowException, OSError, UnicodeDecodeError)

_LEVEL = 9

# Dictionaries pay off for repeated values; for titles and synopses they only cost time. A column elsewhere says so by
# its field's metadata, `values: few`.
_REPETITIVE = ["first_air_date", "original_language", "ingestion_date", "data_type"]


class BronzeRef(msgspec.Struct, frozen=True):
    """The bronze object that a file was made from."""

    key: str
    sha256: str


class Provenance(msgspec.Struct, frozen=True):
    """The part that all footers of silver share: the bronze objects that the file was made from."""

    bronze: tuple[BronzeRef, ...]


class ForeignFileError(ValueError):
    """A Parquet file that Tally did not write, or not a Parquet file at all."""


def encode(table: pa.Table, footer: msgspec.Struct) -> bytes:
    """The table as a Parquet file; the same table and footer give the same bytes."""
    return encode_table(table.replace_schema_metadata({_KEY: msgspec.json.encode(footer)}))


def encode_table(table: pa.Table) -> bytes:
    """The table as a Parquet file, without Tally's footer.

    With Snappy; a table that marks columns of few values is large and kept daily, and goes with zstd: two fifths
    smaller for offers, at a tenth of a second a hundred thousand rows.
    """
    # Arrow's own sink doubles as it grows and would be copied at the end: one more file in memory at the peak.
    sink = io.BytesIO()
    few = [path for field in table.schema if _has_few_values(field) for path in _leaves(field, field.name)]
    is_large = any(_is_marked(field) for field in table.schema)
    write(table, sink, dictionaries=few, zstd=is_large)
    return sink.getvalue()


def _has_few_values(field: pa.Field) -> bool:
    return field.name in _REPETITIVE or _is_marked(field)


def _is_marked(field: pa.Field) -> bool:
    return (field.metadata or {}).get(b"values") == b"few"


def _leaves(field: pa.Field, path: str) -> Iterator[str]:
    """The paths of a field's leaf columns, as Parquet names them, which calls what a list holds its element."""
    if pa.types.is_list(field.type):
        yield from _leaves(field.type.value_field, f"{path}.list.element")
    elif pa.types.is_struct(field.type):
        for inner in field.type:
            yield from _leaves(inner, f"{path}.{inner.name}")
    else:
        yield path


def write(
    table: pa.Table, sink: IO[bytes], *, dictionaries: list[str] | bool = True, zstd: bool = False
) -> None:
    """Write the table as a Parquet file (Snappy or zstd), with dictionaries for these columns, or all or none."""
    compression, level = ("zstd", _LEVEL) if zstd else ("snappy", None)
    with pq.ParquetWriter(
        sink,
        table.schema,
        compression=compression,
        compression_level=level,
        use_dictionary=dictionaries,
    ) as writer:
        # Without rows Arrow would write a row group without rows, a file that ClickHouse refuses to read.
        if table.num_rows:
            writer.write_table(table)


def decode(body: bytes, columns: Sequence[str] | None = None) -> pa.Table:
    """The table of a file, with only some of its columns if named; raises `ForeignFileError`."""
    try:
        return pq.ParquetFile(pa.BufferReader(body)).read(
            columns=list(columns) if columns else None, use_threads=False
        )
    except _DAMAGED as error:
        raise ForeignFileError(f"not a Parquet file: {error}") from error


def footer_length(tail: bytes) -> int:
    """The length of a file's footer in bytes, from the file's last bytes."""
    return int.from_bytes(tail[-8:-4], "little") + 8


def read_footer(tail: bytes, kind: type[F]) -> F:
    """A file's footer, from at least its last `footer_length` bytes.

    Raises `ForeignFileError`, also if a file's rows are not as many as its footer counts: tools that rewrite a file
    keep metadata that they do not know. Footers whose class sets `rows_are_checked` are exempt: checks compare them
    with their files.
    """
    try:
        metadata = pq.read_metadata(pa.BufferReader(tail))
        footer = msgspec.json.decode((metadata.metadata or {})[_KEY], type=kind)
    except (*_DAMAGED, KeyError, msgspec.DecodeError) as error:
        raise ForeignFileError(f"not a file that Tally wrote: {error}") from error
    rows = _rows_counted(footer, is_quarantine="raw" in metadata.schema.names)
    if rows not in (None, metadata.num_rows):
        raise ForeignFileError(
            f"not as Tally wrote it: it holds {metadata.num_rows} rows, its footer says {rows}"
        )
    return footer


def _rows_counted(footer: msgspec.Struct, *, is_quarantine: bool) -> int | None:
    """The number of rows of a file by its footer; None if it does not say."""
    if getattr(type(footer), "rows_are_checked", False):
        return None
    counts = getattr(footer, "counts", None)
    return getattr(counts, "quarantined" if is_quarantine else "silver_rows", None)
