"""The errors of settings."""

from __future__ import annotations

from pathlib import Path


class SettingsError(ValueError):
    """A setting cannot work; the message gives its name, its value and its valid values. Secrets are not shown."""


def unusable_home(home: Path, error: OSError) -> SettingsError:
    """The error for a TALLY_HOME in which something could not be created or written."""
    return SettingsError(
        f"TALLY_HOME cannot be {home}: {error.strerror} ({error.filename}). It must be a folder that may be written"
        " to, or the name of one to be made."
    )
