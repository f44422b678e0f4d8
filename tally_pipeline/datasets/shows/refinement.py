"""Refines bronze to silver rows, quarantined rows and counts. Pure: the same bronze gives the same bytes."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tally_pipeline.bronze.list_capture import Bronze, UnreadableBronzeError
from tally_pipeline.contracts.batch import refine_batch
from tally_pipeline.contracts.contract import RULES
from tally_pipeline.contracts.row_diagnosis import Reason
from tally_pipeline.datasets.shows import contract
from tally_pipeline.datasets.shows.contract import COLUMNS
from tally_pipeline.tmdb.lists import MAX_PAGES, ROWS_PER_PAGE

BATCH_ROWS = 10_000
"""Rows refined at a time: enough to make the columns long, few enough to keep memory flat."""

SHOWN = 20
"""The most unknown fields or genres that are named."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """The row counts of one refined capture: `bronze_rows` = `silver_rows` + `repeats` + `quarantined`, always.

    `by_rule`: rejected rows by rule (a row that breaks two counts under both). `nulls`: silver rows with a null,
    by nullable column. `new_fields`: bronze rows with a field that the contract does not know, by field.
    `lost_fields`: fields of the contract that no row had. `unknown_genres`: silver rows by unknown genre id.
    """

    bronze_rows: int
    silver_rows: int
    repeats: int
    quarantined: int
    by_rule: dict[str, int]
    nulls: dict[str, int]
    new_fields: dict[str, int]
    lost_fields: tuple[str, ...]
    unknown_genres: dict[str, int]

    @property
    def pass_rate(self) -> float:
        """Per cent of bronze rows that keep every rule; 0 for an empty batch."""
        return 100 * (self.bronze_rows - self.quarantined) / self.bronze_rows if self.bronze_rows else 0.0

    @property
    def balanced(self) -> bool:
        """True if every bronze row is accounted for."""
        return self.bronze_rows == self.silver_rows + self.repeats + self.quarantined


@dataclass(frozen=True)
class Refined:
    """One capture refined: tables in the schemas `contract.SILVER` and `contract.QUARANTINE`, and the row counts."""

    silver: pa.Table
    quarantine: pa.Table
    counts: Counts


def refine(bronze: Bronze, *, data_type: str, dt: str, key: str) -> Refined:
    """Refine one bronze object that lies at `key`, under the list `data_type` and the day `dt` (YYYY-MM-DD).

    The result depends on nothing else. Raises `UnreadableBronzeError` when the object is no capture of that list.
    """
    stated_list = bronze.metadata.data_type
    if stated_list not in (None, data_type):
        raise UnreadableBronzeError(f"it says it is a capture of {stated_list}, yet lies under {data_type}")
    rows = bronze.rows()
    places = Places(bronze, len(rows))
    ingestion_date = ingested_on(bronze, dt)

    batches: list[pa.RecordBatch] = []
    broken: dict[int, list[Reason]] = {}
    seen: set[str] = set()
    unknown: Counter[str] = Counter()
    for start in range(0, len(rows), BATCH_ROWS):
        part = rows[start : start + BATCH_ROWS]
        chunk = refine_batch(part, contract.SHOWS)
        ranks = np.delete(places.ranks[start : start + len(part)], list(chunk.broken))
        computed = {
            "ingestion_date": pa.repeat(pa.scalar(ingestion_date), len(ranks)),
            "data_type": pa.repeat(pa.scalar(data_type), len(ranks)),
            "rank": pa.array(ranks),
        }
        arrays = [(chunk.columns | computed)[column.name] for column in COLUMNS]
        batches.append(pa.RecordBatch.from_arrays(arrays, schema=contract.SILVER))
        broken.update({start + i: reasons for i, reasons in chunk.broken.items()})
        seen |= chunk.seen
        unknown.update(chunk.unknown)

    sound = pa.Table.from_batches(batches, schema=contract.SILVER)
    silver = _each_show_once(sound)
    quarantine = [
        {
            "raw": bytes(rows[index]).decode("utf-8", "backslashreplace"),
            "page": places.of(index)[0],
            "place": places.of(index)[1],
            "rules": list(dict.fromkeys(rule for rule, _ in reasons)),
            "reasons": [text for _, text in reasons],
            "bronze_key": key,
            "ingestion_date": ingestion_date,
            "data_type": data_type,
        }
        for index, reasons in broken.items()
    ]
    return Refined(
        silver=silver,
        quarantine=pa.Table.from_pylist(quarantine, schema=contract.QUARANTINE),
        counts=_counts(sound.num_rows, silver, quarantine, seen, unknown, len(rows)),
    )


def ingested_on(bronze: Bronze, dt: str) -> str:
    """The UTC day of capture as `YYYY-MM-DD`; the partition's day if the object does not say."""
    moment = bronze.metadata.captured_at
    return moment.date().isoformat() if moment else dt


class Places:
    """The place of each row of a bronze object in TMDB's list.

    `ranks` holds every row's place in the list, from 1. A missing page keeps its places free, so that ranks stay
    TMDB's. If `_metadata` does not assign rows to pages, a row's place is its number.
    """

    def __init__(self, bronze: Bronze, rows: int) -> None:
        records = bronze.metadata.pages
        known = sum(record.rows for record in records) == rows and all(
            record.rows >= 0 and record.page <= MAX_PAGES for record in records
        )
        self._pages = [record.page for record in records] if known else []
        self._ends = list(accumulate(record.rows for record in records)) if known else []
        self.ranks = np.arange(1, rows + 1, dtype=np.int32)
        for gap in bronze.metadata.missing if known else ():
            first_after = bisect_right(self._pages, gap.page)
            start = self._ends[first_after - 1] if first_after else 0
            self.ranks[start:] += ROWS_PER_PAGE

    def of(self, index: int) -> tuple[int | None, int]:
        """The page (None if unknown) and the place on it, from 1, of the row with this index."""
        if not self._pages:
            return None, index + 1
        page = bisect_right(self._ends, index)
        return self._pages[page], index - (self._ends[page - 1] if page else 0) + 1


def _each_show_once(sound: pa.Table) -> pa.Table:
    """The rows without repeats: they are in the list's order, so a show's first row has its better rank."""
    ids = sound["show_id"].to_numpy()
    first = np.unique(ids, return_index=True)[1]
    return sound if len(first) == len(ids) else sound.take(np.sort(first))


def _counts(
    sound: int,
    silver: pa.Table,
    quarantine: list[dict[str, Any]],
    seen: set[str],
    unknown: Counter[str],
    bronze_rows: int,
) -> Counts:
    by_rule = Counter(rule for row in quarantine for rule in row["rules"])
    genres = pc.value_counts(pc.list_flatten(silver["genre_ids"]))
    return Counts(
        bronze_rows=bronze_rows,
        silver_rows=silver.num_rows,
        repeats=sound - silver.num_rows,
        quarantined=len(quarantine),
        by_rule={rule: by_rule[rule] for rule in RULES},
        nulls={column.name: silver[column.name].null_count for column in COLUMNS if column.nullable},
        new_fields=_first(unknown),
        lost_fields=tuple(sorted(contract.CONTRACTED - seen)) if bronze_rows else (),
        unknown_genres=_first(
            {
                str(genre["values"]): genre["counts"]
                for genre in genres.to_pylist()
                if genre["values"] not in contract.GENRES
            }
        ),
    )


def _first(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items())[:SHOWN])
