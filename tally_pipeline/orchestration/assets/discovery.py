"""Records objects of the lake in Dagster's history that no run of this history made.

Examples: a fill, another tool's objects, an import, a lake copied from another machine. To Dagster an unrecorded day
is missing, and its UI warns on every launch of downstream assets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import dagster as dg

from tally_pipeline import gold
from tally_pipeline.bronze.captures import UnreadableCaptureError
from tally_pipeline.datasets import DATASETS, PLACES
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.store import NoSuchObjectError
from tally_pipeline.orchestration.assets import common, report
from tally_pipeline.orchestration.assets.gold import gold_key
from tally_pipeline.orchestration.assets.io_manager import capture_result
from tally_pipeline.orchestration.assets.partition_events import PartitionResult, record_without_run

AT_ONCE = 25
"""Captures that are recorded in one transaction; other writers to the history wait for its length."""

Say = Callable[[str], None]

_FOUND = "It was in the lake already: no run of this history made it."


class Made(NamedTuple):
    """A day of an asset."""

    asset: dg.AssetKey
    dt: str


def captures(lake: Lake, data_types: Iterable[str]) -> list[str]:
    """The keys of captures in bronze, the last by name of each dataset and day, oldest day first."""
    latest: dict[tuple[str, str], str] = {}
    for place in map(PLACES.of, data_types):
        for info in lake.store.list(place.folder):
            key = place.parse(info.key)
            if key is not None:
                latest[(key.dt, key.data_type)] = info.key
    return [latest[of_day] for of_day in sorted(latest)]


def tables(lake: Lake) -> dict[str, Made]:
    """The files made from captures, by key: silver, gold and reports."""
    keys = (info.key for folder in _FOLDERS for info in lake.store.list(folder))
    return {key: partition for key in keys if (partition := made_at(key)) is not None}


_FOLDERS = {
    **{dataset.silver_key("").partition("/dt=")[0]: common.silver_key(dataset) for dataset in DATASETS},
    **{table.file_key("").partition("/dt=")[0]: gold_key(table) for table in gold.ALL_TABLES},
    layout.REPORTS: report.KEY,
}
"""The assets made from captures, by their folders."""


def made_at(key: str) -> Made | None:
    """The asset and day of a file of silver, gold or a report; None for any other key."""
    folder, _, rest = key.partition("/dt=")
    dt, _, file = rest.partition("/")
    asset, day = _FOLDERS.get(folder), layout.day_of(f"dt={dt}")
    if asset is None or day is None or file not in ("data.parquet", "index.html"):
        return None
    return Made(asset, day)


def record_found(
    instance: dg.DagsterInstance,
    lake: Lake,
    names: Sequence[str],
    say: Say,
    has_time: Callable[[], bool],
    busy: AbstractSet[dg.AssetKey] = frozenset(),
) -> list[str]:
    """Record each of these objects that is not recorded yet, and only once among concurrent processes: a capture with
    its metadata and checks, a file made from captures with its address.

    Returns the names that remain to be recorded: those of unfinished runs, which record them themselves (such runs
    make the assets `busy`), and all that are left once `has_time` returns False. Unreadable objects are reported
    through `say` and skipped.
    """
    remaining: list[str] = []
    for first in range(0, len(names), AT_ONCE):
        batch = names[first : first + AT_ONCE]
        if not has_time():
            return [*remaining, *names[first:]]
        with lake.locks.hold("partition_events", (), say):
            remaining += _record(instance, lake, batch, say, busy)
    return remaining


def _record(
    instance: dg.DagsterInstance,
    lake: Lake,
    names: Sequence[str],
    say: Say,
    busy: AbstractSet[dg.AssetKey],
) -> list[str]:
    remaining: list[str] = []
    recorded = {
        asset: instance.get_materialized_partitions(asset)
        for asset in {partition.asset for partition in map(made_at, names) if partition} - busy
    }
    outcomes: dict[dg.AssetKey, list[PartitionResult]] = {}
    for name in names:
        partition = made_at(name)
        if partition is not None:
            if partition.asset in busy:
                remaining.append(name)
            elif partition.dt not in recorded[partition.asset]:
                where = {"dagster/uri": lake.store.uri(name), "source": lake.source, "found": _FOUND}
                outcomes.setdefault(partition.asset, []).append(PartitionResult(partition.dt, (), where))
            continue
        key = PLACES.parse(name)
        if key is None or is_recorded(instance, lake, key):
            continue
        run = instance.get_run_by_id(key.execution_id)
        if run is not None and not run.is_finished:
            remaining.append(name)
            continue
        try:
            outcome = _stored_result(lake, key)
        except _UNREADABLE as error:
            say(f"Not recorded as bronze of {key.data_type} for {key.dt}: {error}")
            continue
        outcomes.setdefault(common.bronze_of(key.data_type), []).append(outcome)
    for asset, of_asset in outcomes.items():
        record_without_run(instance, asset, of_asset)
    return remaining


def is_recorded(instance: dg.DagsterInstance, lake: Lake, key: BronzeKey) -> bool:
    """True if the history has a materialization of this very capture."""
    of_day = dg.AssetRecordsFilter(common.bronze_of(key.data_type), asset_partitions=[key.dt])
    uri = lake.store.uri(str(key))
    for record in instance.fetch_materializations(of_day, limit=100).records:
        event = record.asset_materialization
        recorded_uri = event.metadata.get("dagster/uri") if event else None
        if recorded_uri is not None and recorded_uri.value == uri:
            return True
    return False


def is_readable(lake: Lake, name: str) -> bool:
    """True if the object is a readable capture: any other under a capture's name makes no day of the lake."""
    key = PLACES.parse(name)
    try:
        return key is not None and (bool(_stored_result(lake, key).metadata))
    except _UNREADABLE:
        return False


_UNREADABLE = (NoSuchObjectError, UnreadableCaptureError)


def _stored_result(lake: Lake, key: BronzeKey) -> PartitionResult:
    dataset = next((one for one in DATASETS if one.name == key.data_type), None)
    if dataset is None:
        raise UnreadableCaptureError(f"no dataset is called {key.data_type}")
    return capture_result(lake, dataset, key)
