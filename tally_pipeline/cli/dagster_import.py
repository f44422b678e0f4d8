"""Imports Dagster so that a short command stays short."""

from __future__ import annotations

import gc
import importlib
import sys

FEW = (100_000, 50, 100)
"""How much has to be made before Python looks for garbage; by default 700 objects."""


def import_dagster() -> None:
    """Import Dagster and its history, and let Python's collector leave alone all that this makes.

    That is 200,000 objects which stay to the end. Looked through every few thousand objects, and several times more
    when the process ends, they were 1.7 s of the 10 s that a `tally sync` took.
    """
    if "dagster" in sys.modules:  # this process is somebody else's
        return
    gc.set_threshold(*FEW)
    importlib.import_module("tally_pipeline.orchestration.storage.sqlite_storage")
    # Before DuckDB is imported, which takes what is never freed for a leak and says so.
    gc.freeze()
