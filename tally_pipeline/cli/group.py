"""The declaration of `tally`'s commands: click, with Tally's settings, and with one-sentence errors."""

from __future__ import annotations

import keyword
import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Concatenate, NoReturn, ParamSpec

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
    "plan",
    "deploy",
    "logs",
    "export",
    "import",
    "expire",
    "collect",
    "cost",
    "sandbox",
    "completion",
)
"""The commands in the order of `tally --help`. Each is a module in `commands`, whose `command` click runs;
that of a keyword of Python's has an underscore behind it."""


class NamingGroup(click.Group):
    """A group that lists its commands if none is given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not (args or self.invoke_without_command or ctx.resilient_parsing):
            self._fail(ctx, "missing command")
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None and not ctx.resilient_parsing:
            self._fail(ctx, f"no such command {args[0]!r}")
        return super().resolve_command(ctx, args)

    def _fail(self, ctx: click.Context, why: str) -> NoReturn:
        ctx.fail(f"{why}; the commands are: {', '.join(self.list_commands(ctx))}")


class Group(NamingGroup):
    """The commands, each imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        command: click.Command = import_module(f"tally_pipeline.cli.commands.{module}").command
        return command


def with_settings(run: Callable[Concatenate[Settings, P], int]) -> Callable[P, int]:
    """A command with the settings as its first argument. Their notices are printed on standard error."""

    @wraps(run)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> int:
        settings = load_settings()
        for notice in settings.notices:
            print(f"tally: {notice}", file=sys.stderr)
        return run(settings, *args, **kwargs)

    return wrapper
