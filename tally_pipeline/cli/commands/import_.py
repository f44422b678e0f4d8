"""`tally import`."""

from __future__ import annotations

from pathlib import Path

import click

from tally_pipeline.cli.dagster_import import import_dagster
from tally_pipeline.cli.group import with_settings
from tally_pipeline.settings.settings import Settings


@click.command("import")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check everything and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@with_settings
def command(settings: Settings, folder: Path, dry_run: bool, as_json: bool) -> int:
    """Bring an export's bronze into the lake, each object checked.

    DIR is what `tally export` wrote. Nothing is ever replaced; an import that
    was broken off goes on. Everything but bronze is made from it.
    """
    import_dagster()
    from tally_pipeline.cli.import_ import import_bronze

    return import_bronze(settings, folder, dry_run=dry_run, as_json=as_json)
