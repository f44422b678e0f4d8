"""`tally collect`."""

from __future__ import annotations

import click

from tally_pipeline.cli.group import with_settings
from tally_pipeline.settings.settings import Settings


@click.command("collect")
@with_settings
def command(settings: Settings) -> int:
    """Take viewers' events in, and write them to bronze.

    An event is acknowledged once it is on disk for good. docs/events.md says what is sent, and how.
    """
    from tally_pipeline.cli.collect import collect

    return collect(settings)
