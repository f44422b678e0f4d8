"""`tally rebuild`."""

from __future__ import annotations

import click

from tally_pipeline.cli.dagster_import import import_dagster
from tally_pipeline.cli.group import with_settings
from tally_pipeline.cli.parameters import Day
from tally_pipeline.settings.settings import Settings


@click.command("rebuild")
@click.option("--first", type=Day(), help="The first day.  [default: the first that bronze holds]")
@click.option("--last", type=Day(), help="The last day.  [default: today]")
@with_settings
def command(settings: Settings, first: str | None, last: str | None) -> int:
    """Make silver, gold and reports anew, from stored bronze."""
    import_dagster()
    from tally_pipeline.cli.rebuild import rebuild

    return rebuild(settings, first, last)
