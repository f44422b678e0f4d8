"""Where dagster.yaml of version 0.1 looks for Dagster's storage.

Each `tally` command writes that file anew (`orchestration.runs.dagster_home`); a Dagster that is started without one
still reads the old one.
"""

from __future__ import annotations

from tally_pipeline.orchestration.storage.sqlite_storage import History

__all__ = ["History"]
