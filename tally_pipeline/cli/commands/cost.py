"""`tally cost`."""

from __future__ import annotations

import click

from tally_pipeline.cli.group import with_settings
from tally_pipeline.cli.parameters import Number
from tally_pipeline.settings.settings import Settings

MOST_SHOWS = 10_000_000


@click.command("cost")
@click.option(
    "--shows",
    type=Number(1, MOST_SHOWS),
    metavar="N",
    help="Shows captured a day.  [default: the lists' depths]",
)
@click.option("--days", type=Number(1, 3650), default=30, metavar="N", help="How many days old the lake is.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@with_settings
def command(settings: Settings, shows: int | None, days: int, as_json: bool) -> int:
    """Estimate a month on AWS, from a run in the sandbox."""
    from tally_pipeline.cli.cost.cost import cost

    return cost(settings, shows=shows, days=days, as_json=as_json)
