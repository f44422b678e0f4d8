"""`tally up`."""

from __future__ import annotations

import click

from tally_pipeline.cli.group import with_settings
from tally_pipeline.cli.parameters import Number
from tally_pipeline.settings.settings import Settings


@click.command("up")
@click.option("--port", type=Number(1, 65535), help="The UI's port.  [default: TALLY_PORT, 3000]")
@click.option("--no-sync", is_flag=True, help="Do not launch a sync when today is not there yet.")
@with_settings
def command(settings: Settings, port: int | None, no_sync: bool) -> int:
    """Start Dagster's UI and schedules, and the first sync."""
    settings.require_source()
    from tally_pipeline.cli.up.up import up

    return up(settings, port=port or settings.port, first_sync=not no_sync)
