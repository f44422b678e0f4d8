"""`tally export`."""

from __future__ import annotations

from pathlib import Path

import click

from tally_pipeline.cli.group import with_settings
from tally_pipeline.settings.settings import Settings

LAYERS = ("bronze", "silver", "quarantine", "gold", "reports")


@click.command("export")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--only", type=click.Choice(LAYERS), multiple=True, help="Only this layer; repeatable.")
@click.option("--expired", is_flag=True, help="Only bronze that expired, from S3's old versions.")
@with_settings
def command(settings: Settings, folder: Path, only: tuple[str, ...], expired: bool) -> int:
    """Copy the lake into the folder DIR, every object checked.

    DIR is made if it is not there; an export that was broken off goes on.
    `tally import` brings its bronze into a lake, also what had expired there.
    """
    from tally_pipeline.cli.export.export import export

    return export(settings, folder, only, expired=expired)
