"""Lines of a daily export: cut from the gzip file, read under a contract, each id once.

The file is gzip of JSON lines: https://developer.themoviedb.org/docs/daily-id-exports. A line is a row, so lines are
refined in batches as the rows of lists are; only cutting the file into lines is special.
"""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from tally_pipeline.bronze.captures import UnreadableCaptureError
from tally_pipeline.bronze.rawjson import without_mark
from tally_pipeline.contracts import contract
from tally_pipeline.contracts.batch import refine_batch
from tally_pipeline.contracts.contract import RowContract

BATCH_LINES = 5_000
"""Lines refined at a time: enough to make the columns long, few enough to keep memory flat."""

SHOWN = 20
"""The most unknown fields that are named."""

Rule = Literal[contract.Rule, "repeated_id"]

RULES: dict[Rule, str] = {
    **{rule: contract.RULES[rule] for rule in contract.RULES if rule != "impossible_date"},
    "repeated_id": "an earlier line of the file has the same id",
}
"""Every reason to reject a line, and its meaning."""

QUARANTINE: pa.Schema = pa.schema(
    [
        pa.field("raw", pa.string(), metadata={"comment": "The line as it stands in the file."}),
        pa.field("line", pa.int32(), metadata={"comment": "The line's number in the file, 1 first."}),
        pa.field(
            "rules", contract.STRINGS, metadata={"comment": "Every rule that the line breaks, by name."}
        ),
        pa.field(
            "reasons", contract.STRINGS, metadata={"comment": "The same in words, with field and value."}
        ),
        pa.field("bronze_key", pa.string(), metadata={"comment": "The bronze object that holds the line."}),
    ]
)
"""The schema of every quarantine file."""


class UnreadableExportError(UnreadableCaptureError):
    """The object is no whole gzip file; the message says in what way."""


@dataclass(frozen=True)
class Lines:
    """The lines of a file, read: `rows` are the sound ones in file order, each id once, in the columns that the
    contract takes from fields; the others are in `quarantine`.

    `lines` = rows + quarantined + `blank`. `by_rule`: rejected lines by rule. `new_fields`: lines with a field that
    the contract does not know, by field. `lost_fields`: fields of the contract that no line had.
    """

    rows: pa.Table
    quarantine: pa.Table
    lines: int
    blank: int
    by_rule: dict[str, int]
    new_fields: dict[str, int]
    lost_fields: tuple[str, ...]


def read(export: bytes, of: RowContract, *, unique: str, key: str) -> Lines:
    """Read the gzip file `export`, which lies at `key`, by the contract `of`; `unique` is the column of ids.

    The result depends on nothing else. Raises `UnreadableExportError`.
    """
    raw_lines = _lines(export)
    places: Sequence[int] = range(len(raw_lines))
    if not all(map(bytes.strip, raw_lines)):
        places = [place for place in places if raw_lines[place].strip()]
    lines = [raw_lines[place] for place in places] if len(places) < len(raw_lines) else raw_lines
    batches: list[pa.RecordBatch] = []
    sound: list[np.ndarray] = []
    broken: dict[int, list[tuple[Rule, str]]] = {}
    seen: set[str] = set()
    unknown: Counter[str] = Counter()
    names = [column.name for column in of.sourced]
    for start in range(0, len(lines), BATCH_LINES):
        part = lines[start : start + BATCH_LINES]
        chunk = refine_batch(part, of)
        batches.append(pa.RecordBatch.from_arrays([chunk.columns[name] for name in names], names))
        good = np.setdiff1d(np.arange(len(part)), list(chunk.broken), assume_unique=True)
        sound.append(good + start)
        broken.update({places[start + i]: list(reasons) for i, reasons in chunk.broken.items()})
        seen |= chunk.seen
        unknown.update(chunk.unknown)

    schema = pa.schema([of.schema.field(name) for name in names])
    rows = pa.Table.from_batches([batch.cast(schema) for batch in batches], schema=schema)
    ids = rows[unique].to_numpy()
    first = np.unique(ids, return_index=True)[1]
    if len(first) < len(ids):
        sound_lines = np.concatenate(sound)
        for repeat in np.setdiff1d(np.arange(len(ids)), first, assume_unique=True):
            description = f"id {ids[repeat]} stands on an earlier line"
            broken[places[sound_lines[repeat]]] = [("repeated_id", description)]
        rows = rows.take(np.sort(first))
    by_rule = Counter(
        rule for reasons in broken.values() for rule in dict.fromkeys(rule for rule, _ in reasons)
    )
    return Lines(
        rows=rows,
        quarantine=_quarantine(raw_lines, broken, key),
        lines=len(raw_lines),
        blank=len(raw_lines) - len(lines),
        by_rule={rule: by_rule[rule] for rule in RULES},
        new_fields=dict(sorted(unknown.items())[:SHOWN]),
        lost_fields=tuple(sorted(of.fields - seen)) if lines else (),
    )


def count_lines(export: bytes) -> int:
    """The number of lines in a file; raises `UnreadableExportError`."""
    return len(_lines(export))


def _lines(export: bytes) -> list[bytes]:
    """The file's lines without line ends or a leading byte order mark. An empty rest after the last line end is
    no line."""
    if not export:
        raise UnreadableExportError("it is not a whole gzip file (it is empty)")
    try:
        text = gzip.decompress(export)
    except (EOFError, OSError, zlib.error) as error:
        raise UnreadableExportError(f"it is not a whole gzip file ({error})") from error
    lines = without_mark(text).split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines


def _quarantine(lines: Sequence[bytes], broken: dict[int, list[tuple[Rule, str]]], key: str) -> pa.Table:
    rows = [
        {
            "raw": lines[index].decode("utf-8", "backslashreplace"),
            "line": index + 1,
            "rules": list(dict.fromkeys(rule for rule, _ in reasons)),
            "reasons": [text for _, text in reasons],
            "bronze_key": key,
        }
        for index, reasons in sorted(broken.items())
    ]
    return pa.Table.from_pylist(rows, schema=QUARANTINE)
