"""`tally audit`."""

from __future__ import annotations

import click

from tally_pipeline.cli.group import with_settings
from tally_pipeline.settings.settings import Settings


@click.command("audit")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@with_settings
def command(settings: Settings, as_json: bool) -> int:
    """Prove that bronze holds exactly the bytes that TMDB sent."""
    from tally_pipeline.cli.audit import prove

    return prove(settings, as_json=as_json)
