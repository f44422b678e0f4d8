"""`tally completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from tally_pipeline.settings.completion import VARIABLE


@click.command("completion")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")), metavar="SHELL")
@click.pass_context
def command(context: click.Context, shell: str) -> int:
    """Print a shell's completion script.

    It completes commands, options, lists and samples. For bash: tally completion bash >> ~/.bashrc
    """
    complete = get_completion_class(shell)
    assert complete is not None
    print(complete(context.find_root().command, {}, "tally", VARIABLE).source())
    return 0
