"""The error of wishes or prices that cannot be planned with."""

from __future__ import annotations


class PlanError(Exception):
    """Wishes or prices cannot be planned with. The message names the file, the key and the remedy."""
