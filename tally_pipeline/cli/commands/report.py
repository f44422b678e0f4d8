"""`tally report`."""

from __future__ import annotations

import click

from tally_pipeline.cli.group import with_settings
from tally_pipeline.cli.parameters import Day
from tally_pipeline.settings.settings import Settings


@click.command("report")
@click.option("--day", type=Day(), metavar="YYYY-MM-DD", help="The report's day.  [default: the newest]")
@click.option("--open", "show", is_flag=True, help="Open it in the browser.")
@with_settings
def command(settings: Settings, day: str | None, show: bool) -> int:
    """Say where the day's report is, and open it."""
    from tally_pipeline.cli.report import report

    return report(settings, day, show=show)
