"""The `tally` command. Every user error ends in one sentence and exit code 2, not in a stack trace.

Exit codes: 0 done and published, 1 not everything held or was published, 2 the command or a setting is wrong,
130 interrupted. A reader that stops early (`| head`) does not change them.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence

import click
from click.shell_completion import shell_complete

from tally_pipeline import __version__
from tally_pipeline.cli import terminal
from tally_pipeline.cli.group import Group
from tally_pipeline.declaration import DeclarationError
from tally_pipeline.settings import completion
from tally_pipeline.settings.errors import SettingsError

EXIT_INCOMPLETE = 1
EXIT_WRONG = 2
EXIT_INTERRUPTED = 130


@click.group(
    cls=Group,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
    epilog="Settings come from the environment and .env; .env.example lists them.",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def tally() -> None:
    """TMDB's TV shows, captured daily, byte for byte, and refined into tables people trust."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    with terminal.opened():
        code = _run(list(sys.argv[1:] if argv is None else argv))
        if lost := terminal.lost():
            _complain(f"standard output could not be written ({lost.strerror}): what it has is not all")
            return code or EXIT_INCOMPLETE
        return code


def _run(args: list[str]) -> int:
    if (asked := completion.asked()) is not None:
        return shell_complete(tally, {}, "tally", completion.VARIABLE, asked)
    try:
        # Not by click's own `main`, which handles Ctrl-C and a closed pipe in its own way.
        with tally.make_context("tally", args) as context:
            return tally.invoke(context) or 0
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.UsageError as error:
        _complain(_in_a_sentence(error))
        return EXIT_WRONG
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except DeclarationError as error:
        _complain(str(error))
        return EXIT_WRONG
    except _mistakes() as error:
        _complain(str(error))
        return EXIT_WRONG
    except Exception:  # noqa: BLE001 - a mistake of ours; printed here, where what it quotes is shown
        traceback.print_exc()
        return EXIT_INCOMPLETE


def _in_a_sentence(error: click.UsageError) -> str:
    # click writes choices on several lines.
    what = " ".join(error.format_message().split()).removesuffix(".")
    what = f"{what[:1].lower()}{what[1:]}"
    return f"{what}; `{error.ctx.command_path} --help` says what there is" if error.ctx else what


def _complain(sentence: str) -> None:
    print(f"tally: {terminal.on_one_line(sentence)}", file=sys.stderr)


def _mistakes() -> tuple[type[Exception], ...]:
    """The errors that a user can correct: the message of each says how."""
    from tally_pipeline.aws.errors import AwsError
    from tally_pipeline.cli.report import NoReportError
    from tally_pipeline.cli.up.up import CannotStartError
    from tally_pipeline.lake.store import LakeError
    from tally_pipeline.plans.errors import PlanError
    from tally_pipeline.query.engine import QueryError
    from tally_pipeline.query.samples import UnknownSampleError
    from tally_pipeline.tmdb.sandbox import RecordingsError, SandboxError

    return (
        SettingsError,
        AwsError,
        LakeError,
        QueryError,
        UnknownSampleError,
        NoReportError,
        PlanError,
        RecordingsError,
        SandboxError,
        CannotStartError,
    )
