"""The datasets that Tally captures: each is a folder here, and a line in `DATASETS`."""

from __future__ import annotations

from typing import Any

from tally_pipeline.datasets.dataset import Dataset
from tally_pipeline.datasets.genres import GenresDataset
from tally_pipeline.datasets.series import SeriesExport
from tally_pipeline.datasets.shows import ShowsDataset
from tally_pipeline.lake.layout import Places
from tally_pipeline.shows.lists import LISTS

AnyDataset = Dataset[Any, Any]

SHOWS = tuple(map(ShowsDataset, LISTS))
SERIES = SeriesExport()
GENRES = GenresDataset()

DATASETS: tuple[AnyDataset, ...] = (*SHOWS, SERIES, GENRES)
"""Every dataset."""

PLACES = Places(dataset.place for dataset in DATASETS)
"""Where their captures lie."""


def named(name: str) -> AnyDataset:
    """The dataset of this name. Raises `LookupError`."""
    for dataset in DATASETS:
        if dataset.name == name:
            return dataset
    raise LookupError(f"there is no dataset {name!r}")
