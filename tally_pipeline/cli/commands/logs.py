"""`tally logs`."""

from __future__ import annotations

import click

from tally_pipeline.cli.group import with_settings
from tally_pipeline.cli.parameters import Number
from tally_pipeline.settings.settings import Settings


@click.command("logs")
@click.option("--runs", type=Number(1, 1000), default=10, metavar="N", help="How many runs.")
@click.option("--follow", is_flag=True, help="Go on with the runs to come, until Ctrl-C.")
@with_settings
def command(settings: Settings, runs: int, follow: bool) -> int:
    """Show the latest runs, and why those that failed did."""
    from tally_pipeline.cli.logs import logs

    return logs(settings, runs, follow=follow)
