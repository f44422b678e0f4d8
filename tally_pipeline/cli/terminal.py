"""Where commands write: results to standard output, everything else to standard error."""

from __future__ import annotations

import sys

from rich.console import Console

_WIDTH = 140
"""Columns where there is no terminal to ask (a pipe, a file, CI)."""


def out() -> Console:
    """Results, for people or for a pipe."""
    return Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)


def words() -> Console:
    """Progress, errors, what to do."""
    return Console(
        stderr=True, width=None if sys.stderr.isatty() else _WIDTH, highlight=False, soft_wrap=True
    )
