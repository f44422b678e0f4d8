"""The datasets that Tally captures: each has a folder here and a line in `_FOLDERS`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tally_pipeline.datasets.dataset import Dataset
from tally_pipeline.datasets.genres import GENRES
from tally_pipeline.datasets.series import SERIES
from tally_pipeline.datasets.shows import SHOWS
from tally_pipeline.lake.layout import Places

__all__ = ["DATASETS", "GENRES", "PLACES", "SERIES", "SHOWS", "AnyDataset", "named"]

AnyDataset = Dataset[Any, Any]

_FOLDERS = (
    "shows",
    "series",
    "genres",
)

DATASETS: tuple[AnyDataset, ...] = tuple(
    dataset for folder in _FOLDERS for dataset in import_module(f"{__name__}.{folder}").DATASETS
)
"""Every dataset."""

PLACES = Places(dataset.place for dataset in DATASETS)
"""The places of their captures."""


def named(name: str) -> AnyDataset:
    """The dataset of this name. Raises `LookupError`."""
    for dataset in DATASETS:
        if dataset.name == name:
            return dataset
    raise LookupError(f"there is no dataset {name!r}")
