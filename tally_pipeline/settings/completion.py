"""What a shell asks of `tally` when somebody presses Tab."""

from __future__ import annotations

import os

VARIABLE = "_TALLY_COMPLETE"
"""The variable by which click's completion scripts ask; no setting."""


def asked() -> str | None:
    """What is asked for, as in `bash_complete`; None when a command is to be run."""
    return os.environ.get(VARIABLE) or None
