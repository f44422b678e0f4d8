"""Puts refined days into a lake, as the pipeline does, without a run of Dagster."""

from __future__ import annotations

from typing import Any

import msgspec

from tally_pipeline.datasets import GENRES, PLACES, named
from tally_pipeline.datasets.captures import newest_silver
from tally_pipeline.lake import parquet
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.object_events import ObjectEvent


def publish_silver(lake: Lake, name: str, day: str, refined: Any, footer: msgspec.Struct) -> str:
    """Put a day of silver in place; returns its key."""
    key = named(name).silver_key(day)
    lake.store.put(key, parquet.encode(refined.silver, footer))
    return key


def write_quarantine(lake: Lake, name: str, day: str, refined: Any, footer: msgspec.Struct) -> str:
    """Put a day's rejected rows in place; returns the key."""
    key = named(name).quarantine_key(day)
    assert key is not None
    lake.store.put(key, parquet.encode(refined.quarantine, footer))
    return key


def latest_genres(lake: Lake) -> dict[int, str]:
    """The genres' names by id in their newest silver."""
    table = newest_silver(lake, GENRES)
    return dict(zip(table["id"].to_pylist(), table["name"].to_pylist(), strict=True)) if table else {}


def keys_of(arrival: ObjectEvent) -> tuple[BronzeKey, ...]:
    """The keys of the captures in an event."""
    return tuple(key for key in map(PLACES.parse, arrival.names) if key)
