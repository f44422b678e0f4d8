"""Lists the captures in bronze, chooses the one of a day that counts, and audits them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import pyarrow as pa

from tally_pipeline.bronze.captures import UnreadableCaptureError
from tally_pipeline.datasets import DATASETS, PLACES, AnyDataset
from tally_pipeline.datasets.dataset import AuditResult, C, Capture, Dataset, Options, R
from tally_pipeline.lake import layout, parquet
from tally_pipeline.lake.lake import Lake, LakeOwnershipError
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.parquet import ForeignFileError
from tally_pipeline.lake.store import NoSuchObjectError, Store


class NoCaptureError(Exception):
    """Bronze holds no capture of a dataset and day that may be refined; the message lists those that it holds."""


def capture_keys(lake: Lake, dataset: Dataset[Any, Any], day: str | None = None) -> list[BronzeKey]:
    """The captures in bronze, of one day or all, in the keys' order. Other objects are passed over."""
    folder = dataset.place.day_folder(day) if day else dataset.place.folder
    return [key for info in lake.store.list(folder) if (key := dataset.place.parse(info.key))]


def choose(lake: Lake, dataset: Dataset[C, R], day: str, options: Options | None = None) -> Capture[C]:
    """The capture of a day that counts: the latest complete one or, if there is none and the options allow it, the
    latest partial one. `passed_over` names the others, with the reasons.

    Raises `NoCaptureError` if there is none; it lists the captures in bronze and says what to do.
    """
    lake.check_source()
    candidates, rejected = acceptable(lake, dataset, capture_keys(lake, dataset, day), options)
    for capture in candidates:
        try:
            return _whole(lake, dataset, capture).passing_over(rejected)
        except (UnreadableCaptureError, NoSuchObjectError) as error:
            rejected.append(str(error))
    raise NoCaptureError(
        f"bronze holds no complete capture of {dataset.name} for {day}. It holds:"
        f" {'; '.join(rejected) or 'nothing at all'}. {dataset.remedy(day, rejected)}"
    )


def newest_acceptable(lake: Lake, days: Collection[str]) -> Iterator[tuple[AnyDataset, Capture[Any]]]:
    """The capture that counts of each dataset and each of these days, judged by a peek: one listing a dataset."""
    for dataset in DATASETS:
        by_day: dict[str, list[BronzeKey]] = {}
        for key in capture_keys(lake, dataset):
            by_day.setdefault(key.dt, []).append(key)
        for day in sorted(by_day.keys() & set(days)):
            accepted, _ = acceptable(lake, dataset, by_day[day])
            if accepted:
                yield dataset, accepted[0]


def acceptable(
    lake: Lake, dataset: Dataset[C, R], keys: Iterable[BronzeKey], options: Options | None = None
) -> tuple[list[Capture[C | None]], list[str]]:
    """The captures of a day that may be refined, judged by a peek, the one that counts first; and the reasons against
    the others. `keys` are all captures of the day in bronze."""
    rejected: list[str] = []
    accepted: list[Capture[C | None]] = []
    for key in keys:
        try:
            capture = dataset.peek(lake.store, key)
        except (UnreadableCaptureError, NoSuchObjectError) as error:
            rejected.append(str(error))
            continue
        if capture.source not in (None, lake.source):
            rejected.append(f"{key} is {capture.source} data in a lake of {lake.source} data")
        elif dataset.accepts(capture, options or dataset.refine_options()):
            accepted.append(capture)
        else:
            rejected.append(f"{key} is {capture.verdict}")
    return sorted(accepted, key=lambda one: one.order, reverse=True), rejected


def audit(lake: Lake) -> Iterator[AuditResult]:
    """Audit every object under bronze: captures of lists, then of each other dataset, each in the keys' order.

    The first result is the lake's ownership marker, if it is wrong. Raises `LakeError` when the store refuses or
    fails: an object that could not be read is not broken.
    """
    try:
        lake.check_source()
    except LakeOwnershipError as error:
        yield AuditResult(layout.OWNERSHIP_MARKER, problems=(str(error),))
    for info in lake.store.list(layout.BRONZE):
        key = PLACES.parse(info.key)
        if key is None:
            name = f"{layout.BRONZE}/<list>/dt=<day>/<id>.json"
            yield AuditResult(info.key, problems=(f"its name is not a capture's: {name}",))
        else:
            yield audit_one(lake.store, key, lake.source)
    for dataset in DATASETS:
        if dataset.place.root != layout.BRONZE:
            yield from _audit_all(lake, dataset)


def audit_one(store: Store, key: BronzeKey, source: str) -> AuditResult:
    """Audit one capture, also one of an unknown list. Raises `LakeError` when the store refuses or fails."""
    of_lists = next(dataset for dataset in DATASETS if dataset.place.root == layout.BRONZE)
    dataset = next((one for one in DATASETS if one.name == key.data_type), of_lists)
    return dataset.audit(store, key, source)


def _audit_all(lake: Lake, dataset: Dataset[Any, Any]) -> Iterator[AuditResult]:
    names = [info.key for info in lake.store.list(dataset.place.folder)]
    captures = {name: key for name in names if (key := dataset.place.parse(name))}
    beside = {dataset.place.key_beside(name) for name in captures} - {None}
    for name in names:
        if name in captures:
            yield dataset.audit(lake.store, captures[name], lake.source)
        elif name not in beside and not dataset.place.is_part(name):
            kept_beside = " nor what is kept beside one" if beside else ""
            yield AuditResult(name, problems=(f"it is no capture of {dataset.name}{kept_beside}",))


def newest_silver(lake: Lake, dataset: Dataset[Any, Any]) -> pa.Table | None:
    """The silver of the last readable day; None if there never was any."""
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
