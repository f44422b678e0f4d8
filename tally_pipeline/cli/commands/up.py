"""`tally up`."""

from __future__ import annotations

import click

from tally_pipeline.cli.group import with_settings
from tally_pipeline.cli.parameters import Number
from tally_pipeline.settings.settings import Settings


@click.command("up")
@click.option("--port", type=Number(1, 65535), help="The UI's port.  [default: TALLY_PORT, 3000]")
@click.option("--no-sync", is_flag=True, help="Do not launch a sync when today is not there yet.")
@click.option(
    "--sync-when-due",
    is_flag=True,
    help="Launch it only when the day's capture is due (TALLY_SCHEDULE) and was missed.",
)
@with_settings
def command(settings: Settings, port: int | None, no_sync: bool, sync_when_due: bool) -> int:
    """Start Dagster's UI and schedules, and the first sync."""
    if no_sync and sync_when_due:
        raise click.UsageError("--no-sync launches no sync, --sync-when-due may: give one of them")
    settings.require_source()
    from tally_pipeline.cli.up.up import FirstSync, up

    when = FirstSync.NEVER if no_sync else FirstSync.WHEN_DUE if sync_when_due else FirstSync.WHEN_ABSENT
    return up(settings, port=port or settings.port, first_sync=when)
