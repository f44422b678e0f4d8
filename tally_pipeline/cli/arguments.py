"""How the commands of `tally` are declared, and the kinds of values that they take."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import date
from typing import NoReturn, TypeAlias

from tally_pipeline.cli import terminal
from tally_pipeline.deployment import Settings

Command = Callable[[Settings, argparse.Namespace], int]
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, whatever they quote."""

    def error(self, message: str) -> NoReturn:
        super().error(terminal.on_one_line(message))


def command(commands: Commands, name: str, run: Command, help_: str) -> Parser:
    """Declares a command that runs on the settings."""
    parser = commands.add_parser(name, help=help_, description=f"{help_[0].upper()}{help_[1:]}.")
    parser.set_defaults(command=run)
    return parser


def within(least: int, most: int) -> Callable[[str], int]:
    """A whole number between these, both included."""

    def number(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least} to {most}")
        return int(text)

    return number


def day(text: str) -> str:
    """A day, YYYY-MM-DD."""
    try:
        day = date.fromisoformat(text).isoformat()
    except ValueError:
        day = None
    if day != text:  # 20251224 and 2025-W52-3 are days too, to Python
        raise argparse.ArgumentTypeError(f"{text!r} is not a day; give one as in 2025-12-24")
    return text
