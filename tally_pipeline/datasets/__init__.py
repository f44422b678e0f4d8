"""The datasets that Tally captures: each has a folder here and a line in `_FOLDERS`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from itertools import chain
from typing import Any

from tally_pipeline.datasets.dataset import Dataset
from tally_pipeline.datasets.genres import GENRES
from tally_pipeline.datasets.series import SERIES
from tally_pipeline.datasets.shows import SHOWS
from tally_pipeline.declaration import DeclarationError, name_faults, require
from tally_pipeline.lake.layout import Places
from tally_pipeline.lake.tables import TableSpec
from tally_pipeline.tables.table import Table

__all__ = ["DATASETS", "DERIVED", "GENRES", "PLACES", "SERIES", "SHOWS", "AnyDataset", "named"]

AnyDataset = Dataset[Any, Any]

_FOLDERS = (
    "shows",
    "series",
    "genres",
    "details",
)


def declared(folder: str) -> Iterator[AnyDataset]:
    """The datasets of a folder here. Raises `DeclarationError`."""
    where = f"tally_pipeline/datasets/{folder}"
    try:
        found: Iterable[AnyDataset] = import_module(f"{__name__}.{folder}").DATASETS
    except (ModuleNotFoundError, AttributeError) as error:
        raise DeclarationError(
            f"{where}: `_FOLDERS` names it, and there is no package with `DATASETS`"
            f" ({type(error).__name__}: {error})"
        ) from error
    except TypeError as error:
        raise DeclarationError(f"{where}: {error}") from error
    for dataset in found:
        require(where, dataset.faults())
        yield dataset


def _shared(datasets: Iterable[AnyDataset]) -> Iterator[str]:
    """The faults of datasets among one another."""
    specs: dict[str, TableSpec] = {}
    places: dict[tuple[str, ...], str] = {}
    for one in datasets:
        for made in (one.bronze_asset, one.silver_asset, (one.bronze_op,), (one.silver_op,)):
            if places.setdefault(made, one.name) != one.name:
                yield f"{one.name!r} and {places[made]!r} are both called {'/'.join(made)}: rename one of them"
        for spec in filter(None, (one.silver_table, one.quarantine_table)):
            if specs.setdefault(spec.name, spec) != spec:
                yield f"the table {spec.name!r} of {one.name!r} is another dataset's too: name or place it otherwise"


DATASETS: tuple[AnyDataset, ...] = tuple(dataset for folder in _FOLDERS for dataset in declared(folder))
"""Every dataset."""

require(
    "tally_pipeline/datasets",
    chain(name_faults("dataset", (one.name for one in DATASETS)), _shared(DATASETS)),
)

DERIVED: tuple[Table, ...] = tuple(table for dataset in DATASETS for table in dataset.derived)
"""The tables of silver that are made from a dataset's silver."""

PLACES = Places(dataset.place for dataset in DATASETS)
"""The places of their captures."""


def named(name: str) -> AnyDataset:
    """The dataset of this name. Raises `LookupError`."""
    for dataset in DATASETS:
        if dataset.name == name:
            return dataset
    raise LookupError(f"there is no dataset {name!r}")
