"""Which captures bronze holds, which of a day counts, and whether what they say of themselves holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from tally_pipeline.bronze.captures import UnreadableCaptureError
from tally_pipeline.datasets import DATASETS, PLACES
from tally_pipeline.datasets.dataset import AuditResult, C, Capture, Dataset, Options, R
from tally_pipeline.lake import layout, parquet
from tally_pipeline.lake.lake import Lake, LakeOwnershipError
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.parquet import ForeignFileError
from tally_pipeline.lake.store import NoSuchObjectError


class NoCaptureError(Exception):
    """Bronze holds nothing of a dataset and day that may be refined; the message says what is there instead."""


def held(lake: Lake, dataset: Dataset[Any, Any], day: str | None = None) -> list[BronzeKey]:
    """The captures in bronze, of one day or all, in the keys' order. Other objects are passed over."""
    folder = dataset.place.day_folder(day) if day else dataset.place.folder
    return [key for info in lake.store.list(folder) if (key := dataset.place.parse(info.key))]


def choose(lake: Lake, dataset: Dataset[C, R], day: str, options: Options | None = None) -> Capture[C]:
    """The capture of a day that counts: the latest complete one, or, if the options allow it, for want of one the
    latest partial one. What else is there is named in `passed_over`, with the reason.

    Raises `NoCaptureError` when there is none; it says what bronze holds and what to do.
    """
    lake.check_source()
    rejected: list[str] = []
    acceptable: list[Capture[C | None]] = []
    for key in held(lake, dataset, day):
        try:
            capture = dataset.peek(lake.store, key)
        except (UnreadableCaptureError, NoSuchObjectError) as error:
            rejected.append(str(error))
            continue
        if capture.source not in (None, lake.source):
            rejected.append(f"{key} is {capture.source} data in a lake of {lake.source} data")
        elif dataset.accepts(capture, options or dataset.refine_options()):
            acceptable.append(capture)
        else:
            rejected.append(f"{key} is {capture.verdict}")
    for capture in sorted(acceptable, key=lambda one: one.order, reverse=True):
        try:
            return _whole(lake, dataset, capture).passing_over(rejected)
        except (UnreadableCaptureError, NoSuchObjectError) as error:
            rejected.append(str(error))
    raise NoCaptureError(
        f"bronze holds no complete capture of {dataset.name} for {day}. It holds:"
        f" {'; '.join(rejected) or 'nothing at all'}. {dataset.remedy(day, rejected)}"
    )


def audit(lake: Lake) -> Iterator[AuditResult]:
    """Audit every object under bronze: captures of lists, then of each other dataset, each in the keys' order.

    Before them, when it does not hold, what the lake says of itself. Raises `LakeError` when the store refuses or
    fails: what could not be read is not broken.
    """
    try:
        lake.check_source()
    except LakeOwnershipError as error:
        yield AuditResult(layout.OWNERSHIP_MARKER, problems=(str(error),))
    by_name = {dataset.name: dataset for dataset in DATASETS}
    of_lists = next(dataset for dataset in DATASETS if dataset.place.root == layout.BRONZE)
    for info in lake.store.list(layout.BRONZE):
        key = PLACES.parse(info.key)
        if key is None:
            name = f"{layout.BRONZE}/<list>/dt=<day>/<id>.json"
            yield AuditResult(info.key, problems=(f"its name is not a capture's: {name}",))
        else:
            yield by_name.get(key.data_type, of_lists).audit(lake.store, key, lake.source)
    for dataset in DATASETS:
        if dataset.place.root != layout.BRONZE:
            yield from _audit_all(lake, dataset)


def _audit_all(lake: Lake, dataset: Dataset[Any, Any]) -> Iterator[AuditResult]:
    names = [info.key for info in lake.store.list(dataset.place.folder)]
    captures = {name: key for name in names if (key := dataset.place.parse(name))}
    beside = {dataset.place.key_beside(name) for name in captures} - {None}
    for name in names:
        if name in captures:
            yield dataset.audit(lake.store, captures[name], lake.source)
        elif name not in beside:
            kept_beside = " nor what is kept beside one" if beside else ""
            yield AuditResult(name, problems=(f"it is no capture of {dataset.name}{kept_beside}",))


def newest_silver(lake: Lake, dataset: Dataset[Any, Any]) -> pa.Table | None:
    """The silver of the last day that can be read; None where there never was any."""
    folder = dataset.silver_table.prefix
    for name in sorted(lake.store.folders(folder), reverse=True):
        day = layout.day_of(name)
        try:
            if day is not None:
                return parquet.decode(lake.store.get(dataset.silver_key(day)))
        except (NoSuchObjectError, ForeignFileError):
            continue
    return None


def _whole(lake: Lake, dataset: Dataset[C, R], capture: Capture[C | None]) -> Capture[C]:
    if capture.content is None:
        return dataset.read(lake.store, capture.key)
    return capture  # type: ignore[return-value]  # its content is there
