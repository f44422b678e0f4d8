"""`tally` in a process of its own, which a test can kill or interrupt, and the history that it leaves."""

from __future__ import annotations

import sys
from pathlib import Path

import dagster as dg

TALLY = [sys.executable, "-c", "import sys; from tally_pipeline.cli import main; sys.exit(main())"]
WAIT_SECONDS = 120
"""How long such a process may take for what a test waits for: a machine may be busy."""


def history(home: Path) -> dg.DagsterInstance:
    """Dagster's history of the sandbox's lake in `home`; close it, or use it in a `with`."""
    return dg.DagsterInstance.from_config(str(home / "sandbox" / "dagster"))
