"""How commands of `tally` are declared: click, with our settings, and with errors that are one sentence."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Concatenate, ParamSpec

import click

from tally_pipeline.settings.settings import Settings, load_settings

P = ParamSpec("P")

COMMANDS = (
    "up",
    "sync",
    "rebuild",
    "status",
    "query",
    "audit",
    "report",
    "deploy",
    "logs",
    "export",
    "cost",
    "sandbox",
    "completion",
)
"""In the order of `tally --help`. Each is a module in `commands` of which `command` is the click command."""


class Group(click.Group):
    """The commands, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"tally_pipeline.cli.commands.{cmd_name}").command
        return command


def with_settings(run: Callable[Concatenate[Settings, P], int]) -> Callable[P, int]:
    """A command that is given the settings first. What looks odd in them is said on standard error."""

    @wraps(run)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> int:
        settings = load_settings()
        for notice in settings.notices:
            print(f"tally: {notice}", file=sys.stderr)
        return run(settings, *args, **kwargs)

    return wrapper
