"""TMDB's daily list of all its series: the contract of its lines, and how a day's file becomes silver.

The file is gzip of JSON lines, `{"id":5,"original_name":"La Job","popularity":6.301}`, about 200,000 of them:
https://developer.themoviedb.org/docs/daily-id-exports. A line is a row, so a file is refined as the lists are, in
chunks of rows; what is new is cutting it into lines.
"""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
import pyarrow as pa

from tally_pipeline.shows import contract
from tally_pipeline.shows.captures import UnreadableCaptureError
from tally_pipeline.shows.chunk import refine_chunk
from tally_pipeline.shows.contract import Column, RowContract
from tally_pipeline.shows.rawjson import without_mark

VERSION = "1"
"""Stands in the footer of every file; raise it when a column or a rule changes."""

CHUNK_LINES = 5_000
"""Lines refined at a time: enough to make the columns long, few enough to keep memory flat."""

SHOWN = 20
"""How many unknown fields are named at most."""

SERIES = RowContract(
    (
        Column("show_id", pa.int64(), "id", True, False, "TMDB's id of the show; unique within a day."),
        Column(
            "original_name",
            pa.string(),
            "original_name",
            True,
            False,
            "Title in the show's own language, as TMDB writes it.",
        ),
        Column(
            "popularity",
            pa.float64(),
            "popularity",
            True,
            False,
            "TMDB's popularity score, 0 or more; its scale drifts over the years.",
        ),
        Column(
            "rank",
            pa.int32(),
            None,
            False,
            False,
            "Place among all series by popularity, 1 first; the lower id first where popularity is the same.",
        ),
    ),
    extras=frozenset({"adult", "video"}),
)
"""The contract of an export's lines. Other exports of TMDB's have the extra fields."""

SILVER: pa.Schema = SERIES.schema
"""The schema of every silver file; rows stand by rank. `dt` is the partition, not a column of the file."""

Rule = Literal[contract.Rule, "repeated_id"]

RULES: dict[Rule, str] = {
    **{rule: contract.RULES[rule] for rule in contract.RULES if rule != "impossible_date"},
    "repeated_id": "an earlier line of the file has the same id",
}
"""Every reason for which a line is rejected, and what it means."""

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


class Counts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The books of one refined export: `lines` = `silver_rows` + `quarantined` + `blank`, always.

    `blank`: lines that hold nothing but white space, and so say nothing of any series. `repeats`: lines rejected
    because an earlier one has their id, part of `quarantined`. `zero_popularity`: silver rows whose popularity is
    0. `by_rule`: rejected lines by rule. `new_fields`: lines with a field that the contract does not know, by
    field. `lost_fields`: fields of the contract that no line had.
    """

    lines: int
    silver_rows: int
    quarantined: int
    repeats: int
    zero_popularity: int
    by_rule: dict[str, int]
    new_fields: dict[str, int]
    lost_fields: tuple[str, ...]
    blank: int = 0

    @property
    def filled(self) -> int:
        """Lines that hold something."""
        return self.lines - self.blank

    @property
    def pass_rate(self) -> float:
        """Per cent of filled lines that keep every rule; 0 where there are none."""
        return 100 * (self.filled - self.quarantined) / self.filled if self.filled else 0.0

    @property
    def balanced(self) -> bool:
        """Whether every line is accounted for."""
        return self.lines == self.silver_rows + self.quarantined + self.blank

    @property
    def zero_share(self) -> float:
        """Share of silver rows whose popularity is 0."""
        return self.zero_popularity / self.silver_rows if self.silver_rows else 0.0


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept beside a day's file: where it came from, when, and what its bytes hash to.

    `ingestion_timestamp` is RFC 3339 in UTC, the moment the download began; `headers` those of the reply that
    say something about the file; `source` "tmdb" or "sandbox"; `requests` how often the file was asked for.
    """

    dt: str
    url: str
    bytes: int
    sha256: str
    headers: dict[str, str]
    ingestion_timestamp: str
    execution_id: str
    source: str
    client: str
    requests: int
    duration_seconds: float


