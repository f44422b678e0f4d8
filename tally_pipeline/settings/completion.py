"""Detects a shell's request for completion (Tab) to `tally`."""

from __future__ import annotations

import os

VARIABLE = "_TALLY_COMPLETE"
"""The variable that click's completion scripts set; no setting."""


def asked() -> str | None:
    """The completion request, such as `bash_complete`; None for the run of a command."""
    return os.environ.get(VARIABLE) or None
