"""`tally` in a process of its own, which a test can kill or interrupt, and the history that it leaves."""

from __future__ import annotations

import sys
from pathlib import Path

import dagster as dg

# What is started in the background of a script ignores Ctrl-C, and so would this: it heeds it again.
_MAIN = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from tally_pipeline.cli import main
sys.exit(main())
"""
TALLY = [sys.executable, "-c", _MAIN]
WAIT_SECONDS = 120
"""How long such a process may take for what a test waits for: a machine may be busy."""


def history(home: Path) -> dg.DagsterInstance:
    """Dagster's history of the sandbox's lake in `home`; close it, or use it in a `with`."""
    return dg.DagsterInstance.from_config(str(home / "sandbox" / "dagster"))
