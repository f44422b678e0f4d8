"""Dagster's storage under the name in version 0.1's dagster.yaml.

Each `tally` command rewrites that file (`orchestration.runs.dagster_home`); a Dagster that is started without one
still reads the old file.
"""

from __future__ import annotations

from tally_pipeline.orchestration.storage.sqlite_storage import History

__all__ = ["History"]
