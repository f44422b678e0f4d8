"""`tally plan`."""

from __future__ import annotations

from pathlib import Path

import click

from tally_pipeline.cli.group import with_settings
from tally_pipeline.cli.parameters import Number
from tally_pipeline.settings.settings import Settings

MOST_SECONDS = 3600


@click.command("plan")
@click.option(
    "--wishes", required=True, type=click.Path(path_type=Path), metavar="FILE", help="What to watch, in JSON."
)
@click.option(
    "--prices",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What services cost, in TOML.",
)
@click.option(
    "--seconds",
    type=Number(1, MOST_SECONDS),
    default=4,
    metavar="N",
    help="How long to search for the best plan and its proof.",
)
@click.option(
    "--price-age",
    type=Number(0, 36_500),
    default=180,
    metavar="DAYS",
    help="Warn of a price that was looked up longer ago.",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@with_settings
def command(
    settings: Settings, wishes: Path, prices: Path, seconds: int, price_age: int, as_json: bool
) -> int:
    """Plan which services to subscribe to in which month.

    Finds the plan that watches the most, then costs the least, then switches the least, then is the earliest.
    docs/planning.md says what stands in the files. What the wishes leave open is read from the lake.
    """
    from tally_pipeline.cli.plan import plan

    return plan(settings, wishes, prices, seconds=seconds, price_age=price_age, as_json=as_json)
