"""Makes known to Dagster what the lake holds and no run of this history made.

Such are a fill, another tool's objects, an import, a lake taken over from another machine. To Dagster a day of which
it recorded nothing is missing, and it warns everybody who launches what is made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import dagster as dg

from tally_pipeline.assets import bronze, common, genres, series
from tally_pipeline.assets.ledger import Outcome, record_without_run
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey, StreamKey
from tally_pipeline.lake.store import NoSuchObjectError
from tally_pipeline.shows.bronze import UnreadableBronzeError
from tally_pipeline.shows.genres import UnreadableGenresError
from tally_pipeline.shows.series import UnreadableExportError

AT_ONCE = 25
"""Captures that are recorded in one go: so long others who write into the history wait."""

Say = Callable[[str], None]


def captures(lake: Lake, data_types: Iterable[str]) -> list[str]:
    """The keys of the captures in bronze, of each list or stream and day the last by name, oldest day first."""
    latest: dict[tuple[str, str], str] = {}
    for data_type in data_types:
        for info in lake.store.list(layout.captures_prefix(data_type)):
            key = layout.parse_capture(info.key)
            if key is not None:
                latest[(key.dt, key.data_type)] = info.key
    return [latest[of_day] for of_day in sorted(latest)]


def record_captures(
    instance: dg.DagsterInstance, lake: Lake, names: Sequence[str], say: Say, more: Callable[[], bool]
) -> list[str]:
    """Record each of these captures with its metadata and checks, unless it is recorded; once, whoever else does.

    Returns the names that are still to be recorded: those whose run is not over, for it records them itself, and
    all that are left when `more` says no. What cannot be read is told through `say` and left alone.
    """
    left: list[str] = []
    for first in range(0, len(names), AT_ONCE):
        some = names[first : first + AT_ONCE]
        if not more():
            return [*left, *names[first:]]
        with lake.turns.take("partition_events", (), say):
            left += _record(instance, lake, some, say)
    return left


def _record(instance: dg.DagsterInstance, lake: Lake, names: Sequence[str], say: Say) -> list[str]:
    left: list[str] = []
    outcomes: dict[dg.AssetKey, list[Outcome]] = {}
    for name in names:
        key = layout.parse_capture(name)
        if key is None or is_recorded(instance, lake, key):
            continue
        run = instance.get_run_by_id(key.execution_id)
        if run is not None and not run.is_finished:
            left.append(name)
            continue
        try:
            outcome = _kept(lake, key)
        except (
            NoSuchObjectError,
            UnreadableBronzeError,
            UnreadableExportError,
            UnreadableGenresError,
        ) as error:
            say(f"Not recorded as bronze of {key.data_type} for {key.dt}: {error}")
            continue
        outcomes.setdefault(common.bronze_of(key.data_type), []).append(outcome)
    for asset, of_asset in outcomes.items():
        record_without_run(instance, asset, of_asset)
    return left


def is_recorded(instance: dg.DagsterInstance, lake: Lake, key: BronzeKey | StreamKey) -> bool:
    """Whether the history holds a materialization of this very capture."""
    of_day = dg.AssetRecordsFilter(common.bronze_of(key.data_type), asset_partitions=[key.dt])
    uri = lake.store.uri(str(key))
    for found in instance.fetch_materializations(of_day, limit=100).records:
        event = found.asset_materialization
        stated = event.metadata.get("dagster/uri") if event else None
        if stated is not None and stated.value == uri:
            return True
    return False


def _kept(lake: Lake, key: BronzeKey | StreamKey) -> Outcome:
    if isinstance(key, BronzeKey):
        return bronze.kept(lake, key)
    return series.kept(lake, key) if key.data_type == layout.SERIES_EXPORT else genres.kept(lake, key)
