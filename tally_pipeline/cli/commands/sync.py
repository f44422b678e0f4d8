"""`tally sync`."""

from __future__ import annotations

import click

from tally_pipeline.cli.dagster_import import import_dagster
from tally_pipeline.cli.group import with_settings
from tally_pipeline.cli.parameters import Number, OneList
from tally_pipeline.settings.settings import Settings
from tally_pipeline.tmdb.lists import LISTS, MAX_PAGES, ShowList

_NAMES = ", ".join(one.name for one in LISTS)


@click.command("sync")
@click.option(
    "--list",
    "lists",
    type=OneList(),
    metavar="NAME",
    multiple=True,
    help=f"Only this list; repeatable: {_NAMES}.",
)
@click.option("--pages", type=Number(1, MAX_PAGES), help="Pages of each list, in place of its depth.")
@click.option(
    "--details", is_flag=True, help="Afterwards also the details of shows: episodes, where to watch them."
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary by list as JSON.")
@with_settings
def command(
    settings: Settings, lists: tuple[ShowList, ...], pages: int | None, details: bool, as_json: bool
) -> int:
    """Capture, refine and check today, end to end."""
    settings.require_source()
    import_dagster()
    from tally_pipeline.cli.sync import sync

    return sync(settings, list(dict.fromkeys(lists)) or LISTS, pages, details=details, as_json=as_json)