@dataclass(frozen=True)
class Refined:
    """One export refined: tables in the schemas `SILVER` and `QUARANTINE`, and the books."""

    silver: pa.Table
    quarantine: pa.Table
    counts: Counts


def refine(export: bytes, *, key: str) -> Refined:
    """Refine one export that lies at `key`; `export` is the gzip file as TMDB served it.

    The result depends on nothing else. Raises `UnreadableExportError`.
    """
    every = _lines(export)
    places: Sequence[int] = range(len(every))
    if not all(map(bytes.strip, every)):
        places = [place for place in places if every[place].strip()]
    lines = [every[place] for place in places] if len(places) < len(every) else every
    batches: list[pa.RecordBatch] = []
    sound: list[np.ndarray] = []
    broken: dict[int, list[tuple[Rule, str]]] = {}
    seen: set[str] = set()
    unknown: Counter[str] = Counter()
    names = [column.name for column in SERIES.sourced]
    for start in range(0, len(lines), CHUNK_LINES):
        part = lines[start : start + CHUNK_LINES]
        chunk = refine_chunk(part, SERIES)
        batches.append(pa.RecordBatch.from_arrays([chunk.columns[name] for name in names], names))
        good = np.setdiff1d(np.arange(len(part)), list(chunk.broken), assume_unique=True)
        sound.append(good + start)
        broken.update({places[start + i]: list(reasons) for i, reasons in chunk.broken.items()})
        seen |= chunk.seen
        unknown.update(chunk.unknown)

    schema = pa.schema([SILVER.field(name) for name in names])
    rows = pa.Table.from_batches([batch.cast(schema) for batch in batches], schema=schema)
    ids = rows["show_id"].to_numpy()
    first = np.unique(ids, return_index=True)[1]
    if len(first) < len(ids):
        sound_lines = np.concatenate(sound)
        for repeat in np.setdiff1d(np.arange(len(ids)), first, assume_unique=True):
            told = f"id {ids[repeat]} stands on an earlier line"
            broken[places[sound_lines[repeat]]] = [("repeated_id", told)]
        rows = rows.take(np.sort(first))
    silver = _ranked(rows)
    return Refined(
        silver=silver,
        quarantine=_quarantine(every, broken, key),
        counts=_counts(len(every), len(every) - len(lines), silver, broken, seen, unknown),
    )


def count_lines(export: bytes) -> int:
    """How many lines a file holds; raises `UnreadableExportError`."""
    return len(_lines(export))


def _lines(export: bytes) -> list[bytes]:
    """The file's lines without their ends, nor the byte order mark before the first. Nothing after the last end is
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


def _ranked(rows: pa.Table) -> pa.Table:
    """The rows by popularity, the greatest first, then by id, with their rank."""
    order = np.lexsort((rows["show_id"].to_numpy(), -rows["popularity"].to_numpy()))
    rank = pa.array(np.arange(1, rows.num_rows + 1, dtype=np.int32))
    return rows.combine_chunks().take(order).append_column(SILVER.field("rank"), rank)


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


def _counts(
    lines: int,
    blank: int,
    silver: pa.Table,
    broken: dict[int, list[tuple[Rule, str]]],
    seen: set[str],
    unknown: Counter[str],
) -> Counts:
    by_rule = Counter(
        rule for reasons in broken.values() for rule in dict.fromkeys(rule for rule, _ in reasons)
    )
    return Counts(
        lines=lines,
        silver_rows=silver.num_rows,
        quarantined=len(broken),
        repeats=by_rule["repeated_id"],
        zero_popularity=int(np.count_nonzero(silver["popularity"].to_numpy() == 0)),
        by_rule={rule: by_rule[rule] for rule in RULES},
        new_fields=dict(sorted(unknown.items())[:SHOWN]),
        lost_fields=tuple(sorted(SERIES.fields - seen)) if lines > blank else (),
        blank=blank,
    )
