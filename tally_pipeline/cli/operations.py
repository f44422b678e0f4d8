"""The commands of who runs a lake: deploy, logs, export, cost."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tally_pipeline.cli.arguments import Commands, command, within
from tally_pipeline.deployment import Settings

MOST_SHOWS = 10_000_000


def add(commands: Commands) -> None:
    """Declares them."""
    about = "look whether all that the pipeline runs on is right; take its settings from Terraform"
    deploy = commands.add_parser("deploy", help=about, description=f"{about[0].upper()}{about[1:]}.")
    below = deploy.add_subparsers(title="commands", metavar="COMMAND", required=True)
    check = command(
        below,
        "check",
        _check,
        "look whether all that the settings name is there, reachable and as it should be",
    )
    check.add_argument("--json", action="store_true", help="print it as JSON")
    settings = command(
        below,
        "settings",
        _settings,
        "read `terraform output -json` from standard input and print the lines of a .env file",
    )
    # It makes the settings: those there are may be of no use yet.
    settings.set_defaults(needs_settings=False)

    logs = command(commands, "logs", _logs, "the latest runs, and why those that failed did")
    logs.add_argument("--runs", type=within(1, 1000), default=10, metavar="N", help="how many (10)")
    logs.add_argument("--follow", action="store_true", help="go on with the runs to come, until Ctrl-C")

    export = command(commands, "export", _export, "copy the lake into a folder, every object checked")
    export.add_argument("folder", type=Path, metavar="DIR", help="made if it is not there; goes on if it is")
    export.add_argument(
        "--only",
        action="append",
        choices=("bronze", "silver", "quarantine", "gold", "reports"),
        default=[],
        help="only this layer; repeatable",
    )

    cost = command(commands, "cost", _cost, "what a month on AWS would cost, from a run in the sandbox")
    cost.add_argument(
        "--shows", type=within(1, MOST_SHOWS), metavar="N", help="shows captured a day (the lists' depths)"
    )
    cost.add_argument(
        "--days", type=within(1, 3650), default=30, metavar="N", help="how many days old the lake is (30)"
    )
    cost.add_argument("--json", action="store_true", help="print it as JSON")


# Each imports what it needs when it runs: `tally --help` should not wait for Dagster.


def _check(settings: Settings, told: argparse.Namespace) -> int:
    from tally_pipeline.cli.deploy import check

    return check(settings, as_json=told.json)


def _settings(_: Settings, __: argparse.Namespace) -> int:
    from tally_pipeline.cli.deploy_settings import print_settings

    return print_settings(sys.stdin)


def _logs(settings: Settings, told: argparse.Namespace) -> int:
    from tally_pipeline.cli.logs import logs

    return logs(settings, told.runs, follow=told.follow)


def _export(settings: Settings, told: argparse.Namespace) -> int:
    from tally_pipeline.cli.export import export

    return export(settings, told.folder, told.only)


def _cost(settings: Settings, told: argparse.Namespace) -> int:
    from tally_pipeline.cli.cost import cost

    return cost(settings, shows=told.shows, days=told.days, as_json=told.json)
