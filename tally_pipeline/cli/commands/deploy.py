"""`tally deploy`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tally_pipeline.cli.group import NamingGroup, with_settings
from tally_pipeline.cli.parameters import Number
from tally_pipeline.settings.settings import Settings


@click.group("deploy", cls=NamingGroup, no_args_is_help=False)
def command() -> None:
    """Check or prove a deployment; take settings from Terraform."""


@command.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@with_settings
def check(settings: Settings, as_json: bool) -> int:
    """Check that all that the settings name is there, reachable and as it should be."""
    from tally_pipeline.cli.deploy.check import check

    return check(settings, as_json=as_json)


@command.command("prove")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what was seen there: Markdown (.md) or JSON (.json).",
)
@click.option(
    "--mail-wait",
    metavar="SECONDS",
    type=Number(0, 3600),
    default=60,
    help="Seconds to wait for CloudWatch to record the alarm's notification.",
)
@click.option("--analyst-role", metavar="ARN", help="Also try as this role what an analyst may.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_settings
def prove(
    settings: Settings,
    as_json: bool,
    output: Path | None,
    mail_wait: int,
    analyst_role: str | None,
    yes: bool,
) -> int:
    """Try on the account itself what no emulator shows, for a few cents.

    Puts with and without the header, deletes, an event, every table and sample query, what an analyst may not do, an
    alarm. It says first what it will do and costs, and asks; takes its traces away; 1 if a trial fails.
    """
    from tally_pipeline.cli.deploy.prove.prove import Options, prove

    return prove(settings, Options(as_json, output, mail_wait, analyst_role, yes))


# It makes the settings: those there are may be of no use yet.
@command.command("settings")
def settings() -> int:
    """Read `terraform output -json` from standard input and print the lines of a .env file."""
    from tally_pipeline.cli.deploy.settings import print_settings

    return print_settings(sys.stdin)
