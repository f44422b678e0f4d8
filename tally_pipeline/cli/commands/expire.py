"""`tally expire`."""

from __future__ import annotations

import click

from tally_pipeline.cli.group import with_settings
from tally_pipeline.settings.settings import Settings


@click.command("expire")
@click.option("--dry-run", is_flag=True, help="Name what would go, and remove nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@with_settings
def command(settings: Settings, dry_run: bool, as_json: bool) -> int:
    """Remove the days that TMDB's terms do not allow to be kept.

    In a bucket S3 removes them; this says then what it has still to remove.
    """
    from tally_pipeline.cli.expire import expire

    return expire(settings, dry_run=dry_run, as_json=as_json)
