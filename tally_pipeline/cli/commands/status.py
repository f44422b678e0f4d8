"""`tally status`."""

from __future__ import annotations

import click

from tally_pipeline.cli.dagster_import import import_dagster
from tally_pipeline.cli.group import with_settings
from tally_pipeline.settings.settings import Settings


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@with_settings
def command(settings: Settings, as_json: bool) -> int:
    """Show what is in the lake, the checks, schedule and sensor."""
    import_dagster()
    from tally_pipeline.cli.status import status

    return status(settings, as_json=as_json)
