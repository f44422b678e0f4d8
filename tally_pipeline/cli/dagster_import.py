"""Imports Dagster so that a short command stays short."""

from __future__ import annotations

import gc
import importlib
import sys

FEW = (100_000, 50, 100)
"""The thresholds of Python's garbage collector; by default the first is 700 objects."""


def import_dagster() -> None:
    """Import Dagster and its history, and exempt the objects that this creates from garbage collection.

    They are 200,000 objects that stay to the end. Collections every few thousand objects, and several more at the end
    of the process, took 1.7 s of the 10 s of a `tally sync`.
    """
    if "dagster" in sys.modules:  # this process belongs to another program
        return
    gc.set_threshold(*FEW)
    importlib.import_module("tally_pipeline.orchestration.storage.sqlite_storage")
    # Before DuckDB is imported, which reports objects that are never freed as leaks.
    gc.freeze()
