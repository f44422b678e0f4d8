"""`tally deploy`."""

from __future__ import annotations

import sys

import click

from tally_pipeline.cli.group import NamingGroup, with_settings
from tally_pipeline.settings.settings import Settings


@click.group("deploy", cls=NamingGroup, no_args_is_help=False)
def command() -> None:
    """Check a deployment; take its settings from Terraform."""


@command.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@with_settings
def check(settings: Settings, as_json: bool) -> int:
    """Check that all that the settings name is there, reachable and as it should be."""
    from tally_pipeline.cli.deploy.check import check

    return check(settings, as_json=as_json)


# It makes the settings: those there are may be of no use yet.
@command.command("settings")
def settings() -> int:
    """Read `terraform output -json` from standard input and print the lines of a .env file."""
    from tally_pipeline.cli.deploy.settings import print_settings

    return print_settings(sys.stdin)
