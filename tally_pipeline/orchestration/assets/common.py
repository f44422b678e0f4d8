"""The parts that all assets share: keys, partitions, the note about the source."""

from __future__ import annotations

from datetime import date
from typing import Any, Protocol

import dagster as dg

from tally_pipeline.datasets import DATASETS, AnyDataset
from tally_pipeline.datasets.dataset import Dataset

TABLE = dg.AssetKey(["athena", "silver_shows"])
REPORT = dg.AssetKey(["report"])

_BY_NAME = {dataset.name: dataset for dataset in DATASETS}

TMDB_POOL = Dataset.pool

ATTRIBUTION = (
    "This product uses TMDB and the TMDB APIs but is not endorsed, certified, or otherwise approved by TMDB."
)

OWNERS = ("team:tally",)
"""The owners of the assets: the people who run this pipeline."""

_NOTE = "**Sandbox data: every show is invented.** Set TMDB_API_TOKEN to capture TMDB."


class Named(Protocol):
    """A dataset, or a list of shows, which is one."""

    @property
    def name(self) -> str: ...


def bronze_key(of: Named) -> dg.AssetKey:
    """The asset of a dataset's captures."""
    return bronze_of(of.name)


def silver_key(of: Named) -> dg.AssetKey:
    """The asset of a dataset's silver."""
    return silver_of(of.name)


def bronze_of(data_type: str) -> dg.AssetKey:
    """The same by its name; a name that no dataset has is a list's."""
    dataset = _BY_NAME.get(data_type)
    return dg.AssetKey(dataset.bronze_asset if dataset else ["bronze_shows", data_type])


def silver_of(data_type: str) -> dg.AssetKey:
    """The same by its name; a name that no dataset has is a list's."""
    dataset = _BY_NAME.get(data_type)
    return dg.AssetKey(dataset.silver_asset if dataset else ["silver_shows", data_type])


FIRST = {"dagster/priority": "10"}
"""The tags of an op that comes first in a run of others which read what it makes without depending on it."""


def op_tags(dataset: AnyDataset) -> dict[str, str]:
    """The tags for a dataset's op. Gold takes names from some datasets' newest silver without depending on them, and
    the report what follows no list."""
    return FIRST if dataset.comes_first else {}


def capture_tags(dataset: AnyDataset) -> dict[str, str]:
    """The tags for the op of a dataset's capture."""
    return {"dagster/priority": "-10"} if dataset.captured_last else op_tags(dataset)


def daily(first_day: date) -> dg.DailyPartitionsDefinition:
    """UTC days from `first_day` through today, by the end offset."""
    return dg.DailyPartitionsDefinition(start_date=first_day.isoformat(), end_offset=1, timezone="UTC")


def described(
    key: dg.AssetKey,
    *,
    group: str,
    source: str,
    description: str,
    kinds: set[str],
    deps: list[dg.AssetKey] | None = None,
    metadata: dict[str, Any] | None = None,
    partitions: dg.PartitionsDefinition,
) -> dg.AssetSpec:
    """An asset's spec. A tag names the source; for the sandbox, so do a kind and the end of the description.

    Dagster takes three kinds at most, so `kinds` may have two.
    """
    invented = source == "sandbox"
    return dg.AssetSpec(
        key,
        deps=deps or [],
        description="\n\n".join([description, ATTRIBUTION, *([_NOTE] if invented else [])]),
        group_name=group,
        owners=OWNERS,
        kinds=kinds | ({source} if invented or group == "bronze" else set()),
        tags={"tally/source": source},
        metadata=metadata or {},
        partitions_def=partitions,
        skippable=True,
    )
