"""Tally's own assets with Dagster's default executor, a process a step, in place of one process for the run."""

from __future__ import annotations

import dagster as dg

from tally_pipeline import definitions

defs = dg.Definitions(
    assets=definitions.defs.assets,
    asset_checks=definitions.defs.asset_checks,
    resources=definitions.defs.resources,
)
